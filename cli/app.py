"""Entry point: the command tree, and how errors are said; each has its exit code (`intrex.data.errors`).

0 done · 1 bad data, missing file, disk full · 2 usage · 3 a check said no · 130 interrupted
"""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import traceback
from importlib import import_module
from typing import Any

import typer
from typer.exceptions import TyperException

from intrex.cli.common.help import Group, group_help
from intrex.data.errors import DoneAlready, IntrexError, UsageError

INTERRUPTED = 130
QUIET = "--quiet"
COMMANDS = {
    "Data": {
        "collection": "Import, build, describe and verify collections.",
        "check": "Look through corpora, topics, judgements and runs before they are used.",
        "convert": "Convert a run between formats.",
    },
    "Retrieval": {
        "index": "Build, change, describe and verify indexes.",
        "search": "Search an index with a set of queries.",
        "fuse": "Fuse runs.",
        "normalize": "Put the scores of a run on another scale.",
        "rerank": "Score the best documents of a run again.",
        "context": "Write the passages of each query for a reader.",
        "train": "Train an encoder or a cross-encoder.",
    },
    "Evaluation": {
        "evaluate": "Score runs against judgements.",
        "compare": "Compare runs: paired tests, intervals, effect sizes.",
        "gate": "Let a build pass or fail by its run against a baseline.",
        "show": "Look at one query of an index or a run: ranks, scores and why, texts.",
        "leaderboard": "Make a leaderboard of scores.",
        "split": "Split queries into interpolation and extrapolation.",
        "overlap": "Audit what test queries share with training queries.",
    },
    "Experiments": {
        "experiment": "Run a recipe: a collection, systems, measures, to a leaderboard.",
        "study": "Measure a method on a collection, as its paper does.",
        "parity": "Compare a native retriever with its reference.",
    },
    "Help": {"doctor": "Say what is installed, what is missing, and what this machine has."},
}
"""Commands by the panel of help that shows them, each with a sentence."""
START = (
    "intrex collection import FOLDER my      documents, queries, judgements",
    "intrex index bm25 my idx/bm25",
    "intrex search idx/bm25 my:test -o bm25.txt.gz",
    "intrex evaluate my:test bm25.txt.gz -m nDCG@10 -m R@100",
    "intrex experiment run demo              all of it, on a collection made here",
)


class Root(Group):
    """Commands of the program, each imported when it is used."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: dict[str, Any] = dict.fromkeys(name for panel in COMMANDS.values() for name in panel)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command; None for a name that is none."""
        if cmd_name in self.commands and self.commands[cmd_name] is None:
            self.commands[cmd_name] = _load(cmd_name)
        return self.commands.get(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write what there is, and what to do first."""
        formatter.write(group_help(self, ctx, COMMANDS, START))


def _load(name: str) -> Any:
    """Import ``intrex.cli.NAME``, or the group ``intrex.cli.NAME.app``: a Typer, or a function that is a command."""
    module = import_module("intrex.cli.index.app" if name == "index" else f"intrex.cli.{name}")
    app = getattr(module, "app", None)
    if app is None:
        function = getattr(module, name)
        app = typer.Typer(add_completion=False)
        app.command(name, cls=function.shown_by)(function)
    command = typer.main.get_command(app)
    command.name = name
    return command


app = typer.Typer(
    name="intrex",
    cls=Root,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from intrex.data.version import intrex_version

        typer.echo(f"intrex {intrex_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
    debug: bool = typer.Option(
        False, "--debug", help="Show the traceback of an error. Works after any command too."
    ),
    quiet: bool = typer.Option(
        False, QUIET, help="Show no progress, neither bars nor lines. Works after any command too."
    ),
) -> None:
    """Index, search, fuse and score retrievers, and see whether a win holds."""


def main() -> None:
    """Run the command line and exit."""
    _open_streams()
    _speak_utf8()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    logger = logging.getLogger("intrex")
    handler = logging.StreamHandler()
    handler.setFormatter(_NoteFormatter("note: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    sys.exit(run([a for a in arguments if a != "--debug"], debug))


class _NoteFormatter(logging.Formatter):
    """Formatter of notes, in which names of files and of systems are printable."""

    def format(self, record: logging.LogRecord) -> str:
        from intrex.cli.common.output import printable_lines

        return printable_lines(super().format(record))


def _open_streams() -> None:
    """Open what the caller has closed (``>&-``), or a file that is written would get its number, and what is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8"))
            if name == "stdout":
                _say("standard output is closed, nothing is printed", None, "note")


def _speak_utf8() -> None:
    """Make names, files and streams UTF-8 whatever the locale is: begin again in Python's UTF-8 mode if need be.

    Only there are the arguments and the file names UTF-8 too. A name that is not even that is printed byte for byte.
    """
    if sys.getfilesystemencoding() != "utf-8" and "utf8" not in sys._xoptions:  # once only
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "surrogateescape"),
        (sys.stderr, "backslashreplace"),
    ):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def run(arguments: list[str], debug: bool = False) -> int:
    """Run the command line; returns the exit code. Errors are said on stderr, with a hint."""
    from intrex.cli.common.progress import without_progress

    words = [argument for argument in arguments if argument != QUIET]
    try:
        with without_progress(len(words) < len(arguments)):
            code = typer.main.get_command(app).main(words, prog_name="intrex", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # typer has turned Ctrl-C into an exit code
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except DoneAlready as done:
        _say(f"done already: {done}", None, "note")
        return 0
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted", "run the same command again: long work goes on where it was")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        # The reader, such as head, has seen enough; typer turns that into an exit of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _explain(error)


def _explain(error: Exception) -> int:
    if isinstance(error, IntrexError):
        _say(error.message, error.hint)
        return error.exit_code
    if type(error).__name__ == "NoArgsIsHelpError":  # typer's own, which it does not export
        print(error.format_message(), file=sys.stderr)  # type: ignore[attr-defined]  # noqa: T201
        return UsageError.exit_code
    if isinstance(error, TyperException):  # the command line could not be parsed
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "intrex"
        _say(str(getattr(error, "format_message", lambda: error)()), f"{command} --help")
        return UsageError.exit_code
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        name = f": {error.filename}" if error.filename else ""
        hint = "free some space, then run the same command again; nothing half-written was left"
        _say(f"{error.strerror or error}{name}", hint if full else None)
        return 1
    if isinstance(error, MemoryError):
        _say("out of memory", "a smaller --batch-size needs less")
        return 1
    _say(f"unforeseen: {type(error).__name__}: {error}", "please report it, with what --debug prints")
    return 1


def _say(message: str, hint: str | None, kind: str = "error") -> None:
    from intrex.cli.common.output import say

    say(f"{kind}: {message}")
    if hint:
        say(f"hint: {hint}")

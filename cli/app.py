"""The entry point: the command tree, and the only place that knows exit codes.

0 done · 1 bad data, missing file, disk full · 2 usage · 3 a check said no · 130 interrupted
"""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import traceback

import typer
from typer.exceptions import TyperException

from intrex.cli import (
    check,
    collection,
    compare,
    convert,
    doctor,
    evaluate,
    experiment,
    fuse,
    leaderboard,
    overlap,
    parity,
    rerank,
    search,
    split,
    study,
    train,
)
from intrex.cli.common.values import OneOptionManyValues
from intrex.cli.index import app as index
from intrex.data.errors import IntrexError, UsageError

INTERRUPTED = 130

app = typer.Typer(
    name="intrex",
    help="Index, search, fuse and score retrievers, and see whether a win holds.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(collection.app, name="collection")
app.add_typer(index.app, name="index")
app.command("search", cls=OneOptionManyValues)(search.search)
app.command("fuse")(fuse.fuse)
app.command("rerank")(rerank.rerank)
app.command("evaluate")(evaluate.evaluate)
app.command("check")(check.check)
app.command("compare")(compare.compare)
app.command("convert")(convert.convert)
app.command("train")(train.train)
app.command("overlap")(overlap.overlap)
app.add_typer(split.app, name="split")
app.add_typer(study.app, name="study")
app.add_typer(leaderboard.app, name="leaderboard")
app.add_typer(experiment.app, name="experiment")
app.add_typer(parity.app, name="parity")
app.command("doctor")(doctor.doctor)


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
) -> None:
    """Index, search, fuse and score retrievers, and see whether a win holds."""


def main() -> None:
    """Run the command line and exit."""
    _speak_utf8()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    logger = logging.getLogger("intrex")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("note: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    sys.exit(run([a for a in arguments if a != "--debug"], debug))


def _speak_utf8() -> None:
    """Names, files and streams are UTF-8 whatever the locale is: begin again in Python's UTF-8 mode if need be.

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
    try:
        code = typer.main.get_command(app).main(arguments, prog_name="intrex", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # typer has turned Ctrl-C into an exit code
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
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
    if isinstance(error, TyperException):  # the command line could not be parsed
        _say(str(getattr(error, "format_message", lambda: error)()), f"{_command(error)} --help")
        return UsageError.exit_code
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        name = f": {error.filename}" if error.filename else ""
        hint = (
            "free some space, then run the same command again; nothing half-written was left"
            if full
            else None
        )
        _say(f"{error.strerror or error}{name}", hint)
        return 1
    if isinstance(error, MemoryError):
        _say("out of memory", "a smaller --batch-size needs less")
        return 1
    _say(f"unforeseen: {type(error).__name__}: {error}", "please report it, with what --debug prints")
    return 1


def _command(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context else "intrex"


def _say(message: str, hint: str | None) -> None:
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    if hint:
        print(f"hint: {hint}", file=sys.stderr)  # noqa: T201

"""Parameters of commands: those that many share, and those that come from declarations (`intrex.data.options`)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from intrex.cli.common.help import Command, Group
from intrex.cli.common.output import Format
from intrex.data.errors import UsageError
from intrex.data.options import Option, Options, options_of
from intrex.data.registry import load_target

OUTPUT = "Output"
REPLACE = "Replace what stands at the output; it stays usable until the new one is whole."
Overwrite = Annotated[bool, typer.Option("--overwrite", rich_help_panel=OUTPUT, help=REPLACE)]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", rich_help_panel=OUTPUT, help="Another spelling of OUT.")
]
FIELDS = "--fields"
_VALUE = re.compile(r"[^-=/\s][^=/\s]*=[^/\s]+")
CollectionArgument = Annotated[Path, typer.Argument(help="A collection folder.")]
QrelsArgument = Annotated[
    str,
    typer.Argument(
        help="A qrels file (TREC or BEIR), or COLLECTION:SET; several as GROUP:SET or 'qrels/{set}.tsv'."
    ),
]
TrainArgument = Annotated[str, typer.Argument(help="Training queries: a file, or COLLECTION:SET.")]
TestArgument = Annotated[str, typer.Argument(help="Test queries: a file, or COLLECTION:SET.")]
TableFormat = Annotated[
    Format | None,
    typer.Option(
        "--format", rich_help_panel=OUTPUT, help="Table on a terminal, CSV elsewhere, unless given."
    ),
]


def one_output(argument: Path | None, option: Path | None) -> Path:
    """Return the output that is named, as an argument or by ``--output``.

    Raises:
        UsageError: none is, or two are.
    """
    if argument is not None and option is not None:
        raise UsageError("the output is given twice", "name it once: OUT, or --output OUT")
    if argument is None and option is None:
        raise UsageError("an output is needed", "name it last, or with --output")
    return argument or option or Path()


def command_group(text: str) -> typer.Typer:
    """Make a group of commands, even of one."""
    app = typer.Typer(cls=Group, add_completion=False, no_args_is_help=True, help=text)
    app.callback()(lambda: None)
    return app


def command(
    *examples: str,
    to: typer.Typer | None = None,
    options: Iterable[Option] = (),
    without: Collection[str] = (),
    prints: bool = False,
    output_last: str = "",
    shown_by: type[Command] = Command,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function.

    An argument annotated with a class of options gets one, made of what was chosen on the command line.

    Args:
        examples: stand at the end of its help; a test runs them.
        to: the group that it is a command of.
        options: further ones; the argument ``values`` gets what was chosen of them, by key.
        without: parameters of the function that the command lacks; they have their default.
        prints: it prints results beside what it writes, so that a repetition is not left out.
        output_last: an argument of several paths, of which the last is the output where there is no ``--output``.
        shown_by: the class of the command.
    """
    merged = {option.key: option for option in options}

    def extend(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def run(**arguments: Any) -> None:
            values = {name: _values(group, arguments) for name, group in groups.items()}
            read = {name: classes[name].read(v) if name in classes else v for name, v in values.items()}
            function(**{name: arguments[name] for name in parameters}, **read)

        hints = get_type_hints(function, include_extras=True)
        classes = {
            n: hint for n, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Options)
        }
        groups = {name: options_of(hint) for name, hint in classes.items()}
        if merged:
            groups["values"] = merged
        parameters = {
            p.name: p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for p in inspect.signature(function).parameters.values()
            if p.name not in (*groups, *without)
        }
        declared = {_name(option): option for group in groups.values() for option in group.values()}
        ordered = [*parameters.values(), *(p for option in declared.values() for p in _parameters(option))]
        run.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in ordered}
        vars(run).update(
            examples=examples, prints=prints, output_last=output_last, shown_by=shown_by, declared=declared
        )
        if to is not None:
            to.command(function.__name__.rstrip("_").replace("_", "-"), cls=shown_by)(run)
        return run

    return extend


def _values(options: Mapping[str, Option], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Take the values of options; those that were not chosen are left out."""
    values: dict[str, Any] = {}
    for key, option in options.items():
        value = arguments[_name(option)]
        choices = [] if value in (None, []) else [value]
        choices += [meaning for flag, meaning in option.switches.items() if arguments[_switch(flag)]]
        if len(set(map(str, choices))) > 1:
            raise UsageError(f"two values of {option.flags[0]}: {', '.join(map(str, choices))}", "name one")
        if choices:
            values[key] = option.parse(choices[0]) if option.parse is not None else choices[0]
    return values


def _parameters(option: Option) -> Iterator[inspect.Parameter]:
    whole = option.type is int and not option.choices  # of other numbers the option says itself what is wrong
    parameter = typer.Option(
        *option.flags, help=option.help, metavar=metavar(option), rich_help_panel=option.panel or None,
        min=option.low if whole else None, max=option.high if whole else None, hidden=option.hidden,
        autocompletion=_completion(option),
    )  # fmt: skip
    kind: Any = option.type
    if option.count:
        kind = tuple[(option.item,) * option.count]  # type: ignore[misc]
    elif option.type in (tuple, dict):
        kind = list[option.item if option.parse is None else str]  # type: ignore[misc]
    default = inspect.Parameter.empty if option.required else None
    yield _parameter(_name(option), kind if option.required else kind | None, default, parameter)
    for flag, value in option.switches.items():
        switch = typer.Option(
            flag, help=f"As {option.flags[0]} {value}.", rich_help_panel=option.panel or None
        )
        yield _parameter(_switch(flag), bool, False, switch)


def _parameter(name: str, kind: Any, default: object, option: Any) -> inspect.Parameter:
    annotation: Any = Annotated[kind, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _name(option: Option) -> str:
    return f"choice_{option.key}"


def _switch(flag: str) -> str:
    return f"switch_{flag.strip('-').replace('-', '_')}"


def metavar(option: Option) -> str | None:
    """Name an option's value for help: the choices there are, or its kind."""
    if option.type is bool:
        return None
    if option.choices:
        return f"[{'|'.join(map(str, option.choices))}]"
    kind = option.item if option.type is tuple and option.parse is None else option.type
    return option.metavar or {int: "N", float: "X", Path: "PATH"}.get(kind, "TEXT")


def _completion(option: Option) -> Callable[[], list[str]] | None:
    if option.names:
        return lambda: [str(name) for name in load_target(option.names)]
    return (lambda: [str(choice) for choice in option.choices]) if option.choices else None


class FieldsCommand(Command):
    """A command that takes every ``NAME=VALUE`` after ``--fields`` as its value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give each value its option."""
        return super().parse_args(ctx, spread(args))


def spread(args: Iterable[str]) -> list[str]:
    """Repeat ``--fields`` before each further ``NAME=VALUE`` after it, which pyserini takes and click does not.

    >>> spread(["--fields", "contents=1", "title=2", "--k", "10"])
    ['--fields', 'contents=1', '--fields', 'title=2', '--k', '10']
    """
    out: list[str] = []
    for word in args:
        if len(out) > 1 and out[-2] == FIELDS and _VALUE.fullmatch(word):
            out.append(FIELDS)
        out.append(word)
    return out

"""Parameters of commands: those that many share, and those that come from declarations (`intrex.data.options`)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from intrex.cli.common.help import Command
from intrex.data.errors import UsageError
from intrex.data.options import Option

Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", rich_help_panel="Output",
        help="Replace what stands at the output; it stays usable until the new one is whole.",
    ),
]  # fmt: skip
Output = Annotated[
    Path | None, typer.Option("--output", "-o", rich_help_panel="Output", help="Another spelling of OUT.")
]
RunOutput = Annotated[
    Path,
    typer.Option(
        "--output", "-o", rich_help_panel="Output", help="The run to write; .gz compresses, - is stdout."
    ),
]
RunFormat = Annotated[
    str,
    typer.Option(
        "--format", rich_help_panel="Output", metavar="[trec|msmarco|json]",
        autocompletion=lambda: ["trec", "msmarco", "json"],
        help="Of the run: with scores, query and document and rank, or an object of objects.",
    ),
]  # fmt: skip
Tag = Annotated[
    str | None, typer.Option("--tag", "--runtag", rich_help_panel="Output", help="The run's name.")
]
FIELDS = "--fields"
_VALUE = re.compile(r"[^-=/\s][^=/\s]*=[^/\s]+")
CollectionArgument = Annotated[Path, typer.Argument(help="A collection folder.")]


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


def examples(*lines: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the examples at the end of its help; a test runs them."""

    def attach(command: Callable[..., None]) -> Callable[..., None]:
        command.examples = lines  # type: ignore[attr-defined]
        return command

    return attach


def shown_by(kind: type[Command]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Choose the class of a command."""

    def attach(command: Callable[..., None]) -> Callable[..., None]:
        command.shown_by = kind  # type: ignore[attr-defined]
        return command

    return attach


def with_choices(
    declared: Iterable[Option], without: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command declared options; it takes those that were chosen as its argument ``values``, by key.

    Parameters named by ``without`` are taken from it: they have their default.
    """
    known = {one.key: one for one in declared}

    def extend(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            values = _chosen(known, given)
            command(**{name: value for name, value in given.items() if name in kept}, values=values)

        hints = get_type_hints(command, include_extras=True)
        own = inspect.signature(command).parameters.values()
        kept = {
            p.name: p.replace(annotation=hints[p.name]) for p in own if p.name not in ("values", *without)
        }
        extra = [p for one in known.values() for p in _parameters(one)]
        ordered = [*kept.values(), *extra]
        ordered = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in ordered]
        run.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in ordered}
        run.declared = {_name(one): one for one in known.values()}  # type: ignore[attr-defined]
        return run

    return extend


def _chosen(known: Mapping[str, Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """Take the values of declared options; those that were not chosen are left out."""
    values: dict[str, Any] = {}
    for key, one in known.items():
        value = given[_name(one)]
        named = [] if value in (None, []) else [value]
        named += [stands for flag, stands in one.switches.items() if given[_switch(flag)]]
        if len(set(map(str, named))) > 1:
            raise UsageError(f"two values of {one.flags[0]}: {', '.join(map(str, named))}", "name one")
        if named:
            values[key] = one.parse(named[0]) if one.parse is not None else named[0]
    return values


def _parameters(one: Option) -> Iterator[inspect.Parameter]:
    whole = one.type is int and not one.choices  # of other numbers the option says itself what is wrong
    shown = typer.Option(
        *one.flags, help=one.help, metavar=metavar(one), rich_help_panel=one.panel or None,
        min=one.low if whole else None, max=one.high if whole else None, autocompletion=_completion(one),
    )  # fmt: skip
    kind: Any = list[str] if one.type in (tuple, dict) else one.type
    default = inspect.Parameter.empty if one.required else None
    yield _parameter(_name(one), kind if one.required else kind | None, default, shown)
    for flag, value in one.switches.items():
        said = typer.Option(flag, help=f"As {one.flags[0]} {value}.", rich_help_panel=one.panel or None)
        yield _parameter(_switch(flag), bool, False, said)


def _parameter(name: str, kind: Any, default: object, option: Any) -> inspect.Parameter:
    annotation: Any = Annotated[kind, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _name(one: Option) -> str:
    return f"choice_{one.key}"


def _switch(flag: str) -> str:
    return f"switch_{flag.strip('-').replace('-', '_')}"


def metavar(one: Option) -> str | None:
    """Name an option's value for help: the choices there are, or its kind."""
    if one.type is bool:
        return None
    if one.choices:
        return f"[{'|'.join(map(str, one.choices))}]"
    return one.metavar or {int: "N", float: "X"}.get(one.type, "TEXT")


def _completion(one: Option) -> Callable[[], list[str]] | None:
    return (lambda: [str(choice) for choice in one.choices]) if one.choices else None


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
    for one in args:
        if len(out) > 1 and out[-2] == FIELDS and _VALUE.fullmatch(one):
            out.append(FIELDS)
        out.append(one)
    return out

"""Help in 80 columns: options in panels by subject, no name cut, choices shown, examples at the end."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

WIDTH, COLUMN = 80, 26
COMMANDS, ARGUMENTS, OPTIONS = "Commands", "Arguments", "Options"
FIRST, LAST = ("Common",), ("Output", "Help")
"""Panels that stand above and below all others."""
HELP_ALL = "--help-all"


class Command(TyperCommand):
    """A command whose help is ours."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of a command."""
        formatter.write(command_help(self, ctx, self.shown(ctx)))

    def shown(self, ctx: Any) -> Iterable[Any]:
        """Return the parameters that help shows."""
        return [p for p in self.params if not getattr(p, "hidden", False)]


class Group(TyperGroup):
    """A group of commands whose help is ours."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of a group."""
        formatter.write(group_help(self, ctx))


def command_help(command: Any, ctx: Any, parameters: Iterable[Any], notes: Sequence[str] = ()) -> str:
    """Compose the help of a command: usage, text, arguments, options by panel, notes, examples."""
    arguments, panels = [], dict[str, list[tuple[str, str]]]()
    for one in parameters:
        if one.param_type_name == "argument":
            arguments.append((argument_name(one), one.help or ""))
        else:
            panel = getattr(one, "rich_help_panel", None) or OPTIONS
            panels.setdefault(panel, []).append((_spelling(one), _meaning(one, command)))
    panels.setdefault("Help", []).append(("-h, --help", "Show this message."))
    names = " ".join(name if needed else f"[{name}]" for name, needed in _usage(command))
    usage = textwrap.fill(
        f"Usage: {ctx.command_path} [OPTIONS] {names}", WIDTH, subsequent_indent="       ", break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
    parts = [f"{usage}\n", _paragraphs(command.help)]
    middle = [p for p in panels if p not in (*FIRST, *LAST)]
    order = [*(p for p in FIRST if p in panels), *middle, *(p for p in LAST if p in panels)]
    parts += [_panel(ARGUMENTS, arguments)] if arguments else []
    parts += [_panel(name, panels[name]) for name in order]
    parts += [textwrap.fill(note, WIDTH) + "\n" for note in notes]
    lines = getattr(command.callback, "examples", ())
    parts += [_heading("Examples") + "".join(f"  $ {line}\n" for line in lines)] if lines else []
    return "\n".join(parts)


def group_help(group: Any, ctx: Any) -> str:
    """Compose the help of a group: usage, text, commands, options."""
    found = [(name, group.get_command(ctx, name)) for name in group.list_commands(ctx)]
    rows = [(name, _first_sentence(one.help)) for name, one in found if one is not None and not one.hidden]
    options = [(_spelling(p), _meaning(p, group)) for p in group.params if not p.hidden]
    options += [("-h, --help", "Show this message.")]
    parts = [f"Usage: {ctx.command_path} [OPTIONS] COMMAND ...\n", _paragraphs(group.help)]
    return "\n".join([*parts, _panel(COMMANDS, rows), _panel(OPTIONS, options)])


def root_help(group: Any, ctx: Any, panels: Mapping[str, Mapping[str, str]], start: Sequence[str]) -> str:
    """Compose the help of the program: what to do first, commands by panel, options."""
    options = [(_spelling(p), _meaning(p, group)) for p in group.params if not p.hidden]
    parts = [f"Usage: {ctx.command_path} [OPTIONS] COMMAND ...\n", _paragraphs(group.help)]
    parts += [_heading("Start with") + "".join(f"  $ {line}\n" for line in start)]
    parts += [_panel(title, commands.items()) for title, commands in panels.items()]
    return "\n".join([*parts, _panel(OPTIONS, [*options, ("-h, --help", "Show this message.")])])


def argument_name(one: Any) -> str:
    """Name an argument as usage does."""
    return str(one.metavar or (one.name or "").upper()) + (
        "..." if one.nargs == -1 and not one.metavar else ""
    )


def _usage(command: Any) -> Iterator[tuple[str, bool]]:
    for one in command.params:
        if one.param_type_name == "argument":
            yield argument_name(one), one.required


def _spelling(one: Any) -> str:
    short = [o for o in one.opts if not o.startswith("--")]
    long = [o for o in one.opts if o.startswith("--")]
    names = ", ".join([*short, *long, *(o for o in one.secondary_opts if o.strip())])
    value = "" if one.is_flag else f" {one.metavar or _kind(one)}"
    return names + value


def _kind(one: Any) -> str:
    choices = getattr(one.type, "choices", None)
    if choices:
        return f"[{'|'.join(map(str, choices))}]"
    kind = str(one.type.name).split()[0].lower()
    return {"integer": "N", "int": "N", "float": "X", "path": "PATH"}.get(kind, "TEXT")


def _meaning(one: Any, command: Any) -> str:
    """Return an option's help with its range and its default."""
    declared = getattr(getattr(command, "callback", None), "declared", {}).get(one.name)
    default = declared.default if declared is not None else one.default
    facts = [_range(declared or one.type)] if not one.is_flag and _range(declared or one.type) else []
    if declared is not None and declared.required:
        facts.append("required")
    elif default not in (None, False, (), [], "") and default is not True and not callable(default):
        facts.append(f"default: {getattr(default, 'value', default)}")
    return f"{one.help or ''} [{'; '.join(facts)}]" if facts else one.help or ""


def _range(limits: Any) -> str:
    """Say which numbers there are, of a declared option or of a type of the command line."""
    low, high = (getattr(limits, name, None) for name in ("low", "high"))
    low, high = (
        (getattr(limits, "min", None), getattr(limits, "max", None)) if low is high is None else (low, high)
    )
    if getattr(limits, "above", None) is not None:
        return f"above {limits.above:g}"
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"{low:g} or more" if low is not None and low > float("-inf") else ""


def _panel(title: str, rows: Iterable[tuple[str, str]]) -> str:
    return _heading(title) + "".join(_row(name, text) for name, text in rows)


def _row(name: str, text: str) -> str:
    """Lay out a name and its text in two columns; a long name has a line of its own, wrapped if need be."""
    lines = textwrap.wrap(text, WIDTH - COLUMN, break_on_hyphens=False) or [""]
    parts = name.replace("|", "| ")  # long lists of choices break after a bar
    wrapped = textwrap.wrap(
        parts, WIDTH - 2, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
    )
    names = [line.replace("| ", "|") for line in wrapped]
    if len(name) <= COLUMN - 4:
        names, lines = (
            [],
            [f"  {name:<{COLUMN - 2}}{lines[0]}".rstrip(), *(" " * COLUMN + x for x in lines[1:])],
        )
    else:
        lines = [" " * COLUMN + x for x in lines if x]
    return "".join(f"{line}\n" for line in [*(f"  {n}" for n in names), *lines])


def _heading(title: str) -> str:
    return f"\x1b[1m{title}\x1b[0m\n" if sys.stdout.isatty() else f"{title}\n"


def _paragraphs(text: str | None) -> str:
    parts = (text or "").strip().split("\n\n")
    return "\n\n".join(textwrap.fill(" ".join(p.split()), WIDTH) for p in parts) + "\n"


def _first_sentence(text: str | None) -> str:
    words = " ".join((text or "").split("\n\n")[0].split())
    return words.partition("; ")[0].partition(". ")[0].rstrip(".") + "." if words else ""

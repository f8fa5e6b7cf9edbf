"""Help in 80 columns: options in panels by subject, no name cut, choices shown, examples at the end."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

WIDTH, COLUMN = 80, 26
COMMANDS, ARGUMENTS, OPTIONS = "Commands", "Arguments", "Options"
FIRST, LAST = ("Common",), ("Output", "Help")
"""Panels that stand above and below all others."""
HELP = ("-h, --help", "Show this message.")
HELP_ALL = "--help-all"


class Command(TyperCommand):
    """Command with help in panels by subject; it runs as a request that knows what it reads."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        from intrex.cli.common.request import request_of

        with request_of(self, ctx):
            return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of a command."""
        shown = [p for p in self.params if not getattr(p, "hidden", False)]
        formatter.write(command_help(self, ctx, shown))


class Group(TyperGroup):
    """Group of commands with help in panels."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of a group."""
        formatter.write(group_help(self, ctx))


def command_help(command: Any, ctx: Any, parameters: Iterable[Any], notes: Sequence[str] = ()) -> str:
    """Compose the help of a command: usage, text, arguments, options by panel, notes, examples."""
    arguments, panels = [], dict[str, list[tuple[str, str]]]()
    for parameter in parameters:
        if parameter.param_type_name == "argument":
            arguments.append((argument_name(parameter), parameter.help or ""))
        else:
            panel = getattr(parameter, "rich_help_panel", None) or OPTIONS
            panels.setdefault(panel, []).append((_spelling(parameter), _meaning(parameter, command)))
    panels.setdefault("Help", []).append(HELP)
    positional = [p for p in command.params if p.param_type_name == "argument"]
    names = " ".join(argument_name(p) if p.required else f"[{argument_name(p)}]" for p in positional)
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
    parts += [_heading("Examples") + "".join(map(_example, lines))] if lines else []
    return "\n".join(parts)


def group_help(
    group: Any, ctx: Any, panels: Mapping[str, Mapping[str, str]] | None = None, start: Sequence[str] = ()
) -> str:
    """Compose the help of a group: usage, text, what to do first, commands, options.

    Args:
        group: of commands.
        ctx: its context.
        panels: sentences on its commands, by panel; made of their help unless given, which imports them.
        start: commands to begin with.
    """
    if panels is None:
        commands = [(name, group.get_command(ctx, name)) for name in group.list_commands(ctx)]
        panels = {COMMANDS: {name: _first_sentence(c.help) for name, c in commands if c and not c.hidden}}
    options = [(_spelling(p), _meaning(p, group)) for p in group.params if not p.hidden]
    parts = [f"Usage: {ctx.command_path} [OPTIONS] COMMAND ...\n", _paragraphs(group.help)]
    parts += [_heading("Start with") + "".join(f"  $ {line}\n" for line in start)] if start else []
    parts += [_panel(title, rows.items()) for title, rows in panels.items()]
    return "\n".join([*parts, _panel(OPTIONS, [*options, HELP])])


def argument_name(argument: Any) -> str:
    """Name an argument as usage does."""
    dots = "..." if argument.nargs == -1 and not argument.metavar else ""
    return str(argument.metavar or (argument.name or "").upper()) + dots


def _spelling(option: Any) -> str:
    short = [o for o in option.opts if not o.startswith("--")]
    long = [o for o in option.opts if o.startswith("--")]
    names = ", ".join([*short, *long, *(o for o in option.secondary_opts if o.strip())])
    return names if option.is_flag else f"{names} {option.metavar or _kind(option)}"


def _kind(option: Any) -> str:
    choices = getattr(option.type, "choices", None)
    if choices:
        return f"[{'|'.join(map(str, choices))}]"
    kind = str(option.type.name).split()[0].lower()
    return {"integer": "N", "int": "N", "float": "X", "path": "PATH"}.get(kind, "TEXT")


def _meaning(option: Any, command: Any) -> str:
    """Return an option's help with its range and its default."""
    declared = getattr(option, "declared", None)  # of the one kind that is shown
    declared = declared or getattr(getattr(command, "callback", None), "declared", {}).get(option.name)
    default = declared.default if declared is not None else option.default
    facts = [] if option.is_flag else [*filter(None, [_range(declared or option.type)])]
    if declared is not None and declared.required:
        facts.append("required")
    elif default not in (None, False, (), [], "") and default is not True and not callable(default):
        facts.append(f"default: {getattr(default, 'value', default)}")
    return f"{option.help or ''} [{'; '.join(facts)}]" if facts else option.help or ""


def _range(limits: Any) -> str:
    """Say which numbers there are, of a declared option or of a type of the command line."""
    low, high = (getattr(limits, a, getattr(limits, b, None)) for a, b in (("low", "min"), ("high", "max")))
    if getattr(limits, "above", None) is not None:
        return f"above {limits.above:g}"
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"{low:g} or more" if low is not None and low > float("-inf") else ""


def _panel(title: str, rows: Iterable[tuple[str, str]]) -> str:
    return _heading(title) + "".join(_row(name, text) for name, text in rows)


def _row(name: str, text: str) -> str:
    """Lay out a name and its text in two columns; a long name has a line of its own, wrapped if need be."""
    texts = textwrap.wrap(text, WIDTH - COLUMN, break_on_hyphens=False)
    rows = [" " * COLUMN + line for line in texts]
    if len(name) <= COLUMN - 4:
        rows[:1] = [f"  {name:<{COLUMN - 2}}{texts[0] if texts else ''}".rstrip()]
    else:
        parts = name.replace("|", "| ")  # long lists of choices break after a bar
        names = textwrap.wrap(
            parts, WIDTH - 2, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
        )
        rows = [*("  " + line.replace("| ", "|") for line in names), *rows]
    return "".join(f"{row}\n" for row in rows)


def _example(line: str) -> str:
    """Lay out a command to copy; a long one goes on after a backslash."""
    end = " \\"
    rows = textwrap.wrap(line, WIDTH - len("      " + end), break_on_hyphens=False, break_long_words=False)
    return "  $ " + f"{end}\n      ".join(rows) + "\n" if len(line) > WIDTH - len("  $ ") else f"  $ {line}\n"


def _heading(title: str) -> str:
    return f"\x1b[1m{title}\x1b[0m\n" if sys.stdout.isatty() else f"{title}\n"


def _paragraphs(text: str | None) -> str:
    parts = (text or "").strip().split("\n\n")
    return "\n\n".join(textwrap.fill(" ".join(p.split()), WIDTH) for p in parts) + "\n"


def _first_sentence(text: str | None) -> str:
    words = " ".join((text or "").split("\n\n")[0].split())
    return words.partition("; ")[0].partition(". ")[0].rstrip(".") + "." if words else ""

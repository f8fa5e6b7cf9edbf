"""Write docs/cli.md from the command tree, or check that it is what the tree says.

Usage: reference.py [--check] FILE
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from intrex.cli.app import app


def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name in command.list_commands(None):
            yield from walk(command.get_command(None, name), f"{path} {name}")
    else:
        yield path, command


def describe(path: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    declared = getattr(command.callback, "declared", {})
    usage = " ".join(_usage(p) for p in arguments)
    lines = [
        f"## `{path}`",
        "",
        (command.help or "").strip(),
        "",
        "```",
        f"{path} [OPTIONS] {usage}".rstrip(),
        "```",
        "",
    ]
    if arguments:
        lines += ["| argument | meaning |", "| --- | --- |"]
        lines += [f"| `{_usage(p)}` | {cell(getattr(p, 'help', '') or '')} |" for p in arguments] + [""]
    if options:
        lines += ["| option | default | meaning |", "| --- | --- | --- |"]
        lines += [
            f"| {_names(p)} | {_default(p, declared.get(p.name))} | {cell(_meaning(p))} |" for p in options
        ] + [""]
    return "\n".join(lines)


def _usage(parameter: Any) -> str:
    name = (parameter.name or "").upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _names(parameter: Any) -> str:
    return ", ".join(f"`{o}`" for o in [*parameter.opts, *parameter.secondary_opts] if o.strip())


def _default(parameter: Any, declared: Any) -> str:
    value = parameter.default if declared is None else declared.default
    return "" if value in (None, False, (), "") or callable(value) else f"`{value}`"


def _meaning(parameter: Any) -> str:
    text, choices = getattr(parameter, "help", "") or "", parameter.metavar or ""
    if not choices.startswith("[") and (values := getattr(parameter.type, "choices", None)):
        choices = f"[{'|'.join(map(str, values))}]"
    return f"{text} {choices}" if choices.startswith("[") else text


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def reference() -> str:
    parts = [describe(path, command) for path, command in walk(typer.main.get_command(app), "intrex")]
    head = "# Command line reference\n\nWritten by `make docs` from the program itself; do not edit.\n\n"
    return head + "\n".join(parts)


if __name__ == "__main__":
    *flags, target = sys.argv[1:]
    text = reference()
    if flags == ["--check"]:
        if not Path(target).is_file() or Path(target).read_text(encoding="utf-8") != text:
            sys.exit(f"{target} is not what the commands say; run: make docs")
    else:
        Path(target).write_text(text, encoding="utf-8")

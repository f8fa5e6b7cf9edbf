"""A command line as a request: what it reads, so that nothing is written over it and a repetition is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from intrex.data.io.request import Request, run_request

WRITTEN = ("out", "output", "choice_output", "fix", "choice_scores", "choice_cache")
"""Parameters that name what is written."""
_LABELS = ("name", "choice_name", "choice_tag", "choice_measure", "kind", "ids")
_PARTS = re.compile("[:=]")
"""What stands between a file and the rest in COLLECTION:SET, FAMILY:MODEL, TAG=PATH."""


def request_of(command: Any, context: Any) -> AbstractContextManager[None]:
    """Make a command that was parsed the current request.

    One that reads stdin is never taken for a repetition of another.
    """
    given = {name: value for name, value in context.params.items() if value not in (None, [], ())}
    declared = getattr(command.callback, "declared", {})
    read = {
        name: value
        for name, value in given.items()
        if name not in WRITTEN + _LABELS and not (name in declared and declared[name].choices)
    }
    last = getattr(command.callback, "output_last", "")
    if last in read and "output" not in given:
        read[last] = read[last][:-1]
    words = [context.command_path, *(f"{name}={value}" for name, value in sorted(given.items()))]
    repeats = "-" not in set(map(str, _values(read)))
    prints = getattr(command.callback, "prints", False)
    return run_request(Request(words if repeats else [], sorted(_files(read)), again=prints))


def _values(read: Mapping[str, Any]) -> Iterator[str | Path]:
    for value in read.values():
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, str | Path):
                yield part


def _files(read: Mapping[str, Any]) -> set[Path]:
    """Return what the values name of what exists."""
    names = {str(value) for value in _values(read)}
    for name in list(names):
        for mark in _PARTS.finditer(name):
            names |= {name[: mark.start()], name[mark.end() :]}
    return {Path(name) for name in names if name and name != "-" and _exists(Path(name))}


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # no name of a file at all
        return False

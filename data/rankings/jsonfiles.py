"""JSON files of runs: one value, or a line for each; a name that stands twice in an object is kept in sight."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, Problems
from intrex.data.io.files import json_reason, read_lines, reading


class Repeated(dict[str, Any]):
    """Object in which names stand twice: the last value of each is kept, ``pairs`` has all of them."""

    pairs: list[tuple[str, Any]]

    @property
    def names(self) -> list[str]:
        """Names that stand twice, once for each time after the first."""
        seen = set[str]()
        return [name for name, _ in self.pairs if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeated = Repeated(members)
    repeated.pairs = pairs
    return repeated


def members_of(value: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Return the members of an object that was read, all of those whose names stand twice too."""
    return value.pairs if isinstance(value, Repeated) else value.items()


def repeated_names(value: Mapping[str, Any]) -> list[str]:
    """List the names that stand twice in an object that was read."""
    return value.names if isinstance(value, Repeated) else []


_PARSE = json.JSONDecoder(object_pairs_hook=_members).decode
# Integers as float: one of 5,000 digits is infinite then, where Python refuses to read it
_PARSE_LONG = json.JSONDecoder(object_pairs_hook=_members, parse_int=float).decode


def load_values(path: Path, problems: Problems, layout: str) -> tuple[list[tuple[str, Any]], bool]:
    """Return ``(place, value)`` of each JSON value, and whether there is a line for each.

    Args:
        path: the file.
        problems: told of broken lines, where there is a value on each.
        layout: what such a file looks like, for messages.

    Raises:
        BadInput: the file is one value, and that is broken.
    """
    with reading(path) as stream:
        raw = stream.read()
    try:
        text = raw.decode("utf-8-sig")
        try:
            place = path.name if "\n" in text.strip() else f"{path.name}:1"
            return [(place, parse_value(text))], False
        except json.JSONDecodeError as error:
            if not (error.msg == "Extra data" or _is_whole(text)):
                raise
    except (ValueError, RecursionError) as error:
        hint = "convert the file to UTF-8 first (iconv)" if isinstance(error, UnicodeError) else layout
        raise BadInput(f"broken JSON: {json_reason(error)} ({path})", hint) from error
    values = []
    for line, row in read_lines(path, problems):
        try:
            values.append((f"{path.name}:{line}", parse_value(row)))
        except (ValueError, RecursionError) as error:
            problems.add(f"{path.name}:{line}", f"broken JSON: {json_reason(error)}", layout)
    return values, True


def parse_value(text: str) -> Any:
    """Parse a JSON text; objects with repeated names are `Repeated`; raises ValueError as Python's reader does."""
    try:
        return _PARSE(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _PARSE_LONG(text)


def _is_whole(text: str) -> bool:
    """Tell whether the first line is a JSON value by itself, so that a later one is broken."""
    line, newline, _ = text.partition("\n")
    try:
        return bool(newline) and isinstance(parse_value(line), (dict, list))
    except (ValueError, RecursionError):
        return False

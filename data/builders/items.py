"""Things that people like: the items of LIMIT, read from a list and checked."""

from __future__ import annotations

import re
from pathlib import Path

from intrex.data.builders.people import name_words
from intrex.data.errors import BadInput, Problems
from intrex.data.io.files import read_lines, require_file

OWN_ITEMS = Path(__file__).with_name("items.txt")
_LONGEST = 20
"""Words of an item at most."""
_WORD = re.compile(r"\w+")


def read_items(file: Path) -> list[str]:
    """Read things to like, one a line; blank lines and those that begin with ``#`` are no items.

    Raises:
        BadInput: the file cannot be read, or is empty; or an item has no word, more than 20, control characters, or
            only words of people's names; or all its words stand in another, whose documents its query would find.
    """
    require_file(file, "list of items")
    problems = Problems(file)
    texts = {
        number: " ".join(line.split())
        for number, line in read_lines(file, problems)
        if not line.lstrip().startswith("#")
    }
    words = {number: tuple(_WORD.findall(text.casefold())) for number, text in texts.items()}
    people = name_words() | {"likes", "and", "who"}
    for number, item in words.items():
        if not 1 <= len(item) <= _LONGEST or not texts[number].isprintable() or people.issuperset(item):
            problems.add(
                f"{file.name}:{number}", f"{texts[number]!a} is no thing to like",
                f"1 to {_LONGEST} words of printable characters, not those of people's names alone",
            )  # fmt: skip
    problems.raise_if_any()
    if not texts:
        raise BadInput(f"{file} has no item", "one thing to like a line")
    _report_contained(texts, words, problems, file)
    problems.raise_if_any()
    return list(texts.values())


def _report_contained(
    texts: dict[int, str], words: dict[int, tuple[str, ...]], problems: Problems, file: Path
) -> None:
    """Report each item that, as words, is a part of another, or the same."""
    parts: dict[tuple[str, ...], int] = {}
    for number, item in words.items():
        for size in range(1, len(item)):
            for first in range(len(item) - size + 1):
                parts.setdefault(item[first : first + size], number)
    for number, item in words.items():
        if (longer := parts.setdefault(item, number)) != number:
            problems.add(
                f"{file.name}:{number}", f"{texts[number]!r} stands in {texts[longer]!r}, line {longer}",
                "leave one of them out: who likes the one would answer to the other",
            )  # fmt: skip

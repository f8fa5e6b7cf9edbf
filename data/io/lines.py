"""Lines of a piece of a file, told apart: fields between blanks, a comment, a header row, or no sound text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from intrex.data.arrays import Bools, Int64s, Uint8s
from intrex.data.ids import BLANKS, CONTROLS, describe_control
from intrex.data.io.files import BOM, reading

Fault = tuple[int, str, str | None]
"""Index of a line, what is wrong with it, and perhaps a hint."""

BEGINNING = 65536
"""Bytes of a line that are looked at to tell a format."""
_ASCII = 128
BLANK = np.zeros(256, bool)
"""Bytes that separate columns; white space beyond ASCII is in no id."""
BLANK[[ord(c) for c in BLANKS if ord(c) < _ASCII]] = True
CONTROL = np.zeros(256, bool)
"""Control characters of one byte, which a line of columns does not have."""
CONTROL[[ord(c) for c in CONTROLS if ord(c) < _ASCII]] = True


def _wide_searches() -> list[tuple[bytes, re.Pattern[bytes]]]:
    """Return a search for each beginning that blanks and controls beyond ASCII have in UTF-8: with one, it is fast."""
    last: dict[bytes, bytes] = {}
    for code in sorted(c.encode("utf-8") for c in BLANKS + CONTROLS if ord(c) >= _ASCII):
        last[code[:-1]] = last.get(code[:-1], b"") + code[-1:]
    return [
        (begin, re.compile(re.escape(begin) + b"[" + re.escape(ends) + b"]")) for begin, ends in last.items()
    ]


_WIDE = _wide_searches()
_HASH, _NEWLINE = ord("#"), ord("\n")

HEADERS = frozenset(
    {"query-id", "query_id", "queryid", "qid", "q_id", "query", "topic", "topic_id", "id", "_id"}
)
"""First words of a header row of runs, judgements and queries, in lower case."""


@dataclass(frozen=True)
class Fields:
    """Fields of a piece of a file.

    Attributes:
        raw: the lines.
        text: their bytes.
        starts: [fields] where each field begins.
        ends: [fields] where it ends.
        breaks: [line feeds] where they are.
        owner: [fields] index of each field's line.
        count: [line feeds + 1] fields of each line.
    """

    raw: bytes
    text: Uint8s
    starts: Int64s
    ends: Int64s
    breaks: Int64s
    owner: Int64s
    count: Int64s

    @classmethod
    def of(cls, raw: bytes, between: Bools = BLANK) -> Self:
        """Find the fields of some lines, all at once; ``between`` [256] tells which bytes separate them."""
        text = np.frombuffer(raw, np.uint8)
        edges = np.flatnonzero(np.diff(np.concatenate([[True], between[text], [True]])))
        starts, ends = edges[::2], edges[1::2]
        breaks = np.flatnonzero(text == _NEWLINE)
        owner = np.searchsorted(breaks, starts)
        return cls(raw, text, starts, ends, breaks, owner, np.bincount(owner, minlength=len(breaks) + 1))

    def line(self, index: int) -> bytes:
        """Return one line without its line feed."""
        start = self.breaks[index - 1] + 1 if index else 0
        return self.raw[start : self.breaks[index] if index < len(self.breaks) else None]

    def cells(self, line: int) -> list[bytes]:
        """Return the fields of one line."""
        at = np.searchsorted(self.owner, line)
        span = slice(at, at + self.count[line])
        return [self.raw[a:b] for a, b in zip(self.starts[span], self.ends[span], strict=True)]

    def words(self, line: int) -> list[str]:
        """Return the fields of one line as text."""
        return [cell.decode("utf-8", "replace") for cell in self.cells(line)]


def comment_lines(fields: Fields, indented: bool) -> Int64s:
    """Return the indices of the lines that begin with ``#``; with ``indented``, of those too that have blanks before it."""
    starts = np.concatenate([[0], fields.breaks + 1])
    leads = fields.text[starts[: -1 if fields.raw.endswith(b"\n") else None]]
    lines = np.flatnonzero((leads == _HASH) | (BLANK[leads] if indented else False))
    lines = lines[fields.count[lines] > 0]
    first = fields.starts[np.searchsorted(fields.owner, lines)]
    comments: Int64s = lines[fields.text[first] == _HASH]
    return comments


def count_data_comments(fields: Fields, comments: Int64s, width: int) -> int:
    """Count the comments that have the columns of data, and no blank after the ``#``."""
    candidates = comments[fields.count[comments] == width]
    first = np.searchsorted(fields.owner, candidates)
    return int((fields.ends[first] - fields.starts[first] > 1).sum())


def unreadable_lines(fields: Fields) -> list[Fault]:
    """Return the lines with control characters, with white space beyond ASCII, or not in UTF-8 (see ids.py)."""
    controls = np.searchsorted(fields.breaks, np.flatnonzero(CONTROL[fields.text]))
    faults: dict[int, tuple[str, str | None]] = dict.fromkeys(
        controls.tolist(), ("a control character; is this a text file?", None)
    )
    if fields.raw.isascii():
        return [(line, *texts) for line, texts in faults.items()]
    # a search for one byte is much faster than for two
    there = (search for begin, search in _WIDE if begin[:1] in fields.raw and begin in fields.raw)
    for match in itertools.chain.from_iterable(search.finditer(fields.raw) for search in there):
        character = match[0].decode("utf-8")
        line = int(np.searchsorted(fields.breaks, match.start()))
        if character in CONTROLS:
            faults[line] = f"{describe_control(character)}, which no id may hold", None
        else:
            reason = f"the white space U+{ord(character):04X}, which no id may hold"
            faults[line] = reason, "blanks and TABs separate columns; percent-encode white space in ids"
    for line in lines_not_utf8(fields.raw):
        faults[line] = "not UTF-8", "convert the file to UTF-8 first (iconv)"
    return [(line, *texts) for line, texts in faults.items()]


def lines_not_utf8(raw: bytes) -> Iterator[int]:
    """Yield the indices of the lines that are not UTF-8."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        for index, row in enumerate(raw.split(b"\n")):
            try:
                row.decode("utf-8")
            except UnicodeDecodeError:
                yield index


def is_header(words: Sequence[str], number: int) -> bool:
    """Tell whether a first line is a header row: a header's word in front, and no number in column ``number``.

    Of a line with fewer columns the last one is looked at; ``number`` -1 is always the last.
    """
    if words[0].lower() not in HEADERS:
        return False
    try:
        float(words[min(number, len(words) - 1)])
    except ValueError:
        return True
    return False


def first_line(path: Path) -> str:
    """Return the first line that is neither blank nor a comment, or else the first that is not blank; it tells the format.

    Of JSON and markup only `BEGINNING` bytes of a line: it may be a whole file. A line of columns is whole.
    """
    comment = ""
    with reading(path) as stream:
        while raw := stream.readline(BEGINNING):
            start = raw.removeprefix(BOM).lstrip()
            if not raw.endswith(b"\n") and not start.startswith((b"{", b"[", b"<")):
                raw += stream.readline()
            line = raw.removeprefix(BOM).decode("utf-8", "replace").rstrip("\r\n")
            if line.strip() and not line.lstrip().startswith("#"):
                return line
            comment = comment or line.strip()
    return comment

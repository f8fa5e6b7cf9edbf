"""Run and qrels files as columns: blanks and lines are found for a whole piece of the file at once."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from intrex.data.arrays import Bools, Bytes, Float64s, Int32s, Int64s, Uint8s
from intrex.data.errors import Problems
from intrex.data.ids import MAX_BYTES, gather_spans
from intrex.data.io.files import LONGEST_LINE, read_pieces
from intrex.data.io.lines import Fields, comment_lines, count_data_comments, is_header, unreadable_lines

_NUMBER = np.zeros(256, bool)
_NUMBER[np.frombuffer(b"0123456789+-.eE", np.uint8)] = True
_QUOTE = ord('"')

Comments = Literal["none", "first", "indented"]
"""Places where ``#`` begins a comment: none, the first character of a line, or also after blanks."""

_log = logging.getLogger("intrex")


@dataclass(frozen=True)
class Piece:
    """Lines of a file, cut into ``width`` fields each.

    ``starts`` and ``ends`` are [lines, width] byte positions in ``text``; ``lines`` has line numbers from 1.
    """

    text: Uint8s
    starts: Int64s
    ends: Int64s
    lines: Int64s

    def column(self, index: int) -> Bytes:
        """Return one column as a numpy ``S`` array."""
        return gather_spans(self.text, self.starts[:, index], self.ends[:, index] - self.starts[:, index])

    def report_quotes(self, columns: Sequence[int], path: Path, problems: Problems) -> None:
        """Report ids that begin with a quote (see ids.py); what else an id may not hold was reported before."""
        for index in columns:
            for i in np.flatnonzero(self.text[self.starts[:, index]] == _QUOTE):
                problems.add(
                    f"{path.name}:{self.lines[i]}", "an id begins with a quote", "write ids without quotes"
                )


def read_columns(
    path: Path,
    width: int,
    layout: str,
    problems: Problems,
    header: int | None = None,
    comments: Comments = "none",
    more: bool = False,
) -> Iterator[Piece]:
    """Yield the lines of a file as pieces of ``width`` blank-separated fields; lines that do not fit are reported.

    Blank lines are skipped, CRLF and a byte order mark accepted.

    Args:
        path: the file, plain or compressed.
        width: how many fields a line has.
        layout: their names, for messages.
        problems: told of every line that does not fit.
        header: the column of a number; a first line without one, and with a header's word in front, is skipped.
        comments: which lines are skipped because of a ``#``.
        more: whether a line may have further fields, which are not looked at.
    """
    cutter = _Cutter(path, width, layout, problems, header, comments, more)
    for raw in read_pieces(path, 8 << 20, LONGEST_LINE):
        piece = cutter.cut(raw)
        if len(piece.lines):
            yield piece
    if cutter.doubtful:
        text = "%s: %s lines begin with # and are comments, as in trec_eval 10, though they have %d columns"
        _log.info(text, path.name, f"{cutter.doubtful:,}", width)


@dataclass
class _Cutter:
    path: Path
    width: int
    layout: str
    problems: Problems
    header: int | None
    comments: Comments
    more: bool = False
    line: int = 0
    doubtful: int = 0

    def cut(self, raw: bytes) -> Piece:
        """Cut the next piece of the file into columns."""
        fields = Fields.of(raw)
        skipped = self._skipped(fields)
        count = fields.count.copy()
        count[skipped] = 0  # as if they were blank
        keep = count >= self.width if self.more else count == self.width
        wrong = [
            (line, self._columns(int(count[line])), None)
            for line in np.flatnonzero((count > 0) & ~keep).tolist()
        ]
        comments = set(skipped.tolist())  # may hold what they like
        unreadable = [fault for fault in unreadable_lines(fields) if fault[0] not in comments]
        keep[[line for line, *_ in unreadable]] = False
        used, rows = keep[fields.owner], np.flatnonzero(keep)
        if self.more:
            first = np.concatenate([[0], np.cumsum(fields.count)])[fields.owner]
            used &= np.arange(len(fields.owner)) - first < self.width
        starts = fields.starts[used].reshape(-1, self.width)
        ends = fields.ends[used].reshape(-1, self.width)
        fits = ~(ends - starts > MAX_BYTES).any(axis=1)
        long = [(line, f"a field has more than {MAX_BYTES} bytes", None) for line in rows[~fits].tolist()]
        for line, reason, hint in sorted([*wrong, *unreadable, *long], key=lambda fault: fault[0]):
            self.problems.add(f"{self.path.name}:{self.line + line + 1}", reason, hint)
        piece = Piece(fields.text, starts[fits], ends[fits], self.line + 1 + rows[fits])
        self.line += len(fields.breaks)
        return piece

    def _columns(self, count: int) -> str:
        return f"{count} column{'s' * (count != 1)}, {self.width} are needed: {self.layout}"

    def _skipped(self, fields: Fields) -> Int64s:
        """Return the indices of the comments, and of the header row if it is the first line."""
        skipped = np.empty(0, np.int64)
        if self.comments != "none":
            skipped = comment_lines(fields, indented=self.comments == "indented")
            self.doubtful += count_data_comments(fields, skipped, self.width)
        if self.header is None:
            return skipped
        lines = np.setdiff1d(np.flatnonzero(fields.count), skipped, assume_unique=True)
        if not len(lines):
            return skipped
        number, self.header = self.header, None
        words = fields.words(int(lines[0]))
        return np.append(skipped, lines[0]) if is_header(words, number) else skipped


def parse_floats(column: Bytes, lines: Int64s, path: Path, name: str, problems: Problems) -> Float64s:
    """Parse the numbers of a column as float64; text, NaN and infinity are reported with their line."""
    out = np.zeros(len(column), np.float64)
    cells = column.view(np.uint8).reshape(len(column), -1) if len(column) else np.empty((0, 1), np.uint8)
    good = (_NUMBER[cells] | (cells == 0)).all(axis=1)
    try:
        out[good] = column[good].astype(np.float64)
    except ValueError:
        for i in np.flatnonzero(good):
            try:
                out[i] = float(column[i])
            except ValueError:
                good[i] = False
    good &= np.isfinite(out)
    _report(column, ~good, lines, path, f"the {name} is {{!r}}, a finite number is needed", problems)
    return out


def parse_integers(
    column: Bytes,
    lines: Int64s,
    path: Path,
    name: str,
    problems: Problems,
    low: int = 1 - 2**31,
    hint: Callable[[str], str | None] | None = None,
) -> Int32s:
    """Parse the integers of a column, ``low`` or more, as int32; anything else is reported with its line, and stands as 0 or ``low``.

    ``hint`` says what to type instead of a cell that is none.
    """
    out = np.zeros(len(column), np.int64)
    try:
        out = column.astype(np.int64)
        good = (out > -(2**31)) & (out < 2**31)
        good &= (
            ~(column.view(np.uint8).reshape(len(column), -1) == ord("_")).any(axis=1) if len(column) else good
        )
    except (ValueError, OverflowError):
        good = np.array([re.fullmatch(rb"[+-]?\d{1,10}", cell) is not None for cell in column.tolist()], bool)
        out[good] = column[good].astype(np.int64)
        good &= np.abs(out) < 2**31
    good &= out >= low
    needed = "an integer is needed" if low < 0 else f"an integer of {low} or more is needed"
    _report(column, ~good, lines, path, f"the {name} is {{!r}}, {needed}", problems, hint)
    return np.where(good, out, max(low, 0)).astype(np.int32)


def _report(
    column: Bytes,
    bad: Bools,
    lines: Int64s,
    path: Path,
    text: str,
    problems: Problems,
    hint: Callable[[str], str | None] | None = None,
) -> None:
    """Report cells with their lines; ``text`` has a place for the cell."""
    for i in np.flatnonzero(bad):
        cell = column[i].decode("utf-8", "replace")
        problems.add(f"{path.name}:{lines[i]}", text.format(cell), hint(cell) if hint else None)


def segments(keys: Bytes) -> Int64s:
    """Return the offsets [groups + 1] of runs of equal neighbours."""
    if not len(keys):
        return np.zeros(1, np.int64)
    return np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1, [len(keys)]])


def stack(parts: list[Bytes]) -> Bytes:
    """Concatenate ``S`` arrays of different widths."""
    return np.concatenate(parts) if parts else np.empty(0, "S1")

"""Run and qrels files as columns: blanks and lines are found for a whole piece of the file at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from intrex.data.errors import Problems
from intrex.data.files import read_pieces
from intrex.data.ids import MAX_BYTES, Bytes, gather_spans

Ints = npt.NDArray[np.int64]

# Tab, line feed, vertical tab, form feed, carriage return, space separate; other control characters are errors.
_BLANK = np.zeros(256, bool)
_BLANK[[9, 10, 11, 12, 13, 32]] = True
_CONTROL = np.zeros(256, bool)
_CONTROL[[*range(9), *range(14, 32), 127]] = True
_NUMBER = np.zeros(256, bool)
_NUMBER[np.frombuffer(b"0123456789+-.eE", np.uint8)] = True


@dataclass(frozen=True)
class Piece:
    """Some lines of a file, cut into ``width`` fields each.

    ``starts`` and ``ends`` are [lines, width] byte positions in ``text``; ``lines`` has line numbers from 1.
    """

    text: npt.NDArray[np.uint8]
    starts: Ints
    ends: Ints
    lines: Ints

    def column(self, index: int) -> Bytes:
        """One column as a numpy ``S`` array."""
        return gather_spans(self.text, self.starts[:, index], self.ends[:, index] - self.starts[:, index])


def read_columns(
    path: Path, width: int, what: str, problems: Problems, header: bool = False
) -> Iterator[Piece]:
    """Yield the lines of a file as pieces of ``width`` blank-separated fields; lines that do not fit are reported.

    ``header`` skips the first line that is not blank. Blank lines are skipped, CRLF and a byte order mark accepted.
    """
    line = 0
    for raw in read_pieces(path, 8 << 20):
        text = np.frombuffer(raw, np.uint8)
        piece, line = _cut(text, line, width, what, path, problems, header)
        header = header and not len(piece.lines)
        if len(piece.lines):
            yield piece


def _cut(
    text: npt.NDArray[np.uint8],
    line: int,
    width: int,
    what: str,
    path: Path,
    problems: Problems,
    header: bool,
) -> tuple[Piece, int]:
    blank = _BLANK[text]
    edges = np.flatnonzero(np.diff(np.concatenate([[True], blank, [True]])))
    starts, ends = edges[::2], edges[1::2]
    breaks = np.flatnonzero(text == 10)
    owner = np.searchsorted(breaks, starts)
    fields = np.bincount(owner, minlength=len(breaks) + 1)
    keep = fields == width
    if header and len(owner):
        keep[owner[0]] = False
        fields[owner[0]] = 0
    for bad in np.flatnonzero(~keep & (fields > 0)):
        problems.add(
            f"{path.name}:{line + bad + 1}",
            f"{fields[bad]} column{'s' * int(fields[bad] != 1)}, {width} are needed: {what}",
        )
    bad_lines = _check_bytes(text, breaks, line, path, problems)
    keep[bad_lines] = False
    chosen = keep[owner]
    starts, ends = starts[chosen].reshape(-1, width), ends[chosen].reshape(-1, width)
    long = (ends - starts > MAX_BYTES).any(axis=1)
    numbers = line + 1 + np.flatnonzero(keep)
    for bad in numbers[long]:
        problems.add(f"{path.name}:{bad}", f"a field has more than {MAX_BYTES} bytes")
    return Piece(text, starts[~long], ends[~long], numbers[~long]), line + len(breaks)


def _check_bytes(
    text: npt.NDArray[np.uint8], breaks: Ints, line: int, path: Path, problems: Problems
) -> Ints:
    """Report control characters and bytes that are not UTF-8; returns the indices of those lines."""
    bad = set(np.searchsorted(breaks, np.flatnonzero(_CONTROL[text])).tolist())
    for index in sorted(bad):
        problems.add(f"{path.name}:{line + index + 1}", "a control character; is this a text file?")
    if (text > 127).any():
        try:
            text.tobytes().decode("utf-8")
        except UnicodeDecodeError:
            for index, row in enumerate(text.tobytes().split(b"\n")):
                try:
                    row.decode("utf-8")
                except UnicodeDecodeError:
                    problems.add(
                        f"{path.name}:{line + index + 1}",
                        "not UTF-8",
                        "convert the file to UTF-8 first (iconv)",
                    )
                    bad.add(index)
    return np.array(sorted(bad), np.int64)


def parse_floats(
    column: Bytes, lines: Ints, path: Path, what: str, problems: Problems
) -> npt.NDArray[np.float64]:
    """Numbers of a column as float64; text, NaN and infinity are reported with their line."""
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
    for i in np.flatnonzero(~good):
        problems.add(
            f"{path.name}:{lines[i]}",
            f"the {what} is {column[i].decode('utf-8', 'replace')!r}, a finite number is needed",
        )
    return out


def parse_integers(
    column: Bytes, lines: Ints, path: Path, what: str, problems: Problems
) -> npt.NDArray[np.int32]:
    """Integers of a column as int32; anything else is reported with its line."""
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
    for i in np.flatnonzero(~good):
        problems.add(
            f"{path.name}:{lines[i]}",
            f"the {what} is {column[i].decode('utf-8', 'replace')!r}, an integer is needed",
        )
    return np.where(good, out, 0).astype(np.int32)


def segments(keys: Bytes) -> Ints:
    """Offsets [groups + 1] of runs of equal neighbours."""
    if not len(keys):
        return np.zeros(1, np.int64)
    return np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1, [len(keys)]])


def stack(parts: list[Bytes]) -> Bytes:
    """Concatenate ``S`` arrays of different widths."""
    return np.concatenate(parts) if parts else np.empty(0, "S1")

"""Lines of a file as they stand: bytes that should not be there, and rows cut into columns, right or wrong."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Bytes, Int64s, Uint8s
from intrex.data.check.findings import Findings
from intrex.data.check.numbers import is_number
from intrex.data.errors import BadInput
from intrex.data.ids import MAX_BYTES, gather_spans
from intrex.data.io.files import BOM, open_bytes, read_pieces
from intrex.data.io.lines import is_header

_PIECE = 8 << 20
_ZIPPED = 1 << 18  # what a file that ends early loses is at most the last piece
_BLANK = np.zeros(256, bool)
_BLANK[[9, 10, 11, 12, 13, 32]] = True
_TABBED = np.zeros(256, bool)
_TABBED[[9, 10, 13]] = True
_CONTROL = np.zeros(256, bool)
_CONTROL[[*range(9), *range(14, 32), 127]] = True
_HASH = ord("#")


@dataclass
class Text:
    """Account of the bytes of a file: how many lines, whether the last one ends, how often each oddity occurs."""

    lines: int = 0
    filled: int = 0
    ended: bool = True
    crlf: list[int] = field(default_factory=list)


def sound_pieces(
    path: Path, findings: Findings, text: Text, controls: str = "F004"
) -> Iterator[tuple[Uint8s, Int64s, Int64s]]:
    """Yield ``(bytes, positions of line feeds, indices of unusable lines)``; reports what is wrong with bytes.

    A broken gzip file is read as far as it goes.
    """
    try:
        with open_bytes(path) as stream:
            size = _ZIPPED if isinstance(stream, gzip.GzipFile) else _PIECE
            if stream.read(len(BOM)) == BOM:
                findings.add("F002", [1], "the file begins with a byte order mark")
        for raw in read_pieces(path, size):
            piece = np.frombuffer(raw, np.uint8)
            breaks = np.flatnonzero(piece == 10)
            yield piece, breaks, _bad_bytes(piece, breaks, text.lines, findings, controls)
            text.crlf += (
                (text.lines + 1 + np.flatnonzero(piece[breaks - 1] == 13)).tolist() if len(breaks) else []
            )
            text.ended = bool(piece[-1] == 10)
            text.lines += len(breaks) + (not text.ended)
    except (BadInput, EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        findings.add("F005", [], getattr(error, "message", "the gzip file ends early").partition(" (")[0], 1)
        text.ended = True
    findings.add("F003", text.crlf, "the line ends with CRLF")


def _bad_bytes(piece: Uint8s, breaks: Int64s, line: int, findings: Findings, controls: str) -> Int64s:
    where = np.flatnonzero(_CONTROL[piece])
    owners, first = np.unique(np.searchsorted(breaks, where), return_index=True)
    kinds = piece[where[first]]
    findings.add(
        controls,
        line + owners + 1,
        lambda i: f"{'NUL' if not kinds[i] else f'control character 0x{kinds[i]:02x}'}",
    )
    if not (piece > 127).any() or _decodes(piece.tobytes()):
        return owners
    rows = piece.tobytes().split(b"\n")
    wrong = np.array([i for i, row in enumerate(rows) if not _decodes(row)], np.int64)
    findings.add("F001", line + wrong + 1, "the line is not UTF-8")
    return np.union1d(owners, wrong)


def _decodes(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@dataclass
class Table:
    """Rows of a file that have the right number of columns.

    Attributes:
        columns: one ``S`` array [n] for each column.
        lines: [n] line numbers.
        text: counts of the whole file.
        header: the line of BEIR's header, or 0.
    """

    columns: list[Bytes]
    lines: Int64s
    text: Text
    header: int = 0


def read_table(path: Path, width: int, number: int, findings: Findings, tabs: bool = False) -> Table:
    """Cut a file into ``width`` columns, of which ``number`` holds a number; everything that does not fit is reported.

    Blank lines, comments and a header are reported and left out, and so is what follows the sixth column of a run.
    With ``tabs``, only TABs separate.
    """
    cutter = _Cutter(width, number, findings, tabs)
    for piece, breaks, bad in sound_pieces(path, findings, cutter.text):
        cutter.cut(piece, breaks, bad)
    cutter.finish()
    columns = [np.concatenate(part) if part else np.empty(0, "S1") for part in cutter.parts]
    lines = np.concatenate(cutter.lines) if cutter.lines else np.empty(0, np.int64)
    if not cutter.text.filled and "F005" not in findings.found:
        findings.add("F006", [], "the file has no row", 1)
    return Table(columns, lines, cutter.text, cutter.header)


class _Cutter:
    """Cutter of pieces of a file into columns; ``parts`` and ``lines`` grow with every piece."""

    def __init__(self, width: int, number: int, findings: Findings, tabs: bool) -> None:
        self.width, self.number, self.findings = width, number, findings
        self.between = _TABBED if tabs else _BLANK
        self.text = Text()
        self.parts: list[list[Bytes]] = [[] for _ in range(width)]
        self.lines: list[Int64s] = []
        self.header = 0
        self.short: int | None = None
        self.comments: list[Int64s] = []

    def cut(self, piece: Uint8s, breaks: Int64s, bad: Int64s) -> None:
        """Add the rows of one piece; ``bad`` are lines that cannot be used."""
        base, n = self.text.lines, len(breaks) + bool(piece[-1] != 10)
        edges = np.flatnonzero(np.diff(np.concatenate([[True], self.between[piece], [True]])))
        starts, ends = edges[::2], edges[1::2]
        owner = np.searchsorted(breaks, starts)
        fields = np.bincount(owner, minlength=n)
        first = np.searchsorted(owner, np.arange(n))  # of each line's fields; meaningless where it has none
        empty = fields == 0
        self.findings.add("F009", base + 1 + np.flatnonzero(empty), "the line is blank")
        comment = ~empty
        comment[comment] = piece[starts[first[comment]]] == _HASH
        usable = ~empty & ~comment
        usable[bad] = False
        self._comments(piece, starts, ends, first, fields, np.flatnonzero(comment), base)
        self._header(piece, starts, ends, first, fields, usable, base)
        self.text.filled += int((usable & ~empty).sum())
        fits = usable & (fields == self.width)
        for index in np.flatnonzero(usable & ~fits).tolist():
            cells = [
                piece[s:e].tobytes()
                for s, e in zip(starts[first[index] :][: fields[index]], ends[first[index] :], strict=False)
            ]
            begin = int(breaks[index - 1]) + 1 if index else 0
            stop = int(breaks[index]) if index < len(breaks) else len(piece)
            fits[index] = self._misfit(cells, int((piece[begin:stop] == 9).sum()), base + index + 1)
        rows = first[np.flatnonzero(fits)][:, None] + np.arange(self.width)
        self._gather(piece, starts[rows], ends[rows], base + 1 + np.flatnonzero(fits))

    def _gather(self, piece: Uint8s, starts: Int64s, ends: Int64s, lines: Int64s) -> None:
        long = (ends - starts > MAX_BYTES).any(axis=1)
        self.findings.add("I007", lines[long], f"a column has more than {MAX_BYTES} bytes")
        for at, part in enumerate(self.parts):
            part.append(gather_spans(piece, starts[~long, at], ends[~long, at] - starts[~long, at]))
        self.lines.append(lines[~long])

    def _comments(
        self,
        piece: Uint8s,
        starts: Int64s,
        ends: Int64s,
        first: Int64s,
        fields: Int64s,
        lines: Int64s,
        base: int,
    ) -> None:
        rows = [
            i
            for i in lines.tolist()
            if fields[i] == self.width
            and is_number(piece[starts[first[i] + self.number] : ends[first[i] + self.number]].tobytes())
            and ends[first[i]] - starts[first[i]] > 1
        ]
        self.findings.add(
            "F011", base + 1 + np.array(rows, np.int64), "a comment, or a row whose query id begins with #?"
        )
        comments = np.setdiff1d(lines, rows)
        self.findings.add("F010", base + 1 + comments, "the line is a comment")
        indented = [i for i in lines.tolist() if starts[first[i]] and piece[starts[first[i]] - 1] != 10]
        if self.width != 6:
            self.findings.add("Q012", base + 1 + np.array(indented, np.int64), "an indented comment")
        self.comments.append(base + 1 + np.setdiff1d(lines, indented))

    def _header(
        self,
        piece: Uint8s,
        starts: Int64s,
        ends: Int64s,
        first: Int64s,
        fields: Int64s,
        usable: Bools,
        base: int,
    ) -> None:
        """Recognise a header in the first row of the file: a known name, and no number where one belongs."""
        top = int(np.argmax(usable)) if usable.any() else -1
        if self.text.filled or self.header or top < 0:
            return
        cells = slice(first[top], first[top] + fields[top])
        spans = zip(starts[cells], ends[cells], strict=True)
        if is_header([piece[a:b].tobytes().decode("utf-8", "replace") for a, b in spans], self.number):
            self.header = base + top + 1
            usable[top] = False
            if self.width != 3:
                self.findings.add("F012", [self.header], "a header row")

    def _misfit(self, cells: list[bytes], tabs: int, line: int) -> bool:
        """Report a row that has too many or too few columns; return whether it can be used all the same."""
        n, self.short = len(cells), None
        if self.width == 6 and n > 6 and is_number(cells[4]) and cells[3].isdigit():
            extra = b" ".join(cells[6:])[:40].decode("utf-8", "replace")
            self.findings.add("R016", [line], f"{extra!r} stands after the tag")
            return True
        if tabs == self.width - 1 and n > self.width:
            self.findings.add("I001", [line], f"{n} columns between blanks, {self.width} between TABs")
        else:
            self.short = line if n < self.width else None
            text = f"{n} column{'s' * (n != 1)}, {self.width} are needed"
            self.findings.add("F013", [line], text)
        return False

    def finish(self) -> None:
        """Report what only the end of the file shows."""
        last = self.text.lines
        if not self.text.ended and self.short == last:
            self._drop_last_misfit()
            self.findings.add("F008", [last], "the last line is cut off")
        elif not self.text.ended:
            self.findings.add("F007", [last], "the last line has no newline")
        comments = np.concatenate(self.comments) if self.comments else np.empty(0, np.int64)
        if self.width != 6 and len(comments):
            follows = comments[1:][np.diff(comments) == 1]
            self.findings.add("Q012", follows, "a comment right after another")
            if comments[-1] == last and last not in follows:
                self.findings.add("Q012", [last], "a comment on the last line")

    def _drop_last_misfit(self) -> None:
        """Take back the report of the last line: a cut-off line is said once, as that."""
        finding = self.findings.found["F013"]
        finding.parts.pop()
        finding.count -= 1
        if not finding.count:
            del self.findings.found["F013"]

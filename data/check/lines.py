"""Lines of a file as they stand: bytes that should not be there, and rows cut into columns, right or wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Bytes, Int64s
from intrex.data.check.findings import Findings
from intrex.data.check.numbers import is_number
from intrex.data.errors import BadInput, Problems
from intrex.data.ids import MAX_BYTES, gather_spans
from intrex.data.io.containers import container_of
from intrex.data.io.files import BOM, read_pieces, reading
from intrex.data.io.lines import BLANK, CONTROL, Fields, comment_lines, is_header, lines_not_utf8

_PIECE = 8 << 20
_ZIPPED = 1 << 18  # what a file that ends early loses is at most the last piece
_TABBED = np.zeros(256, bool)
_TABBED[[9, 10, 13]] = True


@dataclass
class Text:
    """Account of the bytes of a file: how many lines, whether the last one ends, how often each oddity occurs."""

    lines: int = 0
    filled: int = 0
    ended: bool = True
    crlf: list[int] = field(default_factory=list)


def sound_pieces(
    path: Path, findings: Findings, text: Text, controls: str = "F004"
) -> Iterator[tuple[bytes, Int64s]]:
    """Yield ``(lines, indices of unusable lines)``; reports what is wrong with bytes.

    A broken compressed file is read as far as it goes.
    """
    try:
        with reading(path) as stream:
            size = _PIECE if container_of(path) is None else _ZIPPED
            if stream.read(len(BOM)) == BOM:
                findings.add("F002", [1], "the file begins with a byte order mark")
        for raw in read_pieces(path, size):
            piece = np.frombuffer(raw, np.uint8)
            breaks = np.flatnonzero(piece == 10)
            yield raw, _bad_lines(raw, breaks, text.lines, findings, controls)
            text.crlf += (text.lines + 1 + np.flatnonzero(piece[breaks - 1] == 13)).tolist()
            text.ended = raw.endswith(b"\n")
            text.lines += len(breaks) + (not text.ended)
    except BadInput as error:
        findings.add("F005", [], error.message.rpartition(" (")[0], 1)
        text.ended = True
    findings.add("F003", text.crlf, "the line ends with CRLF")


def _bad_lines(raw: bytes, breaks: Int64s, line: int, findings: Findings, controls: str) -> Int64s:
    piece = np.frombuffer(raw, np.uint8)
    where = np.flatnonzero(CONTROL[piece])
    owners, first = np.unique(np.searchsorted(breaks, where), return_index=True)
    kinds = piece[where[first]]
    names = "control character 0x{:02x}"
    findings.add(controls, line + owners + 1, lambda i: names.format(kinds[i]) if kinds[i] else "NUL")
    wrong = np.array(list(lines_not_utf8(raw)), np.int64)
    findings.add("F001", line + wrong + 1, "the line is not UTF-8")
    return np.union1d(owners, wrong)


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
    cutter = _Cutter(width, number, findings, _TABBED if tabs else BLANK)
    for raw, bad in sound_pieces(path, findings, cutter.text):
        cutter.cut(raw, bad)
    cutter.finish()
    columns = [np.concatenate(part) if part else np.empty(0, "S1") for part in cutter.parts]
    lines = np.concatenate(cutter.lines) if cutter.lines else np.empty(0, np.int64)
    if not cutter.text.filled and "F005" not in findings.found:
        findings.add("F006", [], "the file has no row", 1)
    return Table(columns, lines, cutter.text, cutter.header)


class _Cutter:
    """Cutter of pieces of a file into columns; ``parts`` and ``lines`` grow with every piece."""

    def __init__(self, width: int, number: int, findings: Findings, between: Bools) -> None:
        self.width, self.number, self.findings, self.between = width, number, findings, between
        self.text = Text()
        self.parts: list[list[Bytes]] = [[] for _ in range(width)]
        self.lines: list[Int64s] = []
        self.header = 0
        self.short: int | None = None
        self.comments: list[Int64s] = []

    def cut(self, raw: bytes, bad: Int64s) -> None:
        """Add the rows of one piece; ``bad`` are lines that cannot be used."""
        fields = Fields.of(raw, self.between)
        base = self.text.lines + 1
        count = fields.count[: len(fields.breaks) + (not raw.endswith(b"\n"))]
        self.findings.add("F009", base + np.flatnonzero(count == 0), "the line is blank")
        comments = comment_lines(fields, indented=True)
        usable = count > 0
        usable[comments] = usable[bad] = False
        self._comments(fields, comments)
        self._header(fields, usable)
        self.text.filled += int(usable.sum())
        fits = usable & (count == self.width)
        for index in np.flatnonzero(usable & ~fits).tolist():
            fits[index] = self._misfit(fields, index)
        rows = np.searchsorted(fields.owner, np.flatnonzero(fits))[:, None] + np.arange(self.width)
        lines, starts = base + np.flatnonzero(fits), fields.starts[rows]
        sizes = fields.ends[rows] - starts
        long = (sizes > MAX_BYTES).any(axis=1)
        self.findings.add("I007", lines[long], f"a column has more than {MAX_BYTES} bytes")
        for at, part in enumerate(self.parts):
            part.append(gather_spans(fields.text, starts[~long, at], sizes[~long, at]))
        self.lines.append(lines[~long])

    def _comments(self, fields: Fields, comments: Int64s) -> None:
        base = self.text.lines + 1
        doubtful = np.array([i for i in comments.tolist() if self._is_data(fields.cells(i))], np.int64)
        self.findings.add("F011", base + doubtful, "a comment, or a row whose query id begins with #?")
        self.findings.add("F010", base + np.setdiff1d(comments, doubtful), "the line is a comment")
        flush = comment_lines(fields, indented=False)
        if self.width != 6:
            self.findings.add("Q012", base + np.setdiff1d(comments, flush), "an indented comment")
        self.comments.append(base + flush)

    def _is_data(self, cells: list[bytes]) -> bool:
        return len(cells) == self.width and is_number(cells[self.number]) and len(cells[0]) > 1

    def _header(self, fields: Fields, usable: Bools) -> None:
        """Recognise a header in the first row of the file: a known name, and no number where one belongs."""
        top = int(np.argmax(usable)) if usable.any() else -1
        if self.text.filled or self.header or top < 0:
            return
        if is_header(fields.words(top), self.number):
            self.header = self.text.lines + top + 1
            usable[top] = False
            if self.width != 3:
                self.findings.add("F012", [self.header], "a header row")

    def _misfit(self, fields: Fields, index: int) -> bool:
        """Report a row that has too many or too few columns; return whether it can be used all the same."""
        cells, line = fields.cells(index), self.text.lines + index + 1
        n, self.short = len(cells), None
        if self.width == 6 and n > 6 and is_number(cells[4]) and cells[3].isdigit():
            extra = b" ".join(cells[6:])[:40].decode("utf-8", "replace")
            self.findings.add("R016", [line], f"{extra!r} stands after the tag")
            return True
        if fields.line(index).count(b"\t") == self.width - 1 and n > self.width:
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


class ReaderProblems(Problems):
    """Problems of a reader, each with its line or 0."""

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self.entries: list[tuple[int, str]] = []

    def add(self, where: object, message: str, hint: str | None = None) -> None:
        """Record a problem."""
        super().add(where, message, hint)
        line = str(where).rpartition(":")[2]
        self.entries.append((int(line), message) if line.isdigit() else (0, f"{message} ({where})"))

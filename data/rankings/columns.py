"""Runs in columns: whether a third one is a rank or a score is looked at, and never guessed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from intrex.data.arrays import Bools, Bytes, Float64s, Int32s, Int64s
from intrex.data.errors import BadInput, Problems
from intrex.data.io.columns import parse_floats, parse_integers, read_columns, stack
from intrex.data.io.delimited import delimiter_name, read_rows
from intrex.data.io.idarrays import id_array
from intrex.data.io.lines import first_line, is_header
from intrex.data.rankings.options import RUN_ROLES, Columns, spelled_columns
from intrex.data.run import RunTable

_log = logging.getLogger("intrex")
Value = Literal["rank", "score"]
WAYS_OUT = (
    "say what it is: --columns query,document,score, or --columns query,document,rank for ranks with gaps; "
    "`intrex convert FILE OUT --columns ...` writes TREC's six columns"
)
_ORDINARY = {
    3: {"query": 0, "document": 1, "third": 2},
    4: {"query": 0, "document": 1, "beside": 2, "score": 3},
}
_SHOWN = 4


@dataclass(frozen=True)
class Cells:
    """Rows of a run as text, in file order: [n] ids, then what else there is of values, and line numbers."""

    queries: Bytes
    docs: Bytes
    values: Mapping[str, Bytes]
    lines: Int64s

    def table(self, path: Path, problems: Problems, tag: str) -> RunTable:
        """Return the run: by its scores, else by its ranks, else by what a look at the third column says it is."""
        if not len(self.lines):
            problems.raise_if_any()
            raise BadInput(f"the run has no line ({path})", "a line is: query document score")
        values = dict(self.values)
        if "third" in values:
            told = self._told(path, problems)
            if told is None:
                return RunTable(self.queries, self.docs, np.zeros(len(self.lines)), self.lines, tag)
            values[told] = values.pop("third")
        if "tag" in values:
            tag = values["tag"][-1].decode("utf-8", "replace") or tag
        if "beside" in values:
            self._need_ranks(values.pop("beside"), path, problems)
        if "score" in values:
            scores = parse_floats(values["score"], self.lines, path, "score", problems)
        else:
            ranks = parse_integers(values["rank"], self.lines, path, "rank", problems, low=0)
            scores = 1.0 / (ranks + from_zero(self.queries, ranks))
        return RunTable(self.queries, self.docs, scores, self.lines, tag)

    def _need_ranks(self, cells: Bytes, path: Path, problems: Problems) -> None:
        """Report where the third of four columns holds no ranks: then the fourth need not be a score."""
        told, faults = third_column(self.queries, cells)
        if told == "score":
            faults = [(0, "the third of four columns holds no ranks, so the fourth may be no score")]
        for row, reason in faults:
            problems.add(f"{path.name}:{self.lines[row]}", reason, WAYS_OUT)

    def _told(self, path: Path, problems: Problems) -> Value | None:
        told, faults = third_column(self.queries, self.values["third"])
        for row, reason in faults:
            problems.add(f"{path.name}:{self.lines[row]}", reason, WAYS_OUT)
        if told == "score":
            _log.info("%s: the third column is read as scores, it holds no ranks", path.name)
        return told


def third_column(queries: Bytes, cells: Bytes) -> tuple[Value | None, list[tuple[int, str]]]:
    """Tell whether the third column of a run holds ranks or scores, by looking at all of it.

    Ranks are 1, 2, 3 ... (or 0, 1, 2 ...) in some order in each query. Numbers of which one has a fraction are scores.

    Args:
        queries: [n] ids.
        cells: [n] the column.

    Returns:
        What it is, or None where it could be either, with the row of each query that holds no ranks, and why.
    """
    numbers, readable = _numbers(cells)
    if not readable.all():
        rows = np.flatnonzero(~readable)
        return None, [
            (
                int(i),
                f"the third column is {cells[i].decode('utf-8', 'replace')!r}, a rank or a score is needed",
            )
            for i in rows
        ]
    if (numbers != np.floor(numbers)).any():
        return "score", []
    plain = bool((np.char.isdigit(cells)).all())
    faults = list(_without_ranks(queries, numbers))
    if plain and not faults:
        return "rank", []
    if not faults:
        return None, [(0, "the third column counts like ranks and is written like scores")]
    return None, faults


def _numbers(cells: Bytes) -> tuple[Float64s, Bools]:
    problems = Problems("")
    numbers = parse_floats(cells, np.arange(len(cells)), Path(), "value", problems)
    if not problems.count:
        return numbers, np.ones(len(cells), np.bool_)
    readable = np.array([_is_finite(cell) for cell in cells.tolist()], np.bool_)
    return numbers, readable


def _is_finite(cell: bytes) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _without_ranks(queries: Bytes, numbers: Float64s) -> Iterator[tuple[int, str]]:
    """Yield the first row of each query whose numbers are not 1, 2, 3 ... or 0, 1, 2 ..., with them."""
    _, first, owner = np.unique(queries, return_index=True, return_inverse=True)
    order = np.lexsort((numbers, owner))
    heads = np.concatenate([[0], np.flatnonzero(np.diff(owner[order])) + 1])
    sizes = np.diff(np.append(heads, len(order)))
    ranked = numbers[order] - (np.arange(len(order)) - np.repeat(heads, sizes))
    start = np.repeat(ranked[heads], sizes)
    wrong = np.unique(owner[order][(ranked != start) | ((start != 0) & (start != 1))])
    for query in wrong[np.argsort(first[wrong])].tolist():
        rows = np.flatnonzero(owner == query)[: _SHOWN + 1]
        words = ", ".join(f"{numbers[i]:g}" for i in rows[:_SHOWN]) + (" ..." if len(rows) > _SHOWN else "")
        reason = f"query {queries[rows[0]].decode()}: the third column is {words}, no ranks 1, 2, 3 ...; are these scores?"
        yield int(first[query]), reason


def from_zero(queries: Bytes, ranks: Int32s) -> Int64s:
    """Return [n] 1 for the rows of a query that has rank 0, else 0: what makes its first rank a 1."""
    _, owner = np.unique(queries, return_inverse=True)
    least = np.full(owner.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, owner, ranks)
    shift: Int64s = (least[owner] == 0).astype(np.int64)
    return shift


def read_blank_cells(
    path: Path, problems: Problems, columns: Columns | None = None, value: Value | None = None
) -> Cells:
    """Read a run of columns between blanks.

    Args:
        path: the file.
        problems: told of every malformed line.
        columns: what they are; by default query, document and a third one, or query, document, rank and score.
        value: what the third one is, where that is known.
    """
    header = first_line(path).split()
    width = len(header)
    places, headed = column_places(path, header, columns)
    if not places and width in _ORDINARY:
        places = _ORDINARY[width]
    if not places:
        needed = "3 or 4 columns are needed: query document rank, or query document rank score"
        raise BadInput(f"the line has {width} columns, {needed} ({path.name}:1)", WAYS_OUT)
    layout = str(columns) if columns else " ".join(("query", "document", "rank", "score")[:width])
    parts: dict[str, list[Bytes]] = {role: [] for role in places}
    lines: list[Int64s] = []
    for piece in read_columns(path, width, layout, problems):
        piece.report_quotes((places["query"], places["document"]), path, problems)
        keep = slice(1 if headed and not lines else 0, None)
        for role, part in parts.items():
            part.append(piece.column(places[role])[keep])
        lines.append(piece.lines[keep])
    values = {role if role != "third" else value or role: stack(part) for role, part in parts.items()}
    rows = np.concatenate(lines) if lines else np.empty(0, np.int64)
    return Cells(values.pop("query"), values.pop("document"), values, rows)


def read_delimited_cells(
    path: Path, problems: Problems, delimiter: str, columns: Columns | None = None
) -> Cells:
    """Read a run of columns between commas, semicolons or TABs, with quotes; see `read_blank_cells`."""
    rows = read_rows(path, delimiter, problems)
    first = next(rows, None)
    header = [] if first is None else first[1]
    places, headed = column_places(path, header, columns)
    if not places and len(header) in _ORDINARY:
        places = _ORDINARY[len(header)]
    if not places:
        raise BadInput(
            f"there is no telling which columns are query, document and score: {', '.join(header[:8])} ({path.name})",
            "name them: --columns query=NAME,document=NAME,score=NAME",
        )
    need = max(places.values()) + 1
    texts: dict[str, list[str]] = {role: [] for role in places}
    lines: list[int] = []
    for line, row in rows if headed or first is None else _again(first, rows):
        if len(row) < need or len(row) != len(header):
            between = delimiter_name(delimiter)
            problems.add(
                f"{path.name}:{line}", f"{len(row)} columns between {between}, {len(header)} are needed"
            )
            continue
        for role, part in texts.items():
            part.append(row[places[role]])
        lines.append(line)

    def report(at: int, reason: str) -> None:
        problems.add(f"{path.name}:{lines[at]}", reason)

    ids = {role: id_array(texts.pop(role), report) for role in ("query", "document")}
    values = {
        role: np.array([t.strip().encode() for t in part] or np.empty(0, "S1"), np.bytes_)
        for role, part in texts.items()
    }
    return Cells(ids["query"], ids["document"], values, np.array(lines, np.int64))


def _again(
    first: tuple[int, list[str]], rows: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rows


def column_places(
    path: Path, header: list[str], columns: Columns | None, roles: tuple[str, ...] = RUN_ROLES
) -> tuple[Mapping[str, int], bool]:
    """Return the index of each role's column, none where it is not told, and whether the first line is a header row.

    Raises:
        BadInput: the header lacks a column that was named, or the line has too few.
    """
    if columns is None:
        if not header or not is_header(header, -1):
            return {}, False
        places = spelled_columns(header, roles)
        complete = {"query", "document"} <= places.keys() and {"score", "rank", "grade"} & places.keys()
        return (places if complete else {}), True
    try:
        places = columns.places(header)
    except KeyError as error:
        raise BadInput(
            f"no column is called {error.args[0]!r} ({path.name})", f"there are: {', '.join(header[:20])}"
        ) from error
    if max(places.values()) >= len(header):
        raise BadInput(
            f"the first line has {len(header)} columns, --columns names {len(columns.roles)} ({path.name})"
        )
    number = next(places[role] for role in ("score", "rank", "grade") if role in places)
    return places, bool(columns.names) or not _is_number(header[number])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

"""Runs in columns: whether a third one is a rank or a score is looked at, and never guessed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Bytes, Float64s, Int32s, Int64s
from intrex.data.errors import BadInput, Problems
from intrex.data.io.columns import parse_floats, parse_integers, read_columns, stack
from intrex.data.io.delimited import delimiter_name, read_rows
from intrex.data.io.idarrays import id_array
from intrex.data.io.lines import first_line, is_header
from intrex.data.io.parquet import column_names, id_column, number_column, read_batches
from intrex.data.rankings.options import RUN_ROLES, Columns, spelled_columns
from intrex.data.rankings.third import WAYS_OUT, Value, third_column
from intrex.data.run import RunTable

_log = logging.getLogger("intrex")
_ORDINARY = {
    3: {"query": 0, "document": 1, "third": 2},
    4: {"query": 0, "document": 1, "beside": 2, "score": 3},
}
_SHOWN = 4


@dataclass(frozen=True)
class Cells:
    """Rows of a run, in file order: [n] ids, then what else there is as text or float64, and line numbers."""

    queries: Bytes
    docs: Bytes
    values: Mapping[str, Any]
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
            scores = _floats(values["score"], self.lines, path, problems)
        else:
            ranks = _integers(values["rank"], self.lines, path, problems)
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


def _floats(cells: Any, lines: Int64s, path: Path, problems: Problems) -> Float64s:
    numbers: Float64s = (
        cells if cells.dtype.kind == "f" else parse_floats(cells, lines, path, "score", problems)
    )
    return numbers


def _integers(cells: Any, lines: Int64s, path: Path, problems: Problems) -> Int32s:
    if cells.dtype.kind != "f":
        return parse_integers(cells, lines, path, "rank", problems, low=0)
    for i in np.flatnonzero((cells < 0) | (cells != np.floor(cells)))[:_SHOWN]:
        problems.add(
            f"{path.name}:{lines[i]}", f"the rank is {cells[i]:g}, an integer of 0 or more is needed"
        )
    ranks: Int32s = np.maximum(cells, 0).astype(np.int32)
    return ranks


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
        raise _untold(path, header)
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


def read_tabular_cells(path: Path, problems: Problems, columns: Columns | None = None) -> Cells:
    """Read a run of Parquet or Arrow by the names of its columns; see `read_blank_cells`. Lines are rows from 1."""
    names = column_names(path)
    places, _ = column_places(path, names, columns)
    if not places:
        places = spelled_columns(names, RUN_ROLES)
        if not ({"query", "document"} <= places.keys() and {"score", "rank"} & places.keys()):
            raise _untold(path, names)
    parts: dict[str, list[Bytes]] = {role: [] for role in places}
    rows = 0
    for batch in read_batches(path, list({names[at] for at in places.values()})):
        for role, part in parts.items():
            part.append(_batch_column(batch.column(names[places[role]]), role, rows + 1, path, problems))
        rows += batch.num_rows
    values = {role: stack(part) for role, part in parts.items()}
    return Cells(values.pop("query"), values.pop("document"), values, np.arange(1, rows + 1))


def _batch_column(column: Any, role: str, first: int, path: Path, problems: Problems) -> Any:
    if role in ("query", "document"):
        return id_column(column, first, lambda row, reason: problems.add(f"{path.name}:{row}", reason))
    if role == "tag":
        return np.array([str(value).encode() for value in column.to_pylist()], np.bytes_)
    return number_column(
        column, first, lambda row, reason: problems.add(f"{path.name}:{row}", f"the {role} is {reason}")
    )


def _untold(path: Path, header: list[str]) -> BadInput:
    return BadInput(
        f"there is no telling which columns are query, document and score: {', '.join(header[:8])} ({path.name})",
        "name them: --columns query=NAME,document=NAME,score=NAME",
    )


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
    places = named_places(path, header, columns)
    number = next(places[role] for role in ("score", "rank", "grade") if role in places)
    return places, bool(columns.names) or not _is_number(header[number])


def named_places(path: Path, header: list[str], columns: Columns, hint: str = "") -> dict[str, int]:
    """Return the index of each role's column.

    Raises:
        BadInput: the header lacks a column that was named, or the line has too few, with ``hint``.
    """
    try:
        places = columns.places(header)
    except KeyError as error:
        raise BadInput(
            f"no column is called {error.args[0]!r} ({path.name})", f"there are: {', '.join(header[:20])}"
        ) from error
    if max(places.values()) >= len(header):
        raise BadInput(
            f"the first line has {len(header)} columns, --columns names {len(columns.roles)} ({path.name})",
            hint,
        )
    return places


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

"""Judgements as JSON and as tables: CSV, TSV, Parquet and Arrow with columns by name, JSON lines, objects of objects."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from intrex.data.errors import BadInput, Problems, json_type
from intrex.data.io.containers import is_tabular
from intrex.data.io.delimited import delimiter_name, delimiter_of, read_rows
from intrex.data.io.files import read_lines
from intrex.data.io.lines import first_line
from intrex.data.io.parquet import column_names, read_batches, text_values
from intrex.data.rankings.columns import column_places
from intrex.data.rankings.grades import grade_hint, number_of
from intrex.data.rankings.jsonfiles import load_values, members_of, repeated_names
from intrex.data.rankings.options import QRELS_ROLES, Columns, spelled_columns

_log = logging.getLogger("intrex")
_LARGEST = 2**31 - 1
_PAIR = ("query", "document")
_NEEDED = {"query", "document", "grade"}
_HINT = "name the columns: --qrels-columns query=NAME,document=NAME,grade=NAME"
_LAYOUT = "judgements in JSON read {query: {document: grade}}, or lines of query-id, corpus-id and score"


class JudgedRow(NamedTuple):
    """Judgement with its line, or its row, from 1; 0 where the form has none."""

    query: str
    document: str
    grade: int
    line: int


def judged_form(path: Path, columns: Columns | None = None) -> str | None:
    """Tell whether judgements are no plain columns: ``json``, ``tabular`` or ``delimited``; else None."""
    if is_tabular(path):
        return "tabular"
    first = first_line(path).lstrip()
    if first.startswith(("{", "[")):
        return "json"
    return "delimited" if columns or delimiter_of(path, first) else None


def read_judged_rows(
    path: Path, form: str, problems: Problems, columns: Columns | None = None
) -> Iterator[JudgedRow]:
    """Yield the judgements of a file; what cannot be goes to ``problems`` with its line. Ids are not looked at.

    Args:
        path: the file.
        form: of `judged_form`.
        problems: told of every malformed line.
        columns: what the columns are, where the user named them.

    Raises:
        BadInput: there is no telling the columns, or the file is broken.
    """
    rows = {"json": _json_rows, "tabular": _tabular_rows, "delimited": _delimited_rows}[form](
        path, problems, columns
    )
    for line, query, document, value in rows:
        where = f"{path.name}:{line}" if line else f"{path.name}, query {query!r}"
        grade = whole_grade(number_of(value) if isinstance(value, str) else value)
        if not isinstance(query, str) or not isinstance(document, str):
            problems.add(where, "a judgement has no query or no document", _HINT)
        elif grade is None:
            hint = grade_hint(value) if isinstance(value, str) else None
            shown = repr(value) if isinstance(value, (str, float, int)) else json_type(value)
            problems.add(where, f"the grade is {shown}, a whole number of 32 bits is needed", hint)
        else:
            yield JudgedRow(query, document, grade, line)


def read_pairs(path: Path, form: str, problems: Problems) -> Iterator[tuple[int, Any, Any]]:
    """Yield the line, or row, and the query and document of a table with a header, by their common names; see `judged_form`.

    Raises:
        BadInput: the header has no such columns.
    """
    if form == "tabular":
        names = column_names(path)
        places = _pair_places(path, names)
        wanted = [names[at] for at in places]
        number = 0
        for batch in read_batches(path, wanted):
            for query, document in zip(*(text_values(batch.column(name)) for name in wanted), strict=True):
                number += 1
                yield number, query, document
        return
    places, width = (0, 0), 0
    for line, row in read_rows(path, delimiter_of(path) or ",", problems):
        if not width:
            places, width = _pair_places(path, row), len(row)
        elif len(row) != width:
            problems.add(f"{path.name}:{line}", f"{len(row)} columns, the header has {width}")
        else:
            yield line, row[places[0]].strip(), row[places[1]].strip()


def _pair_places(path: Path, header: list[str]) -> tuple[int, int]:
    places = spelled_columns(header, _PAIR)
    if len(places) < len(_PAIR):
        raise BadInput(
            f"no column is the query and none the document: {', '.join(header[:8])} ({path.name})",
            "a header row with query and document, or lines of both between blanks",
        )
    return places["query"], places["document"]


def whole_grade(value: Any) -> int | None:
    """Return a grade as an integer; None where it is none: ``1.0`` is 1, since tables of numbers have no other form for it."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) <= _LARGEST else None


def _places(path: Path, header: list[str], columns: Columns | None) -> tuple[Mapping[str, int], bool]:
    places, headed = column_places(path, header, columns, QRELS_ROLES)
    if not places:
        places, headed = spelled_columns(header, QRELS_ROLES), True
    if not places.keys() >= _NEEDED:
        lacking = ", ".join(sorted(_NEEDED - places.keys()))
        raise BadInput(f"no column is the {lacking}: {', '.join(header[:8])} ({path.name})", _HINT)
    return places, headed


def _delimited_rows(
    path: Path, problems: Problems, columns: Columns | None
) -> Iterator[tuple[int, Any, Any, Any]]:
    first = first_line(path)
    delimiter = delimiter_of(path, first) or ("\t" if "\t" in first else None)
    rows = read_rows(path, delimiter, problems) if delimiter else _blank_rows(path, problems)
    width, places = 0, dict[str, int]()
    for line, row in rows:
        if not width:
            width = len(row)
            told, headed = _places(path, row, columns)
            places = dict(told)
            if headed:
                continue
        if len(row) != width:
            between = "blanks" if delimiter is None else delimiter_name(delimiter)
            problems.add(f"{path.name}:{line}", f"{len(row)} columns between {between}, {width} are needed")
            continue
        yield (
            line,
            row[places["query"]].strip(),
            row[places["document"]].strip(),
            row[places["grade"]].strip(),
        )


def _blank_rows(path: Path, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    for line, text in read_lines(path, problems):
        yield line, text.split()


def _tabular_rows(path: Path, _: Problems, columns: Columns | None) -> Iterator[tuple[int, Any, Any, Any]]:
    names = column_names(path)
    spelled = spelled_columns(names, QRELS_ROLES) if columns is None and len(names) == 2 else {}
    if graded := spelled.keys() != _NEEDED - {"grade"}:
        places, _headed = _places(path, names, columns)
    else:  # as NanoBEIR has them: relevant documents alone
        places = spelled
        _log.info("%s has no grades: each judgement counts as grade 1", path.name)
    wanted = [names[places[role]] for role in ("query", "document", "grade")[: 2 + graded]]
    line = 0
    for batch in read_batches(path, wanted):
        values = [text_values(batch.column(name)) for name in wanted[:2]]
        grades = batch.column(wanted[2]).to_pylist() if graded else [1] * batch.num_rows
        for query, document, grade in zip(*values, grades, strict=True):
            line += 1
            yield line, query, document, grade


def _json_rows(
    path: Path, problems: Problems, columns: Columns | None
) -> Iterator[tuple[int, Any, Any, Any]]:
    values, _ = load_values(path, problems, _LAYOUT)
    for place, value in values:
        line = int(place.rpartition(":")[2]) if place.rpartition(":")[2].isdigit() else 0
        for row in value if isinstance(value, list) else [value]:
            if not isinstance(row, dict):
                problems.add(place, f"a JSON object is needed, this is {json_type(row)}", _LAYOUT)
            elif (keys := _keys(path, row, columns)) is not None:
                query, document = (_text(row.get(keys[role])) for role in ("query", "document"))
                yield line, query, document, row.get(keys["grade"])
            else:
                yield from _nested_rows(place, row, problems)


def _keys(path: Path, row: dict[str, Any], columns: Columns | None) -> dict[str, str] | None:
    """Return the key of each role in an object that is one judgement; None where it is an object of objects."""
    names = list(row)
    if columns is None and all(isinstance(value, dict) for value in row.values()):
        return None
    places, _ = _places(path, names, columns)
    return {role: names[at] for role, at in places.items()}


def _nested_rows(
    place: str, judged: dict[str, Any], problems: Problems
) -> Iterator[tuple[int, Any, Any, Any]]:
    for query in repeated_names(judged):
        problems.add(f"{place}, query {query!r}", "the query stands twice")
    for query, docs in judged.items():
        for doc, grade in members_of(docs):
            yield 0, query, doc, grade


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

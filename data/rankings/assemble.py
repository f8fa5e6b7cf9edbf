"""Lists of documents as a run: whose query each is, and whether its order or its scores rank."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Bytes
from intrex.data.errors import BadInput, Problems, UsageError, json_type
from intrex.data.ids import id_problem
from intrex.data.io.delimited import delimiter_of
from intrex.data.io.files import read_lines, require_file
from intrex.data.io.idarrays import id_array
from intrex.data.io.jsontext import DECODER
from intrex.data.io.lines import is_header
from intrex.data.rankings.answers import Answer, Item
from intrex.data.rankings.nested import score_problem
from intrex.data.rankings.options import RunSource
from intrex.data.run import RunTable, run_name

_IDS = ("_id", "id", "qid", "query_id")
_UNNAMED = (
    "--query-order QUERIES names them in the order in which they were asked; or keep one file a query, called by its id, in a "
    "folder"
)
_EITHER = "--columns query,document,score ranks by the scores, --columns query,document,rank by the order of the list"


def answers_table(
    answers: Sequence[Answer], form: str, path: Path, problems: Problems, source: RunSource, ends: float
) -> RunTable:
    """Return lists of documents as a run; what cannot be goes to ``problems``.

    Scores rank a list that falls with them; a list without scores is ranked by its order, its scores are 1/rank. A list
    whose scores grow is refused unless ``source`` says what ranks.

    Raises:
        BadInput: the queries are not named, or there is no document at all.
        UsageError: ``--query-order`` names another number of queries.
    """
    names = _query_names(answers, form, path, source)
    columns: list[tuple[list[str], list[str], list[float]]] = []
    listed: set[str] = set()
    for answer, name in zip(answers, names, strict=True):
        where = answer.place
        if name in listed:
            problems.add(where, f"query {name!r} has a list already", "keep one list for each query")
        listed.add(name)
        if problem := id_problem(name):
            problems.add(where, problem)
        elif answer.items is None:
            problems.add(where, f"query {name!r} has no list of documents in the form {form}")
        else:
            columns.append(_ranked(name, answer.items, where, problems, source, ends))
    queries: list[str] = [query for part, _, _ in columns for query in part]
    docs = [doc for _, part, _ in columns for doc in part]
    problems.raise_if_any()
    if not docs:
        raise BadInput(f"the run has no line ({path})", f"its {len(answers):,} lists are empty")
    scores = np.array([score for _, _, part in columns for score in part], np.float64)
    return RunTable(_sound(queries), _sound(docs), scores, None, tag=run_name(path))


def _sound(ids: list[str]) -> Bytes:
    return id_array(ids, lambda _, __: None)


def _ranked(
    query: str, items: Sequence[Item], where: str, problems: Problems, source: RunSource, ends: float
) -> tuple[list[str], list[str], list[float]]:
    """Return the columns of one list."""
    docs: list[str] = []
    for item in items:
        if problem := id_problem(item.document):
            known = (
                problem
                if isinstance(item.document, str)
                else f"a document has no id ({json_type(item.document)})"
            )
            problems.add(where, f"query {query!r}: {known}")
        else:
            docs.append(item.document)
    if len(docs) < len(items):
        return [], [], []
    values = [item.score for item in items]
    by_rank = "rank" in source.table.roles if source.table else all(value is None for value in values)
    if by_rank:
        return [query] * len(docs), docs, [1.0 / rank for rank in range(1, len(docs) + 1)]
    for doc, value in zip(docs, values, strict=True):
        if problem := score_problem(doc, value, ends):
            problems.add(where, f"query {query!r}: {problem}")
            return [], [], []
    if source.table is None and (rise := _rise(values)):
        problems.add(where, f"query {query!r}: the list and its scores disagree: {rise}", _EITHER)
    return [query] * len(docs), docs, [float(value) for value in values]


def _rise(scores: Sequence[Any]) -> str | None:
    """Describe the first score that is above the one before it."""
    return next((f"{low:g} stands before {high:g}" for low, high in pairwise(scores) if high > low), None)


def _query_names(answers: Sequence[Answer], form: str, path: Path, source: RunSource) -> list[str]:
    """Return the id of each answer's query, from the file itself or from ``--query-order``."""
    if source.query_order is not None:
        names = read_order(source.query_order)
        if len(names) != len(answers):
            raise UsageError(
                f"{source.query_order} names {len(names):,} queries, {path} has {len(answers):,} answers",
                "name the queries in the order in which they were asked, all of them",
            )
        return names
    unnamed = sum(answer.query is None for answer in answers)
    if unnamed:
        raise BadInput(
            f"{unnamed:,} of {len(answers):,} answers do not name their query ({form}, {path})", _UNNAMED
        )
    return [answer.query for answer in answers]


def read_order(path: Path) -> list[str]:
    """Read the ids of queries in the order of a file: one a line, the first column of TSV or CSV, or JSON lines.

    Raises:
        BadInput: a line has no id, or there is no line.
    """
    problems = Problems(path.name)
    names: list[str] = []
    delimiter = delimiter_of(require_file(path, "file of queries")) or "\t"
    for line, text in read_lines(path, problems):
        try:
            if text.lstrip().startswith("{"):
                row = DECODER.decode(text)
            else:
                cells = next(csv.reader([text], delimiter=delimiter))
                if not names and is_header(cells, -1):
                    continue
                row = {"_id": cells[0].strip()}
        except (ValueError, RecursionError, csv.Error):
            row = {}
        name = next((str(row[key]) for key in _IDS if isinstance(row.get(key), (str, int))), "")
        if problem := id_problem(name):
            problems.add(f"{path.name}:{line}", problem, "a line is: id, id TAB text, or JSON with _id")
        names.append(name)
    problems.raise_if_any()
    if not names:
        raise BadInput(f"the file has no query ({path})", "a line is: id, id TAB text, or JSON with _id")
    return names

"""Runs as objects of objects: ``{query: {document: score}}``, and mteb's predictions, which hold several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Bytes, Float64s
from intrex.data.errors import BadInput, Problems, json_type
from intrex.data.ids import id_problem
from intrex.data.io.idarrays import id_array
from intrex.data.rankings.jsonfiles import Repeated, members_of, repeated_names
from intrex.data.run import RunTable, run_name

JSON_LAYOUT = "{query: {document: score}}"
FLOAT32_ENDS = 2.0**128 - 2.0**103  # rounds to infinity from here on
_META = ("mteb_model_meta", "model")
_NUMBERS = {int, float}


def nested_table(ranked: Mapping[str, Any], path: Path, problems: Problems, ends: float) -> RunTable:
    """Return the run of ``{query: {document: score}}``; what cannot be goes to ``problems`` with its query.

    Args:
        ranked: the object.
        path: where it is from.
        problems: told of everything that is wrong.
        ends: scores are below it.
    """
    problems.suggest(f"a JSON run reads {JSON_LAYOUT}")
    columns = _sound_columns(ranked, path, ends)
    if columns is None:
        rows = list(_rows(ranked, path, problems, ends))
        problems.raise_if_any()
        columns = _columns(rows)
    if not len(columns[0]):
        raise BadInput(f"the run has no line ({path})", f"a JSON run reads {JSON_LAYOUT}")
    return RunTable(*columns, None, tag=run_name(path), unique=True)


def _columns(rows: list[tuple[str, str, float]]) -> tuple[Bytes, Bytes, Float64s]:
    queries, docs = (id_array([row[i] for row in rows], lambda _, __: None) for i in (0, 1))
    return queries, docs, np.array([row[2] for row in rows], np.float64)


def _sound_columns(
    ranked: Mapping[str, Any], path: Path, ends: float
) -> tuple[Bytes, Bytes, Float64s] | None:
    """Return the columns where nothing is wrong, all rows at once; None where something is."""
    rankings = ranked.values()
    if isinstance(ranked, Repeated) or any(type(ranking) is not dict for ranking in rankings):
        return None
    faults: list[int] = []
    names = id_array(list(ranked), lambda at, _: faults.append(at))
    docs = id_array(list(chain.from_iterable(rankings)), lambda at, _: faults.append(at))
    values = list(chain.from_iterable(map(dict.values, rankings)))
    if faults or not set(map(type, values)) <= _NUMBERS:
        return None
    try:
        scores = np.array(values, np.float64)
    except OverflowError:  # an integer beyond float64
        return None
    if not (np.abs(scores) < ends).all():
        return None
    return np.repeat(names, [len(ranking) for ranking in rankings]), docs, scores


def _rows(
    ranked: Mapping[str, Any], path: Path, problems: Problems, ends: float
) -> Iterator[tuple[str, str, float]]:
    """Yield (query, document, score) of what is sound; the rest goes to ``problems``."""
    for query in repeated_names(ranked):
        problems.add(f"{path.name}, query {query!r}", "the query stands twice")
    for query, docs in members_of(ranked):
        where = f"{path.name}, query {query!r}"
        if problem := id_problem(query):
            problems.add(where, problem)
        if not isinstance(docs, dict):
            problems.add(where, f"the ranking is {json_type(docs)}, an object is needed")
            continue
        for doc in repeated_names(docs):
            problems.add(where, f"document {doc!r} stands twice")
        for doc, score in docs.items():
            if problem := id_problem(doc) or score_problem(doc, score, ends):
                problems.add(where, problem)
            else:
                yield query, doc, float(score)


def score_problem(doc: str, score: Any, ends: float = FLOAT32_ENDS) -> str | None:
    """Describe what is wrong with a score, or return None."""
    if type(score) not in _NUMBERS:
        return f"the score of {doc!r} is {json_type(score)}, a number is needed"
    if not abs(score) < ends:
        kind = "float32 " if ends == FLOAT32_ENDS else ""
        return f"the score of {doc!r} is {float_text(score)}, a finite {kind}number is needed"
    return None


def float_text(score: float) -> str:
    """Write a score for messages, an integer of any length too."""
    try:
        return repr(float(score))
    except OverflowError:
        return "inf"


def mteb_rankings(value: Any) -> dict[str, Mapping[str, Any]] | None:
    """Return the runs of mteb's predictions by ``subset/split``; None where an object is none of that kind.

    The form is that of mteb 2's ``AbsTask._save_task_predictions``: beside the model, for each subset an object of splits,
    each of which is a run.
    """
    if not isinstance(value, dict):
        return None
    runs: dict[str, Mapping[str, Any]] = {}
    for subset, splits in value.items():
        if subset in _META:
            continue
        if not isinstance(splits, dict):
            return None
        for split, run in splits.items():
            if (
                not isinstance(run, dict)
                or not run
                or not all(isinstance(docs, dict) for docs in run.values())
            ):
                return None
            runs[f"{subset}/{split}"] = run
    return runs or None

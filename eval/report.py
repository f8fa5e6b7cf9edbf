"""Scores as tables: wide to read, long to compute with."""

from __future__ import annotations

from collections.abc import Sequence

from intrex.eval.measures import Measure
from intrex.eval.scorefile import SystemScores

Cell = str | int | float
Table = tuple[list[str], list[list[Cell]]]


def summary(systems: Sequence[SystemScores], measures: Sequence[Measure], wide: bool) -> Table:
    """Means: one row a system (wide), or one row a value with its counts and signature (long)."""
    names = [str(m) for m in measures]
    means = [one.scores.means(one.conditions.complete) for one in systems]
    if wide:
        headers = ["system", *names, "queries", "missing"]
        return headers, [
            [s.system, *(m[n] for n in names), _n(s), s.scores.n_missing]
            for s, m in zip(systems, means, strict=True)
        ]
    headers = ["system", "measure", "value", "n_queries", "n_missing", "signature"]
    rows: list[list[Cell]] = [
        [s.system, n, m[n], _n(s), s.scores.n_missing, s.conditions.signature()]
        for s, m in zip(systems, means, strict=True)
        for n in names
    ]
    return headers, rows


def by_query(systems: Sequence[SystemScores], measures: Sequence[Measure], wide: bool) -> Table:
    """Every query's values, then the means as the query ``all``."""
    names = [str(m) for m in measures]
    headers = ["system", "query", *names] if wide else ["system", "query", "measure", "value", "signature"]
    rows: list[list[Cell]] = []
    for one in systems:
        shown = one.scores.answered | one.conditions.complete
        lines = [
            (q, v[: len(names)].tolist())
            for q, v, keep in zip(one.scores.query_ids, one.scores.values, shown, strict=True)
            if keep
        ]
        means = one.scores.means(one.conditions.complete)
        for query, values in [*lines, ("all", [means[n] for n in names])]:
            if wide:
                rows.append([one.system, query, *values])
            else:
                rows += [
                    [one.system, query, n, v, one.conditions.signature()]
                    for n, v in zip(names, values, strict=True)
                ]
    return headers, rows


def _n(one: SystemScores) -> int:
    return len(one.scores.query_ids) - (0 if one.conditions.complete else one.scores.n_missing)

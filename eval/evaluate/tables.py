"""Scores as tables: wide to read, long to compute with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from intrex.eval.dialects.output import TOLERANCE
from intrex.eval.evaluate.explain import Explanation
from intrex.eval.measures import Measure
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.tables import Cell, Table

LEFT_OUT = "left out"
ACROSS = 5
"""With more measures than this, a table to read has a line for each of them and a column for each system."""


def score_table(systems: Sequence[SystemScores], measures: Sequence[Measure], wide: bool) -> Table[Cell]:
    """Return one figure for each measure: to read (wide), or one row a value with its counts and signature (long)."""
    names = [str(m) for m in measures]
    means = [system.scores.means(system.conditions.complete) for system in systems]
    cells = [[_cell(m, mean[str(m)]) for m in measures] for mean in means]
    if wide and len(names) > ACROSS:
        rows: list[list[Cell]] = [[n, *(c[i] for c in cells)] for i, n in enumerate(names)]
        rows.append(["queries", *map(_query_count, systems)])
        rows.append(["missing", *(s.scores.n_missing for s in systems)])
        return ["measure", *(s.system for s in systems)], rows
    if wide:
        headers = ["system", *names, "queries", "missing"]
        return headers, [
            [s.system, *c, _query_count(s), s.scores.n_missing] for s, c in zip(systems, cells, strict=True)
        ]
    headers = ["system", "measure", "value", "n_queries", "n_missing", "signature"]
    return headers, [
        [s.system, n, m[n], count, s.scores.n_missing, s.conditions.signature(s.system)]
        for s, m in zip(systems, means, strict=True)
        for n, count in zip(names, _query_counts(s), strict=False)
    ]


def query_table(
    systems: Sequence[SystemScores], measures: Sequence[Measure], wide: bool, total: bool = True
) -> Table[Cell]:
    """Return every query's values, then (with ``total``) the figures over all as the query ``all``."""
    names = [str(m) for m in measures]
    headers = ["system", "query", *names] if wide else ["system", "query", "measure", "value", "signature"]
    rows: list[list[Cell]] = []
    for system in systems:
        lines = list(_lines(system, measures))
        if total:
            means = system.scores.means(system.conditions.complete)
            lines.append(("all", [means[n] for n in names]))
        for query, values in lines:
            cells = [
                LEFT_OUT if v is None else _cell(m, v) if wide else v
                for m, v in zip(measures, values, strict=True)
            ]
            if wide:
                rows.append([system.system, query, *cells])
            else:
                signature = system.conditions.signature(system.system)
                figures = ((n, c) for n, c in zip(names, cells, strict=True) if c != LEFT_OUT)
                rows += [[system.system, query, n, c, signature] for n, c in figures]
    return headers, rows


def _lines(system: SystemScores, measures: Sequence[Measure]) -> Iterator[tuple[str, list[float | None]]]:
    """Yield each query that counts for some measure, with its values; None where it does not count."""
    at = [system.scores.measures.index(m) for m in measures]
    counted = system.scores.counted(system.conditions.complete)[:, at]
    values = system.scores.values[:, at]
    for i in np.flatnonzero(counted.any(axis=1)).tolist():
        cells = zip(values[i].tolist(), counted[i].tolist(), strict=True)
        yield system.scores.query_ids[i], [v if k else None for v, k in cells]


def _cell(measure: Measure, value: float) -> Cell:
    """Return a count without decimals, to read."""
    return int(value) if measure.kind == "sum" else value


def _query_counts(system: SystemScores) -> list[int]:
    """Return how many queries each measure's figure is of."""
    counts: list[int] = system.scores.counted(system.conditions.complete).sum(axis=0).tolist()
    return counts


def _query_count(system: SystemScores) -> Cell:
    """Return how many queries the figures are of; a range where another tool's measures differ in it."""
    counts = _query_counts(system)
    return counts[0] if min(counts) == max(counts) else f"{min(counts)}..{max(counts)}"


def switch_table(explanations: Sequence[Explanation], tool: str) -> Table[Cell]:
    """Return the way from our figures to a tool's, a line for each rule that changed one; not of measures that agree."""
    rows: list[list[Cell]] = []
    for e in explanations:
        if agrees(e):
            continue
        m = e.measure
        rows.append([str(m), "intrex", _cell(m, e.our_mean), "", int((~np.isnan(e.our_values)).sum())])
        for switch in e.switches:
            changed = int((np.abs(switch.changed) > TOLERANCE).sum())
            rows.append(["", switch.rule, _cell(m, switch.mean), changed, switch.n_queries])
        suffix = "" if e.explained else " (not explained)"
        n_tool = int((~np.isnan(e.tool_values)).sum())
        unexplained = int((e.residual != 0).sum()) or ""
        rows.append(["", tool + suffix, _cell(m, e.tool_mean), unexplained, n_tool])
    return ["measure", "rule", "value", "changed", "queries"], rows


def agrees(explanation: Explanation) -> bool:
    """Tell whether no rule changed anything and nothing is unexplained."""
    return not explanation.switches and explanation.explained


def _signed(value: float) -> str:
    """Print four decimals with the sign; an exponent where those would all be 0."""
    return f"{value:+.0e}" if 0 < abs(value) < 0.00005 else f"{value:+.4f}"


def difference_table(
    explanations: Sequence[Explanation], tool: str, wide: bool, most: int | None = None
) -> Table[Cell]:
    """Return the queries whose values differ: to read, the largest difference first and at most ``most`` of a measure."""
    table: list[list[Cell]] = []
    for e in explanations:
        gap = np.nan_to_num(e.tool_values) - np.nan_to_num(e.our_values)
        moved = np.isnan(e.tool_values) != np.isnan(e.our_values)
        rows = np.flatnonzero((np.abs(gap) > TOLERANCE) | moved)
        if wide:
            rows = rows[np.argsort(-np.abs(gap[rows]), kind="stable")]
        for i in rows[:most]:
            values = [
                LEFT_OUT if np.isnan(v) else _cell(e.measure, float(v))
                for v in (e.our_values[i], e.tool_values[i])
            ]
            difference: Cell = _signed(float(gap[i])) if wide else float(gap[i])
            if moved[i]:
                difference = ""  # there is no difference to a value that is left out
            table.append([str(e.measure), e.query_ids[i], *values, difference, e.reason(int(i))])
        if most is not None and len(rows) > most:
            table.append([str(e.measure), f"{len(rows) - most:,} more", "", "", "", "-q shows them"])
    return ["measure", "query", "intrex", tool, "difference", "rules"], table

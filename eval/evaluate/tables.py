"""Scores as tables: wide to read, long to compute with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from intrex.eval.dialects.theirs import TOLERANCE
from intrex.eval.evaluate.explain import Explanation
from intrex.eval.measures import Measure
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.tables import Cell, Table

LEFT_OUT = "left out"
ACROSS = 5
"""With more measures than this, a table to read has a line for each of them and a column for each system."""


def summary(systems: Sequence[SystemScores], measures: Sequence[Measure], wide: bool) -> Table[Cell]:
    """One figure for each measure: to read (wide), or one row a value with its counts and signature (long)."""
    names = [str(m) for m in measures]
    means = [one.scores.means(one.conditions.complete) for one in systems]
    cells = [[_cell(m, mean[str(m)]) for m in measures] for mean in means]
    if wide and len(names) > ACROSS:
        rows: list[list[Cell]] = [[n, *(c[i] for c in cells)] for i, n in enumerate(names)]
        rows += [["queries", *map(_counted, systems)], ["missing", *(s.scores.n_missing for s in systems)]]
        return ["measure", *(s.system for s in systems)], rows
    if wide:
        headers = ["system", *names, "queries", "missing"]
        return headers, [
            [s.system, *c, _counted(s), s.scores.n_missing] for s, c in zip(systems, cells, strict=True)
        ]
    headers = ["system", "measure", "value", "n_queries", "n_missing", "signature"]
    return headers, [
        [s.system, n, m[n], count, s.scores.n_missing, s.conditions.signature()]
        for s, m in zip(systems, means, strict=True)
        for n, count in zip(names, _n(s), strict=False)
    ]


def by_query(
    systems: Sequence[SystemScores], measures: Sequence[Measure], wide: bool, total: bool = True
) -> Table[Cell]:
    """Every query's values, then (with ``total``) the figures over all as the query ``all``."""
    names = [str(m) for m in measures]
    headers = ["system", "query", *names] if wide else ["system", "query", "measure", "value", "signature"]
    rows: list[list[Cell]] = []
    for one in systems:
        means = one.scores.means(one.conditions.complete)
        lines = list(_lines(one, measures))
        if total:
            lines.append(("all", [means[n] for n in names]))
        for query, values in lines:
            cells = [
                LEFT_OUT if v is None else _cell(m, v) if wide else v
                for m, v in zip(measures, values, strict=True)
            ]
            if wide:
                rows.append([one.system, query, *cells])
            else:
                signature = one.conditions.signature()
                rows += [
                    [one.system, query, n, c, signature]
                    for n, c in zip(names, cells, strict=True)
                    if c != LEFT_OUT
                ]
    return headers, rows


def _lines(one: SystemScores, measures: Sequence[Measure]) -> Iterator[tuple[str, list[float | None]]]:
    """Each query that counts for some measure, with its values; None where it does not count."""
    at = [one.scores.measures.index(m) for m in measures]
    kept = one.scores.counted(one.conditions.complete)[:, at]
    values = one.scores.values[:, at]
    for i in np.flatnonzero(kept.any(axis=1)).tolist():
        cells = zip(values[i].tolist(), kept[i].tolist(), strict=True)
        yield one.scores.query_ids[i], [v if k else None for v, k in cells]


def _cell(measure: Measure, value: float) -> Cell:
    """A count without decimals, to read."""
    return int(value) if measure.kind == "sum" else value


def _n(one: SystemScores) -> list[int]:
    """How many queries each measure's figure is of."""
    found: list[int] = one.scores.counted(one.conditions.complete).sum(axis=0).tolist()
    return found


def _counted(one: SystemScores) -> Cell:
    """How many queries the figures are of; a range where another tool's measures differ in it."""
    counts = _n(one)
    return counts[0] if min(counts) == max(counts) else f"{min(counts)}..{max(counts)}"


def switches(found: Sequence[Explanation], tool: str) -> Table[Cell]:
    """The way from our figures to a tool's, a line for each rule that changed one; not of measures that agree."""
    rows: list[list[Cell]] = []
    for one in found:
        if agree(one):
            continue
        m = one.measure
        rows.append([str(m), "intrex", _cell(m, one.our_mean), "", int((~np.isnan(one.ours)).sum())])
        for switch in one.switches:
            changed = int((np.abs(switch.changed) > TOLERANCE).sum())
            rows.append(["", switch.rule, _cell(m, switch.mean), changed, switch.n_queries])
        left = "" if one.explained else " (not explained)"
        n_theirs = int((~np.isnan(one.theirs)).sum())
        rest = int((one.residual != 0).sum()) or ""
        rows.append(["", tool + left, _cell(m, one.their_mean), rest, n_theirs])
    return ["measure", "rule", "value", "changed", "queries"], rows


def agree(one: Explanation) -> bool:
    """Whether no rule changed anything and nothing is unexplained."""
    return not one.switches and one.explained


def _signed(value: float) -> str:
    """Four decimals with the sign; an exponent where those would all be 0."""
    return f"{value:+.0e}" if 0 < abs(value) < 0.00005 else f"{value:+.4f}"


def differences(found: Sequence[Explanation], tool: str, wide: bool, most: int | None = None) -> Table[Cell]:
    """The queries whose values differ: to read, the largest difference first and at most ``most`` of a measure."""
    rows: list[list[Cell]] = []
    for one in found:
        gap = np.nan_to_num(one.theirs) - np.nan_to_num(one.ours)
        moved = np.isnan(one.theirs) != np.isnan(one.ours)
        chosen = np.flatnonzero((np.abs(gap) > TOLERANCE) | moved)
        if wide:
            chosen = chosen[np.argsort(-np.abs(gap[chosen]), kind="stable")]
        for i in chosen[:most]:
            values = [
                LEFT_OUT if np.isnan(v) else _cell(one.measure, float(v))
                for v in (one.ours[i], one.theirs[i])
            ]
            shown: Cell = _signed(float(gap[i])) if wide else float(gap[i])
            if moved[i]:
                shown = ""  # there is no difference to a value that is left out
            rows.append([str(one.measure), one.query_ids[i], *values, shown, one.reason(int(i))])
        if most is not None and len(chosen) > most:
            rows.append([str(one.measure), f"{len(chosen) - most:,} more", "", "", "", "-q shows them"])
    return ["measure", "query", "intrex", tool, "difference", "rules"], rows

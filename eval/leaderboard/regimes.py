"""Scores of a split: interpolation, extrapolation and the gap of one system, with intervals.

Every test query is scored by the model of each fold. The gap that counts is paired by query: the mean of its
interpolation scores minus the mean of its extrapolation scores, so that how hard a query is cancels; of a scorer that
was not trained it is 0. Means over regimes, raw, mix that difficulty in (Zhan et al. 2022 report those).

All figures are linear in the scores: a query's share of each is computed once. Intervals are by Student's t over queries,
or groups of them, within strata (queries that are in the same regime in every fold), each carrying the scores of all
models. They are conditional on the trained models, unless there are several trainings, whose variance is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.data.errors import BadInput
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.intervals import spread_of, spread_over_trainings
from intrex.eval.splits.split import REGIMES, Split

NONE = -1
MACRO, MICRO, PAIRED, GAP = "macro", "micro", "paired", "gap"


@dataclass(frozen=True)
class RegimePlan:
    """Regimes of queries by fold.

    Attributes:
        queries: [n] test queries, in byte order.
        folds: [f] names of the folds.
        regime: [n, f] int64, the position in `REGIMES` of a query in a fold, or -1.
    """

    queries: tuple[str, ...]
    folds: tuple[str, ...]
    regime: Int64s

    @classmethod
    def of(cls, split: Split) -> RegimePlan:
        """Return the plan of a split; raises `BadInput` when a regime has no query in any fold."""
        queries = tuple(split.test_ids)
        place = {q: i for i, q in enumerate(queries)}
        regime = np.full((len(queries), len(split.folds)), NONE, np.int64)
        for column, fold in enumerate(split.folds):
            for name, ids in fold.regimes.items():
                regime[[place[i] for i in ids], column] = REGIMES.index(name)
        for number, name in enumerate(REGIMES):
            if not (regime == number).any():
                raise BadInput(f"the split has no query for {name} in any fold", "make the split again")
        return cls(queries, tuple(f.name for f in split.folds), regime)

    @property
    def strata(self) -> Int64s:
        """[n] the stratum of each query: queries of one are in the same regimes."""
        return np.unique(self.regime, axis=0, return_inverse=True)[1].ravel().astype(np.int64)


@dataclass(frozen=True)
class Figure:
    """Figure with its interval, and of how many queries (of query and fold pairs, where pooled) it is."""

    value: float
    low: float
    high: float
    n: int


Place = tuple[str, str]
"""Fold and regime of a figure. Beside the folds, ``macro`` is the mean of their means, ``micro`` the mean over all pairs of
query and fold; the regime ``gap`` of both is interpolation minus extrapolation. Fold ``paired``, regime ``gap`` is the
paired gap, over the queries that are in both regimes, if there are any: positive when interpolation is better."""


def per_query(plan: RegimePlan, scores: Float64s) -> Float64s:
    """Average each query over the folds in which it is in a regime: [n, 2] for `REGIMES`, NaN where there is none."""
    out = np.full((len(plan.queries), len(REGIMES)), np.nan)
    for number in range(len(REGIMES)):
        inside = plan.regime == number
        count = inside.sum(axis=1)
        rows = count > 0
        out[rows, number] = np.where(inside, scores, 0.0).sum(axis=1)[rows] / count[rows]
    return out


def regime_scores(
    plan: RegimePlan, scores: Float64s, groups: Groups | None = None, trainings: Sequence[Float64s] = ()
) -> dict[Place, Figure]:
    """Compute all figures of one system by one measure.

    Args:
        plan: who is in which regime.
        scores: [n, f] float64: query i scored by the model of fold j; what is in no regime is not looked at.
        groups: [n] which queries are one observation; each its own without it.
        trainings: scores [n, f] of each of several trainings, of which ``scores`` are the mean. Half widths over queries
            and over trainings, which are independent, are added as squares (MOVER: Zou and Donner 2008, section 2).
    """
    columns = _shares(plan, scores)
    halves = spread_of(_stack(columns), groups or Groups.alone(len(scores)), plan.strata).half_widths()
    if len(trainings) > 1:
        figures = np.stack([_stack(_shares(plan, training)).sum(axis=0) for training in trainings])
        halves = np.hypot(halves, spread_over_trainings(figures).half_widths())
    values = _stack(columns).sum(axis=0)
    return {
        place: Figure(float(v), float(v - half), float(v + half), n)
        for (place, (_, n)), v, half in zip(columns.items(), values, halves, strict=True)
    }


def _stack(columns: dict[Place, tuple[Float64s, int]]) -> Float64s:
    return np.stack([shares for shares, _ in columns.values()], axis=1)


def _shares(plan: RegimePlan, scores: Float64s) -> dict[Place, tuple[Float64s, int]]:
    """Return each query's share [n] of every figure, which is their sum; and of how many it is."""
    columns: dict[Place, tuple[Float64s, int]] = {}
    for number, name in enumerate(REGIMES):
        mask = plan.regime == number
        masked = np.where(mask, scores, 0.0)
        sizes = mask.sum(axis=0)
        used = np.flatnonzero(sizes)
        for j in used.tolist():
            columns[plan.folds[j], name] = masked[:, j] / sizes[j], int(sizes[j])
        macro = (masked[:, used] / sizes[used]).sum(axis=1) / len(used)
        columns[MACRO, name] = macro, int(sizes.sum())
        columns[MICRO, name] = masked.sum(axis=1) / sizes.sum(), int(sizes.sum())
    for kind in (MACRO, MICRO):
        (inter, n), (extra, m) = (columns[kind, name] for name in REGIMES)
        columns[kind, GAP] = inter - extra, n + m
    means = per_query(plan, scores)
    paired = ~np.isnan(means).any(axis=1)
    if paired.any():
        gap = np.where(paired, means[:, 0] - means[:, 1], 0.0) / paired.sum()
        columns[PAIRED, GAP] = gap, int(paired.sum())
    return columns

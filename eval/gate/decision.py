"""Decision of a gate: a drop that is too large is shown, or a smaller one is, or the queries cannot tell.

Two one-sided tests of the paired differences d = new - baseline against the margin: that the mean lies above -max_drop
(non-inferiority), and that it lies below. Source: Schuirmann 1987 (two one-sided tests); Berger 1982 for several
measures that must all hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Float64s
from intrex.eval.compare.align import Aligned
from intrex.eval.compare.paired import noncentrality, spread_of_mean
from intrex.eval.compare.resampling import TOLERANCE, resampled_means
from intrex.eval.gate.options import GateOptions
from intrex.eval.scoring.groups import Groups

PASS, FAIL, UNDECIDED = "pass", "fail", "undecided"


@dataclass(frozen=True)
class QueryLoss:
    """Query that lost, with both values and its text, which may be empty."""

    query: str
    baseline: float
    new: float
    difference: float
    text: str


@dataclass(frozen=True)
class MeasureDecision:
    """Decision by one measure.

    Attributes:
        measure: canonical name.
        mean_baseline: mean over the queries.
        mean_new: of the new run.
        difference: new - baseline.
        low: what the difference is shown to lie above, at ``alpha``.
        high: what it is shown to lie below, at ``alpha`` divided by the number of measures.
        p_smaller_drop: p of the claim that the drop is smaller than the margin.
        p_larger_drop: p of the claim that it is at least as large, times the number of measures.
        verdict: pass, fail or undecided.
        detectable: the margin that these queries would pass, four times out of five, if nothing had changed; None where
            they say nothing about it.
        queries_needed: how many queries would do so with the margin asked for; None likewise.
        n_queries: queries compared.
        n_groups: observations among them.
        losses: queries that lost most.
    """

    measure: str
    mean_baseline: float
    mean_new: float
    difference: float
    low: float
    high: float
    p_smaller_drop: float
    p_larger_drop: float
    verdict: str
    detectable: float | None
    queries_needed: int | None
    n_queries: int
    n_groups: int
    losses: list[QueryLoss]


def decide(data: Aligned, measure: int, texts: dict[str, str], options: GateOptions) -> MeasureDecision:
    """Decide by one measure of two systems, the baseline and the new one.

    A pass needs every measure, so each is tested at ``alpha``; a failure needs one, so there the level is divided by
    their number.

    Args:
        data: the two systems side by side, the baseline first.
        measure: its column.
        texts: of queries, by id.
        options: margin, risk, test.
    """
    values = data.values[:, :, measure]
    differences = values[:, 1] - values[:, 0]
    family = len(data.measures)
    low, p_smaller = _show_above(differences, -options.max_drop, data.groups, options, options.alpha)
    # a drop of just the margin is too large already
    margin = options.max_drop - 2 * TOLERANCE
    below, p_larger = _show_above(-differences, margin, data.groups, options, options.alpha / family)
    verdict = UNDECIDED
    if p_smaller <= options.alpha:
        verdict = PASS
    elif p_larger * family <= options.alpha:
        verdict = FAIL
    detectable = _detectable(differences, data.groups, options.alpha)
    needed = None
    if detectable is not None:
        needed = max(2, math.ceil(len(differences) * (detectable / options.max_drop) ** 2))
    means = values.mean(axis=0)
    return MeasureDecision(
        data.measures[measure], float(means[0]), float(means[1]), float(differences.mean()), low, -below,
        p_smaller, min(1.0, p_larger * family), verdict, detectable, needed, len(differences), len(data.groups),
        _losses(data, measure, differences, texts, options.losses),
    )  # fmt: skip


def _show_above(
    differences: Float64s, threshold: float, groups: Groups, options: GateOptions, alpha: float
) -> tuple[float, float]:
    """Return the lower bound of the mean difference at a level, and the one-sided p of its lying above a threshold."""
    if len(groups) < 2:  # one observation says nothing about others
        return -math.inf, 1.0
    mean = float(differences.mean())
    if options.test == "bootstrap":
        return _by_bootstrap(differences, mean, threshold, groups, options, alpha)
    from scipy.special import stdtr, stdtrit

    spread = spread_of_mean(differences, groups)
    error, freedom = float(spread.errors[0]), float(spread.freedom[0])
    if not error:
        return mean, 0.0 if mean - threshold > TOLERANCE else 1.0
    return mean - float(stdtrit(freedom, 1 - alpha)) * error, float(
        stdtr(freedom, (threshold - mean) / error)
    )


def _by_bootstrap(
    differences: Float64s, mean: float, threshold: float, groups: Groups, options: GateOptions, alpha: float
) -> tuple[float, float]:
    """Do it by resamples that are shifted to the threshold; the bound is where p reaches the level."""
    sums = groups.sums(differences)
    strays = np.sort(resampled_means(sums, groups.sizes, options.samples, options.seed) - mean)
    reached = int((strays >= mean - threshold - TOLERANCE).sum())
    beyond = math.floor(alpha * (1 + options.samples)) - 1
    return mean - float(strays[-1 - beyond]), (1 + reached) / (1 + options.samples)


def _detectable(differences: Float64s, groups: Groups, alpha: float) -> float | None:
    """Return the margin that would be passed with power 0.8 if the mean difference were 0, by the t-test; None without any spread."""
    n = len(groups)
    error = float(spread_of_mean(differences, groups).errors[0])
    return None if n < 2 or not error else noncentrality(n, alpha, 1) * error


def _losses(
    data: Aligned, measure: int, differences: Float64s, texts: dict[str, str], count: int
) -> list[QueryLoss]:
    """Return the queries that lost most, equal ones in the order of the judgements."""
    order = np.argsort(differences.round(12), kind="stable")[:count]
    return [
        QueryLoss(
            query := data.query_ids[i], float(data.values[i, 0, measure]), float(data.values[i, 1, measure]),
            float(differences[i]), texts.get(query, ""),
        )
        for i in order.tolist()
        if differences[i] < -TOLERANCE
    ]  # fmt: skip

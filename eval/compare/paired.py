"""Statistics of paired differences: t, Wilcoxon, effect sizes, and what a number of queries can detect."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.eval.compare.resampling import EXACT_QUERIES, TOLERANCE, randomization
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.intervals import LEVEL, Spread, spread_of

POWER = 0.8
DETECT_AT = 0.05


@dataclass(frozen=True)
class Effect:
    """Sizes of the effect in a sample of differences, apart from significance; None where it is not defined.

    Attributes:
        mean: mean difference.
        d_z: mean / standard deviation (Cohen 1988); 0 when all differences are 0, None when they are all equal
            otherwise, or with one query.
        hedges: d_z times 1 - 3 / (4 (n - 1) - 1), which takes out most of the bias of small samples; None
            below three queries, where the factor is no use.
        wins: queries with a positive difference, beyond the tolerance.
        ties: queries without a difference.
        losses: queries with a negative difference.
        low: lower end of the interval of the mean difference, see `intrex.eval.scoring.intervals`.
        high: upper end.
        detectable: see `detectable_difference`.
    """

    mean: float
    low: float
    high: float
    d_z: float | None
    hedges: float | None
    wins: int
    ties: int
    losses: int
    detectable: float | None


def spread_of_mean(
    differences: Float64s, groups: Groups | None = None, strata: Int64s | None = None
) -> Spread:
    """Return the variance of the mean of differences [n], by group within strata [n]."""
    n = len(differences)
    return spread_of(differences[:, None] / n, groups or Groups.alone(n), strata)


def effect(
    differences: Float64s,
    groups: Groups | None = None,
    level: float = LEVEL,
    strata: Int64s | None = None,
) -> Effect:
    """Compute the effect sizes of differences [n]: interval and detectable difference by group and stratum, the rest by query."""
    n, mean = len(differences), float(np.mean(differences))
    spread = spread_of_mean(differences, groups, strata)
    half = float(spread.half_widths(level)[0])
    deviation = float(spread_of_mean(differences).errors[0] * np.sqrt(n))
    slack = TOLERANCE * max(1.0, float(np.abs(differences).max()))
    wins, losses = int((differences > slack).sum()), int((differences < -slack).sum())
    d_z = None
    if n > 1:
        d_z = mean / deviation if deviation else (0.0 if wins == losses == 0 else None)
    hedges = d_z * (1 - 3 / (4 * (n - 1) - 1)) if d_z is not None and n > 2 else None
    detectable = detectable_difference(_observations(differences, groups, strata), float(spread.errors[0]))
    return Effect(mean, mean - half, mean + half, d_z, hedges, wins, n - wins - losses, losses, detectable)


def _observations(differences: Float64s, groups: Groups | None, strata: Int64s | None) -> int:
    """Return one more than what is left of the queries, or groups, behind the mean of each stratum."""
    return len(groups or differences) - (0 if strata is None else int(strata.max()))


def t_test(differences: Float64s, groups: Groups | None = None, strata: Int64s | None = None) -> float:
    """Compute the two-sided p of the paired t-test on differences [n] (Student 1908), by group within strata [n].

    The degrees of freedom are the number of queries, or of groups, less one; over strata see `spread_of`. Without any spread t is 0/0 or infinite: p
    is 1 when all differences are 0, and 0 when they are all the same other number. One query or group says nothing
    about spread: p is 1.
    """
    from scipy.special import stdtr

    if _observations(differences, groups, strata) < 2:
        return 1.0
    spread = spread_of_mean(differences, groups, strata)
    mean, error = abs(float(np.mean(differences))), float(spread.errors[0])
    if not error:
        return 1.0 if mean <= TOLERANCE else 0.0
    return float(2 * stdtr(spread.freedom[0], -mean / error))


def wilcoxon(differences: Float64s) -> float:
    """Compute the two-sided p of Wilcoxon's signed-rank test (1945) on differences [n]; zeros are dropped (scipy's ``wilcox``).

    Exact for up to 16 differences that are not zero (ties share the mean rank), and up to 50 without ties; beyond,
    the normal approximation with its correction for ties. p is 1 when nothing is left.
    """
    nonzero = differences[differences != 0]
    if not len(nonzero):
        return 1.0
    sizes = np.abs(nonzero)
    if len(nonzero) <= EXACT_QUERIES:  # the randomisation test of signed ranks, over all signs
        _, group, count = np.unique(sizes, return_inverse=True, return_counts=True)
        rank = (np.cumsum(count) - (count - 1) / 2)[group]
        scores = np.stack([np.zeros(len(nonzero)), rank * np.sign(nonzero)], axis=1)[:, :, None]
        return float(randomization(scores, np.array([[0, 1]]), 0, 0)[0, 0])

    from scipy.stats import wilcoxon as scipy_wilcoxon

    exact = len(nonzero) <= 50 and len(np.unique(sizes)) == len(nonzero)
    return float(scipy_wilcoxon(nonzero, method="exact" if exact else "approx", correction=False).pvalue)


def detectable_difference(n: int, error: float) -> float | None:
    """Compute the smallest true mean difference that n queries, or groups, would show, four times out of five.

    That of a two-sided paired t-test at alpha 0.05 with power 0.8: noncentrality times the standard error of the mean,
    the noncentrality solved from the noncentral t distribution. None with fewer than two queries or groups, or without
    any spread.
    """
    return None if n < 2 or not error else noncentrality(n) * error


@cache
def noncentrality(n: int, alpha: float = DETECT_AT, sides: int = 2) -> float:
    """Solve for the noncentrality at which a t-test with n - 1 degrees of freedom, of one or two sides, has power 0.8."""
    from scipy.optimize import brentq
    from scipy.special import nctdtr, stdtrit

    critical = float(stdtrit(n - 1, 1 - alpha / sides))

    def missing(shift: float) -> float:
        # NaN where the other tail is far too small
        other_tail = float(np.nan_to_num(nctdtr(n - 1, shift, -critical))) if sides == 2 else 0.0
        return float(1 - nctdtr(n - 1, shift, critical)) + other_tail - POWER

    high = 2.0
    while missing(high) < 0:
        high *= 1.5
    return float(brentq(missing, 0.1, high, xtol=1e-12))

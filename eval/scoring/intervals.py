"""Intervals of figures over queries, by group and stratum, and over trainings: Student's t.

A figure here is a sum over queries of shares that are linear in their scores: a mean has the shares value / n. Its
variance is estimated from how the shares of groups scatter within strata. Source: Cochran 1977 (Sampling Techniques,
5.4 stratified, 9.3 clusters), Satterthwaite 1946 (degrees of freedom over strata).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.eval.measures import Measure
from intrex.eval.measures.kinds import FLOOR
from intrex.eval.scoring.groups import Groups

LEVEL = 0.95
TOLERANCE = 1e-12
"""Standard errors below it are what rounding leaves of none."""


@dataclass(frozen=True)
class Spread:
    """Variance of figures [m], and its degrees of freedom [m]; infinite ones where the variance is 0."""

    variance: Float64s
    freedom: Float64s

    @property
    def errors(self) -> Float64s:
        """[m] standard errors."""
        return np.sqrt(self.variance)

    def half_widths(self, level: float = LEVEL) -> Float64s:
        """Return half the width [m] of the interval: the quantile of t times the standard error."""
        from scipy.special import stdtrit

        quantiles = stdtrit(np.minimum(self.freedom, 1e9), (1 + level) / 2)
        return np.where(self.variance > 0, quantiles * self.errors, 0.0)


def spread_of(shares: Float64s, groups: Groups, strata: Int64s | None = None) -> Spread:
    """Estimate the variance of figures from the shares of the queries sampled.

    Within each stratum the number of queries is fixed, and the groups there are a sample. Every query alone and one
    stratum give the s^2 / n of the mean; groups that cross strata are summed over them, with each stratum's correction
    for its number of groups.

    Args:
        shares: [q, m] what each query adds to each of m figures.
        groups: [q] which queries are one observation.
        strata: [q] int64 from 0; one stratum without it. A stratum of one group adds no variance: none can be seen.

    Returns:
        Variance and degrees of freedom of the m figures.
    """
    of = np.zeros(len(shares), np.int64) if strata is None else strata
    n_strata = int(of.max(initial=-1)) + 1
    queries = np.bincount(of, minlength=n_strata)
    sampled = np.bincount(
        np.unique(of * max(len(groups), 1) + groups.labels) // max(len(groups), 1), minlength=n_strata
    )
    factors = np.sqrt(np.where(sampled > 1, sampled / np.maximum(sampled - 1, 1), 1.0))[of]
    variances, freedoms = np.zeros(shares.shape[1]), np.full(shares.shape[1], np.inf)
    for m, column in enumerate(shares.T):  # one at a time: the last bits depend on no other figure
        means = np.bincount(of, weights=column, minlength=n_strata) / queries
        residuals = (column - means[of]) * factors
        sums = np.bincount(groups.labels, weights=residuals, minlength=len(groups))
        parts = np.bincount(of, weights=residuals * sums[groups.labels], minlength=n_strata).clip(0)
        variance = float((sums**2).sum())
        if variance <= (TOLERANCE * max(1.0, float(np.abs(column).sum()))) ** 2:
            continue
        variances[m] = variance
        freedoms[m] = variance**2 / float((parts**2 / np.maximum(sampled - 1, 1)).sum())
    return Spread(variances, freedoms)


def spread_over_trainings(figures: Float64s) -> Spread:
    """Estimate the variance of the mean of figures [s, m] over s trainings, s - 1 degrees of freedom."""
    trainings = len(figures)
    return Spread(figures.var(axis=0, ddof=1) / trainings, np.full(figures.shape[1], trainings - 1.0))


def is_share(measure: Measure, values: Float64s) -> bool:
    """Tell whether a measure's mean lies from 0 to 1 whatever the queries, so that its interval is cut there."""
    return measure.kind != "sum" and not measure.unbounded and bool(((values >= 0) & (values <= 1)).all())


def figure_intervals(
    values: Float64s, measures: Sequence[Measure], groups: Groups
) -> tuple[Float64s, Float64s]:
    """Compute the 95 % t interval over queries of each measure's figure, cut at 0 and 1 where it cannot leave them.

    Args:
        values: [q, m] per-query values.
        measures: [m] of the columns; the interval of a sum is that of the mean times q, that of a geometric mean is the
            one of the mean of logarithms.
        groups: [q] which queries are one observation.

    Returns:
        low [m] and high [m].
    """
    n = len(values)
    columns = [
        np.log(np.maximum(v, FLOOR)) if m.kind == "geometric" else v
        for v, m in zip(values.T, measures, strict=True)
    ]
    averaged = np.stack(columns, axis=1)
    half = spread_of(averaged / n, groups).half_widths()
    means = np.array([float(column.mean()) for column in columns])
    bounds = np.stack([means - half, means + half])
    for j, measure in enumerate(measures):
        if measure.kind == "sum":
            bounds[:, j] *= n
        elif measure.kind == "geometric":
            bounds[:, j] = np.exp(bounds[:, j])
        if is_share(measure, values[:, j]):
            bounds[:, j] = bounds[:, j].clip(0, 1)
    return bounds[0], bounds[1]


def interval_signature(groups: Groups) -> str:
    """Return what a reader needs to repeat an interval, to stand behind the conditions of the scores."""
    return f"|interval=t|groups={groups.signature()}"

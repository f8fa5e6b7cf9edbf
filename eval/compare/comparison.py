"""Comparison of systems: every pair, or all against a baseline, by every measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from intrex.data.arrays import Bools, Float64s, Int64s
from intrex.data.errors import BadInput
from intrex.eval.compare.align import Aligned
from intrex.eval.compare.corrections import correct
from intrex.eval.compare.options import Settings
from intrex.eval.compare.paired import Effect, effect, t_test, wilcoxon
from intrex.eval.compare.resampling import bootstrap, randomization
from intrex.eval.compare.tukey import randomized_tukey
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.intervals import is_share

_DECIMALS = 12  # differences that agree to here are ties for Wilcoxon's ranks


@dataclass(frozen=True)
class PairRow:
    """Pair of systems by one measure; ``difference`` is b - a, a win is a query on which b is better."""

    measure: str
    a: str
    b: str
    mean_a: float
    mean_b: float
    difference: float
    ci_low: float
    ci_high: float
    p: float
    p_corrected: float
    test: str
    correction: str
    d_z: float | None
    hedges: float | None
    wins: int
    ties: int
    losses: int
    n_queries: int
    n_groups: int
    detectable: float | None
    signature: str


@dataclass(frozen=True)
class Comparison:
    """Rows of all pairs, by measure and then by pair, and what they were made of."""

    data: Aligned
    settings: Settings
    pairs: list[tuple[int, int]]
    baseline: int | None
    rows: list[PairRow]

    @property
    def signature(self) -> str:
        """From it a reader can repeat every number."""
        return _signature(self.data, self.settings)

    @property
    def family_size(self) -> int:
        """Number of p-values that are corrected together."""
        return len(self.pairs) * (len(self.data.measures) if self.settings.family == "all" else 1)


def _signature(data: Aligned, settings: Settings) -> str:
    return (
        f"{data.conditions.signature(*data.systems)}|{settings.signature()}|groups={data.groups.signature()}"
    )


def compare(data: Aligned, settings: Settings | None = None, baseline: int | None = None) -> Comparison:
    """Compare all pairs of systems in their order, or every other system with the baseline (which is then a).

    Raises:
        BadInput: two systems have no query in common (``--no-complete``).
    """
    settings = settings or Settings()
    n = len(data.systems)
    pairs = list(combinations(range(n), 2))
    if baseline is not None:
        pairs = [(baseline, i) for i in range(n) if i != baseline]
    masks = [data.shared((a, b)) for a, b in pairs]
    for (a, b), mask in zip(pairs, masks, strict=True):
        if not mask.any():
            raise BadInput(f"{data.systems[a]} and {data.systems[b]} answer no query in common")
    p = _p_values(data, pairs, settings)
    corrected = correct(p, settings.corrected_by, settings.family == "all")
    signature = _signature(data, settings)
    rows = []
    for m, measure in enumerate(data.measures):
        for i, ((a, b), mask) in enumerate(zip(pairs, masks, strict=True)):
            mean_a, mean_b, found = pair_effect(data, (a, b), m, mask, settings)
            rows.append(
                PairRow(
                    measure, data.systems[a], data.systems[b], mean_a, mean_b,
                    found.mean, found.low, found.high, float(p[i, m]), float(corrected[i, m]), settings.test,
                    settings.corrected_by, found.d_z, found.hedges, found.wins, found.ties, found.losses,
                    int(mask.sum()), len(data.groups.only(mask)), found.detectable, signature,
                )
            )  # fmt: skip
    return Comparison(data, settings, pairs, baseline, rows)


def pair_effect(
    data: Aligned, pair: tuple[int, int], measure: int, queries: Bools, settings: Settings
) -> tuple[float, float, Effect]:
    """Return both means and the effect of a pair (a, b) on some queries [q]; the interval ends where the measure does."""
    values_a, values_b = (data.weighted(queries)[:, system, measure] for system in pair)
    strata = None if data.strata is None else data.strata[queries]
    found = effect(values_b - values_a, data.groups.only(queries), 1 - settings.alpha, strata)
    (parsed,) = parse_measures([data.measures[measure]])
    if is_share(parsed, data.values[queries][:, list(pair), measure].ravel()):
        found = replace(found, low=max(found.low, -1.0), high=min(found.high, 1.0))
    if data.weights is not None:  # a spread of weighted differences is no unit for them
        found = replace(found, d_z=None, hedges=None)
    return float(values_a.mean()), float(values_b.mean()), found


@dataclass(frozen=True)
class _Sample:
    """Pairs that share their queries: their positions, their systems, and what is permuted: a row for each group."""

    rows: list[int]
    pairs: Int64s
    values: Float64s
    sizes: Int64s


def _samples(data: Aligned, pairs: list[tuple[int, int]]) -> Iterator[_Sample]:
    positions: dict[bytes, list[int]] = defaultdict(list)
    for i, pair in enumerate(pairs):
        positions[data.shared(pair).tobytes()].append(i)
    for mask, rows in positions.items():
        queries = np.frombuffer(mask, np.bool_)
        groups = data.groups.only(queries)
        local = np.array([pairs[i] for i in rows])
        yield _Sample(rows, local, groups.sums(data.weighted(queries)), groups.sizes)


def _p_values(data: Aligned, pairs: list[tuple[int, int]], settings: Settings) -> Float64s:
    """Compute the p-values [p, m]."""
    samples, seed = settings.samples, settings.seed
    if settings.test == "tukey":
        shared = data.shared(range(len(data.systems)))
        if not shared.any():
            raise BadInput(
                "the systems answer no query in common",
                "compare fewer of them, or count missing queries as empty rankings: --complete",
            )
        sums = data.groups.only(shared).sums(data.weighted(shared))
        return randomized_tukey(sums, np.array(pairs), samples, seed)
    out = np.empty((len(pairs), len(data.measures)))
    if settings.test in ("randomization", "bootstrap"):
        for sample in _samples(data, pairs):
            if settings.test == "bootstrap":
                out[sample.rows] = bootstrap(sample.values, sample.pairs, samples, seed, sample.sizes)
            else:
                out[sample.rows] = randomization(sample.values, sample.pairs, samples, seed)
        return out
    for i, (a, b) in enumerate(pairs):
        shared = data.shared((a, b))
        groups, values = data.groups.only(shared), data.weighted(shared)
        strata = None if data.strata is None else data.strata[shared]
        for m, column in enumerate((values[:, b] - values[:, a]).T):
            if settings.test == "t":
                out[i, m] = t_test(column, groups, strata)
            else:
                out[i, m] = wilcoxon((groups.sums(column) / groups.sizes).round(_DECIMALS))
    return out

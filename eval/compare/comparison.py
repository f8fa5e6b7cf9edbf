"""Comparison of systems: every pair, or all against a baseline, by every measure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.data.errors import BadInput
from intrex.eval.compare.align import Aligned
from intrex.eval.compare.corrections import correct
from intrex.eval.compare.options import Settings
from intrex.eval.compare.paired import effect, t_test, wilcoxon
from intrex.eval.compare.resampling import Bootstrap, bootstrap, randomization
from intrex.eval.compare.tukey import randomized_tukey

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
    return f"{data.conditions.signature()}|{settings.signature()}"


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
    resampled = _bootstraps(data, pairs, settings)
    p = resampled.p if settings.test == "bootstrap" else _p_values(data, pairs, settings)
    corrected = correct(p, settings.corrected_by, settings.family == "all")
    signature = _signature(data, settings)
    rows = []
    for m, measure in enumerate(data.measures):
        for i, ((a, b), mask) in enumerate(zip(pairs, masks, strict=True)):
            values_a, values_b = data.values[mask, a, m], data.values[mask, b, m]
            sizes = effect(values_b - values_a)
            rows.append(
                PairRow(
                    measure, data.systems[a], data.systems[b], float(values_a.mean()), float(values_b.mean()),
                    sizes.mean, float(resampled.low[i, m]), float(resampled.high[i, m]),
                    float(p[i, m]), float(corrected[i, m]), settings.test, settings.corrected_by,
                    sizes.d_z, sizes.hedges, sizes.wins, sizes.ties, sizes.losses,
                    int(mask.sum()), sizes.detectable, signature,
                )
            )  # fmt: skip
    return Comparison(data, settings, pairs, baseline, rows)


def _groups(data: Aligned, pairs: list[tuple[int, int]]) -> list[tuple[list[int], Float64s, Int64s]]:
    """Group pairs that share their queries: (positions of the pairs, values [q', s, m], pairs [p', 2])."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for i, pair in enumerate(pairs):
        groups[data.shared(pair).tobytes()].append(i)
    return [
        (rows, data.values[np.frombuffer(mask, np.bool_)], np.array([pairs[i] for i in rows]))
        for mask, rows in groups.items()
    ]


def _bootstraps(data: Aligned, pairs: list[tuple[int, int]], settings: Settings) -> Bootstrap:
    out = np.empty((3, len(pairs), len(data.measures)))
    for rows, values, local in _groups(data, pairs):
        out[:, rows] = bootstrap(values, local, settings.samples, settings.seed, settings.alpha)
    return Bootstrap(*out)


def _p_values(data: Aligned, pairs: list[tuple[int, int]], settings: Settings) -> Float64s:
    """Compute the p-values [p, m] of the tests other than the bootstrap."""
    if settings.test == "tukey":
        shared = data.shared(range(len(data.systems)))
        if not shared.any():
            raise BadInput(
                "the systems answer no query in common",
                "compare fewer of them, or count missing queries as empty rankings: --complete",
            )
        return randomized_tukey(data.values[shared], np.array(pairs), settings.samples, settings.seed)
    out = np.empty((len(pairs), len(data.measures)))
    if settings.test == "randomization":
        for rows, values, local in _groups(data, pairs):
            out[rows] = randomization(values, local, settings.samples, settings.seed)
        return out
    for i, (a, b) in enumerate(pairs):
        shared = data.shared((a, b))
        for m, column in enumerate((data.values[shared, b] - data.values[shared, a]).T):
            out[i, m] = t_test(column) if settings.test == "t" else wilcoxon(column.round(_DECIMALS))
    return out

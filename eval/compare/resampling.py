"""Tests by resampling: sign flips (Fisher's randomisation) and the paired bootstrap of queries.

Sums of permuted scores are taken exactly. The scores become integers (see `fixed_point`) small enough that every sum
of n of them is a whole number below 2^53, which float64 holds without rounding. So matrix products may add in any
order, by any number of threads, and give the same bits; and permutations that tie in truth tie in the machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Float64s, Int64s

TOLERANCE = 1e-12
"""Means that differ by less are equal: what a sum of decimal fractions is off by. Above 4,096 queries, one step of
`fixed_point`, which is then larger."""
EXACT_QUERIES = 16
"""Up to here all 2^n sign flips are looked at instead of a sample."""
_CELLS = 4_000_000  # of a block of resamples; blocks depend on n alone, so that numbers do too
_SIGNS, _BOOTSTRAP = 1, 2  # each use of a seed draws from a stream of its own


@dataclass(frozen=True)
class FixedPoint:
    """Scores as whole numbers: ``values / scale`` is the score to within ``0.5 / scale``.

    Attributes:
        values: [..., m] whole numbers in float64.
        scale: [m] powers of two.
        slack: [m] with how much tolerance sums of permuted values are compared.
    """

    values: Float64s
    scale: Float64s
    slack: Float64s


def fixed_point(values: Float64s) -> FixedPoint:
    """Convert scores [q, ..., m] to whole numbers whose sums over q stay exact in float64.

    The step depends on the number of queries, and on the measure's range only where that exceeds 1. With 8,000
    queries it is 2e-12, and the error of a mean far below.
    """
    n = len(values)
    span = _span(values, tuple(range(values.ndim - 1)))
    scale = np.exp2(52 - np.ceil(np.log2(max(n, 1) * span)))
    step = np.maximum(TOLERANCE * span, 1.0 / scale)
    return FixedPoint(np.rint(values * scale), scale, n * step * scale)


def _span(values: Float64s, axes: int | tuple[int, ...]) -> Float64s:
    """Return the power of two, 1 or more, that no value along the axes exceeds."""
    spans: Float64s = np.exp2(np.ceil(np.log2(np.maximum(np.abs(values).max(axis=axes, initial=0.0), 1.0))))
    return spans


def _pairs_by_range(values: Float64s, pairs: Int64s) -> Iterator[tuple[Int64s, Float64s, Int64s]]:
    """Yield pairs of one range, so that `fixed_point` of each depends on no other system.

    Yields:
        Positions of the pairs, the scores [q, s', m] of the systems among them, the pairs by those systems' rows.
    """
    spans = _span(values, 0)
    _, group = np.unique(spans[pairs].max(axis=1), axis=0, return_inverse=True)
    for number in range(int(group.max(initial=-1)) + 1):
        rows = np.flatnonzero(group.ravel() == number)
        systems, local = np.unique(pairs[rows], return_inverse=True)
        yield rows, values[:, systems], local.reshape(-1, 2)


def blocks(samples: int, n: int) -> Iterator[tuple[int, int]]:
    """Yield (number of the block, resamples in it), by n alone: never by threads or systems."""
    rows = max(1, min(512, _CELLS // max(n, 1)))
    for block, start in enumerate(range(0, samples, rows)):
        yield block, min(rows, samples - start)


def generator(seed: int, stream: int, block: int) -> np.random.Generator:
    """Return the random numbers of one block."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stream, block])))


def pair_sums(sums: Float64s, pairs: Int64s) -> Float64s:
    """Return differences b - a of sums [..., s, m] for pairs [p, 2] of (a, b): [..., p, m]."""
    differences: Float64s = sums[..., pairs[:, 1], :] - sums[..., pairs[:, 0], :]
    return differences


def randomization(values: Float64s, pairs: Int64s, samples: int, seed: int) -> Float64s:
    """Compute the two-sided p of Fisher's randomisation test on paired scores.

    Under the null hypothesis a query's two scores could as well be swapped, which flips the sign of its difference.
    p = (1 + #{|d*| >= |d|}) / (1 + samples) over random flips (Davison and Hinkley 1997, 4.2; Phipson and Smyth
    2010 for the +1); with up to 16 queries all 2^n flips are counted, p = count / 2^n. Differences of zero stay.

    Args:
        values: [q, s, m] scores of s systems by m measures.
        pairs: [p, 2] rows (a, b) of systems.
        samples: random flips.
        seed: of the flips; all pairs and measures see the same ones.

    Returns:
        [p, m] p-values.
    """
    out = np.empty((len(pairs), values.shape[2]))
    for rows, scores, local in _pairs_by_range(values, pairs):
        out[rows] = _randomization(scores, local, samples, seed)
    return out


def _randomization(values: Float64s, pairs: Int64s, samples: int, seed: int) -> Float64s:
    n, systems, measures = values.shape
    fixed = fixed_point(values)
    total = fixed.values.sum(axis=0)
    observed = np.abs(pair_sums(total, pairs)) - fixed.slack
    flat = fixed.values.reshape(n, systems * measures)
    counts = np.zeros(observed.shape, np.int64)
    exact = n <= EXACT_QUERIES
    for flips in _all_flips(n) if exact else _random_flips(n, samples, seed):
        # the flipped sum is what is kept minus what is not: twice the kept part minus the total
        sums = 2.0 * (flips @ flat).reshape(-1, systems, measures) - total
        counts += (np.abs(pair_sums(sums, pairs)) >= observed).sum(axis=0)
    shares = counts / 2.0**n if exact else (1.0 + counts) / (1.0 + samples)
    return np.asarray(shares, np.float64)


def _all_flips(n: int) -> Iterator[Float64s]:
    """Yield all 2^n rows of zeros and ones, in pieces."""
    for start in range(0, 2**n, 4096):
        numbers = np.arange(start, min(start + 4096, 2**n))
        yield ((numbers[:, None] >> np.arange(n)) & 1).astype(np.float64)


def _random_flips(n: int, samples: int, seed: int) -> Iterator[Float64s]:
    """Yield random rows of zeros and ones, a block at a time."""
    for block, rows in blocks(samples, n):
        raw = generator(seed, _SIGNS, block).bytes(-(-rows * n // 8))
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=rows * n)
        yield bits.reshape(rows, n).astype(np.float64)


def bootstrap(
    values: Float64s, pairs: Int64s, samples: int, seed: int, sizes: Int64s | None = None
) -> Float64s:
    """Compute the two-sided p of the shifted paired bootstrap: rows drawn with replacement, the same ones for both systems.

    How often a resample strays from the observed mean difference by at least as much as that differs from zero, with
    the +1 in both counts; 1 with one row. Source: Efron and Tibshirani 1993, 16.4; Sakai 2006.

    Args:
        values: [q, s, m] scores of s systems by m measures; of groups of queries their sums.
        pairs: [p, 2] rows (a, b) of systems.
        samples: resamples.
        seed: of the resamples; all pairs and measures see the same ones.
        sizes: [q] the number of queries of each row; 1 without it. A resample's mean is over its queries.

    Returns:
        [p, m] p-values.
    """
    sizes = np.ones(len(values), np.int64) if sizes is None else sizes
    out = np.empty((len(pairs), values.shape[2]))
    for rows, scores, local in _pairs_by_range(values, pairs):
        out[rows] = _bootstrap(scores, local, samples, seed, sizes)
    return out


def _bootstrap(values: Float64s, pairs: Int64s, samples: int, seed: int, sizes: Int64s) -> Float64s:
    """Return the p-values [p, m] of pairs of one range."""
    n, systems, measures = values.shape
    fixed = fixed_point(values)
    flat = fixed.values.reshape(n, systems * measures)
    total = pair_sums(fixed.values.sum(axis=0), pairs)
    strays = np.zeros(total.shape, np.int64)
    for counts, scale in _resamples(sizes, samples, seed):
        sums = (counts @ flat).reshape(len(counts), systems, measures)
        differences = pair_sums(sums, pairs) * scale[:, None, None]
        strays += (np.abs(differences - total) >= np.abs(total) - fixed.slack).sum(axis=0)
    if n == 1:  # every resample is the one row: it tells nothing of others
        strays[:] = samples
    return np.asarray((1.0 + strays) / (1.0 + samples), np.float64)


def resampled_means(sums: Float64s, sizes: Int64s, samples: int, seed: int) -> Float64s:
    """Compute the mean of each bootstrap resample [samples] of rows drawn with replacement, those that `bootstrap` draws.

    Args:
        sums: [q] values of queries; of groups their sums.
        sizes: [q] the number of queries of each row; a resample's mean is over its queries.
        samples: resamples.
        seed: of the resamples.
    """
    fixed = fixed_point(sums[:, None])
    blocks_of_means = [
        (counts @ fixed.values)[:, 0] * scale for counts, scale in _resamples(sizes, samples, seed)
    ]
    means: Float64s = np.concatenate(blocks_of_means) / fixed.scale[0] / sizes.sum()
    return means


def _resamples(sizes: Int64s, samples: int, seed: int) -> Iterator[tuple[Float64s, Float64s]]:
    """Yield blocks of resamples: how often each row [b, q] is drawn, and what [b] makes sums as if of as many queries as there are.

    The scale is exact where groups are alike in size.
    """
    n = len(sizes)
    counts = np.empty((min(512, samples), n))
    for block, rows in blocks(samples, n):
        picks = generator(seed, _BOOTSTRAP, block).integers(0, n, (rows, n), dtype=np.uint32)
        for row in range(rows):  # one at a time: the counts of one resample fit the cache
            counts[row] = np.bincount(picks[row], minlength=n)
        yield counts[:rows], sizes.sum() / (counts[:rows] @ sizes)

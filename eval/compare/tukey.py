"""Randomised Tukey HSD: all pairs at once, with the family-wise error under control.

Random numbers are counted, not drawn: each is a hash of (seed, resample, query, word), so that the compiled and the
plain path, any block and any thread give the same permutations.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from intrex.data.arrays import Float64s, Int64s, Uint64s
from intrex.data.native.library import Library
from intrex.data.numeric.mix import GOLDEN, mix
from intrex.eval.compare.resampling import fixed_point, pair_sums

LIBRARY = Library("shuffling", ("intrex.eval.compare.kernels",))
_SMALL = 16_000_000  # scores to move: below, compiling takes longer than the work
_ROWS = 256
_PER_WORD = 4  # places that one 32-bit word decides; their bias is below 1e-5 up to 64 systems


def randomized_tukey(values: Float64s, pairs: Int64s, samples: int, seed: int) -> Float64s:
    """Compute the two-sided p of the randomised Tukey HSD test.

    Each resample shuffles every query's scores among all systems and takes the range of the means, largest minus
    smallest. p = (1 + #{range* >= |d|}) / (1 + samples): the p-values of all pairs by a measure hold together, no
    correction comes on top. Source: Carterette 2012 (ACM TOIS 30(1), section 4.3), Sakai 2018 (Laboratory Experiments in
    Information Retrieval, section 4.5).

    Args:
        values: [q, s, m] scores of s systems by m measures.
        pairs: [p, 2] rows (a, b) of systems.
        samples: shuffles.
        seed: of the shuffles; all measures see the same ones.

    Returns:
        [p, m] p-values.
    """
    fixed = fixed_point(values)
    scores = fixed.values.astype(np.int64)
    ranges = shuffled_ranges(scores, samples, seed)
    observed = np.abs(pair_sums(scores.sum(axis=0).astype(np.float64), pairs)) - fixed.slack
    ordered = np.sort(ranges, axis=0)
    counts = [samples - np.searchsorted(ordered[:, j], observed[:, j]) for j in range(values.shape[2])]
    return (1.0 + np.stack(counts, axis=1).astype(np.float64)) / (1.0 + samples)


def shuffled_ranges(scores: Int64s, samples: int, seed: int, compiled: bool | None = None) -> Float64s:
    """Return the range of the shuffled sums [samples, m] of whole scores [q, s, m]; ``compiled`` forces a path (for tests)."""
    n, systems, measures = scores.shape
    big = samples * n * systems > _SMALL if compiled is None else compiled
    kernels = LIBRARY.kernels() if big else None
    scores, (key,) = np.ascontiguousarray(scores), mix(np.array([seed % 2**64], np.uint64))
    out = np.empty((samples, measures), np.int64)

    def work(start: int) -> None:
        stop = min(start + _ROWS, samples)
        if kernels:
            order, sums = np.empty(systems, np.int64), np.empty((systems, measures), np.int64)
            kernels["ranges"](scores, *scores.shape, key, start, stop, order, sums, out)
        else:
            out[start:stop] = _plain(scores, key, np.arange(start, stop, dtype=np.uint64))

    starts = range(0, samples, _ROWS)
    if kernels:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(work, starts))
    else:
        for start in starts:
            work(start)
    return out.astype(np.float64)


def _plain(scores: Int64s, key: np.uint64, numbers: Uint64s) -> Int64s:
    """Compute the ranges of the resamples ``numbers`` by numpy: Fisher and Yates' shuffle of all queries at once."""
    n, systems, measures = scores.shape
    rows, columns = np.arange(len(numbers))[:, None], np.arange(n)[None, :]
    state = mix(numbers ^ key)[:, None] + np.arange(n, dtype=np.uint64)[None, :] * np.uint64(GOLDEN)
    order = np.broadcast_to(np.arange(systems), (len(numbers), n, systems)).copy()
    spare = word = np.zeros_like(state)
    for step, last in enumerate(range(systems - 1, 0, -1)):
        if step % (2 * _PER_WORD) == 0:
            state = mix(state)
            word, spare = state & np.uint64(0xFFFFFFFF), state >> np.uint64(32)
        elif step % _PER_WORD == 0:
            word = spare
        word = word * np.uint64(last + 1)
        pick = (word >> np.uint64(32)).astype(np.int64)
        word = word & np.uint64(0xFFFFFFFF)
        picked = order[rows, columns, pick]
        order[rows, columns, pick] = order[:, :, last]
        order[:, :, last] = picked
    sums = np.zeros((len(numbers), systems, measures), np.int64)
    for place in range(systems):
        sums[:, place] = scores[columns, order[:, :, place]].sum(axis=1)
    ranges: Int64s = sums.max(axis=1) - sums.min(axis=1)
    return ranges

"""Randomised Tukey HSD: all pairs at once, with the family-wise error under control.

Random numbers are counted, not drawn: each is a hash of (seed, resample, query, word), so that the compiled and the
plain path, any block and any thread give the same permutations.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from intrex.data.arrays import Float64s, Int64s, Uint64s
from intrex.eval.compare.resampling import fixed_point, pair_sums

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_SMALL = 16_000_000  # scores to move: below, loading numba takes longer than the work
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
    key = np.uint64(_mix_int(seed))
    out = np.empty((samples, measures), np.int64)

    def work(start: int) -> None:
        stop = min(start + _ROWS, samples)
        if big:
            _kernel()(scores, key, start, stop, out)
        else:
            out[start:stop] = _plain(scores, key, np.arange(start, stop, dtype=np.uint64))

    starts = range(0, samples, _ROWS)
    if big:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(work, starts))
    else:
        for start in starts:
            work(start)
    return out.astype(np.float64)


def _mix_int(value: int) -> int:
    """Mix a Python int by splitmix64's finaliser (Steele, Lea and Flood 2014)."""
    value = (value + _GOLDEN) & (2**64 - 1)
    value = ((value ^ (value >> 30)) * _MIX_1) & (2**64 - 1)
    value = ((value ^ (value >> 27)) * _MIX_2) & (2**64 - 1)
    return value ^ (value >> 31)


def _mix(value: Uint64s) -> Uint64s:
    """Mix an array likewise."""
    value = value + np.uint64(_GOLDEN)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(_MIX_1)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(_MIX_2)
    return value ^ (value >> np.uint64(31))


def _plain(scores: Int64s, key: np.uint64, numbers: Uint64s) -> Int64s:
    """Compute the ranges of the resamples ``numbers`` by numpy: Fisher and Yates' shuffle of all queries at once."""
    n, systems, measures = scores.shape
    rows, columns = np.arange(len(numbers))[:, None], np.arange(n)[None, :]
    state = _mix(numbers ^ key)[:, None] + np.arange(n, dtype=np.uint64)[None, :] * np.uint64(_GOLDEN)
    order = np.broadcast_to(np.arange(systems), (len(numbers), n, systems)).copy()
    spare = word = np.zeros_like(state)
    for step, last in enumerate(range(systems - 1, 0, -1)):
        if step % (2 * _PER_WORD) == 0:
            state = _mix(state)
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


@cache
def _kernel() -> Callable[..., Any]:
    """Compile `_plain`, for resamples start to stop."""
    import numba

    golden, mix_1, mix_2 = np.uint64(_GOLDEN), np.uint64(_MIX_1), np.uint64(_MIX_2)
    low, per_word = np.uint64(0xFFFFFFFF), _PER_WORD
    half, u30, u27, u31 = np.uint64(32), np.uint64(30), np.uint64(27), np.uint64(31)

    @numba.njit(inline="always")  # type: ignore[untyped-decorator]
    def mix(value: Any) -> Any:
        value = value + golden
        value = (value ^ (value >> u30)) * mix_1
        value = (value ^ (value >> u27)) * mix_2
        return value ^ (value >> u31)

    @numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
    def ranges(whole: Any, key: Any, start: int, stop: int, out: Any) -> None:
        n, systems, measures = whole.shape
        order = np.empty(systems, np.int64)
        sums = np.empty((systems, measures), np.int64)
        for sample in range(start, stop):
            sums[:] = 0
            base = mix(np.uint64(sample) ^ key)
            for query in range(n):
                state = base + np.uint64(query) * golden
                for place in range(systems):
                    order[place] = place
                word = left = np.uint64(0)
                for step in range(systems - 1):
                    last = systems - 1 - step
                    if step % (2 * per_word) == 0:
                        state = mix(state)
                        word, left = state & low, state >> half
                    elif step % per_word == 0:
                        word = left
                    word = word * np.uint64(last + 1)
                    pick = np.int64(word >> half)
                    word = word & low
                    order[last], order[pick] = order[pick], order[last]
                for place in range(systems):
                    for m in range(measures):
                        sums[place, m] += whole[query, order[place], m]
            for m in range(measures):
                out[sample, m] = sums[:, m].max() - sums[:, m].min()

    compiled: Callable[..., Any] = ranges
    return compiled

"""Random numbers that are counted, not drawn: each is a hash of its place, the same in any block and on any thread."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Uint64s

GOLDEN = 0x9E3779B97F4A7C15
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mix(value: Uint64s) -> Uint64s:
    """Mix numbers by splitmix64's finaliser (Steele, Lea and Flood 2014)."""
    value = value + np.uint64(GOLDEN)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(_MIX_1)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(_MIX_2)
    return value ^ (value >> np.uint64(31))


def stream(*places: int) -> Uint64s:
    """Return the base [1] of a stream of random numbers, named by a seed and what they are for."""
    base = np.zeros(1, np.uint64)
    for place in places:
        base = mix(base ^ np.array([place % 2**64], np.uint64))
    return base


def numbers(base: Uint64s, count: int) -> Uint64s:
    """Return ``count`` random numbers for each of ``base`` [n]: uint64 [n, count]."""
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    return mix(base[:, None] + steps[None, :])


def shuffled(base: Uint64s, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the numbers below ``count`` in a random order, int64; ``base`` is of `stream`."""
    return np.argsort(numbers(base, count)[0], kind="stable")

"""The inner loop of `intrex.eval.compare.tukey`, for numba."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Int, Int64s, inner, kernel

# As in intrex.data.numeric.mix.
GOLDEN, MIX_1, MIX_2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
U27, U30, U31, HALF, LOW = (np.uint64(n) for n in (27, 30, 31, 32, 0xFFFFFFFF))
PER_WORD = 4


@inner
def mix(value):
    """Mix the bits of a number, see `intrex.data.numeric.mix`."""
    value = value + GOLDEN
    value = (value ^ (value >> U30)) * MIX_1
    value = (value ^ (value >> U27)) * MIX_2
    return value ^ (value >> U31)


@inner
def shuffle(state, order, systems):
    """Put the systems in a random order: Fisher and Yates' shuffle."""
    for place in range(systems):
        order[place] = place
    word = left = np.uint64(0)
    for step in range(systems - 1):
        last = systems - 1 - step
        if step % (2 * PER_WORD) == 0:
            state = mix(state)
            word, left = state & LOW, state >> HALF
        elif step % PER_WORD == 0:
            word = left
        word = word * np.uint64(last + 1)
        pick = np.int64(word >> HALF)
        word = word & LOW
        order[last], order[pick] = order[pick], order[last]


@kernel(whole="n * systems * measures", order="systems", sums="systems * measures", out="stop * measures")
def ranges(
    whole: Int64s, n: Int, systems: Int, measures: Int, key: Int, start: Int, stop: Int, order: Int64s, sums: Int64s,
    out: Int64s,
) -> Int:  # fmt: skip
    """Find the ranges of the sums of shuffled scores [n, systems, measures], of the resamples start to stop."""
    for sample in range(start, stop):
        for i in range(systems * measures):
            sums[i] = 0
        base = mix(np.uint64(sample) ^ np.uint64(key))
        for query in range(n):
            shuffle(base + np.uint64(query) * GOLDEN, order, systems)
            for place in range(systems):
                first = (query * systems + order[place]) * measures
                for m in range(measures):
                    sums[place * measures + m] += whole[first + m]
        for m in range(measures):
            least = most = sums[m]
            for place in range(1, systems):
                least, most = min(least, sums[place * measures + m]), max(most, sums[place * measures + m])
            out[sample * measures + m] = most - least
    return 0

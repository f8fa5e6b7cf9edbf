"""Dot products of pairs of rows and sums of rows by group, for numba, see `intrex.data.numeric.rows`; and sorting."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Float32s, Float64s, Int, Int32s, Int64s, inner, kernel


@inner
def dot(a, p, b, q, d):
    """Dot product of ``a[p:p + d]`` and ``b[q:q + d]`` in float64.

    Dimension j is added to the j-modulo-8th of eight sums, which are then added in pairs: one order, and eight chains
    that do not wait for each other.
    """
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    s4, s5, s6, s7 = 0.0, 0.0, 0.0, 0.0
    for j in range(0, d - 7, 8):
        s0 += np.float64(a[p + j]) * np.float64(b[q + j])
        s1 += np.float64(a[p + j + 1]) * np.float64(b[q + j + 1])
        s2 += np.float64(a[p + j + 2]) * np.float64(b[q + j + 2])
        s3 += np.float64(a[p + j + 3]) * np.float64(b[q + j + 3])
        s4 += np.float64(a[p + j + 4]) * np.float64(b[q + j + 4])
        s5 += np.float64(a[p + j + 5]) * np.float64(b[q + j + 5])
        s6 += np.float64(a[p + j + 6]) * np.float64(b[q + j + 6])
        s7 += np.float64(a[p + j + 7]) * np.float64(b[q + j + 7])
    j = d - d % 8
    if j < d:
        s0 += np.float64(a[p + j]) * np.float64(b[q + j])
    if j + 1 < d:
        s1 += np.float64(a[p + j + 1]) * np.float64(b[q + j + 1])
    if j + 2 < d:
        s2 += np.float64(a[p + j + 2]) * np.float64(b[q + j + 2])
    if j + 3 < d:
        s3 += np.float64(a[p + j + 3]) * np.float64(b[q + j + 3])
    if j + 4 < d:
        s4 += np.float64(a[p + j + 4]) * np.float64(b[q + j + 4])
    if j + 5 < d:
        s5 += np.float64(a[p + j + 5]) * np.float64(b[q + j + 5])
    if j + 6 < d:
        s6 += np.float64(a[p + j + 6]) * np.float64(b[q + j + 6])
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


@kernel(a_rows="n", b_rows="n", out="n")
def pair_dots(a: Float32s, a_rows: Int64s, b: Float32s, b_rows: Int64s, n: Int, d: Int, out: Float64s) -> Int:
    """Dot product of row ``a_rows[i]`` of a and row ``b_rows[i]`` of b."""
    for i in range(n):
        out[i] = dot(a, a_rows[i] * d, b, b_rows[i] * d, d)
    return 0


@kernel(rows="n * d", groups="n", scale="n")
def add_rows(rows: Float32s, n: Int, d: Int, groups: Int32s, scale: Float64s, sums: Float64s) -> Int:
    """Add ``scale[i]`` times row i to the sum of its group, row after row."""
    for i in range(n):
        p, q, factor = i * d, np.int64(groups[i]) * d, scale[i]
        for j in range(d):
            sums[q + j] += factor * np.float64(rows[p + j])
    return 0


@inner
def merge_sort(precedes, items, order, spare, n):
    """Sort the numbers ``order`` [n], of which ``precedes(items, i, j)`` says which come first; ``spare`` is to work in."""
    width = np.int64(1)
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            i, j = low, middle
            for at in range(low, high):
                if j >= high or (i < middle and not precedes(items, order[j], order[i])):
                    spare[at] = order[i]
                    i += 1
                else:
                    spare[at] = order[j]
                    j += 1
        for at in range(n):
            order[at] = spare[at]
        width *= 2

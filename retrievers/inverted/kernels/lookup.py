"""Finding terms and copying ids, for numba."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Int, Int32s, Int64s, Uint8s, kernel


@kernel(ends="n + 1", cuts="count + 1", out="count")
def find(text: Uint8s, ends: Int64s, n: Int, wanted: Uint8s, cuts: Int64s, count: Int, out: Int64s) -> Int:
    """Places of terms in byte order among n lines of ``text``, the first being ``ends[0]:ends[1] - 1``; or -1."""
    for i in range(count):
        at, size = cuts[i], cuts[i + 1] - cuts[i]
        low, high = 0, n
        out[i] = -1
        while low < high:
            middle = (low + high) >> 1
            start, length = ends[middle], ends[middle + 1] - 1 - ends[middle]
            j = 0
            while j < length and j < size and text[start + j] == wanted[at + j]:
                j += 1
            if j == length and j == size:
                out[i] = middle
                break
            if j < length and (j == size or text[start + j] > wanted[at + j]):
                high = middle
            else:
                low = middle + 1
    return np.int64(0)


@kernel(rows="n", out="n * width")
def gather(text: Uint8s, ends: Int64s, rows: Int32s, n: Int, width: Int, out: Uint8s) -> Int:
    """Copy the lines of ``rows`` to ``out`` [n, width], zero-padded; with width 0 only return the longest's length."""
    longest = np.int64(0)
    for i in range(n):
        start = ends[rows[i]]
        size = ends[rows[i] + 1] - 1 - start
        longest = max(longest, size)
        if width > 0:
            for j in range(size):
                out[i * width + j] = text[start + j]
            for j in range(size, width):
                out[i * width + j] = 0
    return longest

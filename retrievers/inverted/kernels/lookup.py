"""Finding terms and copying ids, for numba; see `intrex.data.native.library` for the rules."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import I4, I8, U1, N, entry


@entry(U1, I8, N, U1, I8, N, I8)
def find(text, ends, n, wanted, cuts, count, out):  # type: ignore[no-untyped-def]
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


@entry(U1, I8, I4, N, N, U1)
def gather(text, ends, rows, n, width, out):  # type: ignore[no-untyped-def]
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

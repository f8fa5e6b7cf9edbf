"""Selecting and sorting the best of a query, for numba; see `intrex.retrievers.bm25.kernels`."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import inner


@inner
def _swap(keys, rows, i, j):
    keys[i], keys[j] = keys[j], keys[i]
    rows[i], rows[j] = rows[j], rows[i]


@inner
def _split(keys, rows, low, high):
    """Hoare's partition, descending, about the median of three; returns the last place of the upper part."""
    a, b, c = keys[low], keys[(low + high) >> 1], keys[high]
    pivot = max(min(a, b), min(max(a, b), c))
    i, j = low - 1, high + 1
    while True:
        i += 1
        while keys[i] > pivot:
            i += 1
        j -= 1
        while keys[j] < pivot:
            j -= 1
        if i >= j:
            return j
        _swap(keys, rows, i, j)


@inner
def keep_best(keys, rows, n, k):
    """Bring the k largest of n different keys to the front, in any order; returns the smallest of them."""
    low, high = np.int64(0), n - 1
    while low < high:
        middle = _split(keys, rows, low, high)
        if k - 1 <= middle:
            high = middle
        else:
            low = middle + 1
    least = keys[0]
    for i in range(1, k):
        least = min(least, keys[i])
    return least


@inner
def sort_best(keys, rows, n, stack):
    """Sort different keys descending in place; ``stack`` has room for 128 numbers."""
    depth, low, high = 0, np.int64(0), n - 1
    while True:
        while high - low > 16:
            middle = _split(keys, rows, low, high)
            # The longer piece waits, so that no more than 64 ever do.
            if middle - low > high - middle:
                stack[depth], stack[depth + 1] = low, middle
                low = middle + 1
            else:
                stack[depth], stack[depth + 1] = middle + 1, high
                high = middle
            depth += 2
        for i in range(low + 1, high + 1):
            key, row, j = keys[i], rows[i], i
            while j > low and keys[j - 1] < key:
                keys[j], rows[j] = keys[j - 1], rows[j - 1]
                j -= 1
            keys[j], rows[j] = key, row
        if depth == 0:
            return
        depth -= 2
        low, high = stack[depth], stack[depth + 1]

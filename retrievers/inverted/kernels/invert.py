"""Inverting documents, merging postings and sorting terms, for numba; see `intrex.data.native.library` for the rules."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import I4, I8, U1, U4, N, entry, inner


@entry(I4, I8, N, N, N, I8, I4, I4, U1, I8, U4)
def invert(  # type: ignore[no-untyped-def]
    tokens, offsets, n, first_row, n_terms, free, last, docs, tfs, big_at, big
):
    """Postings by term of the documents ``tokens[offsets[i]:offsets[i + 1]]``, rows ``first_row + i``.

    ``free`` [n_terms + 1] and ``last`` [n_terms] must be zero; ``free[t]`` becomes where the postings of t end, so
    that those of t begin at ``free[t - 1]``. Returns how many counts are over 254; ``big_at`` and ``big`` take them.
    """
    for i in range(n):
        for p in range(offsets[i], offsets[i + 1]):
            term = tokens[p]
            if last[term] != i + 1:
                last[term] = i + 1
                free[term] += 1
    total = 0
    for term in range(n_terms):
        total, free[term] = total + free[term], total
        last[term] = 0
    n_big = 0
    for i in range(n):
        for p in range(offsets[i], offsets[i + 1]):
            term = tokens[p]
            at = free[term]
            if last[term] != i + 1:
                last[term] = i + 1
                docs[at], tfs[at] = first_row + i, 1
                free[term] = at + 1
                continue
            at -= 1
            if tfs[at] < 254:
                tfs[at] += 1
                continue
            j = n_big - 1
            while j >= 0 and big_at[j] != at:
                j -= 1
            if j >= 0:
                big[j] += 1
            else:
                tfs[at] = 255
                big_at[n_big], big[n_big] = at, 255
                n_big += 1
    return n_big


@entry(I8, I8, I8, N, I4, U1, I4, U1)
def merge(begins, sizes, places, n, docs, tfs, out_docs, out_tfs):  # type: ignore[no-untyped-def]
    """Copy ``sizes[i]`` postings from ``begins[i]`` to ``places[i]``, which moves on."""
    for i in range(n):
        source, target = begins[i], places[i]
        for j in range(sizes[i]):
            out_docs[target + j] = docs[source + j]
            out_tfs[target + j] = tfs[source + j]
        places[i] = target + sizes[i]
    return 0


@inner
def precedes(text, ends, a, b):  # type: ignore[no-untyped-def]
    """Whether line a stands before line b in byte order; equal ones do not."""
    i, j = ends[a], ends[b]
    stop = i + min(ends[a + 1] - i, ends[b + 1] - j) - 1
    while i < stop and text[i] == text[j]:
        i, j = i + 1, j + 1
    return j < ends[b + 1] - 1 and (i == ends[a + 1] - 1 or text[i] < text[j])


@entry(U1, I8, N, I4, I4)
def order(text, ends, n, places, spare):  # type: ignore[no-untyped-def]
    """Sort the numbers ``places`` [n] of different lines by their bytes; ``spare`` [n] is to work in."""
    width = np.int64(1)
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            a, b = low, middle
            for out in range(low, high):
                if b == high or (a < middle and precedes(text, ends, places[a], places[b])):
                    spare[out] = places[a]
                    a += 1
                else:
                    spare[out] = places[b]
                    b += 1
        for i in range(n):
            places[i] = spare[i]
        width *= 2
    return np.int64(0)

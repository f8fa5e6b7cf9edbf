"""Inverting documents, merging postings and sorting terms, for numba."""

from __future__ import annotations

from typing import NamedTuple

from intrex.data.native.jit import Int, Int32s, Int64s, Uint8s, Uint32s, inner, kernel
from intrex.data.numeric.kernels import merge_sort


@kernel(offsets="n + 1", free="n_terms + 1", last="n_terms")
def invert(
    tokens: Int32s, offsets: Int64s, n: Int, first_row: Int, n_terms: Int, free: Int64s, last: Int32s, docs: Int32s,
    tfs: Uint8s, big_at: Int64s, big: Uint32s,
) -> Int:  # fmt: skip
    """Sort into postings by term the documents ``tokens[offsets[i]:offsets[i + 1]]``, rows ``first_row + i``.

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


@kernel(begins="n", sizes="n", places="n")
def merge(
    begins: Int64s, sizes: Int64s, places: Int64s, n: Int, docs: Int32s, tfs: Uint8s, out_docs: Int32s,
    out_tfs: Uint8s,
) -> Int:  # fmt: skip
    """Copy ``sizes[i]`` postings from ``begins[i]`` to ``places[i]``, which moves on."""
    for i in range(n):
        source, target = begins[i], places[i]
        for j in range(sizes[i]):
            out_docs[target + j] = docs[source + j]
            out_tfs[target + j] = tfs[source + j]
        places[i] = target + sizes[i]
    return 0


class Names(NamedTuple):
    """Different lines: i is ``text[ends[i]:ends[i + 1] - 1]``."""

    text: Uint8s
    ends: Int64s


@inner
def precedes(names, a, b):
    """Whether line a stands before line b in byte order."""
    text, ends = names
    i, j = ends[a], ends[b]
    stop = i + min(ends[a + 1] - i, ends[b + 1] - j) - 1
    while i < stop and text[i] == text[j]:
        i, j = i + 1, j + 1
    return j < ends[b + 1] - 1 and (i == ends[a + 1] - 1 or text[i] < text[j])


@kernel(ends="n + 1", places="n", spare="n")
def order(names: Names, n: Int, places: Int32s, spare: Int32s) -> Int:
    """Sort the numbers ``places`` [n] of lines by their bytes; ``spare`` [n] is to work in."""
    merge_sort(precedes, names, places, spare, n)
    return 0

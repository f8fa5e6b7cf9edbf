"""Search by BM25, for numba; only `intrex.data.native.library` imports this, and only to compile."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import F4, I8, U1, U4, N, inner
from intrex.retrievers.inverted.kernels.search import make_search

ONE = np.float32(1)
CODES = 256  # of lengths
SMALL = 4  # counts up to this stand in the table
MANY = 512  # postings from which on making the table takes less time than it saves


@inner
def term_of(given, t):  # type: ignore[no-untyped-def]
    """The weight of term t (its idf times its count in the query), and where its field's norms and their table begin."""
    return given[0][t], given[1][t], given[2][t]


@inner
def count_at(tfs, p, big_at, big, n_big):  # type: ignore[no-untyped-def]
    """The count of posting p: 255 stands for one that is kept elsewhere."""
    tf = tfs[p]
    if tf < 255:
        return np.float32(tf)
    low, high = 0, n_big
    while low < high:
        middle = (low + high) >> 1
        if big_at[middle] < p:
            low = middle + 1
        else:
            high = middle
    return np.float32(big[low])


@inner
def score(given, term, p, row):  # type: ignore[no-untyped-def]
    """What posting p adds; see `intrex.retrievers.bm25.searcher.term_scores`."""
    _, _, _, tfs, norms, inverse, big_at, big, n_big = given
    weight, shift, table = term
    r = count_at(tfs, p, big_at, big, n_big) * inverse[table + norms[shift + row]]
    return np.float64(weight - weight / (ONE + r))


@inner
def most(term, bound):  # type: ignore[no-untyped-def]
    """What no posting adds more than with a count over norm up to a bound: every step is monotone, also as it is rounded."""
    weight = term[0]
    return np.float64(weight - weight / (ONE + bound))


@inner
def add(given, term, docs, low, high, base, target, room):  # type: ignore[no-untyped-def]
    """Add what postings score; many by a table for small counts and all lengths, since the division takes longest."""
    _, _, _, tfs, norms, inverse, _, _, _ = given
    weight, shift, table = term
    tabled = 0
    if high - low >= MANY:
        tabled = SMALL
        for tf in range(SMALL):
            for code in range(CODES):
                r = np.float32(tf + 1) * inverse[table + code]
                room[tf * CODES + code] = np.float64(weight - weight / (ONE + r))
    for p in range(low, high):
        row = docs[p]
        count = np.int64(tfs[p])
        if count <= tabled:
            target[row - base] += room[(count - 1) * CODES + norms[shift + row]]
        else:
            target[row - base] += score(given, term, p, row)


# weights, shifts, tables, tfs, norms, inverse, big_at, big, n_big
search = make_search("search", (F4, I8, I8, U1, U1, F4, I8, U4, N), term_of, score, most, add)

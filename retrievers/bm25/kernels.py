"""Search by BM25, for numba."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from intrex.data.native.jit import Float32s, Int, Int64s, Uint8s, Uint32s, inner
from intrex.retrievers.inverted.kernels.search import Scoring, make_search
from intrex.retrievers.inverted.kernels.window import lower_bound

ONE = np.float32(1)
CODES = 256  # of lengths
SMALL = 4  # counts up to this stand in the table
MANY = 512  # postings from which on making the table takes less time than it saves


class Own(NamedTuple):
    """What BM25 needs."""

    weights: Float32s  # of each term of the queries: its idf times its count there
    shifts: Int64s  # where the norms of its field begin
    tables: Int64s  # where the table of its field's norms begins
    tfs: Uint8s  # the count of each posting; 255 stands for one that is kept elsewhere
    norms: Uint8s  # the length byte of each row, one field after another
    inverse: Float32s  # [fields, CODES] 1 / norm by length byte
    big_at: Int64s  # which postings have a count that is kept elsewhere, ascending
    big: Uint32s  # these counts
    n_big: Int


@inner
def prepare(own, t):
    """Give the weight of term t of the queries, and where its field's norms and their table begin."""
    return own.weights[t], own.shifts[t], own.tables[t]


@inner
def count_at(own, p):
    """Read the count of posting p."""
    tf = own.tfs[p]
    if tf < 255:
        return np.float32(tf)
    return np.float32(own.big[lower_bound(own.big_at, 0, own.n_big, p)])


@inner
def score(own, term, p, row):
    """Compute what posting p adds; see `intrex.retrievers.bm25.searcher.term_scores`."""
    weight, shift, table = term
    r = count_at(own, p) * own.inverse[table + own.norms[shift + row]]
    return np.float64(weight - weight / (ONE + r))


@inner
def most(term, bound):
    """Bound what a posting adds with a count over norm up to a bound: every step is monotone, also as it is rounded."""
    weight = term[0]
    return np.float64(weight - weight / (ONE + bound))


@inner
def add(own, term, docs, low, high, base, target, room):
    """Add what postings score; many by a table for small counts and all lengths, since the division takes longest."""
    weight, shift, table = term
    tabled = 0
    if high - low >= MANY:
        tabled = SMALL
        for tf in range(SMALL):
            for code in range(CODES):
                r = np.float32(tf + 1) * own.inverse[table + code]
                room[tf * CODES + code] = np.float64(weight - weight / (ONE + r))
    for p in range(low, high):
        row = docs[p]
        count = np.int64(own.tfs[p])
        if count <= tabled:
            target[row - base] += room[(count - 1) * CODES + own.norms[shift + row]]
        else:
            target[row - base] += score(own, term, p, row)


search = make_search("search", Own, Scoring(prepare, score, most, add))

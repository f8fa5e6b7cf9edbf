"""The inner loop of search over postings, for numba; a library of kernels imports this, and only to compile.

Kernels take pointers and sizes, allocate nothing and raise nothing. `make_search` goes through the rows in windows, so
that the sums of one window stay in the processor's cache, and leaves out what cannot enter the ``k`` best: within a
window the terms whose highest scores add up to less than the k-th best sum so far are only looked up for the rows that
the other terms find (H. Turtle and J. Flood, "Query evaluation: strategies and optimizations", Information Processing
and Management 31(6), 1995; by windows as A. Grand et al. do in Lucene's MaxScoreBulkScorer). What a posting scores is
a function that the loop is made with: see `intrex.retrievers.bm25.kernels` for BM25.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from intrex.data.native.jit import F4, F8, I4, I8, U1, U4, N, entry, inner
from intrex.retrievers.inverted.kernels.top import keep_best, sort_best

BLOCK = 128  # postings that share a bound, as intrex.retrievers.inverted.postings.BOUND_BLOCK
CHUNKS = 256  # a window is scanned by so many parts; were their length a constant, LLVM would not use vectors
SPARE = 16  # as intrex.retrievers.inverted.search.SPARE
LOOKUP = 16  # looking up a row costs as much as adding so many postings
GONE = np.uint32(0xFFFFFFFF)  # as intrex.data.ids.GONE
DENSE = 4  # a window is scanned, not gone through again by its postings, if there is one for so many rows


@inner
def first_from(docs, low, high, row):  # type: ignore[no-untyped-def]
    """The first posting from ``low`` on whose row is at least ``row``, by steps that double."""
    step = 1
    while low + step < high and docs[low + step] < row:
        low += step
        step <<= 1
    high = min(high, low + step)
    while low < high:
        middle = (low + high) >> 1
        if docs[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def highest(bounds, low, high):  # type: ignore[no-untyped-def]
    """The largest bound of the blocks that ``low:high`` touches."""
    most = np.float32(0)
    for block in range(low // BLOCK, (high - 1) // BLOCK + 1):
        most = max(most, bounds[block])
    return most


@inner
def offer(row, total, rank, first_row, k, keys, rows, single, single_bits, state):  # type: ignore[no-untyped-def]
    """Take a row among the best if its key is high enough; state: how many, lowest key that counts."""
    single[0] = np.float32(total)
    key = (np.int64(single_bits[0]) << 32) | np.int64(rank[row])
    if key <= state[1] or rank[row] == GONE:
        return
    n = state[0]
    keys[n], rows[n] = key, first_row + row
    n += 1
    if n == 2 * k + SPARE:
        n = k
        state[1] = keep_best(keys, rows, 2 * k + SPARE, k)
    state[0] = n


@inner
def below(score):  # type: ignore[no-untyped-def]
    """A sum below this one, even if it is off by some last bits, is not rounded to the score or more."""
    return score * (1.0 - 2.0**-22) if score > 2.0**-100 else 0.0


@inner
def floor_of(key, single, single_bits):  # type: ignore[no-untyped-def]
    """See `below`; of the score of a key."""
    if key < 0:
        return 0.0
    single_bits[0] = np.uint32(key >> 32)
    return below(np.float64(single[0]))


@inner
def unsure(total, size, single):  # type: ignore[no-untyped-def]
    """Whether a sum of ``size`` scores may be rounded to another score if they are added up in another order.

    Two orders differ by less than ``size`` * 2**-52 of the sum (N. Higham, "Accuracy and Stability of Numerical
    Algorithms", 2002, section 4.2); most sums are further than that from where float32 rounding changes.
    """
    error = total * (size * 2.0**-52)
    single[0], single[1] = np.float32(total - error), np.float32(total + error)
    return single[0] != single[1]


@inner
def least_of_best(sums, bits, window, length, pieces, k, tops, spare):  # type: ignore[no-untyped-def]
    """No sum below this one is rounded to one of the k best scores: k pieces of the window have a row with more."""
    for piece in range(pieces):
        first = piece * length
        top = np.int64(-1)
        for j in range(first, first + length):
            top = max(top, bits[j])
        tops[piece] = top
    bits[window] = max(keep_best(tops, spare, pieces, k), np.int64(0))
    return below(sums[window])


def make_search(  # noqa: C901
    name: str, given: tuple[Any, ...], prepare: Any, score: Any, most: Any, add: Any = None
) -> Any:
    """A search kernel, to be compiled under a name.

    Args:
        name: the kernel's name.
        given: the types of what the functions below need; addresses and integers, that follow the arguments of `search`.
        prepare: ``(given, t)`` gives what is needed of term t of the queries.
        score: ``(given, term, p, row)`` is what posting p, of a row, adds to the row's sum; not negative.
        most: ``(term, bound)`` is what no posting adds more than that has no higher bound than that.
        add: ``(given, term, docs, low, high, base, target, room)`` adds the scores of the postings ``low:high`` to those
            of their rows, ``target[row - base]``, where that goes faster for many; ``room`` is [window] to work in.
    """

    @inner
    def one_by_one(given, term, docs, low, high, base, target, room):  # type: ignore[no-untyped-def]
        """Add what each posting scores."""
        for p in range(low, high):
            row = docs[p]
            target[row - base] += score(given, term, p, row)

    add = add or one_by_one

    @inner
    def in_order(given, start, size, docs, cursors, row):  # type: ignore[no-untyped-def]
        """The sum of a row in the order of the query's terms, whose postings of the window are known."""
        total = 0.0
        for i in range(size):
            p, stop = cursors[2 + i], cursors[2 + size + i]
            p = first_from(docs, p, stop, np.int64(row)) if p < stop else p
            if p < stop and docs[p] == row:
                total += score(given, prepare(given, start + i), p, row)
        return total

    def search(  # type: ignore[no-untyped-def]  # noqa: C901
        docs, rank, bounds, first_row, n, whole,
        term_of, begins, ends, rounds, exact, first_query, last_query,
        prune, k, window, sums, bits, parts, cursors, ceilings, tops, found, partial, keys, rows, single, single_bits,
        out_keys, out_rows, out_sizes, given,
    ):  # fmt: skip
        """The k best rows of the queries ``first_query:last_query`` among the n rows from ``first_row`` on and those out.

        Keys are the score's bits before the row's rank; a row whose rank is ``GONE`` is not found; ``whole`` says that
        there is none.

        Query q has the terms ``term_of[q]:term_of[q + 1]``, term t the postings ``begins[t]:ends[t]``. Scores add up
        in float64 in the order of the terms; a sum is rounded to float32. With ``prune``, terms are taken in another
        order where that saves work: ``exact[q]`` is 1 if no sum of that query is ever rounded before, whatever the
        order; else those that the order may change are added up again. If it is 2, the order is kept: terms t with
        ``rounds[t]`` 1, up to the next with 2, add up by themselves, and their sum is rounded before it is added.
        ``sums`` [window + 1] must come in as -0.0, but for the last, and goes out so: a sum of scores is never that.
        ``parts`` [window] comes and goes as 0.
        """
        # 0: how many rows are kept; 1: the lowest key that counts; then three numbers for each term
        state = cursors
        length = window // CHUNKS
        for q in range(first_query, last_query):
            start, size = term_of[q], term_of[q + 1] - term_of[q]
            at, until, order = 2, 2 + size, 2 + 2 * size
            nearest = n
            for i in range(size):
                cursors[at + i] = begins[start + i]
                if begins[start + i] < ends[start + i]:
                    nearest = min(nearest, np.int64(docs[begins[start + i]]))
            out, state[0], state[1] = (q - first_query) * k, out_sizes[q - first_query], -1
            for j in range(state[0]):
                keys[j], rows[j] = out_keys[out + j], out_rows[out + j]
            if state[0] == k:
                state[1] = keys[k - 1]
            while nearest < n:
                base = nearest - nearest % window
                limit = min(base + window, n)
                floor = floor_of(state[1], single, single_bits)
                skipping = prune != 0 and floor > 0.0 and exact[q] != 2
                postings = 0
                for i in range(size):
                    low = cursors[at + i]
                    high = first_from(docs, low, ends[start + i], limit) if low < ends[start + i] else low
                    cursors[until + i] = high
                    cursors[order + i] = i
                    ceilings[i] = 0.0
                    if low < high:
                        postings += high - low
                        if skipping:
                            ceilings[i] = most(prepare(given, start + i), highest(bounds, low, high))
                # Terms by ceiling, those looked up first: they alone cannot lift a row to the floor.
                lookups, slack = 0, 0.0
                if skipping:
                    for i in range(1, size):
                        j = i
                        while j > 0 and ceilings[cursors[order + j - 1]] > ceilings[cursors[order + j]]:
                            cursors[order + j - 1], cursors[order + j] = (
                                cursors[order + j],
                                cursors[order + j - 1],
                            )
                            j -= 1
                    while lookups < size and slack + ceilings[cursors[order + lookups]] < floor:
                        slack += ceilings[cursors[order + lookups]]
                        lookups += 1
                spared = 0
                for o in range(lookups):
                    i = cursors[order + o]
                    spared += cursors[until + i] - cursors[at + i]
                postings -= spared
                if lookups < size and postings * LOOKUP > spared:  # adding them is the cheaper way
                    postings, lookups, slack = postings + spared, 0, 0.0
                if lookups < size:
                    for o in range(lookups, size):
                        i = cursors[order + o] if lookups else o
                        term = prepare(given, start + i)
                        target = sums if rounds[start + i] == 0 else parts
                        add(given, term, docs, cursors[at + i], cursors[until + i], base, target, partial)
                        while rounds[start + o] == 2 and i >= 0 and (i == o or rounds[start + i] == 1):
                            for p in range(cursors[at + i], cursors[until + i]):
                                j = docs[p] - base
                                sums[j] += np.float64(np.float32(parts[j]))
                                parts[j] = 0.0
                            i -= 1
                    # What may be among the best is gathered piece by piece, from the rows or from the postings that were
                    # added, then looked up in the other terms, and offered. Offering stands once: it is much code.
                    sums[window] = max(floor - slack, 0.0)
                    dense = postings * DENSE > limit - base
                    pieces = (limit - base + length - 1) // length if dense else size - lookups
                    if dense and state[1] < 0 and whole != 0 and k <= pieces:
                        sums[window] = least_of_best(sums, bits, window, length, pieces, k, tops, found)
                    n_found = 0
                    for piece in range(pieces + 1):
                        # Sums that are not negative order as their bits do, and -0.0 has the lowest of all.
                        least = bits[window]
                        if piece < pieces and dense:
                            first = piece * length
                            top = np.int64(-1)
                            for j in range(first, first + length):
                                top = max(top, bits[j])
                            if top >= least:
                                for j in range(first, first + length):
                                    if bits[j] >= least:
                                        found[n_found], partial[n_found] = base + j, sums[j]
                                        n_found += 1
                            for j in range(first, first + length):
                                sums[j] = -0.0
                        elif piece < pieces:
                            o = lookups + piece
                            i = cursors[order + o] if lookups else o
                            for p in range(cursors[at + i], cursors[until + i]):
                                j = docs[p] - base
                                if bits[j] >= least:
                                    found[n_found], partial[n_found] = base + j, sums[j]
                                    n_found += 1
                                sums[j] = -0.0
                        elif n_found > 0:
                            for back in range(lookups):
                                i = cursors[order + lookups - 1 - back]
                                slack -= ceilings[i]
                                term = prepare(given, start + i)
                                p, stop = cursors[at + i], cursors[until + i]
                                kept, before = 0, np.int32(-1)
                                for j in range(n_found):
                                    row, total = found[j], partial[j]
                                    if row < before:  # the rows of the next term begin
                                        p = cursors[at + i]
                                    before = row
                                    p = first_from(docs, p, stop, np.int64(row)) if p < stop else p
                                    if p < stop and docs[p] == row:
                                        total += score(given, term, p, row)
                                    if total + slack >= floor:
                                        found[kept], partial[kept] = row, total
                                        kept += 1
                                n_found = kept
                        if n_found > 0 and (lookups == 0 or piece == pieces):
                            for j in range(n_found):
                                row, total = found[j], partial[j]
                                if lookups > 0 and exact[q] == 0 and unsure(total, size, single):
                                    total = in_order(given, start, size, docs, cursors, row)
                                offer(row, total, rank, first_row, k, keys, rows, single, single_bits, state)
                            n_found = 0
                            sums[window] = max(sums[window], floor_of(state[1], single, single_bits))
                nearest = n
                for i in range(size):
                    p = cursors[until + i]
                    cursors[at + i] = p
                    if p < ends[start + i]:
                        nearest = min(nearest, np.int64(docs[p]))
            size = state[0]
            if size > k:
                keep_best(keys, rows, size, k)
                size = k
            sort_best(keys, rows, size, cursors)
            for j in range(size):
                out_keys[out + j], out_rows[out + j] = keys[j], rows[j]
            out_sizes[q - first_query] = size
        return 0

    search.__name__ = search.__qualname__ = name
    return entry(
        I4, U4, F4, N, N, N,  # docs, rank, bounds, first_row, n, whole
        I8, I8, I8, U1, U1, N, N,  # term_of, begins, ends, rounds, exact, first query, last query
        N, N, N, F8, I8, F8, I8, F8, I8, I4, F8, I8, I4, F4, U4,  # prune, k, window, sums, their bits, parts, cursors, ceilings, tops, found, partial, keys, rows, single, its bits
        I8, I4, I8,  # out_keys, out_rows, out_sizes
        types.Tuple(given),
    )(search)  # fmt: skip

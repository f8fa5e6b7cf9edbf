"""The inner loop of search over postings, for numba.

`make_search` goes through the rows in windows, so that the sums of one window stay in the processor's cache, and leaves
out what cannot enter the ``k`` best: within a window the terms whose highest scores add up to less than the k-th best
sum so far are only looked up for the rows that the other terms find (H. Turtle and J. Flood, "Query evaluation:
strategies and optimizations", Information Processing and Management 31(6), 1995; by windows as A. Grand et al. do in
Lucene's MaxScoreBulkScorer). What a posting scores is a `Scoring`: see `intrex.retrievers.bm25.kernels` for BM25.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from intrex.data.native.jit import Float32s, Float64s, Int, Int32s, Int64s, Kernel, Uint8s, Uint32s, kernel
from intrex.retrievers.inverted.kernels.top import keep_best, sort_best
from intrex.retrievers.inverted.kernels.window import CHUNKS, KEPT, LOWEST, SPARE, next_row, search_window


class Part(NamedTuple):
    """The rows to search."""

    docs: Int32s  # the row of each posting, ascending within a term
    rank: Uint32s  # [n] of each row's id; a row whose rank is `GONE` is not found
    bounds: Float32s  # of every `BLOCK` postings, what the most that one of them scores is computed from
    first_row: Int  # what is added to the number of a row in the results
    n: Int
    whole: Int  # whether no row is `GONE`


class Queries(NamedTuple):
    """Query q has the terms ``term_of[q]:term_of[q + 1]``, term t the postings ``begins[t]:ends[t]``."""

    term_of: Int64s
    begins: Int64s
    ends: Int64s
    rounds: (
        Uint8s  # 1 for terms that add up by themselves, to the next with 2: their sum is rounded, then added
    )
    exact: Uint8s  # of each query: 1 if no sum is ever rounded, whatever the order; 2 if the order has to be kept


class Room(NamedTuple):
    """What a thread works in."""

    sums: Float64s  # [window + 1] of its rows, -0.0, which no sum is, where there is none; then the least that counts
    bits: Int64s  # the same memory
    parts: Float64s  # [window] sums that are rounded before they are added, else 0
    at: Int64s  # [terms] where the postings of the window begin
    until: Int64s  # [terms] where they end
    order: Int64s  # [terms] the terms, those first that are looked up
    ceilings: Float64s  # [terms] what no posting of the window adds more than
    tops: Int64s  # [CHUNKS] the largest sum of each piece of the window
    found: Int32s  # [window] rows that may be among the best
    partial: Float64s  # [window] their sums; before, to work in
    state: Int64s  # `KEPT` and `LOWEST`
    keys: Int64s  # [2 k + SPARE] of the rows that are kept: the score's bits, then the rank
    rows: Int32s  # [2 k + SPARE] these rows
    stack: Int64s  # [128] to sort with


class Scoring(NamedTuple):
    """What a posting scores, by inner functions; ``own`` are the kernel's arguments of its own."""

    prepare: Any  # (own, t) gives what is needed of term t of the queries
    score: Any  # (own, term, p, row) is what posting p, of a row, adds to the row's sum; not negative
    most: Any  # (term, bound) is what no posting adds more than that has no higher bound than that
    add: Any  # (own, term, docs, low, high, base, target, room) adds postings' scores to target[row - base]


def make_search(name: str, own: type, by: Scoring) -> Kernel:
    """Declare a search kernel.

    Args:
        name: the kernel's name.
        own: its arguments of its own, a `NamedTuple`.
        by: what a posting scores.
    """

    def search(
        part: Part, queries: Queries, first_query: Int, last_query: Int, prune: Int, k: Int, window: Int, room: Room,
        out_keys: Int64s, out_rows: Int32s, out_sizes: Int64s, own,
    ) -> Int:  # fmt: skip
        """Add the k best rows of the queries ``first_query:last_query`` to those that are out.

        Scores add up in float64 in the order of the terms; a sum is rounded to float32. With ``prune``, terms are taken
        in another order where that saves work, and what the order may change is added up again. ``sums`` and ``parts``
        must come in as a window without terms, and go out so.
        """
        keys, rows, state = room.keys, room.rows, room.state
        for q in range(first_query, last_query):
            start, size = queries.term_of[q], queries.term_of[q + 1] - queries.term_of[q]
            out, n = (q - first_query) * k, out_sizes[q - first_query]
            for j in range(n):
                keys[j], rows[j] = out_keys[out + j], out_rows[out + j]
            state[KEPT], state[LOWEST] = n, keys[k - 1] if n == k else -1
            for i in range(size):
                room.until[i] = queries.begins[start + i]
            row = next_row(part, queries, start, size, room)
            while row < part.n:
                base = row - row % window
                limit = min(base + window, part.n)
                search_window(by, own, part, queries, q, base, limit, prune, k, window, room)
                row = next_row(part, queries, start, size, room)
            n = state[KEPT]
            if n > k:
                keep_best(keys, rows, n, k)
                n = k
            sort_best(keys, rows, n, room.stack)
            for j in range(n):
                out_keys[out + j], out_rows[out + j] = keys[j], rows[j]
            out_sizes[q - first_query] = n
        return 0

    search.__name__ = search.__qualname__ = name
    search.__annotations__["own"] = own
    kept, asked = f"2 * k + {SPARE}", "(last_query - first_query)"
    return kernel(
        rank="n", term_of="last_query + 1", exact="last_query", sums="window + 1", bits="window + 1", parts="window",
        found="window", partial="window", tops=str(CHUNKS), state="2", stack="128", keys=kept, rows=kept,
        out_keys=f"{asked} * k", out_rows=f"{asked} * k", out_sizes=asked,
    )(search)  # fmt: skip

"""Exact MaxSim: the sum over a query's tokens of the largest product with any token of a document.

O. Khattab and M. Zaharia, "ColBERT", SIGIR 2020, section 3.2. Nothing is floored at 0: a token whose products are all
negative adds a negative number, and a document without tokens has no score at all.

Matrix products of blocks of tokens with all tokens of several queries choose the candidates: documents whose score is
within twice the error bound of the k-th best. Those are scored again by one fixed kernel, so that a ranking is the same
bits for any batch, number of threads and BLAS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from intrex.data.arrays import Float32s, Float64s, Rows, Scores, Uint32s
from intrex.data.numeric.rows import error_bound
from intrex.data.numeric.spans import cuts, offsets_of
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.threads import on_threads
from intrex.retrievers.base import Ranking, best_rows
from intrex.retrievers.multivector.blend import Blend
from intrex.retrievers.multivector.tokens import Tokens
from intrex.retrievers.vectors.exact import Pool, check_queries
from intrex.retrievers.vectors.native import BlockScores, exact_scores

TOGETHER = 256
"""Query tokens that one matrix product takes; more would not make it faster."""
PRODUCTS = 1 << 17
"""Products that are kept at once, 512 KB: they stay in the processor's cache until their maxima are taken."""
STRIPE = 1 << 15
"""Tokens of the documents that a thread takes at a time."""
GATHERED = 1 << 11
"""Tokens of the documents that are scored exactly at a time: few, so that their float32 form stays in the cache."""


class Stack(NamedTuple):
    """Queries on top of each other.

    Attributes:
        queries: their numbers.
        vectors: [tokens, d] float32, their tokens.
        bounds: [queries + 1] int64: the i-th has the tokens ``bounds[i]:bounds[i + 1]``, at least one.
    """

    queries: list[int]
    vectors: Float32s
    bounds: Rows


def search(
    tokens: Tokens,
    queries: PackedVectors,
    rank: Uint32s,
    k: int,
    threads: int,
    ties: str = "trec_eval",
    blend: Blend | None = None,
    rows: Sequence[Rows] | None = None,
) -> list[Ranking]:
    """Return rows and float32 scores of the ``k`` best documents for each query, best first, also at the cut.

    Args:
        tokens: of the documents; those without any are not found.
        queries: token vectors in float32; a query without any finds nothing.
        rank: [n] the rank of each document's id, for ties.
        k: how many.
        threads: how many threads to use; changes no bit.
        ties: one of `intrex.retrievers.options.TIE_ORDERS`.
        blend: mixes the score of a single vector into that of the tokens.
        rows: for each query the only documents to rank, which have tokens; all documents by default.

    Raises:
        BadInput: query vectors of another dimension, not finite, or so long that scores overflow.
    """
    if rows is None:
        rows = candidates(tokens, queries, k, threads, blend)
    exact = scores(tokens, queries, rows, threads, blend)
    return [best_rows(r, sums, rank, k, ties) for r, sums in zip(rows, exact, strict=True)]


def candidates(
    tokens: Tokens, queries: PackedVectors, k: int, threads: int, blend: Blend | None = None
) -> list[Rows]:
    """Find for each query the rows, ascending, that hold the exact ``k`` best, ties at the cut included."""
    margins = product_margins(tokens, queries)
    slack = [float(margins[a:b].sum()) for a, b in pairwise(queries.offsets)]
    if blend is not None:
        slack = [blend.margin(query, margin) for query, margin in enumerate(slack)]
    stacks = stacked(queries, TOGETHER)

    def scan(stripes: Iterator[tuple[int, int]]) -> list[Pool]:
        pools = [Pool(k, margin) for margin in slack]
        for first, last in stripes:
            takers = [BlockScores(tokens.offsets, (first, last), stack.bounds) for stack in stacks]
            for start, i, sims in products(tokens, stacks, first, last):
                takers[i].add(sims, start)
            full = np.flatnonzero(np.diff(tokens.offsets[first : last + 1]))
            for stack, taker in zip(stacks, takers, strict=True):
                for query, sums in zip(stack.queries, taker.scores[:, full], strict=True):
                    if blend is not None:
                        sums = blend.approximate(query, sums, full + first)
                    pools[query].add(sums, full + first)
        return pools

    pools, *more = on_threads(scan, stripes(tokens.offsets), threads)
    for parts in more:
        for pool, part in zip(pools, parts, strict=True):
            pool.merge(part)
    return [np.sort(pool.rows) for pool in pools]


def scores(
    tokens: Tokens, queries: PackedVectors, rows: Sequence[Rows], threads: int, blend: Blend | None = None
) -> list[Scores]:
    """Compute the exact scores of documents for each query, the same bits in any batch and with any number of threads.

    Args:
        tokens: of the documents.
        queries: token vectors in float32.
        rows: for each query the documents, in any order.
        threads: how many threads to use.
        blend: mixes the score of a single vector into that of the tokens.

    Returns:
        For each query [len(rows)] float32; minus infinity where the query or the document has no token.

    Raises:
        BadInput: as `search`.
    """
    margins = product_margins(tokens, queries)
    out = [np.full(len(documents), -np.inf, np.float32) for documents in rows]

    def score(tasks: Iterator[tuple[int, Rows]]) -> None:
        room = np.empty((GATHERED, tokens.dim), np.float32)
        for query, places in tasks:
            span = slice(*queries.offsets[query : query + 2])
            documents = rows[query][places]
            sizes = tokens.offsets[documents + 1] - tokens.offsets[documents]
            bounds = offsets_of(sizes)
            if bounds[-1] > len(room):
                room = np.empty((int(bounds[-1]), tokens.dim), np.float32)
            block = tokens.gather(documents, room)
            vectors = np.ascontiguousarray(queries.vectors[span], np.float32)
            sums = exact_scores(vectors @ block.T, block, vectors, bounds, margins[span])
            exact = sums.astype(np.float32) + np.float32(0)  # -0 becomes 0
            out[query][places] = exact if blend is None else blend.exact(query, exact, documents)

    on_threads(score, _tasks(tokens.offsets, queries, rows), threads)
    return out


def product_margins(tokens: Tokens, queries: PackedVectors) -> Float64s:
    """Return for each query token twice the bound on the error of its products with the documents' tokens, rounding included.

    Raises:
        BadInput: query vectors of another dimension, not finite, or so long that scores overflow.
    """
    norms = check_queries(queries.vectors, tokens.dim, tokens.longest, summed=True)
    return np.array([2 * error_bound(tokens.dim, norm, tokens.longest) for norm in norms.tolist()])


def stacked(queries: PackedVectors, tokens: int) -> list[Stack]:
    """Cut the queries that have tokens into stacks of at most ``tokens`` tokens, or of one query."""
    lengths = np.diff(queries.offsets).tolist()
    groups: list[list[int]] = []
    room = 0
    for query, length in enumerate(lengths):
        if length > room and length:
            groups.append([])
            room = max(tokens, length)
        if length:
            groups[-1].append(query)
            room -= length
    stacks = []
    for group in groups:
        part = queries.part(group[0], group[-1] + 1)
        vectors, bounds = np.ascontiguousarray(part.vectors, np.float32), part.without_empty()[0].offsets
        stacks.append(Stack(group, vectors, bounds))
    return stacks


def products(
    tokens: Tokens, stacks: Sequence[Stack], first: int, last: int
) -> Iterator[tuple[int, int, Float32s]]:
    """Yield products [query tokens, m] of each stack with the tokens of the documents ``first:last``, block by block.

    Yields:
        The block's first token, the stack's number, and the products, which the next step overwrites.
    """
    widest = max((len(stack.vectors) for stack in stacks), default=1)
    step = max(1, PRODUCTS // widest)
    begin, end = (int(tokens.offsets[i]) for i in (first, last))
    rows = min(step, end - begin)
    buffer, out = np.empty((rows, tokens.dim), np.float32), np.empty(rows * widest, np.float32)
    for start in range(begin, end, step):
        block = tokens.read(slice(start, min(start + step, end)), buffer)
        for i, stack in enumerate(stacks):
            shape = len(stack.vectors), len(block)
            sims = out[: shape[0] * shape[1]].reshape(shape)
            np.matmul(stack.vectors, block.T, out=sims)
            yield start, i, sims


def stripes(offsets: Rows, first: int = 0) -> Iterator[tuple[int, int]]:
    """Cut the documents from ``first`` on into ranges of about `STRIPE` tokens: the first, and the one after the last."""
    return cuts(offsets, STRIPE, first)


def _tasks(offsets: Rows, queries: PackedVectors, rows: Sequence[Rows]) -> Iterator[tuple[int, Rows]]:
    """Yield documents of one query at a time, as places in ``rows``; queries and documents without tokens are left out."""
    for query, documents in enumerate(rows):
        if queries.offsets[query] == queries.offsets[query + 1]:
            continue
        lengths = offsets[documents + 1] - offsets[documents]
        places = np.flatnonzero(lengths)
        piece = np.cumsum(lengths[places]) // GATHERED
        cuts = np.flatnonzero(np.diff(piece)) + 1
        for part in np.split(places, cuts):
            if len(part):
                yield query, part

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
import numpy.typing as npt

from intrex.data.arrays import Float32s, Float64s, Rows, Scores
from intrex.data.errors import BadInput
from intrex.data.numeric.rows import error_bound, row_norms
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.threads import on_threads
from intrex.retrievers.base import tie_rank, top_k
from intrex.retrievers.multivector.blend import Blend
from intrex.retrievers.multivector.tokens import Tokens
from intrex.retrievers.vectors.exact import Pool
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
    """Some queries on top of each other.

    Attributes:
        queries: their numbers.
        vectors: [tokens, d] float32, their tokens.
        bounds: [queries + 1] int64: the i-th of them has the tokens ``bounds[i]:bounds[i + 1]``, at least one.
    """

    queries: list[int]
    vectors: Float32s
    bounds: Rows


def search(
    tokens: Tokens,
    queries: PackedVectors,
    rank: npt.NDArray[np.uint32],
    k: int,
    threads: int,
    ties: str = "trec_eval",
    blend: Blend | None = None,
) -> list[tuple[Rows, Scores]]:
    """Rows and float32 scores of the ``k`` best documents for each query, best first, also at the cut.

    Args:
        tokens: of the documents; those without any are not found.
        queries: token vectors in float32; a query without any finds nothing.
        rank: [n] the rank of each document's id, for ties.
        k: how many.
        threads: how many threads to use; changes no bit.
        ties: one of `intrex.retrievers.options.TIE_ORDERS`.
        blend: mixes the score of a single vector into that of the tokens.

    Raises:
        BadInput: query vectors of another dimension, not finite, or so long that scores overflow.
    """
    found = candidates(tokens, queries, k, threads, blend)
    return best(tokens, queries, found, rank, k, threads, ties, blend)


def best(
    tokens: Tokens,
    queries: PackedVectors,
    found: Sequence[Rows],
    rank: npt.NDArray[np.uint32],
    k: int,
    threads: int,
    ties: str = "trec_eval",
    blend: Blend | None = None,
) -> list[tuple[Rows, Scores]]:
    """As `search`, among the documents ``found`` for each query, which have tokens."""
    ranked = []
    for rows, exact in zip(found, scores(tokens, queries, found, threads, blend), strict=True):
        kept = top_k(exact, tie_rank(rank[rows], ties), k)
        ranked.append((rows[kept], exact[kept]))
    return ranked


def candidates(
    tokens: Tokens, queries: PackedVectors, k: int, threads: int, blend: Blend | None = None
) -> list[Rows]:
    """For each query the rows, ascending, among which the exact ``k`` best are, ties at the cut included."""
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
                for query, own in zip(stack.queries, taker.scores[:, full], strict=True):
                    if blend is not None:
                        own = blend.approximate(query, own, full + first)
                    pools[query].add(own, full + first)
        return pools

    one, *others = on_threads(scan, stripes(tokens.offsets), threads)
    for other in others:
        for pool, more in zip(one, other, strict=True):
            pool.merge(more)
    return [np.sort(pool.rows) for pool in one]


def scores(
    tokens: Tokens, queries: PackedVectors, rows: Sequence[Rows], threads: int, blend: Blend | None = None
) -> list[Scores]:
    """Exact scores of given documents for each query, the same bits however they are computed.

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
    out = [np.full(len(some), -np.inf, np.float32) for some in rows]

    def score(tasks: Iterator[tuple[int, Rows]]) -> None:
        room = np.empty((GATHERED, tokens.dim), np.float32)
        for query, places in tasks:
            own = slice(*queries.offsets[query : query + 2])
            given = rows[query][places]
            bounds = np.concatenate([[0], np.cumsum(tokens.offsets[given + 1] - tokens.offsets[given])])
            if bounds[-1] > len(room):
                room = np.empty((int(bounds[-1]), tokens.dim), np.float32)
            block = tokens.gather(given, room)
            vectors = np.ascontiguousarray(queries.vectors[own], np.float32)
            exact = exact_scores(vectors @ block.T, block, vectors, bounds, margins[own])
            found = exact.astype(np.float32) + np.float32(0)  # -0 becomes 0
            out[query][places] = found if blend is None else blend.exact(query, found, given)

    on_threads(score, _tasks(tokens.offsets, queries, rows), threads)
    return out


def product_margins(tokens: Tokens, queries: PackedVectors) -> Float64s:
    """For each query token twice the bound on the error of its products with the documents' tokens, rounding included.

    Raises:
        BadInput: query vectors of another dimension, not finite, or so long that scores overflow.
    """
    if queries.vectors.shape[1] != tokens.dim:
        raise BadInput(
            f"query vectors of {queries.vectors.shape[1]} dimensions do not fit the index's {tokens.dim}"
        )
    norms = row_norms(queries.vectors)
    if not np.isfinite(norms).all() or norms.sum() * tokens.longest > 3e38:
        raise BadInput(
            "a query's vector is not finite, or so long that its scores overflow",
            "check the encoder and its --dtype",
        )
    return np.array([2 * error_bound(tokens.dim, norm, tokens.longest) for norm in norms.tolist()])


def stacked(queries: PackedVectors, tokens: int) -> list[Stack]:
    """The queries that have tokens, in stacks of at most ``tokens`` tokens, or of one query."""
    stacks: list[Stack] = []
    chosen: list[int] = []

    def close() -> None:
        if chosen:
            own = slice(queries.offsets[chosen[0]], queries.offsets[chosen[-1] + 1])
            ends = queries.offsets[np.array(chosen) + 1] - own.start
            vectors = np.ascontiguousarray(queries.vectors[own], np.float32)
            stacks.append(Stack([*chosen], vectors, np.concatenate([[0], ends])))
            chosen.clear()

    lengths = np.diff(queries.offsets).tolist()
    for query, length in enumerate(lengths):
        if length and sum(lengths[i] for i in chosen) + length > tokens:
            close()
        if length:
            chosen.append(query)
    close()
    return stacks


def products(
    tokens: Tokens, stacks: Sequence[Stack], first: int, last: int
) -> Iterator[tuple[int, int, Float32s]]:
    """Products [query tokens, m] of each of some stacks with the tokens of the documents ``first:last``, block by block.

    Yields:
        The block's first token, the stack's number, and the products, which the next step overwrites.
    """
    widest = max((len(stack.vectors) for stack in stacks), default=1)
    step = max(1, PRODUCTS // widest)
    begin, end = (int(tokens.offsets[i]) for i in (first, last))
    rows = min(step, end - begin)
    buffer, out = np.empty((rows, tokens.dim), np.float32), np.empty(rows * widest, np.float32)
    for start in range(begin, end, step):
        block = tokens.read(start, min(start + step, end), buffer)
        for i, stack in enumerate(stacks):
            shape = len(stack.vectors), len(block)
            sims = out[: shape[0] * shape[1]].reshape(shape)
            np.matmul(stack.vectors, block.T, out=sims)
            yield start, i, sims


def stripes(offsets: Rows, first: int = 0) -> Iterator[tuple[int, int]]:
    """The documents from ``first`` on in runs of about `STRIPE` tokens: the first, and the one after the last."""
    n = len(offsets) - 1
    while first < n:
        last = int(np.searchsorted(offsets, offsets[first] + STRIPE, side="right")) - 1
        yield first, (last := min(max(last, first + 1), n))
        first = last


def _tasks(offsets: Rows, queries: PackedVectors, rows: Sequence[Rows]) -> Iterator[tuple[int, Rows]]:
    """Some documents of one query at a time, as places in ``rows``; queries and documents without tokens are left out."""
    for query, some in enumerate(rows):
        if queries.offsets[query] == queries.offsets[query + 1]:
            continue
        lengths = offsets[some + 1] - offsets[some]
        places = np.flatnonzero(lengths)
        piece = np.cumsum(lengths[places]) // GATHERED
        cuts = np.flatnonzero(np.diff(piece)) + 1
        for part in np.split(places, cuts):
            if len(part):
                yield query, part

"""XTR scoring: documents by the tokens that a token search retrieved, the rest imputed.

J. Lee et al., "Rethinking the Role of Token Retrieval in Multi-Vector Retrieval", NeurIPS 2023. For each query token the
k' nearest of all document tokens are retrieved. A document with a retrieved token scores the mean, over the query's
tokens, of its best retrieved product, or of the k'-th product m of that query token where none of its own was retrieved.
Tokens that tie with the k'-th are all retrieved, so that nothing depends on their order: the score is the mean of
max(m, best product). With k' of all tokens it is MaxSim divided by the number of query tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Float64s, Rows, Scores
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.threads import on_threads
from intrex.retrievers.base import tie_rank, top_k
from intrex.retrievers.multivector import maxsim
from intrex.retrievers.multivector.maxsim import GATHERED, Stack
from intrex.retrievers.multivector.tokens import Tokens
from intrex.retrievers.vectors.native import exact_dots

TOKEN_TOP_K = 1000
"""k' by default, as in the authors' evaluation."""
RETRIEVED = 1 << 20
"""Document tokens kept for the queries of one stack: bounds the memory to some 50 MB a thread."""


def search(
    tokens: Tokens,
    queries: PackedVectors,
    rank: npt.NDArray[np.uint32],
    k: int,
    token_top_k: int,
    threads: int,
    ties: str = "trec_eval",
) -> list[tuple[Rows, Scores]]:
    """Rows and float32 scores of the ``k`` best documents for each query, best first; see `maxsim.search`.

    Args:
        tokens: of the documents.
        queries: token vectors in float32; a query without any finds nothing.
        rank: [n] the rank of each document's id, for ties.
        k: how many.
        token_top_k: k', document tokens retrieved for each query token.
        threads: how many threads to use; changes no bit.
        ties: one of `intrex.retrievers.options.TIE_ORDERS`.

    Raises:
        BadInput: query vectors of another dimension, not finite, or so long that scores overflow.
    """
    if token_top_k >= tokens.offsets[-1]:
        found = maxsim.candidates(tokens, queries, k, threads)
        sums = maxsim.scores(tokens, queries, found, threads)
        lengths = np.maximum(np.diff(queries.offsets), 1).astype(np.float32)
        scored = [(rows, one / n) for rows, one, n in zip(found, sums, lengths, strict=True)]
    else:
        scored = [(np.empty(0, np.int64), np.empty(0, np.float32))] * (len(queries.offsets) - 1)
        margins = maxsim.product_margins(tokens, queries)
        for stack in maxsim.stacked(queries, max(32, RETRIEVED // token_top_k)):
            own = slice(*queries.offsets[[stack.queries[0], stack.queries[-1] + 1]])
            retrieved = retrieve(tokens, stack, token_top_k, margins[own], threads)
            for query, result in zip(stack.queries, _impute(tokens, stack, *retrieved), strict=True):
                scored[query] = result
    best = []
    for rows, exact in scored:
        kept = top_k(exact, tie_rank(rank[rows], ties), k)
        best.append((rows[kept], exact[kept]))
    return best


class _Retrieved:
    """For each query token of a stack (a column) the tokens that may be its ``k`` nearest, with approximate products."""

    def __init__(self, k: int, margins: Float64s) -> None:
        self.tokens: Rows = np.empty(0, np.int64)
        self.columns: Rows = np.empty(0, np.int64)
        self._sims: Scores = np.empty(0, np.float32)
        self._k, self._margins = k, margins
        self._floors = np.full(len(margins), -np.inf, np.float32)
        self._waiting: list[tuple[Rows, Rows, Scores]] = []
        self._count, self._limit = 0, 2 * k * len(margins)

    def add(self, sims: Float32s, start: int) -> None:
        """Add the products [columns, m] with the m tokens from ``start`` on."""
        columns, near = np.nonzero(sims >= self._floors[:, None])
        self._put(near + start, columns, sims[columns, near])
        if self._count > self._limit:
            self.prune()

    def merge(self, other: _Retrieved) -> None:
        """Add what another one for the same columns holds."""
        other.prune()
        self._put(other.tokens, other.columns, other._sims)

    def _put(self, tokens: Rows, columns: Rows, sims: Scores) -> None:
        self._waiting.append((tokens, columns, sims))
        self._count += len(tokens)

    def prune(self) -> None:
        """Keep, in the order of the columns, what is within the margin of the k-th best of its column."""
        parts = [(self.tokens, self.columns, self._sims), *self._waiting]
        tokens, columns, sims = (np.concatenate(one) for one in zip(*parts, strict=True))
        # numpy sorts 16-bit integers by counting, 10 times as fast as wider ones
        order = np.argsort(columns.astype(np.min_scalar_type(len(self._margins))), kind="stable")
        tokens, columns, sims = tokens[order], columns[order], sims[order]
        floors = _kth(sims, columns, self._k, len(self._margins)) - self._margins
        # one step down, because the floor is rounded
        self._floors = np.nextafter(floors.astype(np.float32), np.float32(-np.inf))
        kept = sims >= self._floors[columns]
        self.tokens, self.columns, self._sims = tokens[kept], columns[kept], sims[kept]
        self._waiting, self._count = [], len(self.tokens)
        self._limit = max(self._limit, 2 * self._count)  # ties may be more than k


def _kth(numbers: npt.NDArray[np.floating[Any]], columns: Rows, k: int, n: int) -> Float64s:
    """The k-th largest number of each of n columns, which are sorted; minus infinity where there are fewer."""
    begins = np.searchsorted(columns, np.arange(n + 1)).tolist()
    found = np.full(n, -np.inf)
    for column, (begin, end) in enumerate(pairwise(begins)):
        if end - begin >= k:
            found[column] = np.partition(numbers[begin:end], end - begin - k)[end - begin - k]
    return found


def retrieve(
    tokens: Tokens, stack: Stack, k: int, margins: Float64s, threads: int
) -> tuple[Rows, Rows, Float64s, Float64s]:
    """The ``k`` nearest tokens of each column with their exact products, and the k-th product of each column."""

    def scan(stripes: Iterator[tuple[int, int]]) -> _Retrieved:
        found = _Retrieved(k, margins)
        for first, last in stripes:
            for start, _, sims in maxsim.products(tokens, [stack], first, last):
                found.add(sims, start)
        return found

    one, *others = on_threads(scan, maxsim.stripes(tokens.offsets), threads)
    for other in others:
        one.merge(other)
    one.prune()
    exact = np.empty(len(one.tokens))
    for start in range(0, len(exact), GATHERED):
        some = slice(start, start + GATHERED)
        block = tokens.take(one.tokens[some])
        exact[some] = exact_dots(block, np.arange(len(block)), stack.vectors, one.columns[some])
    least = _kth(exact, one.columns, k, len(margins))
    near = exact >= least[one.columns]
    return one.tokens[near], one.columns[near], exact[near], least


def _impute(
    tokens: Tokens, stack: Stack, found: Rows, columns: Rows, exact: Float64s, least: Float64s
) -> Iterator[tuple[Rows, Scores]]:
    """Rows, ascending, and scores of the documents that each query of a stack retrieved a token of."""
    documents = np.searchsorted(tokens.offsets, found, side="right") - 1
    begins = np.searchsorted(columns, stack.bounds)
    for i, begin in enumerate(begins[:-1]):
        own = slice(begin, begins[i + 1])
        first, last = stack.bounds[i : i + 2]
        rows, places = np.unique(documents[own], return_inverse=True)
        table = np.tile(least[first:last], (len(rows), 1))
        np.maximum.at(table, (places, columns[own] - first), exact[own])
        total = np.zeros(len(rows))
        for column in table.T:
            total += column
        yield rows, (total / (last - first)).astype(np.float32) + np.float32(0)

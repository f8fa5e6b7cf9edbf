"""XTR scoring: documents by the tokens that a token search retrieved, the rest imputed.

J. Lee et al., "Rethinking the Role of Token Retrieval in Multi-Vector Retrieval", NeurIPS 2023. For each query token the
k' nearest of all document tokens are retrieved. A document with a retrieved token scores the mean, over the query's
tokens, of its best retrieved product, or of the k'-th product m of that query token where none of its own was retrieved.
Tokens that tie with the k'-th are all retrieved, so that nothing depends on their order: the score is the mean of
max(m, best product). With k' of all tokens it is MaxSim divided by the number of query tokens.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from intrex.data.stores import PackedVectors
from intrex.data.threads import on_threads
from intrex.retrievers import maxsim
from intrex.retrievers.base import tie_rank, top_k
from intrex.retrievers.exact import Matrix, Rows, Scores
from intrex.retrievers.maxsim import GATHERED, Stack
from intrex.retrievers.tokens import Tokens
from intrex.retrievers.vectornative import Wide, exact_dots

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
        ties: one of `intrex.retrievers.base.TIE_ORDERS`.

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
    """For each column the tokens that may be among its ``k`` nearest, with their approximate products."""

    def __init__(self, k: int, margins: Wide) -> None:
        self.tokens: Rows = np.empty(0, np.int64)
        self.columns: Rows = np.empty(0, np.int64)
        self._sims: Scores = np.empty(0, np.float32)
        self._k, self._margins = k, margins
        self._floors = np.full(len(margins), -np.inf, np.float32)
        self._waiting: list[tuple[Rows, Rows, Scores]] = []
        self._count, self._limit = 0, 2 * k * len(margins)

    def add(self, sims: Matrix, start: int) -> None:
        """Add the products [m, columns] of the tokens from ``start`` on."""
        rows, columns = np.nonzero(sims >= self._floors)
        self._put(rows + start, columns, sims[rows, columns])
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
        """Keep, by column and product, what is within the margin of the k-th best of its column."""
        parts = [(self.tokens, self.columns, self._sims), *self._waiting]
        tokens, columns, sims = (np.concatenate(one) for one in zip(*parts, strict=True))
        order = np.lexsort((-sims, columns))
        tokens, columns, sims = tokens[order], columns[order], sims[order]
        begins = np.searchsorted(columns, np.arange(len(self._margins) + 1))
        full = np.flatnonzero(np.diff(begins) >= self._k)
        worst = sims[begins[full] + self._k - 1] - self._margins[full]
        # one step down, because the floor is rounded
        self._floors[full] = np.nextafter(worst.astype(np.float32), np.float32(-np.inf))
        kept = sims >= self._floors[columns]
        self.tokens, self.columns, self._sims = tokens[kept], columns[kept], sims[kept]
        self._waiting, self._count = [], len(self.tokens)
        self._limit = max(self._limit, 2 * self._count)  # ties may be more than k


def retrieve(
    tokens: Tokens, stack: Stack, k: int, margins: Wide, threads: int
) -> tuple[Rows, Rows, Wide, Wide]:
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
    order = np.lexsort((-exact, one.columns))
    begins = np.searchsorted(one.columns[order], np.arange(len(margins)))
    least = exact[order][begins + k - 1]
    near = exact >= least[one.columns]
    return one.tokens[near], one.columns[near], exact[near], least


def _impute(
    tokens: Tokens, stack: Stack, found: Rows, columns: Rows, exact: Wide, least: Wide
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

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
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Float64s, Rows, Scores, Uint32s
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.threads import on_threads
from intrex.retrievers.base import Ranking, best_rows
from intrex.retrievers.multivector import maxsim
from intrex.retrievers.multivector.maxsim import GATHERED, Stack
from intrex.retrievers.multivector.part import PartTokens
from intrex.retrievers.multivector.tokens import Tokens
from intrex.retrievers.vectors.native import exact_dots

RETRIEVED = 1 << 20
"""Document tokens kept for the queries of one stack: bounds the memory to some 50 MB a thread."""


def search(
    tokens: Tokens,
    queries: PackedVectors,
    rank: Uint32s,
    k: int,
    token_top_k: int,
    threads: int,
    ties: str = "trec_eval",
    within: Rows | None = None,
) -> list[Ranking]:
    """Return rows and float32 scores of the ``k`` best documents for each query, best first; see `maxsim.search`.

    Args:
        tokens: of the documents.
        queries: token vectors in float32; a query without any finds nothing.
        rank: [n] the rank of each document's id, for ties.
        k: how many.
        token_top_k: k', document tokens retrieved for each query token.
        threads: how many threads to use; changes no bit.
        ties: one of `intrex.retrievers.options.TIE_ORDERS`.
        within: [m] ascending, the only documents to rank. Tokens are retrieved from all documents, so that no score
            changes.

    Raises:
        BadInput: query vectors of another dimension, not finite, or so long that scores overflow.
    """
    if token_top_k >= tokens.offsets[-1]:
        if within is None:
            candidates = maxsim.candidates(tokens, queries, k, threads)
        else:
            found = maxsim.candidates(PartTokens(tokens, within), queries, k, threads)
            candidates = [within[rows] for rows in found]
        sums = maxsim.scores(tokens, queries, candidates, threads)
        lengths = np.maximum(np.diff(queries.offsets), 1).astype(np.float32)
        scored = [(rows, total / n) for rows, total, n in zip(candidates, sums, lengths, strict=True)]
    else:
        scored = [(np.empty(0, np.int64), np.empty(0, np.float32))] * (len(queries.offsets) - 1)
        for stack, retrieved in retrieve(tokens, queries, token_top_k, threads):
            for query, result in zip(stack.queries, _impute(tokens, stack, retrieved), strict=True):
                scored[query] = result if within is None else _only(result, within)
    return [best_rows(rows, scores, rank, k, ties) for rows, scores in scored]


def _only(ranking: Ranking, within: Rows) -> Ranking:
    rows, scores = ranking
    mask = np.isin(rows, within)
    return rows[mask], scores[mask]


class _NearestTokens:
    """Tokens that may be among the ``k`` nearest of a query token of a stack (a column), with approximate products."""

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

    def merge(self, part: _NearestTokens) -> None:
        """Add the tokens of another part of the documents, for the same columns."""
        part.prune()
        self._put(part.tokens, part.columns, part._sims)

    def _put(self, tokens: Rows, columns: Rows, sims: Scores) -> None:
        self._waiting.append((tokens, columns, sims))
        self._count += len(tokens)

    def prune(self) -> None:
        """Keep, in the order of the columns, the tokens within the margin of the k-th best of their column."""
        parts = [(self.tokens, self.columns, self._sims), *self._waiting]
        tokens, columns, sims = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        # numpy sorts 16-bit integers by counting, 10 times as fast as wider ones
        order = np.argsort(columns.astype(np.min_scalar_type(len(self._margins))), kind="stable")
        tokens, columns, sims = tokens[order], columns[order], sims[order]
        floors = _kth(sims, columns, self._k, len(self._margins)) - self._margins
        # one step down, because the floor is rounded
        self._floors = np.nextafter(floors.astype(np.float32), np.float32(-np.inf))
        near = sims >= self._floors[columns]
        self.tokens, self.columns, self._sims = tokens[near], columns[near], sims[near]
        self._waiting, self._count = [], len(self.tokens)
        self._limit = max(self._limit, 2 * self._count)  # ties may be more than k


def _kth(numbers: npt.NDArray[np.floating[Any]], columns: Rows, k: int, n: int) -> Float64s:
    """Return the k-th largest number of each of n columns, which are sorted; minus infinity where there are fewer."""
    begins = np.searchsorted(columns, np.arange(n + 1)).tolist()
    values = np.full(n, -np.inf)
    for column, (begin, end) in enumerate(pairwise(begins)):
        if end - begin >= k:
            values[column] = np.partition(numbers[begin:end], end - begin - k)[end - begin - k]
    return values


class Retrieved(NamedTuple):
    """Tokens nearest to those of a stack, its columns.

    Attributes:
        tokens: [m] their numbers, in the order of the columns.
        columns: [m] of each.
        products: [m] exact.
        least: [columns] the k-th product.
    """

    tokens: Rows
    columns: Rows
    products: Float64s
    least: Float64s


def retrieve(
    tokens: Tokens, queries: PackedVectors, k: int, threads: int
) -> Iterator[tuple[Stack, Retrieved]]:
    """Yield the queries in stacks, with the ``k`` nearest tokens of each of their tokens; raises as `search`."""
    margins = maxsim.product_margins(tokens, queries)
    for stack in maxsim.stacked(queries, max(32, RETRIEVED // k)):
        span = slice(*queries.offsets[[stack.queries[0], stack.queries[-1] + 1]])
        yield stack, _nearest(tokens, stack, k, margins[span], threads)


def _nearest(tokens: Tokens, stack: Stack, k: int, margins: Float64s, threads: int) -> Retrieved:

    def scan(stripes: Iterator[tuple[int, int]]) -> _NearestTokens:
        part = _NearestTokens(k, margins)
        for first, last in stripes:
            for start, _, sims in maxsim.products(tokens, [stack], first, last):
                part.add(sims, start)
        return part

    nearest, *parts = on_threads(scan, maxsim.stripes(tokens.offsets), threads)
    for part in parts:
        nearest.merge(part)
    nearest.prune()
    numbers, columns = nearest.tokens, nearest.columns
    exact = np.empty(len(numbers))
    for start in range(0, len(exact), GATHERED):
        span = slice(start, start + GATHERED)
        block = tokens.read(numbers[span])
        exact[span] = exact_dots(block, np.arange(len(block)), stack.vectors, columns[span])
    least = _kth(exact, columns, k, len(margins))
    near = exact >= least[columns]
    return Retrieved(numbers[near], columns[near], exact[near], least)


def _impute(tokens: Tokens, stack: Stack, retrieved: Retrieved) -> Iterator[Ranking]:
    """Yield rows, ascending, and scores of the documents of the tokens that each query of a stack retrieved."""
    nearest, columns, exact, least = retrieved
    documents = np.searchsorted(tokens.offsets, nearest, side="right") - 1
    begins = np.searchsorted(columns, stack.bounds)
    for i, begin in enumerate(begins[:-1]):
        span = slice(begin, begins[i + 1])
        first, last = stack.bounds[i : i + 2]
        rows, places = np.unique(documents[span], return_inverse=True)
        table = np.tile(least[first:last], (len(rows), 1))
        np.maximum.at(table, (places, columns[span] - first), exact[span])
        total = np.zeros(len(rows))
        for column in table.T:
            total += column
        yield rows, (total / (last - first)).astype(np.float32) + np.float32(0)

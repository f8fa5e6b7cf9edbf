"""Exact top k from approximate scores: a bound on their error, a pool of candidates, one fixed kernel.

Matrix products differ in the last bits with the number of rows, threads and the library. Here they only choose
candidates: all documents whose float32 score lies within twice the error bound of the k-th best. Those get their score
from `intrex.retrievers.vectors.native.exact_dot`, which adds in one fixed order, so that a ranking is the same bits however it was computed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import numpy as np

from intrex.data.arrays import Array, Bools, Float32s, Float64s, Rows, Scores, Uint32s
from intrex.data.errors import BadInput
from intrex.data.numeric.rows import error_bound, row_norms
from intrex.data.system.threads import blas_threads
from intrex.retrievers.base import Ranking, best_rows
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.vectors.options import NearestOptions

SCANNED_AT_ONCE = 1 << 24
"""Numbers of the vectors that one matrix product reads: 64 MB."""


def fixed_sums(numbers: Float64s) -> Float64s:
    """Add up each row of ``numbers`` [n, d], which are used up, to sums [n]: halves are added upon halves.

    All operations are on single elements, so that a row's sum does not depend on the rows beside it.
    """
    while (width := numbers.shape[1]) > 1:
        half = (width + 1) // 2
        numbers[:, : width - half] += numbers[:, half:]
        numbers = numbers[:, :half]
    sums: Float64s = numbers.sum(axis=1)  # one column, or none
    return sums


def check_queries(
    queries: Array, dim: int, longest: float, *, summed: bool = False, single: bool = False
) -> Float64s:
    """Return the lengths [q] of query vectors [q, dim]; ``single`` ones are beside the vectors of tokens.

    Raises:
        BadInput: they have another dimension, are not finite, or so long that products with vectors of length
            ``longest``, or with ``summed`` sums of them, overflow.
    """
    if queries.ndim != 2 or queries.shape[1] != dim:
        noun = "single" if single else "query"
        raise BadInput(f"{noun} vectors of {queries.shape[-1]} dimensions do not fit the index's {dim}")
    norms = row_norms(queries)
    norm = norms.sum() if summed else norms.max(initial=0.0)
    if not np.isfinite(norms).all() or norm * longest > 3e38:
        raise BadInput(
            f"a query's {'single ' if single else ''}vector is not finite, or so long that its scores overflow",
            "check the encoder and its --dtype",
        )
    return norms


class VectorSearch(ABC):
    """A search for the vectors that have the largest dot products with a query.

    Args:
        engine: what it was built for, one of `intrex.retrievers.vectors.options.ENGINES`.
        shape: number and dimensions of the vectors.
        longest: the length of the longest.
        rank: [n] the rank of each row's id.

    Attributes:
        decodes: whether vectors are read from codes, so that they may be longer than ``longest``.
    """

    decodes = False

    def __init__(self, engine: str, shape: tuple[int, int], longest: float, rank: Uint32s) -> None:
        self.engine, self.shape, self.longest = engine, shape, longest
        self._rank = rank

    @abstractmethod
    def prepare(self, options: SearchOptions) -> None:
        """Raise `IntrexError` where a search with these options cannot be."""

    def rank(self, queries: Float32s, options: SearchOptions) -> Iterator[Ranking]:
        """Yield rows and float32 scores of the ``k`` best for each of ``queries`` [q, d], best first.

        Raises:
            BadInput: a query has another dimension, is not finite, or so long that scores overflow.
        """
        check_queries(queries, self.shape[1], self.longest)
        nearest = NearestOptions.of(options)
        for start in range(0, len(queries), options.batch_size):
            batch = np.ascontiguousarray(queries[start : start + options.batch_size], np.float32)
            if options.subset is None:
                yield from self._rank_batch(batch, nearest)
            else:
                yield from self._rank_rows(batch, options.subset.rows, nearest)
            options.progress(len(batch))

    @abstractmethod
    def _rank_batch(self, batch: Float32s, options: NearestOptions) -> Iterable[Ranking]:
        """Rank the vectors for each query of a batch."""

    @abstractmethod
    def read(self, rows: Rows) -> Float32s:
        """Return the vectors [len(rows), d] of rows, as they are stored."""

    def _rank_rows(self, batch: Float32s, rows: Rows, options: NearestOptions) -> list[Ranking]:
        """Rank some rows, ascending, for each query of a batch by comparing all of them: exact, whatever the engine."""
        dim, norms = self.shape[1], row_norms(batch).tolist()
        longest, step = self.longest, max(1, SCANNED_AT_ONCE // self.shape[1])
        pools = [Pool(options.k, 0.0) for _ in norms]
        with blas_threads(options.threads):
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                block = self.read(part)
                if self.decodes:  # what codes stand for may be longer than what was coded
                    longest = max(longest, float(row_norms(block).max()))
                for pool, norm, scores in zip(pools, norms, batch @ block.T, strict=True):
                    pool.margin = 2 * error_bound(dim, norm, longest)
                    pool.add(scores, part)
            return [
                self._best(query, np.sort(p.rows), options) for query, p in zip(batch, pools, strict=True)
            ]

    @abstractmethod
    def score(self, query: Float32s, rows: Rows) -> Scores:
        """Return exact scores [len(rows)] of rows for one query [d], of the vectors as they are stored."""

    def _best(self, query: Float32s, rows: Rows, options: NearestOptions) -> Ranking:
        return best_rows(rows, self.score(query, rows), self._rank, options.k, options.ties)


class Pool:
    """Rows that may still be among the ``k`` best of one query, with their approximate scores.

    Args:
        k: depth of the ranking.
        margin: twice the bound on the error of a score; it may grow before rows of larger errors are added.
    """

    def __init__(self, k: int, margin: float) -> None:
        self.floor = np.float32(-np.inf)
        self.rows: Rows = np.empty(0, np.int64)
        self._scores: Scores = np.empty(0, np.float32)
        self._k, self.margin = k, margin

    def add(self, scores: Scores, rows: Rows | None = None, start: int = 0) -> None:
        """Add approximate scores [m] of rows that were not added before: ``rows`` [m], or those from ``start`` on."""
        near = np.flatnonzero(scores >= self.floor)
        self.rows = np.concatenate([self.rows, near + start if rows is None else rows[near]])
        self._scores = np.concatenate([self._scores, scores[near]])
        if len(self.rows) > self._k:
            place = len(self.rows) - self._k
            worst = np.partition(self._scores, place)[place]
            # one step down, because the subtraction is rounded
            self.floor = np.nextafter(np.float32(float(worst) - self.margin), np.float32(-np.inf))
            self._keep(self._scores >= self.floor)

    def merge(self, pool: Pool) -> None:
        """Add the rows of another pool of the same query."""
        self.add(pool._scores, pool.rows)

    def forget(self, start: int) -> None:
        """Take out the rows from ``start`` on."""
        self._keep(self.rows < start)

    def _keep(self, mask: Bools) -> None:
        self.rows, self._scores = self.rows[mask], self._scores[mask]

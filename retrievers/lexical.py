"""Search over postings: weighted terms to the k best rows, by compiled kernels or, without them, by numpy.

A row's score is the float64 sum of its terms' scores, in the order of the query's terms, rounded to float32, as Lucene
adds them. The kernels take terms in another order where that saves work, and add up again what that might change.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from intrex.data.native import Call
from intrex.retrievers.base import Scores, top_k
from intrex.retrievers.native import address, kernels
from intrex.retrievers.postings import Postings

Ints = npt.NDArray[np.int64]
WINDOW = 1 << 14
"""Rows whose sums are held at a time: 128 KB, which stay in the second cache."""
AT_ONCE = 1 << 20
"""Results that one call of the kernel makes room for."""
SPARE = 16
"""Rows kept beside twice k, before the best are chosen."""
RESULT, WORTH_THREADS = 16, 1 << 21
"""Postings that cost as much as one result; work, in postings, from which on threads are started."""
QUERIES = 64
"""Queries of one call."""
UNTOUCHED = -0.0
"""What a row's sum is before a term adds to it: a sum of scores is never -0, so a score of 0 is still a match."""
_SPREAD = np.float64(2.0**-28)


class Weighted(NamedTuple):
    """Queries as weighted terms: query i has ``terms[offsets[i]:offsets[i + 1]]``, ids that differ, and their weights."""

    offsets: Ints
    terms: Ints
    weights: Scores


class Hits(NamedTuple):
    """Rankings one after another, best first; ``sizes`` [queries] says how long each is."""

    sizes: Ints
    rows: npt.NDArray[np.int32]
    scores: Scores


def term_scores(weight: np.float32 | Scores, tfs: npt.NDArray[Any], inverse: Scores) -> Scores:
    """What a term adds: weight * tf / (tf + norm), in Lucene's order of operations.

    Args:
        weight: idf times the term's count in the query.
        tfs: [n] counts in the documents.
        inverse: [n] float32, 1 / norm of the documents.
    """
    return weight - weight / (np.float32(1) + tfs.astype(np.float32) * inverse)


def _scratch(terms: int, k: int) -> list[npt.NDArray[Any]]:
    """What one thread's kernel works in, with room for ``terms`` terms and ``k`` results."""
    sums = np.full(WINDOW + 1, UNTOUCHED)
    cursors, ceilings = np.zeros(3 * terms + 130, np.int64), np.zeros(terms + 1)
    found, partial = np.zeros(WINDOW, np.int32), np.zeros(WINDOW)
    keys, rows = np.zeros(2 * k + SPARE, np.int64), np.zeros(2 * k + SPARE, np.int32)
    single = np.zeros(2, np.float32)
    return [sums, sums, cursors, ceilings, found, partial, keys, rows, single, single]


class Lists(Protocol):
    """The rows that have each term."""

    docs: npt.NDArray[np.int32]
    """Rows, ascending within a term."""
    offsets: Ints
    """Which of ``docs`` belong to each term, [terms + 1]."""


class PostingsSearcher(ABC):
    """Finds the best rows of weighted queries, by whatever a posting scores.

    Attributes:
        postings: the inverted index.
        rank: uint32 [n], the rank of each row's id, which decides ties.
        bounds: float32, of every 128 postings, what the kernel computes the highest score of; None if there are none.
        prune: leave out what cannot be among the best. Changes no bit.
    """

    postings: Lists
    rank: npt.NDArray[np.uint32]
    bounds: Scores | None
    prune: bool = True

    @abstractmethod
    def _kernel(self) -> Call | None:
        """The compiled search, or None where there is none."""

    @abstractmethod
    def _given(self, queries: Weighted) -> list[Any]:
        """The kernel's arguments of its own."""

    @abstractmethod
    def _exact(self, queries: Weighted) -> npt.NDArray[np.uint8]:
        """Whether the scores of each query add up without rounding, so that their order does not matter."""

    @abstractmethod
    def _scores(self, queries: Weighted, t: int) -> tuple[Ints, npt.NDArray[np.floating]]:
        """The rows that have term t of the queries, and what it adds to each, by numpy."""

    def search(self, queries: Weighted, k: int, threads: int = 1) -> Hits:
        """The ``k`` best rows of each query that have one of its terms, by (score, id) descending."""
        k = max(1, min(k, len(self.rank)))
        n = len(queries.offsets) - 1
        call = self._kernel()
        if call is None:
            sums = np.full(len(self.rank), UNTOUCHED)
            parts = [self._plain(queries, i, k, sums) for i in range(n)]
        else:
            parts = self._native(call, queries, k, threads)
        if not parts:
            return Hits(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
        return Hits(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _native(self, call: Call, queries: Weighted, k: int, threads: int) -> list[Hits]:
        """All queries by the kernel, some at a time, in threads if there is work enough for them."""
        n = len(queries.offsets) - 1
        shared, own = self._shared(queries), self._given(queries)
        df = self.postings.offsets[queries.terms + 1] - self.postings.offsets[queries.terms]
        threads = threads if int(df.sum()) + RESULT * n * k >= WORTH_THREADS else 1
        step = max(1, min(QUERIES, AT_ONCE // k, -(-n // max(threads, 1))))
        most = int(np.diff(queries.offsets).max(initial=0))
        pool: deque[list[npt.NDArray[Any]]] = deque()

        def work(start: int) -> Hits:
            try:
                scratch = pool.pop()
            except IndexError:
                scratch = _scratch(most, k)
            size = min(step, n - start)
            rows, scores, sizes = (
                np.empty((size, k), np.int32),
                np.empty((size, k), np.float32),
                np.empty(size, np.int64),
            )
            range_ = [start, start + size, int(self.prune and self.bounds is not None), k, WINDOW]
            arguments = [*shared, *range_, *scratch, rows, scores, sizes, *own]
            call(*[address(one) if isinstance(one, np.ndarray) else one for one in arguments])
            pool.append(scratch)
            if int(sizes.sum()) == size * k:
                return Hits(sizes, rows.ravel(), scores.ravel())
            kept = np.arange(k) < sizes[:, None]
            return Hits(sizes, rows[kept], scores[kept])

        starts = range(0, n, step)
        if threads == 1 or len(starts) == 1:
            return [work(start) for start in starts]
        with ThreadPoolExecutor(threads) as executor:
            return list(executor.map(work, starts))

    def _shared(self, queries: Weighted) -> list[Any]:
        """The kernel's arguments that all threads share."""
        p, terms = self.postings, queries.terms
        bounds = np.zeros(1, np.float32) if self.bounds is None else self.bounds
        begins, ends = (np.ascontiguousarray(p.offsets[terms + i]) for i in (0, 1))
        exact = self._exact(queries)
        return [p.docs, self.rank, bounds, len(self.rank), queries.offsets, begins, ends, exact]

    def _plain(self, queries: Weighted, query: int, k: int, sums: npt.NDArray[np.float64]) -> Hits:
        """One query by numpy; ``sums`` [n] goes back as it came."""
        touched = [np.empty(0, np.int64)]
        for i in range(int(queries.offsets[query]), int(queries.offsets[query + 1])):
            rows, scores = self._scores(queries, i)
            before = sums.take(rows)
            sums[rows] = before + scores
            touched.append(rows[np.signbit(before)])
        matched = np.concatenate(touched)
        totals = sums.take(matched).astype(np.float32)
        sums[matched] = UNTOUCHED
        best = top_k(totals, self.rank.take(matched), k)
        return Hits(np.array([len(best)]), matched[best].astype(np.int32), totals[best])


@dataclass
class Searcher(PostingsSearcher):
    """Finds the best rows by BM25.

    Attributes:
        postings: the inverted index.
        norms: uint8 [n], the length byte of each row.
        rank: see `PostingsSearcher`.
        inverse: float32 [256], 1 / norm by length byte.
        bounds: see `Postings.bounds`; None if there are none for ``inverse``.
        longest: the least of ``inverse`` that a row has.
        prune: see `PostingsSearcher`.
    """

    postings: Postings
    norms: npt.NDArray[np.uint8]
    rank: npt.NDArray[np.uint32]
    inverse: Scores
    bounds: Scores | None
    longest: np.float32
    prune: bool = True

    def _kernel(self) -> Call | None:
        calls = kernels()
        return calls["search"] if calls else None

    def _given(self, queries: Weighted) -> list[Any]:
        p = self.postings
        return [queries.weights, p.tfs, self.norms, self.inverse, p.big_at, p.big, len(p.big)]

    def _exact(self, queries: Weighted) -> npt.NDArray[np.uint8]:
        """Float32 numbers within a factor of 2**28 are multiples of one that float64 can count their sums in."""
        n = len(queries.offsets) - 1
        owners = np.repeat(np.arange(n), np.diff(queries.offsets))
        sums = np.bincount(owners, weights=queries.weights, minlength=n)
        least = term_scores(queries.weights, np.ones(1), np.full(1, self.longest))
        rounded = np.bincount(owners, weights=least <= sums[owners] * _SPREAD, minlength=n)
        exact: npt.NDArray[np.uint8] = (rounded == 0).astype(np.uint8)
        return exact

    def _scores(self, queries: Weighted, t: int) -> tuple[Ints, Scores]:
        found, tfs = self.postings.of(int(queries.terms[t]))
        rows = found.astype(np.int64)  # take and assignment are twice as fast with the native index type
        return rows, term_scores(queries.weights[t], tfs, self.inverse.take(self.norms.take(rows)))

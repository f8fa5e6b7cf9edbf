"""Search over postings: weighted terms to the k best rows, by compiled kernels or, without them, by numpy.

A row's score is the float64 sum of its terms' float32 scores, in the order of the query's terms, rounded to float32,
as Lucene adds them. Two float32 numbers within a factor of 2**28 are multiples of one number that float64 can count in,
so their sums are exact in any order; where a query's scores may differ by more, terms are never reordered.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

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


@dataclass
class Searcher:
    """Finds the best rows of weighted queries.

    Attributes:
        postings: the inverted index.
        norms: uint8 [n], the length byte of each row.
        rank: uint32 [n], the rank of each row's id, which decides ties.
        inverse: float32 [256], 1 / norm by length byte.
        bounds: see `Postings.bounds`; None if there are none for ``inverse``.
        longest: the least of ``inverse`` that a row has.
    """

    postings: Postings
    norms: npt.NDArray[np.uint8]
    rank: npt.NDArray[np.uint32]
    inverse: Scores
    bounds: Scores | None
    longest: np.float32
    prune: bool = True

    def search(self, queries: Weighted, k: int, threads: int = 1) -> Hits:
        """The ``k`` best rows of each query that have one of its terms, by (score, id) descending."""
        k = max(1, min(k, len(self.norms)))
        n = len(queries.offsets) - 1
        calls = kernels()
        if calls is None:
            sums = np.full(len(self.norms), UNTOUCHED)
            parts = [self._plain(queries, i, k, sums) for i in range(n)]
        else:
            parts = self._native(calls["search"], queries, k, threads)
        if not parts:
            return Hits(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
        return Hits(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _native(self, call: Call, queries: Weighted, k: int, threads: int) -> list[Hits]:
        """All queries by the kernel, some at a time, in threads if there is work enough for them."""
        n = len(queries.offsets) - 1
        arrays = self._given(queries)
        given = [address(one) if isinstance(one, np.ndarray) else one for one in arrays]
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
            call(
                *given,
                start,
                start + size,
                k,
                WINDOW,
                *[address(one) for one in scratch],
                *[address(one) for one in (rows, scores, sizes)],
            )
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

    def _given(self, queries: Weighted) -> list[Any]:
        """The kernel's arguments that all threads share."""
        p, terms = self.postings, queries.terms
        bounds = np.zeros(1, np.float32) if self.bounds is None else self.bounds
        files = [
            p.docs,
            p.tfs,
            self.norms,
            self.rank,
            self.inverse,
            bounds,
            p.big_at,
            p.big,
            len(p.big),
            len(self.norms),
        ]
        begins, ends = (np.ascontiguousarray(p.offsets[terms + i]) for i in (0, 1))
        return [*files, queries.offsets, begins, ends, queries.weights, self._prunable(queries)]

    def _prunable(self, queries: Weighted) -> npt.NDArray[np.uint8]:
        """Whether the scores of each query add up without rounding, so that their order does not matter."""
        n = len(queries.offsets) - 1
        if not self.prune or self.bounds is None:
            return np.zeros(n, np.uint8)
        owners = np.repeat(np.arange(n), np.diff(queries.offsets))
        sums = np.bincount(owners, weights=queries.weights, minlength=n)
        least = term_scores(queries.weights, np.ones(1), np.full(1, self.longest))
        rounded = np.bincount(owners, weights=least <= sums[owners] * _SPREAD, minlength=n)
        prunable: npt.NDArray[np.uint8] = (rounded == 0).astype(np.uint8)
        return prunable

    def _plain(self, queries: Weighted, query: int, k: int, sums: npt.NDArray[np.float64]) -> Hits:
        """One query by numpy; ``sums`` [n] goes back as it came."""
        touched = [np.empty(0, np.int64)]
        for i in range(int(queries.offsets[query]), int(queries.offsets[query + 1])):
            found, tfs = self.postings.of(int(queries.terms[i]))
            rows = found.astype(np.int64)  # take and assignment are twice as fast with the native index type
            before = sums.take(rows)
            sums[rows] = before + term_scores(
                queries.weights[i], tfs, self.inverse.take(self.norms.take(rows))
            )
            touched.append(rows[np.signbit(before)])
        matched = np.concatenate(touched)
        scores = sums.take(matched).astype(np.float32)
        sums[matched] = UNTOUCHED
        best = top_k(scores, self.rank.take(matched), k)
        return Hits(np.array([len(best)]), matched[best].astype(np.int32), scores[best])

"""Search over postings: weighted terms to the k best rows, by compiled kernels or, without them, by numpy.

A row's score is the float64 sum of its terms' scores, in the order of the query's terms, rounded to float32, as Lucene
adds them. The kernels take terms in another order where that saves work, and add up again what that might change.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float64s, Int32s, Int64s, Scores, Uint8s, Uint32s
from intrex.data.ids import GONE
from intrex.data.native.kernel import Kernel
from intrex.retrievers.base import top_k

WINDOW = 1 << 14
"""Rows whose sums are held at a time: 128 KB, which stay in the second cache."""
AT_ONCE = 1 << 20
"""Results that one call of the kernel makes room for."""
SPARE = 16
"""Rows beside twice k that have room before the best are selected."""
RESULT, WORTH_THREADS = 16, 1 << 21
"""Postings that cost as much as one result; work, in postings, from which on threads are started."""
QUERIES = 256
"""Queries of one call."""
UNTOUCHED = -0.0
"""A row's sum before a term adds to it: a sum of scores is never -0, so a score of 0 is still a match."""


class Weighted(NamedTuple):
    """Queries as weighted terms: query i has ``terms[offsets[i]:offsets[i + 1]]``, ids that differ, and their weights.

    Of an index with several fields, ``fields`` has the number of each term's. ``rounds`` is 1 for terms whose scores add
    up by themselves, to a sum that is rounded to float32 before it is added, and 2 for the last of them; else 0.
    """

    offsets: Int64s
    terms: Int64s
    weights: Scores
    fields: Int64s | None = None
    rounds: Uint8s | None = None


class Hits(NamedTuple):
    """Rankings one after another, best first; ``sizes`` [queries] says how long each is."""

    sizes: Int64s
    rows: Int32s
    scores: Scores


def _room(terms: int, k: int) -> list[npt.NDArray[Any]]:
    """Make the ``Room`` that one thread's kernel works in, for ``terms`` terms and ``k`` results."""
    sums, parts, partial = np.full(WINDOW + 1, UNTOUCHED), np.zeros(WINDOW), np.zeros(WINDOW)
    at, until, order = np.zeros((3, terms), np.int64)
    keys, rows = np.zeros(2 * k + SPARE, np.int64), np.zeros(2 * k + SPARE, np.int32)
    tops, state, stack = (np.zeros(n, np.int64) for n in (256, 2, 128))
    return [
        *(sums, sums.view(np.int64), parts, at, until, order, np.zeros(terms), tops),
        *(np.zeros(WINDOW, np.int32), partial, state, keys, rows, stack),
    ]


@dataclass
class PostingsSearcher(ABC):
    """A search for the best rows of weighted queries, by any score of a posting.

    Attributes:
        postings: the inverted index: ``docs``, rows, ascending within a term, cut by ``offsets`` [terms + 1].
        rank: uint32 [n], the rank of each row's id, which decides ties; `GONE` for a row that is not to be found.
        bounds: float32, of every 128 postings, the number of which the kernel computes their highest score, or None.
        prune: leave out what cannot be among the best. Changes no bit.
        first: added to a row's number in the results.
        whole: no row is `GONE`; changes no bit.
    """

    postings: Any
    rank: Uint32s
    bounds: Scores | None
    prune: bool = field(default=True, kw_only=True)
    first: int = field(default=0, kw_only=True)
    whole: bool = field(default=False, kw_only=True)

    @abstractmethod
    def _kernel(self) -> Kernel | None:
        """Load the compiled search, or None where there is none."""

    @abstractmethod
    def _arguments(self, queries: Weighted) -> list[Any]:
        """Return the kernel's arguments of its own."""

    @abstractmethod
    def _exact(self, queries: Weighted) -> Uint8s:
        """Return 1 for each query whose scores add up without rounding, so that their order does not matter, else 0."""

    @abstractmethod
    def _scores(self, queries: Weighted, t: int) -> tuple[Int64s, npt.NDArray[np.floating]]:
        """Compute by numpy the rows that have term t of the queries, and its score in each."""

    def search(self, queries: Weighted, k: int, threads: int = 1) -> Hits:
        """Return the ``k`` best rows of each query that have one of its terms, by (score, id) descending."""
        return search([self], [queries], k, threads)

    def _shared(self, queries: Weighted) -> tuple[list[Any], bool, list[Any]]:
        """Return the kernel's arguments that all threads share: before their own, whether to prune, and after."""
        p, terms = self.postings, queries.terms
        bounds = np.zeros(1, np.float32) if self.bounds is None else self.bounds
        begins, ends = (np.ascontiguousarray(p.offsets[terms + i]) for i in (0, 1))
        exact = self._exact(queries)
        rounds = np.zeros(len(terms), np.uint8) if queries.rounds is None else queries.rounds
        exact[sum_by_query(queries, rounds) > 0] = 2
        index = [p.docs, self.rank, bounds, self.first, len(self.rank), self.whole]
        prune = self.prune and self.bounds is not None
        return [*index, queries.offsets, begins, ends, rounds, exact], prune, self._arguments(queries)

    def _search_plainly(self, queries: Weighted, query: int, sums: Float64s) -> tuple[Int64s, Scores]:
        """Find the rows of one query, and their scores, by numpy; ``sums`` [n] goes back as it came."""
        parts = [np.empty(0, np.int64)]
        for low, high in term_groups(queries, query):
            rows, scores = self._scores(queries, low)
            if high > low + 1:
                terms = [(rows, scores), *(self._scores(queries, t) for t in range(low + 1, high))]
                rows, places = np.unique(np.concatenate([r for r, _ in terms]), return_inverse=True)
                weights = np.concatenate([s for _, s in terms])
                scores = np.bincount(places, weights=weights).astype(np.float32)
            before = sums.take(rows)
            sums[rows] = before + scores
            parts.append(rows[np.signbit(before)])
        rows = np.concatenate(parts)
        totals = sums.take(rows).astype(np.float32)
        sums[rows] = UNTOUCHED
        mask = self.rank.take(rows) != GONE
        return rows[mask], totals[mask]


def term_groups(queries: Weighted, query: int) -> Iterator[tuple[int, int]]:
    """Cut the terms of a query, from and to: one by one, or together where their sum is rounded."""
    low, stop = int(queries.offsets[query]), int(queries.offsets[query + 1])
    for t in range(low, stop):
        if queries.rounds is None or queries.rounds[t] != 1:
            yield low, t + 1
            low = t + 1


def search(parts: Sequence[PostingsSearcher], queries: Sequence[Weighted], k: int, threads: int = 1) -> Hits:
    """Return the ``k`` best rows of each query that have one of its terms, by (score, id) descending, of all parts of an index.

    Args:
        parts: in the order of their rows; they share one ranking of ids.
        queries: the same ones for each part, with the numbers that the part has for their terms.
        k: depth of a ranking.
        threads: how many to use where there is work enough; they change no bit.
    """
    k = max(1, min(k, sum(len(part.rank) for part in parts)))
    n = len(queries[0].offsets) - 1
    kernel = parts[0]._kernel()
    if kernel is None:
        sums = [np.full(len(part.rank), UNTOUCHED) for part in parts]
        batches = [
            _best(
                [p._search_plainly(q, i, s) for p, q, s in zip(parts, queries, sums, strict=True)], parts, k
            )
            for i in range(n)
        ]
    else:
        batches = _search_compiled(kernel, parts, queries, k, threads)
    if not batches:
        return Hits(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    return Hits(*(np.concatenate(column) for column in zip(*batches, strict=True)))


def _best(hits: list[tuple[Int64s, Scores]], parts: Sequence[PostingsSearcher], k: int) -> Hits:
    """Return the best hits of one query, of those in each part."""
    scores = np.concatenate([totals for _, totals in hits])
    rank = np.concatenate([p.rank.take(rows) for p, (rows, _) in zip(parts, hits, strict=True)])
    rows = np.concatenate([rows + p.first for p, (rows, _) in zip(parts, hits, strict=True)])
    best = top_k(scores, rank, k)
    return Hits(np.array([len(best)]), rows[best].astype(np.int32), scores[best])


def _search_compiled(
    kernel: Kernel, parts: Sequence[PostingsSearcher], queries: Sequence[Weighted], k: int, threads: int
) -> list[Hits]:
    """Search by the kernel, a batch of queries at a time, in threads if there is work enough for them."""
    n = len(queries[0].offsets) - 1
    pairs = list(zip(parts, queries, strict=True))
    arguments = [part._shared(terms) for part, terms in pairs]
    postings = sum(
        int((part.postings.offsets[q.terms + 1] - part.postings.offsets[q.terms]).sum()) for part, q in pairs
    )
    threads = threads if postings + RESULT * n * k >= WORTH_THREADS else 1
    step = max(1, min(QUERIES, AT_ONCE // k, -(-n // max(threads, 1))))
    longest = max(int(np.diff(terms.offsets).max(initial=0)) for terms in queries)
    rooms: deque[list[npt.NDArray[Any]]] = deque()

    def search_batch(start: int) -> Hits:
        try:
            room = rooms.pop()
        except IndexError:
            room = _room(longest, k)
        size = min(step, n - start)
        keys, rows = np.empty((size, k), np.int64), np.empty((size, k), np.int32)
        sizes = np.zeros(size, np.int64)
        for shared, prune, private in arguments:
            kernel(*shared, start, start + size, prune, k, WINDOW, *room, keys, rows, sizes, *private)
        rooms.append(room)
        scores = (keys >> 32).astype(np.uint32).view(np.float32)
        if int(sizes.sum()) == size * k:
            return Hits(sizes, rows.ravel(), scores.ravel())
        mask = np.arange(k) < sizes[:, None]
        return Hits(sizes, rows[mask], scores[mask])

    starts = range(0, n, step)
    if threads == 1 or len(starts) == 1:
        return [search_batch(start) for start in starts]
    with ThreadPoolExecutor(threads) as executor:
        return list(executor.map(search_batch, starts))


def sum_by_query(queries: Weighted, values: npt.NDArray[Any]) -> Float64s:
    """Add up the values of each query's terms."""
    n = len(queries.offsets) - 1
    owners = np.repeat(np.arange(n), np.diff(queries.offsets))
    return np.bincount(owners, weights=values, minlength=n).astype(np.float64)

"""Search over postings: weighted terms to the k best rows, by compiled kernels or, without them, by numpy.

A row's score is the float64 sum of its terms' scores, in the order of the query's terms, rounded to float32, as Lucene
adds them. The kernels take terms in another order where that saves work, and add up again what that might change.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int64s, Scores
from intrex.data.ids import GONE
from intrex.data.native.kernel import Kernel
from intrex.retrievers.base import top_k

WINDOW = 1 << 14
"""Rows whose sums are held at a time: 128 KB, which stay in the second cache."""
AT_ONCE = 1 << 20
"""Results that one call of the kernel makes room for."""
SPARE = 16
"""Rows kept beside twice k, before the best are chosen."""
RESULT, WORTH_THREADS = 16, 1 << 21
"""Postings that cost as much as one result; work, in postings, from which on threads are started."""
QUERIES = 256
"""Queries of one call."""
UNTOUCHED = -0.0
"""What a row's sum is before a term adds to it: a sum of scores is never -0, so a score of 0 is still a match."""
_SPREAD = np.float64(2.0**-28)


class Weighted(NamedTuple):
    """Queries as weighted terms: query i has ``terms[offsets[i]:offsets[i + 1]]``, ids that differ, and their weights.

    Of an index with several fields, ``fields`` has the number of each term's. ``rounds`` is 1 for terms whose scores add
    up by themselves, to a sum that is rounded to float32 before it is added, and 2 for the last of them; else 0.
    """

    offsets: Int64s
    terms: Int64s
    weights: Scores
    fields: Int64s | None = None
    rounds: npt.NDArray[np.uint8] | None = None


class Hits(NamedTuple):
    """Rankings one after another, best first; ``sizes`` [queries] says how long each is."""

    sizes: Int64s
    rows: npt.NDArray[np.int32]
    scores: Scores


def _scratch(terms: int, k: int) -> list[npt.NDArray[Any]]:
    """What one thread's kernel works in: the ``Room`` of the kernels, for ``terms`` terms and ``k`` results."""
    sums, parts, partial = np.full(WINDOW + 1, UNTOUCHED), np.zeros(WINDOW), np.zeros(WINDOW)
    at, until, order = np.zeros((3, terms), np.int64)
    keys, rows = np.zeros(2 * k + SPARE, np.int64), np.zeros(2 * k + SPARE, np.int32)
    tops, state, stack = (np.zeros(n, np.int64) for n in (256, 2, 128))
    return [
        *(sums, sums.view(np.int64), parts, at, until, order, np.zeros(terms), tops),
        *(np.zeros(WINDOW, np.int32), partial, state, keys, rows, stack),
    ]


class Lists(Protocol):
    """The rows that have each term."""

    @property
    def docs(self) -> npt.NDArray[np.int32]:
        """Rows, ascending within a term."""
        ...

    @property
    def offsets(self) -> Int64s:
        """Which of ``docs`` belong to each term, [terms + 1]."""
        ...


class PostingsSearcher(ABC):
    """Finds the best rows of weighted queries, by whatever a posting scores.

    Attributes:
        postings: the inverted index.
        rank: uint32 [n], the rank of each row's id, which decides ties; `GONE` for a row that is not to be found.
        bounds: float32, of every 128 postings, what the kernel computes the highest score of; None if there are none.
        prune: leave out what cannot be among the best. Changes no bit.
        first: what is added to a row's number in the results.
        whole: no row is `GONE`; changes no bit.
    """

    postings: Lists
    rank: npt.NDArray[np.uint32]
    bounds: Scores | None
    prune: bool = True
    first: int = 0
    whole: bool = False

    @abstractmethod
    def _kernel(self) -> Kernel | None:
        """The compiled search, or None where there is none."""

    @abstractmethod
    def _given(self, queries: Weighted) -> list[Any]:
        """The kernel's arguments of its own."""

    @abstractmethod
    def _exact(self, queries: Weighted) -> npt.NDArray[np.uint8]:
        """Whether the scores of each query add up without rounding, so that their order does not matter."""

    @abstractmethod
    def _scores(self, queries: Weighted, t: int) -> tuple[Int64s, npt.NDArray[np.floating]]:
        """The rows that have term t of the queries, and what it adds to each, by numpy."""

    def search(self, queries: Weighted, k: int, threads: int = 1) -> Hits:
        """The ``k`` best rows of each query that have one of its terms, by (score, id) descending."""
        return search([self], [queries], k, threads)

    def _work(self, queries: Weighted) -> int:
        """How many postings the queries' terms have."""
        offsets = self.postings.offsets
        return int((offsets[queries.terms + 1] - offsets[queries.terms]).sum())

    def _shared(self, queries: Weighted) -> tuple[list[Any], bool, list[Any]]:
        """The kernel's arguments that all threads share: those before their own, whether to prune, those after."""
        p, terms = self.postings, queries.terms
        bounds = np.zeros(1, np.float32) if self.bounds is None else self.bounds
        begins, ends = (np.ascontiguousarray(p.offsets[terms + i]) for i in (0, 1))
        exact = self._exact(queries)
        rounds = np.zeros(len(terms), np.uint8) if queries.rounds is None else queries.rounds
        exact[sum_by_query(queries, rounds) > 0] = 2
        given = [p.docs, self.rank, bounds, self.first, len(self.rank), self.whole]
        prune = self.prune and self.bounds is not None
        return [*given, queries.offsets, begins, ends, rounds, exact], prune, self._given(queries)

    def _plain(self, queries: Weighted, query: int, sums: npt.NDArray[np.float64]) -> tuple[Int64s, Scores]:
        """The rows that one query finds, and their scores, by numpy; ``sums`` [n] goes back as it came."""
        touched = [np.empty(0, np.int64)]
        for low, high in _groups(queries, query):
            rows, scores = self._scores(queries, low)
            if high > low + 1:
                more = [(rows, scores), *(self._scores(queries, t) for t in range(low + 1, high))]
                every, places = np.unique(np.concatenate([r for r, _ in more]), return_inverse=True)
                added = np.concatenate([s for _, s in more])
                rows, scores = every, np.bincount(places, weights=added).astype(np.float32)
            before = sums.take(rows)
            sums[rows] = before + scores
            touched.append(rows[np.signbit(before)])
        matched = np.concatenate(touched)
        totals = sums.take(matched).astype(np.float32)
        sums[matched] = UNTOUCHED
        found = self.rank.take(matched) != GONE
        return matched[found], totals[found]


def _groups(queries: Weighted, query: int) -> Iterator[tuple[int, int]]:
    """The terms of a query, from and to: one by one, or together where their sum is rounded."""
    low, stop = int(queries.offsets[query]), int(queries.offsets[query + 1])
    for t in range(low, stop):
        if queries.rounds is None or queries.rounds[t] != 1:
            yield low, t + 1
            low = t + 1


def search(parts: Sequence[PostingsSearcher], queries: Sequence[Weighted], k: int, threads: int = 1) -> Hits:
    """The ``k`` best rows of each query that have one of its terms, by (score, id) descending, in all parts of an index.

    Args:
        parts: in the order of their rows; they share one ranking of ids.
        queries: the same ones for each part, with the numbers that the part has for their terms.
        k: how many.
        threads: how many work if there is enough; they change no bit.
    """
    k = max(1, min(k, sum(len(part.rank) for part in parts)))
    n = len(queries[0].offsets) - 1
    kernel = parts[0]._kernel()
    if kernel is None:
        sums = [np.full(len(part.rank), UNTOUCHED) for part in parts]
        found = [
            _best([p._plain(q, i, s) for p, q, s in zip(parts, queries, sums, strict=True)], parts, k)
            for i in range(n)
        ]
    else:
        found = _native(kernel, parts, queries, k, threads)
    if not found:
        return Hits(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    return Hits(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _best(found: list[tuple[Int64s, Scores]], parts: Sequence[PostingsSearcher], k: int) -> Hits:
    """The best of what one query found in each part."""
    scores = np.concatenate([totals for _, totals in found])
    rank = np.concatenate([p.rank.take(rows) for p, (rows, _) in zip(parts, found, strict=True)])
    rows = np.concatenate([rows + p.first for p, (rows, _) in zip(parts, found, strict=True)])
    best = top_k(scores, rank, k)
    return Hits(np.array([len(best)]), rows[best].astype(np.int32), scores[best])


def _native(
    kernel: Kernel, parts: Sequence[PostingsSearcher], queries: Sequence[Weighted], k: int, threads: int
) -> list[Hits]:
    """All queries by the kernel, some at a time, in threads if there is work enough for them."""
    n = len(queries[0].offsets) - 1
    given = [part._shared(asked) for part, asked in zip(parts, queries, strict=True)]
    work = sum(part._work(asked) for part, asked in zip(parts, queries, strict=True))
    threads = threads if work + RESULT * n * k >= WORTH_THREADS else 1
    step = max(1, min(QUERIES, AT_ONCE // k, -(-n // max(threads, 1))))
    most = max(int(np.diff(asked.offsets).max(initial=0)) for asked in queries)
    pool: deque[list[npt.NDArray[Any]]] = deque()

    def some(start: int) -> Hits:
        try:
            scratch = pool.pop()
        except IndexError:
            scratch = _scratch(most, k)
        size = min(step, n - start)
        keys, rows = np.empty((size, k), np.int64), np.empty((size, k), np.int32)
        sizes = np.zeros(size, np.int64)
        for shared, prune, own in given:
            kernel(*shared, start, start + size, prune, k, WINDOW, *scratch, keys, rows, sizes, *own)
        pool.append(scratch)
        scores = (keys >> 32).astype(np.uint32).view(np.float32)
        if int(sizes.sum()) == size * k:
            return Hits(sizes, rows.ravel(), scores.ravel())
        kept = np.arange(k) < sizes[:, None]
        return Hits(sizes, rows[kept], scores[kept])

    starts = range(0, n, step)
    if threads == 1 or len(starts) == 1:
        return [some(start) for start in starts]
    with ThreadPoolExecutor(threads) as executor:
        return list(executor.map(some, starts))


def sum_by_query(queries: Weighted, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The sum of each query's terms' values."""
    n = len(queries.offsets) - 1
    owners = np.repeat(np.arange(n), np.diff(queries.offsets))
    return np.bincount(owners, weights=values, minlength=n).astype(np.float64)

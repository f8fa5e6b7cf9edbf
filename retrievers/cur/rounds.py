"""Rounds of a CUR search: exact scores of some documents, estimates of all others, and the best of these scored next."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.progress import no_progress
from intrex.data.system.threads import blas_threads
from intrex.retrievers.cur.options import CurSearch
from intrex.retrievers.cur.solve import PseudoInverse
from intrex.retrievers.vectors.exact import VectorSearch
from intrex.retrievers.vectors.options import NearestOptions

Exact = Callable[[Sequence[Rows]], Sequence[Scores]]
"""Function that scores rows for each query exactly."""


class Scored:
    """Documents of a query with exact scores, in the order in which they were asked for.

    Attributes:
        rows: [m] int64.
        scores: [m] float32.
    """

    def __init__(self) -> None:
        self.rows: Rows = np.empty(0, np.int64)
        self.scores: Scores = np.empty(0, np.float32)

    def add(self, rows: Rows, scores: Scores) -> None:
        """Append documents."""
        self.rows = np.concatenate([self.rows, rows])
        self.scores = np.concatenate([self.scores, scores])


class Rounds:
    """A search in rounds over the vectors of a CUR index, [n, k_q].

    Args:
        nearest: finds the vectors with the largest products, exactly.
        options: the budget, its parts, and the subset that is searched.
    """

    def __init__(self, nearest: VectorSearch, options: CurSearch) -> None:
        self._nearest, self._options = nearest, options
        self._inverse: tuple[bytes, PseudoInverse] | None = None
        self._nearest_options = NearestOptions(
            threads=options.threads, batch_size=options.batch_size, ties=options.ties,
            subset=options.subset, progress=no_progress,
        )  # fmt: skip

    def search(self, start: Sequence[Rows], score: Exact) -> list[Scored]:
        """Return the documents of each query that have exact scores at the end.

        Args:
            start: for each query the documents of the first round, see `start_rows`.
            score: scores documents exactly; called once a round.
        """
        scored = [Scored() for _ in start]
        for number, size in enumerate(self._options.sizes):
            rows = start if number == 0 else self.best(scored, size)
            for one, new, values in zip(scored, rows, score(rows), strict=True):
                one.add(new, values)
        return scored

    def vectors(self, scored: Sequence[Scored]) -> Float32s:
        """Return the vectors [q, k_q] of queries, from the exact scores there are; zero for one without any."""
        out = np.zeros((len(scored), self._nearest.shape[1]), np.float32)
        with blas_threads(1):  # equal bits for any number of threads
            for at, one in enumerate(scored):
                if len(one.rows):
                    out[at] = self._inverse_of(one.rows).query_vector(one.scores)
        return out

    def _inverse_of(self, rows: Rows) -> PseudoInverse:
        """Return the pseudo-inverse of some anchor documents; that of the query before, if it has the same."""
        key = rows.tobytes()
        if self._inverse is None or self._inverse[0] != key:
            self._inverse = key, PseudoInverse(self._nearest.read(rows), self._options.tolerance)
        return self._inverse[1]

    def best(self, scored: Sequence[Scored], size: int) -> list[Rows]:
        """Return the ``size`` best of each query by the estimates, without those that have exact scores."""
        known = max((len(one.rows) for one in scored), default=0)
        options = NearestOptions(**{**vars(self._nearest_options), "k": size + known})
        rankings = self._nearest.rank(self.vectors(scored), options)
        pairs = zip(scored, rankings, strict=True)
        return [rows[~np.isin(rows, one.rows)][:size] for one, (rows, _) in pairs]


def start_rows(size: int, rows: Rows, seed: int, first: Sequence[Rows]) -> list[Rows]:
    """Return ``size`` documents of each query to begin with: the best of a first stage, filled up with random ones.

    Args:
        size: how many; all of ``rows`` where these are fewer.
        rows: the documents that are searched.
        seed: of the random ones, which are the same for all queries.
        first: for each query the best of a first stage, best first; perhaps none.
    """
    count = min(len(rows), 2 * size)  # no first stage hands over more than half of these
    drawn = np.array(random.Random(seed).sample(range(len(rows)), count), np.int64)  # noqa: S311
    drawn = rows[drawn]
    out = []
    for best in first:
        others = drawn[~np.isin(drawn, best[:size])]
        out.append(np.concatenate([best[:size], others])[:size])
    return out

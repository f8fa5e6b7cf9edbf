"""Input of every measure: the ranks of the judged documents of each query in a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from intrex.data.arrays import Array, Bools, Float64s, Int32s, Int64s
from intrex.data.qrels import Subtopics

Discount = Callable[[Array, Array], Float64s]
"""What is left of gains [n] at ranks [n]; proportional to the gain."""


@dataclass(frozen=True)
class Rankings:
    """Rankings of q queries seen through their judgements, all queries at once.

    Only judged documents are held, with their rank: every other rank up to ``retrieved`` is an unjudged document.
    A negative grade is a document that was pooled but not judged (trec_eval): it is held, gains nothing and counts
    neither as relevant nor as non-relevant.

    Attributes:
        retrieved: [q] int64, documents retrieved.
        offsets: [q + 1] int64; the held documents ("hits") of query i are rows offsets[i] to offsets[i+1].
        ranks: [h] int64, from 1, ascending within a query.
        grades: [h] int32.
        pool_offsets: [q + 1] int64; the judgements of query i are rows pool_offsets[i] to pool_offsets[i+1].
        pool: [j] int32, the grades of all judged documents, retrieved or not; descending within a query.
        strays: ([s] int64, [s] int64) query rows and ranks of documents that were judged, but for other queries
            only; None where nobody looked (only ``Hole(scope='collection')`` needs them).
        rows: [h] int64, each hit's row in the qrels; None where no measure of diversity is asked for.
        subtopics: the subtopics of the qrels' rows, or None.
    """

    retrieved: Int64s
    offsets: Int64s
    ranks: Int64s
    grades: Int32s
    pool_offsets: Int64s
    pool: Int32s
    strays: tuple[Int64s, Int64s] | None = None
    rows: Int64s | None = None
    subtopics: Subtopics | None = None

    def __len__(self) -> int:
        return len(self.retrieved)

    @classmethod
    def of(cls, grades: Sequence[int | None], pool: Sequence[int]) -> Rankings:
        """Make the rankings of one query from plain lists; None is an unjudged document. For examples and tests."""
        held = [(rank, g) for rank, g in enumerate(grades, 1) if g is not None]
        return cls(
            np.array([len(grades)]),
            np.array([0, len(held)]),
            np.array([r for r, _ in held], np.int64),
            np.array([g for _, g in held], np.int32),
            np.array([0, len(pool)]),
            np.array(sorted(pool, reverse=True), np.int32),
        )

    def with_subtopics(self, covered: Sequence[set[int]]) -> Rankings:
        """Give one query the subtopics of its relevant hits, in order of rank; the rest of the pool covers none."""
        pairs = [(row, topic) for row, topics in enumerate(covered) for topic in sorted(topics)]
        rows, topics = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
        relevant = self.hits(1)
        hit_rows = np.where(relevant, np.cumsum(relevant) - 1, len(self.pool) - 1)
        return replace(self, rows=hit_rows, subtopics=Subtopics(rows, topics, np.ones(len(rows), np.int32)))

    @cached_property
    def query(self) -> Int64s:
        """[h] the row of the query of each hit."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @cached_property
    def pool_query(self) -> Int64s:
        """[j] the row of the query of each judgement."""
        return np.repeat(np.arange(len(self)), np.diff(self.pool_offsets))

    def hits(self, rel: int, cutoff: int | None = None) -> Bools:
        """Tell of each held document [h] whether it is relevant (its grade at least ``rel``) and within the cutoff."""
        relevant: Bools = self.grades >= rel
        return relevant if cutoff is None else relevant & (self.ranks <= cutoff)

    def sums(self, values: Array, mask: Bools | None = None) -> Float64s:
        """Sum over each query's hits [q] ``values`` [h], in rank order; ``mask`` [h] selects hits."""
        if mask is not None:
            return totals(self.query[mask], values[mask], len(self))
        return totals(self.query, values, len(self))

    def discounted(self, gains: Float64s, discount: Discount, cutoff: int | None = None) -> Float64s:
        """Sum over each query's hits [q] what the discount leaves of their gains [h], in the top k or everywhere."""
        return self.sums(discount(gains, self.ranks), None if cutoff is None else self.ranks <= cutoff)

    def found(self, rel: int, cutoff: int | Int64s | None = None) -> Array:
        """Count the documents of grade ``rel`` or above in the top k of each query [q]; k may differ by query [q]."""
        if isinstance(cutoff, np.ndarray):
            return self.counts(self.hits(rel) & (self.ranks <= cutoff[self.query]))
        return self.counts(self.hits(rel, cutoff))

    def counts(self, mask: Bools) -> Int64s:
        """Count the hits of each query [q] in ``mask`` [h]."""
        return np.bincount(self.query[mask], minlength=len(self))

    def so_far(self, mask: Bools) -> Int64s:
        """Count for each hit [h] the hits in ``mask`` of the same query that stand at its rank or above."""
        total = np.concatenate([[0], np.cumsum(mask.astype(np.int64))])
        sums: Int64s = total[1:] - total[self.offsets[:-1]][self.query]
        return sums

    def relevant(self, rel: int) -> Int64s:
        """Return R [q], the number of relevant judged documents."""
        return np.bincount(self.pool_query[self.pool >= rel], minlength=len(self))

    def nonrelevant(self, rel: int) -> Int64s:
        """Count the documents judged and not relevant [q]."""
        return np.bincount(self.pool_query[(self.pool >= 0) & (self.pool < rel)], minlength=len(self))

    def judged_elsewhere(self, cutoff: int) -> Int64s:
        """Count the documents in the top k that were judged for other queries only [q]."""
        if self.strays is None:
            raise ValueError("these rankings do not know what was judged for other queries")
        rows, ranks = self.strays
        return np.bincount(rows[ranks <= cutoff], minlength=len(self))

    def judged_only(self) -> Rankings:
        """Take the unjudged documents out of the rankings and move the others up (trec_eval's ``-J``)."""
        judged = self.grades >= 0
        ranks = self.so_far(judged)
        return replace(self._only(judged, 0), retrieved=self.counts(judged), ranks=ranks[judged])

    def cut(self, depth: int) -> Rankings:
        """Cut each ranking to its first ``depth`` documents (trec_eval's ``-M``)."""
        return replace(self._only(self.ranks <= depth, depth), retrieved=np.minimum(self.retrieved, depth))

    def _only(self, keep: Bools, depth: int) -> Rankings:
        """Leave out hits, and strays below ``depth``."""
        offsets = np.concatenate([[0], np.cumsum(keep)])[self.offsets]
        rows, strays = self.rows, self.strays
        if rows is not None:
            rows = rows[keep]
        if strays is not None:
            strays = strays[0][strays[1] <= depth], strays[1][strays[1] <= depth]
        ranks, grades = self.ranks[keep], self.grades[keep]
        return replace(self, offsets=offsets, ranks=ranks, grades=grades, rows=rows, strays=strays)


def totals(rows: Int64s, values: Array, size: int) -> Float64s:
    """Sum the values of each row [size] float64, added in the order they stand."""
    sums: Float64s = np.bincount(rows, values, size)  # type: ignore[assignment]
    return sums


def share(part: Array, total: Array | float) -> Float64s:
    """Divide ``part`` by ``total`` element by element, as float64; 0 where the total is 0."""
    top, bottom = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(total, np.float64))
    quotients: Float64s = np.divide(top, bottom, out=np.zeros(top.shape), where=bottom != 0)
    return quotients

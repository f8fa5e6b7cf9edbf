"""Rankings with ties: expected values over all orders of tied documents, each order as likely as any other.

Source: McSherry and Najork 2008, "Computing Information Retrieval Performance Measures Efficiently in the Presence of
Tied Scores" (ECIR).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from intrex.data.arrays import Array, Float64s, Int64s
from intrex.data.errors import UsageError
from intrex.eval.measures.rankings import Discount, Rankings, totals

CELLS = 1 << 22
"""Cells of the largest matrix that is made at once."""


@dataclass(frozen=True)
class TieGroups:
    """Groups of tied documents that hold a relevant one, by query and rank; of one document where nothing is tied.

    Attributes:
        query: [g] int64, row of the query.
        first: [g] int64, the first rank that the group takes.
        size: [g] int64, its documents.
        relevant: [g] int64, the relevant ones among them.
        before: [g] int64, relevant documents of the query in the groups above.
    """

    query: Int64s
    first: Int64s
    size: Int64s
    relevant: Int64s
    before: Int64s

    def depth(self, cutoff: int | None) -> Int64s:
        """Count the ranks [g] of each group that are in the top k."""
        return self.size if cutoff is None else np.clip(cutoff - self.first + 1, 0, self.size)


@dataclass(frozen=True)
class TiedRankings(Rankings):
    """Rankings of which only the groups of tied documents are in order: ``ranks`` is one order of many.

    What `Rankings` counts and sums within a cutoff is here its expected value.

    Attributes:
        first: [h] int64, the first rank that the documents tied with the hit take.
        size: [h] int64, how many documents are tied, the hit itself included.
    """

    first: Int64s = field(kw_only=True)
    size: Int64s = field(kw_only=True)

    @cached_property
    def starts(self) -> Array:
        """[h] bool, whether the hit is the first of its group."""
        apart = (np.diff(self.query) != 0) | (np.diff(self.first) != 0)
        return np.concatenate([np.ones(min(1, len(self.first)), np.bool_), apart])

    def discounted(self, gains: Float64s, discount: Discount, cutoff: int | None = None) -> Float64s:
        """Sum over each query's hits [q] what the discount is expected to leave of their gains [h]."""
        last = self.first + self.size - 1
        deepest = int(last.max(initial=0))
        deepest = deepest if cutoff is None else min(deepest, cutoff)
        weights = np.concatenate([[0.0], np.cumsum(discount(np.ones(deepest), np.arange(1, deepest + 1)))])
        total = weights[np.minimum(last, deepest)] - weights[np.minimum(self.first - 1, deepest)]
        alone = np.where(self.first <= deepest, discount(gains, self.first), 0.0)
        return self.sums(np.where(self.size == 1, alone, gains * total / self.size))

    def found(self, rel: int, cutoff: int | Int64s | None = None) -> Array:
        """Count the documents of grade ``rel`` or above that are expected in the top k of each query [q]."""
        if cutoff is None:
            return super().found(rel)
        depth = cutoff[self.query] if isinstance(cutoff, np.ndarray) else cutoff
        return self.sums(np.clip(depth - self.first + 1, 0, self.size) / self.size, self.hits(rel))

    def judged_only(self) -> TiedRankings:
        """Take the unjudged documents out of the rankings, and of the groups."""
        judged = self.grades >= 0
        group = np.cumsum(self.starts)[judged]
        _, starts, place, size = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
        ranks = self.so_far(judged)[judged]
        groups = {"first": ranks[starts][place], "size": size[place]}
        condensed = self._only(judged, 0)
        return replace(condensed, retrieved=self.counts(judged), ranks=ranks, **groups)  # type: ignore[arg-type, return-value]

    def cut(self, depth: int) -> Rankings:
        """Refuse: which documents of a group are among the first ``depth`` depends on the order; raises `UsageError`."""
        raise UsageError(
            "expected values over ties are of whole rankings: no depth can cut them",
            f"give the cutoff to the measures, as in AP@{depth}",
        )

    def groups(self, rel: int) -> TieGroups:
        """Return the groups with a document of grade ``rel`` or above."""
        relevant = self.hits(rel)
        group = np.cumsum(self.starts)[relevant]
        _, starts, counts = np.unique(group, return_index=True, return_counts=True)
        query, first, size = (part[relevant][starts] for part in (self.query, self.first, self.size))
        return TieGroups(query, first, size, counts, self.so_far(relevant)[relevant][starts] - 1)


def expected_precision_sum(r: TiedRankings, rel: int, cutoff: int | None) -> Float64s:
    """Sum the precision at each relevant document of the top k [q].

    At place i of a group of n documents, r of them relevant and b relevant ones above the group, stands a relevant
    document with r / n; (i - 1) (r - 1) / (n - 1) of the documents above it in the group are relevant then.
    """
    groups = r.groups(rel)
    depth = groups.depth(cutoff)
    row = np.repeat(np.arange(len(depth)), depth)
    place = np.arange(len(row)) - np.repeat(np.cumsum(depth) - depth, depth)
    density = (groups.relevant - 1) / np.maximum(groups.size - 1, 1)
    precision = (groups.before[row] + 1 + place * density[row]) / (groups.first[row] + place)
    return totals(groups.query[row], (groups.relevant / groups.size)[row] * precision, len(r))


def expected_success(r: TiedRankings, rel: int, cutoff: int | None) -> Float64s:
    """Compute the probability that the top k hold a relevant document [q]: 1 - C(n - r, m) / C(n, m).

    m of the n documents of the first group with relevant ones are within the cutoff; 0 where none is.
    """
    groups, out = _first_groups(r, rel), np.zeros(len(r))
    within, size = groups.depth(cutoff), groups.size
    few, many = np.minimum(groups.relevant, within), np.maximum(groups.relevant, within)
    none = np.ones(len(size))
    for i in range(int(few.max(initial=0))):
        rows = np.flatnonzero(few > i)
        none[rows] *= np.maximum(size[rows] - many[rows] - i, 0) / (size[rows] - i)
    out[groups.query] = 1 - none
    return out


def expected_reciprocal_rank(r: TiedRankings, rel: int, cutoff: int | None) -> Float64s:
    """Compute the expected reciprocal rank of the first relevant document in the top k [q].

    It is at place i of its group of n documents, r of them relevant, with C(n - i, r - 1) / C(n, r): r / n for the
    first place, and (n - r - i + 1) / (n - i) of place i for the next.
    """
    groups, out = _first_groups(r, rel), np.zeros(len(r))
    places = np.minimum(groups.depth(cutoff), groups.size - groups.relevant + 1)
    for rows, width in _by_size(places):
        n, relevant, first, end = (
            part[rows, None] for part in (groups.size, groups.relevant, groups.first, places)
        )
        place = np.arange(width)
        factors = np.maximum(n - relevant - place + 1, 0) / np.maximum(n - place, 1)
        factors[:, :1] = relevant / n
        chances = np.cumprod(factors, axis=1)
        out[groups.query[rows]] = np.where(place < end, chances / (first + place), 0.0).sum(axis=1)
    return out


def _first_groups(r: TiedRankings, rel: int) -> TieGroups:
    """Return the first group of each query that has one."""
    groups = r.groups(rel)
    top = groups.before == 0
    columns = (groups.query, groups.first, groups.size, groups.relevant, groups.before)
    return TieGroups(*(column[top] for column in columns))


def _by_size(sizes: Int64s) -> Iterator[tuple[Int64s, int]]:
    """Yield rows of like size with the largest of it, so that a matrix of rows and sizes is half full at least."""
    order = np.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    while len(order):
        least = int(sizes[order[0]])
        end = int(np.searchsorted(sizes[order], 2 * least, "right"))
        rows = order[: min(end, max(1, CELLS // (2 * least)))]
        yield rows, int(sizes[rows].max())
        order = order[len(rows) :]

"""Measures of order: agreement with an ideal order, and pairs of documents that stand in order."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Array, Float64s, Int64s
from intrex.eval.measures.rankings import Rankings, share


def compatibility(r: Rankings, *, p: float = 0.95, normalize: bool = True) -> Float64s:
    """Compute the rank-biased overlap of a ranking with the most similar of the ideal ones.

    Ideal rankings hold the documents of grade 1 and above, of higher grade first; of equal grade those that the ranking
    has, in its order. The overlap at rank i, the documents that both have in their top i over i, is averaged with weights
    p^(i - 1) down to the end of the longer one; ``normalize`` divides by the overlap of the ideal ranking with itself.

    Source: Clarke, Vtyurina and Smucker 2021; ir_measures' ``Compat``.

    >>> one = Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])
    >>> compatibility(one).round(6).tolist(), compatibility(one, normalize=False).round(6).tolist()
    ([0.34829], [0.335749])
    """
    relevant = r.hits(1)
    depth = np.maximum(r.retrieved, r.relevant(1))
    weights = np.concatenate([[0.0], p ** np.arange(int(depth.max(initial=0)), dtype=np.float64)])
    share_at = weights / np.maximum(np.arange(len(weights)), 1)
    tail = np.cumsum(share_at)
    ideal = _ideal_ranks(r)
    query = r.query[relevant]
    both = np.maximum(r.ranks[relevant], ideal)
    found = np.bincount(query, tail[depth[query]] - tail[both - 1], len(r))
    if not normalize:
        return share(found, np.cumsum(weights)[depth])
    place = np.cumsum(r.pool > 0) - _starts(r)[r.pool_query]
    positive = r.pool > 0
    owner = r.pool_query[positive]
    best = np.bincount(owner, tail[depth[owner]] - tail[place[positive] - 1], len(r))
    return share(found, best)


def _starts(r: Rankings) -> Int64s:
    """Count the judgements of grade 1 and above of the queries before each [q]."""
    before: Int64s = np.concatenate([[0], np.cumsum(r.relevant(1))])[:-1]
    return before


def _ideal_ranks(r: Rankings) -> Int64s:
    """Return the rank of each hit of grade 1 and above in the ideal ranking of `compatibility`, in order of the hits."""
    relevant = r.hits(1)
    query, grade = r.query[relevant], r.grades[relevant].astype(np.int64)
    # grades descend within a query of the pool, so that queries and negated grades ascend together
    better = np.searchsorted(_keys(r.pool_query, r.pool.astype(np.int64)), _keys(query, grade))
    better = better - r.pool_offsets[query]
    order = np.lexsort((r.ranks[relevant], -grade, query))
    keys = _keys(query, grade)[order]
    places = np.arange(len(keys)) - np.searchsorted(keys, keys)
    ranks = np.empty(len(keys), np.int64)
    ranks[order] = better[order] + places + 1
    return ranks


def _keys(query: Int64s, grade: Int64s) -> Int64s:
    """Return numbers that order by query, then by grade descending; grades are of 32 bits."""
    return (query << 33) - grade


def pair_accuracy(r: Rankings, *, cutoff: int | None = None, rel: int = 1) -> Float64s:
    """Return the share of pairs of a relevant and another document in the top k where the relevant one is above.

    Unjudged documents are others. 0 without a relevant document in the top k, 1 where all are relevant.

    Source: ir_measures' ``Accuracy``.

    >>> pair_accuracy(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(6).tolist()
    [0.5]
    """
    hits = r.hits(rel, cutoff)
    depth = r.retrieved if cutoff is None else np.minimum(r.retrieved, cutoff)
    relevant = r.counts(hits)
    others: Array = depth - relevant
    above = r.sums(r.ranks - r.so_far(hits), hits)
    return np.where(
        others > 0, np.where(relevant > 0, 1 - share(above, others * relevant), 0.0), relevant > 0
    )

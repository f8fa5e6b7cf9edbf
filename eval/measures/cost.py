"""trec_eval's experimental measures of graded gain: G, binG, ndcg_rel and Rndcg, one query at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from intrex.data.arrays import Float64s
from intrex.eval.measures.rankings import Rankings, share


def binary_gain(r: Rankings, *, rel: int = 1) -> Float64s:
    """Average over all relevant documents 1 / log2(2 + documents above that are not relevant).

    Source: trec_eval's ``binG``.

    >>> binary_gain(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(6).tolist()
    [0.532732]
    """
    hits = r.hits(rel)
    return share(r.sums(1 / np.log2(2.0 + r.ranks - r.so_far(hits)), hits), r.relevant(rel))


def normalised_gain(r: Rankings) -> Float64s:
    """Discount gains by what was spent: each rank costs the ideal gain there (at least 1), less what was gained.

    Source: trec_eval's ``G``.

    >>> normalised_gain(Rankings.of([1, 0], [1])).tolist()
    [1.0]
    """

    def of_query(gains: Float64s, ideal: Float64s) -> float:
        costs = np.zeros(len(gains))
        costs[: len(ideal)] = ideal[: len(gains)]
        spent = np.cumsum(np.maximum(costs, 1.0)) - np.cumsum(gains)
        hits = gains > 0
        return float((gains[hits] / np.log2(2 + spent[hits])).sum()) / float(ideal.sum())

    return _by_query(r, of_query)


def ndcg_at_relevant(r: Rankings) -> Float64s:
    """Average nDCG over the ranks of the relevant documents; at the end of the ranking for those not retrieved.

    Source: trec_eval's ``ndcg_rel``.

    >>> ndcg_at_relevant(Rankings.of([1, 0], [1])).tolist()
    [1.0]
    """

    def of_query(gains: Float64s, ideal: Float64s) -> float:
        ndcg = _ndcg_by_rank(gains, ideal)
        hits = np.flatnonzero(gains > 0)
        return (float(ndcg[hits].sum()) + (len(ideal) - len(hits)) * float(ndcg[-1])) / len(ideal)

    return _by_query(r, of_query)


def ndcg_at_levels(r: Rankings, *, rel: int = 1) -> Float64s:
    """Average nDCG over the ranks where the ideal gain falls to a lower level; 0 without any relevant document.

    Source: trec_eval's ``Rndcg``.

    >>> ndcg_at_levels(Rankings.of([1, 0], [1])).tolist()
    [1.0]
    """

    def of_query(gains: Float64s, ideal: Float64s) -> float:
        ndcg = _ndcg_by_rank(gains, ideal)
        # A level ends before rank i (0-based) where the ideal gain differs from the rank above. The last one ends
        # after the ideal's last document; if the ranking is longer than that, at the end of the ranking.
        ends = np.flatnonzero(np.diff(ideal)) + 1
        values = [*ndcg[ends - 1], ndcg[len(ideal) - 1]]
        if len(gains) > len(ideal) + 1:
            values.append(ndcg[-1])
        return float(np.sum(values)) / len(values)

    return np.where(r.relevant(rel) > 0, _by_query(r, of_query), 0.0)


def _ndcg_by_rank(gains: Float64s, ideal: Float64s) -> Float64s:
    """Compute nDCG down to each rank, for as many ranks as the longer of a ranking and the ideal one has."""
    size = max(len(gains), len(ideal))
    discounts = np.log2(np.arange(2, size + 2))
    dcg, best = (np.cumsum(np.pad(part, (0, size - len(part))) / discounts) for part in (gains, ideal))
    return dcg / best


def _by_query(r: Rankings, of_query: Callable[[Float64s, Float64s], float]) -> Float64s:
    """Apply a function of (gains by rank, positive gains of the ideal ranking) to every query that has both; else 0."""
    out = np.zeros(len(r))
    for i in np.flatnonzero(r.retrieved).tolist():
        rows = slice(r.offsets[i], r.offsets[i + 1])
        gains = np.zeros(r.retrieved[i])
        gains[r.ranks[rows] - 1] = np.maximum(r.grades[rows], 0)
        pool = r.pool[r.pool_offsets[i] : r.pool_offsets[i + 1]]
        if len(ideal := pool[pool > 0].astype(np.float64)):
            out[i] = of_query(gains, ideal)
    return out

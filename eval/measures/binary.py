"""Measures of binary relevance: a document is relevant when its grade is at least ``rel``."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Array, Float64s, Int64s
from intrex.eval.measures.kinds import geometric, tie_aware
from intrex.eval.measures.rankings import Rankings, share
from intrex.eval.measures.ties import (
    TiedRankings,
    expected_precision_sum,
    expected_reciprocal_rank,
    expected_success,
)


@tie_aware
def average_precision(r: Rankings, *, cutoff: int | None = None, rel: int = 1) -> Float64s:
    """Average the precision at the rank of each relevant document, over all of them; 0 for those not retrieved.

    Source: trec_eval's ``map`` and ``map_cut``.

    >>> average_precision(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(6).tolist()
    [0.566667]
    """
    return share(_precision_sum(r, rel, cutoff), r.relevant(rel))


def _precision_sum(r: Rankings, rel: int, cutoff: int | None) -> Float64s:
    """Sum the precision at the rank of each relevant document of the top k [q]."""
    if isinstance(r, TiedRankings):
        return expected_precision_sum(r, rel, cutoff)
    hits = r.hits(rel, cutoff)
    return r.sums(r.so_far(hits) / r.ranks, hits)


@tie_aware
def capped_average_precision(r: Rankings, *, cutoff: int, rel: int = 1) -> Float64s:
    """Divide the sum that average precision at k divides by R by the most documents that could add to it: min(k, R).

    Source: MAP@k of sentence-transformers' InformationRetrievalEvaluator, and of recommender challenges.

    >>> capped_average_precision(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=3).round(6).tolist()
    [0.555556]
    """
    return share(_precision_sum(r, rel, cutoff), np.minimum(cutoff, r.relevant(rel)))


@geometric
def geometric_map(r: Rankings, *, cutoff: int | None = None, rel: int = 1) -> Float64s:
    """Compute average precision, averaged over queries by the geometric mean; a value below 0.00001 counts 0.00001.

    Source: Robertson 2006; trec_eval's ``gm_map``.

    >>> geometric_map(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(6).tolist()
    [0.566667]
    """
    return average_precision(r, cutoff=cutoff, rel=rel)


def smoothed_average_precision(r: Rankings, *, rel: int = 1) -> Float64s:
    """Compute Robertson's log((1 + s) / (1 + R - s)), where s is the sum that average precision divides by R.

    Source: Robertson 2012, "On Smoothing Average Precision"; trec_eval's ``yaap``.

    >>> smoothed_average_precision(Rankings.of([1, 0], [1])).round(6).tolist()
    [0.693147]
    """
    hits = r.hits(rel)
    total = r.sums(r.so_far(hits) / r.ranks, hits)
    smoothed: Float64s = np.log((1 + total) / (1 + r.relevant(rel) - total))
    return smoothed


@tie_aware
def precision(r: Rankings, *, cutoff: int, rel: int = 1) -> Float64s:
    """Divide the relevant documents in the top k by k, even if fewer were retrieved.

    Source: trec_eval's ``P``.

    >>> precision(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=5).tolist()
    [0.6]
    """
    return share(r.found(rel, cutoff), cutoff)


@tie_aware
def recall(r: Rankings, *, cutoff: int, rel: int = 1) -> Float64s:
    """Divide the relevant documents in the top k by all relevant ones.

    Source: trec_eval's ``recall``.

    >>> recall(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=5).tolist()
    [0.75]
    """
    return share(r.found(rel, cutoff), r.relevant(rel))


@tie_aware
def capped_recall(r: Rankings, *, cutoff: int, rel: int = 1) -> Float64s:
    """Divide the relevant documents in the top k by the smaller of k and the number of relevant documents.

    Source: BEIR's ``R_cap``; trec_eval's ``relative_P``.

    >>> capped_recall(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=3).round(6).tolist()
    [0.666667]
    """
    return share(r.found(rel, cutoff), np.minimum(cutoff, r.relevant(rel)))


@tie_aware
def f_measure(r: Rankings, *, cutoff: int, rel: int = 1, beta: float = 1.0) -> Float64s:
    """Compute the weighted harmonic mean of P and R in the top k: (1 + beta^2) P R / (beta^2 P + R).

    Source: van Rijsbergen 1979; ranx's ``f1``.

    >>> f_measure(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=5).round(6).tolist()
    [0.666667]
    """
    p, q = precision(r, cutoff=cutoff, rel=rel), recall(r, cutoff=cutoff, rel=rel)
    return share((1 + beta**2) * p * q, beta**2 * p + q)


@tie_aware
def reciprocal_rank(r: Rankings, *, cutoff: int | None = None, rel: int = 1) -> Float64s:
    """Return one divided by the rank of the first relevant document; 0 when there is none in the top k.

    Source: trec_eval's ``recip_rank``; with cutoff 10, MS MARCO's MRR@10.

    >>> reciprocal_rank(Rankings.of([0, None, 2], [2, 0]), cutoff=10).round(6).tolist()
    [0.333333]
    """
    if isinstance(r, TiedRankings):
        return expected_reciprocal_rank(r, rel, cutoff)
    hits = r.hits(rel, cutoff)
    return r.sums(1 / r.ranks, hits & (r.so_far(hits) == 1))


@tie_aware
def success(r: Rankings, *, cutoff: int | None = None, rel: int = 1) -> Float64s:
    """Return 1 when a relevant document is in the top k, or anywhere, else 0.

    Source: trec_eval's ``success``; BEIR's top-k accuracy, ranx's hit rate.

    >>> one = Rankings.of([0, None, 2], [2, 0])
    >>> success(one, cutoff=2).tolist(), success(one, cutoff=3).tolist()
    ([0.0], [1.0])
    """
    if isinstance(r, TiedRankings):
        return expected_success(r, rel, cutoff)
    return (r.found(rel, cutoff) > 0).astype(np.float64)


@tie_aware
def r_precision(r: Rankings, *, rel: int = 1) -> Float64s:
    """Compute precision at rank R, the number of relevant documents.

    Source: trec_eval's ``Rprec``.

    >>> r_precision(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).tolist()
    [0.5]
    """
    return precision_at_multiple(r, cutoff=1.0, rel=rel)


@tie_aware
def precision_at_multiple(r: Rankings, *, cutoff: float, rel: int = 1) -> Float64s:
    """Compute precision at rank x R, that product rounded up (from a tenth on): ``Rprec_mult@1.2``.

    Source: trec_eval's ``Rprec_mult``.

    >>> precision_at_multiple(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=0.5).tolist()
    [0.5]
    """
    depth = (cutoff * r.relevant(rel) + 0.9).astype(np.int64)
    return share(r.found(rel, depth), depth)


def interpolated_precision(r: Rankings, *, cutoff: float, rel: int = 1, rule: str = "up") -> Float64s:
    """Return the highest precision at any rank where the recall is at least x: ``IPrec@0.1``.

    That recall is reached with c relevant documents: c is x R rounded up from a tenth on (``rule="up"``, trec_eval
    up to version 9, pytrec_eval, ir_measures) or rounded to the nearest (``rule="nearest"``, trec_eval 10).

    Source: trec_eval's ``iprec_at_recall``.

    >>> one = Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])
    >>> interpolated_precision(one, cutoff=0.3).round(6).tolist()
    [0.666667]
    >>> interpolated_precision(one, cutoff=0.3, rule="nearest").tolist()
    [1.0]
    """
    hits = r.hits(rel)
    needed = documents_needed(cutoff * r.relevant(rel), rule)
    eligible = hits & (r.so_far(hits) >= needed[r.query])
    best = np.zeros(len(r))
    np.maximum.at(best, r.query[eligible], (r.so_far(hits) / r.ranks)[eligible])
    return best


def documents_needed(product: Array, rule: str) -> Int64s:
    """Count the relevant documents that a recall takes, from recall x R; see `interpolated_precision`."""
    return np.floor(product + (0.9 if rule == "up" else 0.5)).astype(np.int64)


ELEVEN = tuple(i / 10 for i in range(11))


def eleven_point_average(
    r: Rankings,
    *,
    rel: int = 1,
    points: tuple[float, ...] = ELEVEN,
    rule: str = "up",
    as_given: bool = False,
) -> Float64s:
    """Average interpolated precision at recall 0, 0.1 ... 1, or at other points.

    Source: trec_eval's ``11pt_avg``, for points that ascend. It takes others as they are given, from the last to the
    first, and when one is higher than that before it, this one and all that follow get the highest precision of the
    ranking: ``as_given`` does so too.

    >>> eleven_point_average(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(6).tolist()
    [0.563636]
    """
    total = np.zeros(len(r))
    retrieved = lowest = r.counts(r.hits(rel))
    begun = passed = np.zeros(len(r), np.bool_)
    highest = interpolated_precision(r, cutoff=0.0, rel=rel, rule=rule)
    for point in reversed(points if as_given else sorted(points)):
        needed = documents_needed(point * r.relevant(rel), rule)
        begun = begun | (needed <= retrieved)
        passed = passed | (begun & (needed > lowest))
        lowest = np.where(begun & ~passed, needed, lowest)
        total += np.where(passed, highest, interpolated_precision(r, cutoff=point, rel=rel, rule=rule))
    return total / len(points)

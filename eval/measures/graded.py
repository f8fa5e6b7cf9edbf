"""Measures of graded relevance, and discounted ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from intrex.data.arrays import Array, Float64s, Int32s, Int64s
from intrex.data.errors import BadInput
from intrex.eval.measures.kinds import tie_aware
from intrex.eval.measures.rankings import Discount, Rankings, share, totals

HIGHEST = 1000
"""Highest grade g of which 2^g, and sums of that, are finite numbers."""


@tie_aware
def ndcg(
    r: Rankings,
    *,
    cutoff: int | None = None,
    dcg: str = "log2",
    floor: int = 1,
    gains: Mapping[int, float] | None = None,
) -> Float64s:
    """Compute normalised discounted cumulative gain: the sum of gain / log2(rank + 1), over that of the ideal ranking.

    The gain is the grade (``dcg="log2"``), 2^grade - 1 (``dcg="exp-log2"``) or 1 (``dcg="binary"``) of every grade
    above 0; a negative grade gains nothing.
    ``gains`` overrides it by grade, as in ``nDCG(gains={1: 3.5})``. The ideal is over all judged documents. There is
    no relevance level, as in trec_eval; ``floor=2`` makes lower grades gain nothing, as ranx's ``ndcg-l2``. 0 when no
    document gains anything.

    Source: Järvelin and Kekäläinen 2002, trec_eval's ``ndcg`` and ``ndcg_cut``; Burges et al. 2005 for exp-log2.

    Raises:
        BadInput: exp-log2 with a grade above 1000.

    >>> one = Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])
    >>> ndcg(one, cutoff=5).round(6).tolist(), ndcg(one, cutoff=5, dcg="exp-log2").round(6).tolist()
    ([0.608673], [0.530156])
    """
    gained = r.discounted(gains_of(r.grades, dcg, floor, gains), _by_log, cutoff)
    return share(gained, ideal_sum(r, gains_of(r.pool, dcg, floor, gains), cutoff))


@tie_aware
def dcg_sum(
    r: Rankings,
    *,
    cutoff: int | None = None,
    dcg: str = "log2",
    floor: int = 1,
    gains: Mapping[int, float] | None = None,
) -> Float64s:
    """Compute discounted cumulative gain, not normalised (trec_eval's ``dcg``); see `ndcg`.

    >>> dcg_sum(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=5).round(6).tolist()
    [3.160558]
    """
    return r.discounted(gains_of(r.grades, dcg, floor, gains), _by_log, cutoff)


def gains_of(grades: Int32s, dcg: str, floor: int, gains: Mapping[int, float] | None) -> Float64s:
    """Return the gain [n] float64 of each grade; see `ndcg`."""
    positive = np.where(grades >= floor, grades, 0).astype(np.float64)
    if dcg == "binary":
        positive = np.minimum(positive, 1.0)
    if dcg == "exp-log2":
        powers = positive[~np.isin(grades, list(gains or {}))]
        hint = "dcg='log2' takes the grade as the gain"
        _require_powers(int(powers.max(initial=0)), "dcg='exp-log2'", hint)
        positive = np.exp2(np.minimum(positive, HIGHEST)) - 1
    out: Float64s = positive
    for grade, gain in (gains or {}).items():
        out[grades == grade] = gain
    return out


def _require_powers(highest: int, noun: str, hint: str) -> None:
    if highest > HIGHEST:
        raise BadInput(
            f"{noun} and a judgement of grade {highest}: 2^grade is too large above {HIGHEST}", hint
        )


def _by_log(gains: Array, ranks: Array) -> Float64s:
    left: Float64s = gains / np.log2(ranks + 1)
    return left


def ideal_sum(r: Rankings, gains: Float64s, cutoff: int | None) -> Float64s:
    """Sum the discounted gains of the best ranking of each query [q]; documents that gain nothing or less are not in it."""
    order = np.lexsort((-gains, r.pool_query))
    gains, rank = gains[order], _places(r.pool_offsets)
    keep = (gains > 0) if cutoff is None else (gains > 0) & (rank <= cutoff)
    return totals(r.pool_query[keep], gains[keep] / np.log2(rank[keep] + 1), len(r))


def _places(offsets: Int64s) -> Int64s:
    """Return positions from 1 within each segment."""
    sizes = np.diff(offsets)
    places: Int64s = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes) + 1
    return places


def expected_reciprocal_rank(r: Rankings, *, cutoff: int | None = None, max: int = 4) -> Float64s:  # noqa: A002
    """Compute the expected reciprocal rank of the document that stops the user, who stops at a grade g with (2^g - 1) / 2^max.

    The value depends on the highest grade that the collection could have, so it is part of the name: ``ERR(max=3)``.

    Source: Chapelle et al. 2009; gdeval and ir_measures assume 4.

    Raises:
        BadInput: a judgement is above that grade, or above 1000.

    >>> one = Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])
    >>> expected_reciprocal_rank(one).round(6).tolist(), expected_reciprocal_rank(one, max=3).round(6).tolist()
    ([0.187744], [0.330078])
    """
    stop = _stops(r, r.grades, max, "ERR")
    reached = _products_before(r.offsets, 1 - stop)
    return r.sums(stop * reached / r.ranks, None if cutoff is None else r.ranks <= cutoff)


def normalised_err(r: Rankings, *, cutoff: int | None = None, max: int = 4) -> Float64s:  # noqa: A002
    """Divide `expected_reciprocal_rank` by that of the ideal ranking, which has all judged documents by grade.

    Source: Chapelle et al. 2009; Sakai and Song 2011; NTCIREVAL's ``nERR`` with gains 2^grade - 1.

    Raises:
        BadInput: a judgement is above that grade, or above 1000.

    >>> normalised_err(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), max=3).round(6).tolist()
    [0.3652]
    """
    stop = _stops(r, r.pool, max, "nERR")
    places = _places(r.pool_offsets)
    worth = stop * _products_before(r.pool_offsets, 1 - stop) / places
    keep = np.ones(len(worth), np.bool_) if cutoff is None else places <= cutoff
    return share(
        expected_reciprocal_rank(r, cutoff=cutoff, max=max), totals(r.pool_query[keep], worth[keep], len(r))
    )


def _stops(r: Rankings, grades: Int32s, highest: int, name: str) -> Float64s:
    """Return the probability [n] that a document of each grade stops the user."""
    found = int(r.pool.max(initial=0))
    _require_powers(found, name, "map the grades to a smaller scale, or take nDCG, whose gain is the grade")
    if found > highest:
        raise BadInput(
            f"{name}(max={highest}) and a judgement of grade {found}",
            f"name the collection's highest grade: {name}(max={found})",
        )
    stops: Float64s = (np.exp2(np.maximum(grades, 0)) - 1) / 2.0**highest
    return stops


def _products_before(offsets: Int64s, factors: Float64s) -> Float64s:
    """Multiply the factors [n] of the same segment before each."""
    out = np.ones(len(factors))
    sizes = np.diff(offsets)
    for place in range(1, int(sizes.max(initial=0))):
        rows = offsets[:-1][sizes > place] + place
        out[rows] = out[rows - 1] * factors[rows - 1]
    return out


def q_measure(
    r: Rankings, *, cutoff: int | None = None, beta: float = 1.0, gains: Mapping[int, float] | None = None
) -> Float64s:
    """Average the blended ratio at the rank of each relevant document, over all of them, at k over min(k, R).

    The ratio at rank i is (relevant documents down to i + beta times their gains) / (i + beta times the gains of the ideal
    ranking down to i). A document is relevant if it gains something; the gain is the grade unless ``gains`` names others.

    Source: Sakai 2004; Sakai and Song 2011; NTCIREVAL's ``Q-measure`` and ``Q@k``.

    >>> q_measure(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(6).tolist()
    [0.451389]
    """
    gained, ideal = gains_of(r.grades, "log2", 1, gains), gains_of(r.pool, "log2", 1, gains)
    order = np.lexsort((-ideal, r.pool_query))
    best = np.concatenate([[0.0], np.cumsum(np.maximum(ideal[order], 0.0))])
    first = r.pool_offsets[:-1][r.query]
    end = np.minimum(first + r.ranks, r.pool_offsets[1:][r.query])
    hits = gained > 0
    total = np.concatenate([[0.0], np.cumsum(np.maximum(gained, 0.0))])
    found = total[1:] - total[r.offsets[:-1]][r.query]
    ratio = (r.so_far(hits) + beta * found) / (r.ranks + beta * (best[end] - best[first]))
    relevant = np.bincount(r.pool_query[ideal > 0], minlength=len(r))
    if cutoff is not None:
        hits, relevant = hits & (r.ranks <= cutoff), np.minimum(relevant, cutoff)
    return share(r.sums(ratio, hits), relevant)


@tie_aware
def rank_biased_precision(
    r: Rankings, *, cutoff: int | None = None, p: float = 0.8, rel: int = 1, graded: bool = False
) -> Float64s:
    """Sum p^(rank - 1) over the relevant documents, times (1 - p); ``graded`` weighs them by their grade.

    Graded values can exceed 1 (ranx's ``rbp``).

    Source: Moffat and Zobel 2008.

    >>> one = Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])
    >>> rank_biased_precision(one, p=0.9).round(6).tolist()
    [0.24661]
    >>> rank_biased_precision(Rankings.of([2, 0, 1, None, 3], [3, 2, 1, 1, 0]), p=0.9, graded=True).round(6).tolist()
    [0.47783]
    """
    gain = np.where(graded, np.maximum(r.grades, 0), 1.0)
    return (1 - p) * r.discounted(np.where(r.hits(rel), gain, 0.0), by_persistence(p), cutoff)


def by_persistence(p: float) -> Discount:
    """Return the discount of rank-biased precision: p^(rank - 1)."""
    return lambda gains, ranks: gains * p ** (ranks - 1.0)


@tie_aware
def scaled_rank_biased_precision(r: Rankings, *, p: float = 0.9) -> Float64s:
    """Compute rank-biased precision with grades as gains, divided by the query's highest grade when that is above 1.

    Source: trec_eval 10's ``rbp`` as meant; its code reads two variables that it never sets (m_rbp.c).

    >>> scaled_rank_biased_precision(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(6).tolist()
    [0.152943]
    """
    highest = np.maximum(1, _highest(r))
    gain = np.maximum(r.grades, 0) / highest[r.query]
    return (1 - p) * r.discounted(gain, by_persistence(p))


def _highest(r: Rankings) -> Int64s:
    """Return the highest grade among each query's judgements [q], 0 without any."""
    best = np.zeros(len(r), np.int64)
    np.maximum.at(best, r.pool_query, r.pool)
    return best

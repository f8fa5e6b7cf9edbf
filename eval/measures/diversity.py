"""Measures of diversity: which subtopics of a query its ranking covers, and how often it repeats itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from intrex.data.arrays import Array, Float64s, Int64s
from intrex.data.errors import BadInput
from intrex.eval.measures.rankings import Rankings

Discounts = Callable[[Array], Float64s]
"""What a gain is worth at ranks [n]."""


def alpha_ndcg(r: Rankings, *, cutoff: int | None = None, alpha: float = 0.5, rel: int = 1) -> Float64s:
    """Compute nDCG where a document gains (1 - alpha)^n of each of its subtopics that n documents above it cover already.

    The ideal ranking takes, at each rank, the document that gains most (of several the one whose id is last in byte
    order): the best ranking itself is hard to find.

    Source: Clarke et al. 2008; ndeval's ``alpha-nDCG``.

    Raises:
        BadInput: the judgements have no subtopics.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> alpha_ndcg(one, cutoff=3).round(6).tolist()
    [0.755788]
    """
    return _over_ideal(r, _by_log, cutoff, alpha, rel)


def alpha_dcg(r: Rankings, *, cutoff: int, alpha: float = 0.5, rel: int = 1, scaled: bool = True) -> Float64s:
    """Compute the DCG of `alpha_ndcg`, over that of k documents that each cover all subtopics; ``scaled=False``: itself.

    Source: Clarke et al. 2008; ndeval's ``alpha-DCG``, which does not scale it at rank 1.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> alpha_dcg(one, cutoff=3).round(6).tolist(), alpha_dcg(one, cutoff=3, scaled=False).tolist()
    ([0.607443], [1.75])
    """
    return _over_bound(r, _by_log, cutoff, alpha, rel, scaled)


def intent_aware_err(
    r: Rankings, *, cutoff: int, alpha: float = 0.5, rel: int = 1, scaled: bool = True
) -> Float64s:
    """Sum the gains of `alpha_ndcg`, each over its rank, divided by the sum of k documents that each cover all subtopics.

    ``scaled=False``: the sum itself. A grade says only whether a subtopic is covered.

    Source: Chapelle et al. 2009; ndeval's ``ERR-IA``, which does not scale it at rank 1.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> intent_aware_err(one, cutoff=3).round(6).tolist()
    [0.5625]
    """
    return _over_bound(r, _by_rank, cutoff, alpha, rel, scaled)


def normalised_intent_aware_err(r: Rankings, *, cutoff: int, alpha: float = 0.5, rel: int = 1) -> Float64s:
    """Divide the sum of `intent_aware_err` by that of the ideal ranking of `alpha_ndcg`.

    Source: Chapelle et al. 2009; ndeval's ``nERR-IA``.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> normalised_intent_aware_err(one, cutoff=3).round(6).tolist()
    [0.666667]
    """
    return _over_ideal(r, _by_rank, cutoff, alpha, rel)


def novelty_rbp(r: Rankings, *, alpha: float = 0.5, beta: float = 0.5, rel: int = 1) -> Float64s:
    """Sum the gains of `alpha_ndcg` times beta^(rank - 1), times (1 - (1 - alpha) beta) / subtopics.

    Source: Clarke, Kolla and Vechtomova 2009; ndeval's ``NRBP``.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> novelty_rbp(one).tolist()
    [0.515625]
    """

    def value(coverage: Float64s, ranks: Int64s, pool: Float64s) -> float:
        found = (_gains(coverage, alpha) * beta ** (ranks - 1.0)).sum()
        return float(found) * (1 - (1 - alpha) * beta) / _subtopics(pool)

    return _by_query(r, None, rel, value)


def normalised_novelty_rbp(r: Rankings, *, alpha: float = 0.5, beta: float = 0.5, rel: int = 1) -> Float64s:
    """Divide `novelty_rbp` by that of the ideal ranking of `alpha_ndcg`.

    Source: Clarke, Kolla and Vechtomova 2009; ndeval's ``nNRBP``.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> normalised_novelty_rbp(one).round(6).tolist()
    [0.611111]
    """
    return _over_ideal(r, lambda ranks: beta ** (ranks - 1.0), None, alpha, rel)


def intent_aware_ap(r: Rankings, *, rel: int = 1) -> Float64s:
    """Compute the average precision of each subtopic, and the mean of those.

    Source: ndeval's ``MAP-IA``.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> intent_aware_ap(one).round(6).tolist()
    [0.583333]
    """

    def value(coverage: Float64s, ranks: Int64s, pool: Float64s) -> float:
        precision = np.cumsum(coverage, axis=0) / ranks[:, None]
        total = pool.sum(axis=0)
        known = total > 0
        return float(((coverage * precision).sum(axis=0)[known] / total[known]).mean())

    return _by_query(r, None, rel, value)


def intent_aware_precision(r: Rankings, *, cutoff: int, rel: int = 1) -> Float64s:
    """Divide the subtopics that the top k documents cover, counted for each document, by k times all of them.

    Source: Agrawal et al. 2009; ndeval's ``P-IA``.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> intent_aware_precision(one, cutoff=3).tolist()
    [0.5]
    """
    return _by_query(
        r, cutoff, rel, lambda coverage, ranks, pool: float(coverage.sum()) / (cutoff * _subtopics(pool))
    )


def subtopic_recall(r: Rankings, *, cutoff: int, rel: int = 1) -> Float64s:
    """Return the share of the query's subtopics that the top k cover.

    Source: Zhai et al. 2003; ndeval's ``strec``.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> subtopic_recall(one, cutoff=1).tolist(), subtopic_recall(one, cutoff=3).tolist()
    ([0.5], [1.0])
    """
    return _by_query(
        r, cutoff, rel, lambda coverage, ranks, pool: float(coverage.any(axis=0).sum()) / _subtopics(pool)
    )


def _by_log(ranks: Array) -> Float64s:
    weights: Float64s = 1 / np.log2(ranks + 1.0)
    return weights


def _by_rank(ranks: Array) -> Float64s:
    weights: Float64s = 1 / np.asarray(ranks, np.float64)
    return weights


def _over_ideal(r: Rankings, discount: Discounts, cutoff: int | None, alpha: float, rel: int) -> Float64s:
    """Divide the discounted gains of each query by those of the greedy ideal ranking."""

    def value(coverage: Float64s, ranks: Int64s, pool: Float64s) -> float:
        best = _gains(_ideal(pool, alpha, len(pool) if cutoff is None else cutoff), alpha)
        ideal = float((best * discount(np.arange(1, len(best) + 1))).sum())
        return float((_gains(coverage, alpha) * discount(ranks)).sum()) / ideal

    return _by_query(r, cutoff, rel, value)


def _over_bound(
    r: Rankings, discount: Discounts, cutoff: int, alpha: float, rel: int, scaled: bool
) -> Float64s:
    """Divide the discounted gains of each query by those of documents that each cover all its subtopics."""
    ranks = np.arange(1, cutoff + 1) if scaled else np.ones(1)
    bound = float(((1 - alpha) ** (ranks - 1.0) * discount(ranks)).sum())

    def value(coverage: Float64s, ranks: Int64s, pool: Float64s) -> float:
        found = float((_gains(coverage, alpha) * discount(ranks)).sum())
        return found / (bound * _subtopics(pool)) if scaled else found

    return _by_query(r, cutoff, rel, value)


def _subtopics(pool: Float64s) -> int:
    """Count the subtopics that a judged document covers."""
    return int(pool.any(axis=0).sum())


def _by_query(
    r: Rankings, cutoff: int | None, rel: int, value: Callable[[Float64s, Int64s, Float64s], float]
) -> Float64s:
    """Apply a function to every query with a subtopic that a judged document covers; 0 for the others.

    Args:
        r: the rankings.
        cutoff: the ranks looked at, or all.
        rel: the grade from which a subtopic is covered.
        value: of the coverage of its hits [h, t], their ranks [h], and the coverage of its judged documents [j, t].

    Raises:
        BadInput: the judgements have no subtopics.
    """
    if r.subtopics is None or r.rows is None:
        raise BadInput(
            "diversity is measured on judgements with subtopics, these have none",
            "a line of such qrels is: query subtopic document grade",
        )
    topics, out = r.subtopics, np.zeros(len(r))
    bounds = np.searchsorted(topics.rows, r.pool_offsets)
    for i in range(len(r)):
        rows = slice(bounds[i], bounds[i + 1])
        size = int(r.pool_offsets[i + 1] - r.pool_offsets[i])
        covers = np.zeros((size, int(topics.topics[rows].max(initial=-1)) + 1))
        relevant = topics.grades[rows] >= rel
        covers[topics.rows[rows][relevant] - r.pool_offsets[i], topics.topics[rows][relevant]] = 1.0
        if not covers.any():
            continue
        hits = np.arange(r.offsets[i], r.offsets[i + 1])
        hits = hits[r.ranks[hits] <= cutoff] if cutoff is not None else hits
        out[i] = value(covers[r.rows[hits] - r.pool_offsets[i]], r.ranks[hits], covers)
    return out


def _gains(coverage: Float64s, alpha: float) -> Float64s:
    """Return what each document of a ranking gains, given those above it."""
    before = np.cumsum(coverage, axis=0) - coverage
    gains: Float64s = (coverage * (1 - alpha) ** before).sum(axis=1)
    return gains


def _ideal(pool: Float64s, alpha: float, depth: int) -> Float64s:
    """Return the greedy ideal ranking's coverage, at most ``depth`` documents."""
    remaining = np.flatnonzero(pool.any(axis=1))[::-1]
    covered = np.zeros(pool.shape[1])
    ranking: list[int] = []
    while len(remaining) and len(ranking) < depth:
        at = int(np.argmax((pool[remaining] * (1 - alpha) ** covered).sum(axis=1)))
        ranking.append(int(remaining[at]))
        covered += pool[remaining[at]]
        remaining = np.delete(remaining, at)
    return pool[ranking]

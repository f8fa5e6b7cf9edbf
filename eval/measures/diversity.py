"""Measures of diversity: which subtopics of a query its ranking covers, and how often it repeats itself."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.data.errors import BadInput
from intrex.eval.measures.rankings import Rankings


def alpha_ndcg(r: Rankings, *, cutoff: int | None = None, alpha: float = 0.5, rel: int = 1) -> Float64s:
    """NDCG where a document gains (1 - alpha)^n of each of its subtopics that n documents above it cover already.

    The ideal ranking takes, at each rank, the document that gains most (of several the one whose id is last in byte
    order): the best ranking itself is hard to find.

    Source: Clarke et al. 2008; ndeval's ``alpha-nDCG``.

    Raises:
        BadInput: the judgements have no subtopics.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> alpha_ndcg(one, cutoff=3).round(6).tolist()
    [0.755788]
    """
    out = np.zeros(len(r))
    for i, found, pool in _covered(r, cutoff, rel):
        best = _ideal(pool, alpha, len(pool) if cutoff is None else cutoff)
        ranks = np.arange(1, len(best) + 1)
        ideal = float((_gains(best, alpha) / np.log2(ranks + 1)).sum())
        own, at = found
        out[i] = float((_gains(own, alpha) / np.log2(at + 1.0)).sum()) / ideal if ideal else 0.0
    return out


def subtopic_recall(r: Rankings, *, cutoff: int, rel: int = 1) -> Float64s:
    """Share of the query's subtopics that the top k cover.

    Source: Zhai et al. 2003; ndeval's ``strec``.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> subtopic_recall(one, cutoff=1).tolist(), subtopic_recall(one, cutoff=3).tolist()
    ([0.5], [1.0])
    """
    out = np.zeros(len(r))
    for i, (own, _), pool in _covered(r, cutoff, rel):
        known = pool.any(axis=0).sum()
        out[i] = own.any(axis=0).sum() / known if known else 0.0
    return out


def _covered(
    r: Rankings, cutoff: int | None, rel: int
) -> list[tuple[int, tuple[Float64s, Int64s], Float64s]]:
    """(query, (coverage [hits, subtopics] and ranks of its hits), coverage of all its judged documents)."""
    if r.subtopics is None or r.rows is None:
        raise BadInput(
            "diversity is measured on judgements with subtopics, these have none",
            "a line of such qrels is: query subtopic document grade",
        )
    topics, found = r.subtopics, []
    bounds = np.searchsorted(topics.rows, r.pool_offsets)
    for i in range(len(r)):
        own = slice(bounds[i], bounds[i + 1])
        size = int(r.pool_offsets[i + 1] - r.pool_offsets[i])
        covers = np.zeros((size, int(topics.topics[own].max(initial=-1)) + 1))
        relevant = topics.grades[own] >= rel
        covers[topics.rows[own][relevant] - r.pool_offsets[i], topics.topics[own][relevant]] = 1.0
        hits = np.arange(r.offsets[i], r.offsets[i + 1])
        hits = hits[r.ranks[hits] <= cutoff] if cutoff is not None else hits
        found.append((i, (covers[r.rows[hits] - r.pool_offsets[i]], r.ranks[hits]), covers))
    return found


def _gains(coverage: Float64s, alpha: float) -> Float64s:
    """What each document of a ranking gains, given those above it."""
    before = np.cumsum(coverage, axis=0) - coverage
    found: Float64s = (coverage * (1 - alpha) ** before).sum(axis=1)
    return found


def _ideal(pool: Float64s, alpha: float, depth: int) -> Float64s:
    """The greedy ideal ranking's coverage, at most ``depth`` documents."""
    left = np.flatnonzero(pool.any(axis=1))[::-1]
    seen = np.zeros(pool.shape[1])
    chosen: list[int] = []
    while len(left) and len(chosen) < depth:
        at = int(np.argmax((pool[left] * (1 - alpha) ** seen).sum(axis=1)))
        chosen.append(int(left[at]))
        seen += pool[left[at]]
        left = np.delete(left, at)
    return pool[chosen]

"""Measures of diversity: which subtopics of a query its ranking covers, and how often it repeats itself."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.data.errors import BadInput
from intrex.eval.measures.rankings import Rankings


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
    out = np.zeros(len(r))
    for i, hits, pool in _coverage(r, cutoff, rel):
        best = _ideal(pool, alpha, len(pool) if cutoff is None else cutoff)
        ranks = np.arange(1, len(best) + 1)
        ideal = float((_gains(best, alpha) / np.log2(ranks + 1)).sum())
        coverage, hit_ranks = hits
        out[i] = float((_gains(coverage, alpha) / np.log2(hit_ranks + 1.0)).sum()) / ideal if ideal else 0.0
    return out


def subtopic_recall(r: Rankings, *, cutoff: int, rel: int = 1) -> Float64s:
    """Return the share of the query's subtopics that the top k cover.

    Source: Zhai et al. 2003; ndeval's ``strec``.

    >>> one = Rankings.of([1, 0, 1], [1, 1, 0]).with_subtopics([{0}, {0, 1}])
    >>> subtopic_recall(one, cutoff=1).tolist(), subtopic_recall(one, cutoff=3).tolist()
    ([0.5], [1.0])
    """
    out = np.zeros(len(r))
    for i, (coverage, _), pool in _coverage(r, cutoff, rel):
        known = pool.any(axis=0).sum()
        out[i] = coverage.any(axis=0).sum() / known if known else 0.0
    return out


def _coverage(
    r: Rankings, cutoff: int | None, rel: int
) -> list[tuple[int, tuple[Float64s, Int64s], Float64s]]:
    """Return (query, (coverage [hits, subtopics] and ranks of its hits), coverage of all its judged documents) of each query."""
    if r.subtopics is None or r.rows is None:
        raise BadInput(
            "diversity is measured on judgements with subtopics, these have none",
            "a line of such qrels is: query subtopic document grade",
        )
    topics, out = r.subtopics, []
    bounds = np.searchsorted(topics.rows, r.pool_offsets)
    for i in range(len(r)):
        rows = slice(bounds[i], bounds[i + 1])
        size = int(r.pool_offsets[i + 1] - r.pool_offsets[i])
        covers = np.zeros((size, int(topics.topics[rows].max(initial=-1)) + 1))
        relevant = topics.grades[rows] >= rel
        covers[topics.rows[rows][relevant] - r.pool_offsets[i], topics.topics[rows][relevant]] = 1.0
        hits = np.arange(r.offsets[i], r.offsets[i + 1])
        hits = hits[r.ranks[hits] <= cutoff] if cutoff is not None else hits
        out.append((i, (covers[r.rows[hits] - r.pool_offsets[i]], r.ranks[hits]), covers))
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

"""Dependence of nDCG on unjudged documents: bounds, the condensed list, and the share judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Float64s, Int32s, Int64s
from intrex.data.errors import UsageError
from intrex.data.qrels import Qrels
from intrex.eval.measures import Measure, Rankings
from intrex.eval.measures.graded import gains_of, ideal_sum
from intrex.eval.measures.rankings import share
from intrex.eval.scoring.matching import RunHits
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.score import rankings_of


@dataclass(frozen=True)
class PoolBias:
    """Means of one nDCG over the queries that count.

    Attributes:
        measure: which.
        lower: the value itself: unjudged documents gain nothing.
        upper: every unjudged document in the top k gains what the highest grade of the judgements gains, against the
            ideal of the judged documents, at most 1 a query. No grades of the unjudged could give more.
        condensed: unjudged documents taken out of the ranking first (Sakai 2007).
        judged: share of the top k that was judged, for this query and with a grade of at least 0.
    """

    measure: Measure
    lower: float
    upper: float
    condensed: float
    judged: float


def pool_bias(qrels: Qrels, hits: RunHits, measures: Sequence[Measure], rules: Rules) -> list[PoolBias]:
    """Compute the bias of each nDCG among the measures.

    Raises:
        UsageError: there is none.
    """
    ndcgs = [m for m in measures if m.name == "nDCG"]
    if not ndcgs:
        raise UsageError("--pool-bias is about nDCG, and none is asked for", "-m nDCG@10")
    if thinned := [m for m in ndcgs if dict(m.params).get("judged_only")] or rules.judged_only:
        culprit = thinned[0] if isinstance(thinned, list) else "-J"
        raise UsageError(f"--pool-bias shows the condensed list itself: leave judged_only out ({culprit})")
    rankings = rankings_of(qrels, hits, rules)
    keep = hits.answered | rules.complete
    biases = []
    for measure in ndcgs:
        lower = measure.values(rankings)
        upper = _upper(measure, rankings, lower, qrels.grades)
        condensed = measure.with_params(judged_only=True).values(rankings)
        depth = _depth(measure, rankings)
        judged = share(depth - _unjudged(measure, rankings), depth)
        means = (float(np.mean(values[keep])) for values in (lower, upper, condensed, judged))
        biases.append(PoolBias(measure, *means))
    return biases


def _depth(measure: Measure, r: Rankings) -> Int64s:
    """Return how many documents of each ranking [q] the measure looks at."""
    return r.retrieved if measure.cutoff is None else np.minimum(r.retrieved, int(measure.cutoff))


def _unjudged(measure: Measure, r: Rankings) -> Int64s:
    """Count those of them that were not judged [q], negative grades among them."""
    depth = _depth(measure, r)
    return depth - r.counts((r.grades >= 0) & (r.ranks <= depth[r.query]))


def _upper(measure: Measure, r: Rankings, lower: Float64s, grades: Int32s) -> Float64s:
    """Return the value [q] were each unjudged document in the top k of the grade that gains most, at most 1."""
    params = measure.arguments
    shape = params.get("dcg", "log2"), params.get("floor", 1), params.get("gains")
    named = np.array(list(params.get("gains") or ()), np.int32)
    gain = float(gains_of(np.concatenate([grades, named]), *shape).max(initial=0.0))
    ideal = ideal_sum(r, gains_of(r.pool, *shape), None if measure.cutoff is None else int(measure.cutoff))
    depth = _depth(measure, r)
    discounts = np.zeros(int(depth.max(initial=0)) + 1)
    discounts[1:] = np.cumsum(1 / np.log2(np.arange(2, len(discounts) + 1)))
    judged = r.sums(1 / np.log2(r.ranks + 1), (r.grades >= 0) & (r.ranks <= depth[r.query]))
    bound = lower + share(gain * (discounts[depth] - judged), ideal)
    # Without any gain among the judged documents, one unjudged document that gains would be the whole ideal.
    all_ideal = (ideal == 0) & (_unjudged(measure, r) > 0) & (gain > 0)
    return np.where(all_ideal, 1.0, np.minimum(1.0, bound))

"""How much nDCG depends on what was not judged: bounds, the condensed list, and the share judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intrex.data.errors import UsageError
from intrex.data.qrels import Qrels
from intrex.eval.matching import Matched
from intrex.eval.measures import Measure, Rankings
from intrex.eval.measures.rankings import Floats, Ints, share
from intrex.eval.rules import Rules
from intrex.eval.scoring import view


@dataclass(frozen=True)
class PoolBias:
    """Means of one nDCG over the queries that count.

    Attributes:
        measure: which.
        lower: the value itself: unjudged documents gain nothing.
        upper: every unjudged document in the top k gains what the highest grade of the judgements gains, against the
            ideal of the judged documents, at most 1 a query. No grades of the unjudged could give more.
        condensed: unjudged documents taken out of the ranking first (Sakai 2007).
        judged: share of the top k that was judged.
    """

    measure: Measure
    lower: float
    upper: float
    condensed: float
    judged: float


def pool_bias(qrels: Qrels, matched: Matched, measures: Sequence[Measure], rules: Rules) -> list[PoolBias]:
    """The bias of each nDCG among the measures.

    Raises:
        UsageError: there is none.
    """
    chosen = [m for m in measures if m.name == "nDCG"]
    if not chosen:
        raise UsageError("--pool-bias is about nDCG, and none is asked for", "-m nDCG@10")
    rankings = view(qrels, matched, rules)
    keep = matched.answered | rules.complete
    highest = int(qrels.grades.max(initial=0))
    found = []
    for measure in chosen:
        lower = measure.values(rankings)
        upper = np.minimum(1.0, lower + _could_gain(measure, rankings, highest))
        condensed = measure.given(judged_only=True).values(rankings)
        judged = Measure("Judged", measure.cutoff).values(rankings)
        found.append(PoolBias(measure, *(float(np.mean(v[keep])) for v in (lower, upper, condensed, judged))))
    return found


def _could_gain(measure: Measure, r: Rankings, highest: int) -> Floats:
    """[q] what the unjudged documents in the top k would add, were each of the highest grade."""
    depth = r.retrieved if measure.cutoff is None else np.minimum(r.retrieved, int(measure.cutoff))
    top = np.zeros(int(depth.max(initial=0)) + 1)
    top[1:] = np.cumsum(1 / np.log2(np.arange(2, len(top) + 1)))
    params = tuple(p for p in measure.params if p[0] != "judged_only")
    gain = Measure("DCG", None, params).values(Rankings.of([highest], [highest]))[0]
    judged = r.sums(1 / np.log2(r.ranks + 1), (r.grades >= 0) & (r.ranks <= depth[r.query]))
    ideal = _ideal(measure, r)
    added = gain * (top[depth] - judged)
    return share(added, ideal)


def _ideal(measure: Measure, r: Rankings) -> Floats:
    """[q] the discounted gains of the ideal ranking: those of the pool, ranked as it stands."""
    sizes = np.diff(r.pool_offsets)
    ranks: Ints = np.arange(len(r.pool)) - np.repeat(r.pool_offsets[:-1], sizes) + 1
    best = Rankings(sizes, r.pool_offsets, ranks, r.pool, r.pool_offsets, r.pool)
    params = tuple(p for p in measure.params if p[0] != "judged_only")
    return Measure("DCG", measure.cutoff, params).values(best)

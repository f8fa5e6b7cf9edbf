"""Rules of the metrics that libraries of encoders bring: sentence-transformers 6.2.0 and torchmetrics 1.9.0.

Read in their code, and compared with it in tests/differential/test_libraries.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from intrex.data.arrays import Bools, Float64s
from intrex.data.errors import BadInput, UsageError
from intrex.data.qrels import Qrels
from intrex.eval.dialects.dialect import Dialect
from intrex.eval.measures import Measure
from intrex.eval.measures.rankings import share
from intrex.eval.measures.ties import TiedRankings, TieGroups, expected_precision_sum
from intrex.eval.scoring.matching import RunHits
from intrex.eval.scoring.rules import Rules, Ties
from intrex.eval.scoring.score import rankings_of


def _level(measure: Measure) -> int:
    """Return the grade from which documents are relevant to a measure."""
    return measure.rel or int(measure.arguments.get("floor", 1))


def _of_sets(measure: Measure, level: int) -> Measure:
    """Spell a measure as sentence-transformers computes it, which knows a set of relevant documents and no grades."""
    if measure.name == "AP":
        return replace(measure, name="AP_cap")
    if measure.name != "nDCG":
        return measure
    if measure.arguments.get("dcg", "binary") != "binary":
        raise UsageError(f"sentence_transformers has no {measure}: its relevant documents have no grades")
    floor = {"floor": level} if level > 1 and "floor" not in measure.arguments else {}
    return measure.with_params(dcg="binary", **floor)


def _without_relevant(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> Bools:
    """Tell which queries [q] have no relevant document."""
    highest = np.maximum.reduceat(qrels.grades, qrels.offsets[:-1])
    lacking: Bools = highest < _level(measure)
    return lacking


def _refuse_no_query(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    """Refuse judgements without any relevant document: InformationRetrievalEvaluator divides by the number of queries."""
    if _without_relevant(qrels, hits, measure, rules).all():
        raise BadInput(
            "sentence-transformers divides by zero here: no query has a relevant document",
            "it leaves such queries out",
        )


def _seen(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> TiedRankings:
    """Return rankings whose judgements are those of the retrieved documents: all that torchmetrics is given.

    But in nDCG, R-precision and the hit rate, a document whose score is 0 or less is not relevant when it is found;
    recall still divides by it.
    """
    rankings = rankings_of(qrels, hits, rules)
    if not isinstance(rankings, TiedRankings) or hits.positive is None:
        raise TypeError("torchmetrics needs hits with their ties")
    order = np.lexsort((-rankings.grades, rankings.query))
    seen = replace(rankings, pool=rankings.grades[order], pool_offsets=rankings.offsets)
    if measure.name in ("nDCG", "Rprec", "Success"):
        return seen
    positive = seen.first <= hits.positive[seen.query]
    return replace(seen, grades=np.where(positive, seen.grades, 0).astype(np.int32))


def _of_retrieved(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> Float64s:
    """Compute the values [q] of a torchmetrics metric, of the documents retrieved and their grades.

    Its average precision divides by the relevant documents found in the top k.
    """
    seen = _seen(qrels, hits, measure, rules)
    if measure.name != "AP":
        return measure.values(seen)
    cutoff = None if measure.cutoff is None else int(measure.cutoff)
    return share(expected_precision_sum(seen, _level(measure), cutoff), seen.found(_level(measure), cutoff))


def _refuse_open_order(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    """Refuse equal scores whose order changes the value: torch's sort and topk leave it open, and only nDCG averages over it."""
    if measure.name in ("nDCG", "SetP", "SetR"):
        return
    seen = _seen(qrels, hits, measure, rules)
    groups = seen.groups(_level(measure))
    mixed = groups.relevant < groups.size
    for i in np.flatnonzero(mixed & _at_cutoff(seen, groups, measure))[:1]:
        query = qrels.query_ids[groups.query[i]].decode()
        raise BadInput(
            f"torchmetrics' {measure} depends on torch's order of equal scores here: query {query} has "
            f"{groups.size[i]:,} of them at rank {groups.first[i]:,}, relevant documents and others",
            "break the ties in the run first, or take the expected value: --ties expected instead of --as",
        )


def _at_cutoff(seen: TiedRankings, groups: TieGroups, measure: Measure) -> Bools:
    """Tell which groups [g] stand where an order of relevant and other documents in them would change the value."""
    if measure.name == "Rprec":
        cutoff = seen.relevant(_level(measure))[groups.query]
    else:
        cutoff = np.full(len(groups.query), measure.cutoff or np.iinfo(np.int64).max, np.int64)
    begun: Bools = groups.first <= cutoff
    split: Bools = begun & (groups.first + groups.size - 1 > cutoff)
    open_: Bools = begun if measure.name in ("AP", "RR") else split
    if measure.name in ("RR", "Success"):
        open_ &= groups.before == 0
    if measure.name == "Success":  # the others must fill the top k
        open_ &= groups.size - groups.relevant > cutoff - groups.first
    return open_


LIBRARIES = {
    tool.name: tool
    for tool in (
        # sentence-transformers 6.2.0, InformationRetrievalEvaluator.compute_metrics; relevant documents from grade 1 or -l
        Dialect(
            "sentence_transformers",
            Rules(precision=64, ties=Ties.docid_asc),
            frozenset(["AP@", "AP_cap@", "P@", "R@", "RR@", "Success@", "nDCG@"]),
            frozenset(["rel", "dcg", "floor"]),
            spell=_of_sets,
            checks=(_refuse_no_query,),
            skipped=_without_relevant,
        ),
        # torchmetrics 1.9.0, the metrics of torchmetrics.retrieval with their defaults: preds and target are the rows of
        # the run, of judged queries; target is the grade (nDCG) or whether it is at least 1 or -l
        Dialect(
            "torchmetrics",
            Rules(ties=Ties.expected, complete=False),
            frozenset(
                ["AP", "AP@", "P@", "R@", "RR", "RR@", "Rprec", "SetP", "SetR", "Success@", "nDCG", "nDCG@"]
            ),
            frozenset(["rel"]),
            checks=(_refuse_open_order,),
            formula=_of_retrieved,
        ),
    )
}

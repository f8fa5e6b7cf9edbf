"""What other tools do beside their rules: where they stop, and what they count where a run has nothing."""

from __future__ import annotations

import itertools

import numpy as np

from intrex.data.arrays import Float64s, Int32s
from intrex.data.errors import BadInput
from intrex.data.qrels import Qrels
from intrex.eval.measures import Measure
from intrex.eval.measures.binary import reached
from intrex.eval.scoring.matching import Matched
from intrex.eval.scoring.rules import Rules, Ties
from intrex.eval.scoring.score import view


def nothing(measure: Measure, rules: Rules, values: Float64s) -> Float64s:
    """0 for every missing query, counts of its judgements too (ir_measures)."""
    return np.zeros(len(values))


def nothing_but_itself(measure: Measure, rules: Rules, values: Float64s) -> Float64s:
    """0 for every missing query, which counts as a query (trec_eval 9 with ``-c``)."""
    return values if measure.name == "NumQ" else np.zeros(len(values))


def a_placeholder(measure: Measure, rules: Rules, values: Float64s) -> Float64s:
    """trec_eval 10 with ``-c`` scores one unjudged document in place of a missing ranking, and then clears up.

    It clears by the printed name of a measure, so that ``utility`` and ``rbp_resid`` with parameters of their own
    keep what the document makes of them. With ``-J`` the document is taken out before.
    """
    params = dict(measure.params)
    plain = (measure.label or "") in ("utility", "rbp_resid") or (not measure.label and not params)
    if plain or rules.judged_only or measure.name not in ("Utility", "RBPResidual"):
        return values
    return values + params.get("noise", -1.0) if measure.name == "Utility" else np.ones(len(values))


def from_grade_1(qrels: Qrels, measure: Measure, rules: Rules) -> float | None:
    """trec_eval with ``-c`` counts the relevant documents of all queries anew, and forgets ``-l`` (m_num_rel.c)."""
    return float((qrels.grades > 0).sum()) if measure.name == "NumRel" and rules.complete else None


def zero_by_zero(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules, all_: bool = False) -> None:
    """Where ``-J`` leaves nothing of a ranking, trec_eval's precision at no relevant document is 0/0, printed as nan.

    Args:
        qrels: the judgements.
        matched: the run.
        measure: what is asked for.
        rules: the tool's.
        all_: whether missing queries are computed too.
    """
    params = dict(measure.params)
    if measure.name not in ("IPrec", "IPrecAvg") or not (rules.judged_only or params.get("judged_only")):
        return
    rankings = view(qrels, matched, rules).judged_only()
    lowest = measure.cutoff if measure.cutoff is not None else min(params.get("points", (0.0,)))
    product = lowest * rankings.relevant(params.get("rel", 1))
    lost = (rankings.retrieved == 0) & (reached(product, params.get("rule", "up")) == 0)
    for i in np.flatnonzero(lost & (matched.answered | all_))[:1]:
        raise BadInput(
            f"trec_eval divides zero by zero in {measure.label or measure} here: query {qrels.query_ids[i].decode()} "
            "retrieves no judged document",
            "leave iprec_at_recall and 11pt_avg out, or unjudged documents in",
        )


def close_gains(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules) -> None:
    """Where trec_eval's ideal is not: it sorts gains by their difference cut to a whole number (gain_init.c)."""
    named = dict(dict(measure.params).get("gains") or ())
    if not named:
        return
    gains = sorted(
        {
            float(g): g
            for g in (*named.values(), *(g for g in range(int(qrels.grades.max()) + 1) if g not in named))
        }
    )
    for low, high in itertools.pairwise(gains):
        if high - low < 1:
            raise BadInput(
                f"trec_eval takes the gains {low:g} and {high:g} for equal when it sorts them, and its ideal ranking is none",
                "name gains that are at least 1 apart, those of grades that are not named are the grades themselves",
            )


def _highest(qrels: Qrels) -> Int32s:
    """[q] the highest grade of each query."""
    return np.maximum.reduceat(qrels.grades, qrels.offsets[:-1])


def no_first_grade(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules) -> None:
    """Where trec_eval has no room: it asks for (highest grade + 1) counters, of 0 it stops and of fewer it crashes.

    Counters that an earlier query asked for serve the later ones, so that -1 does harm in the first query only.
    """
    highest = _highest(qrels)
    scored = np.flatnonzero(matched.answered | (rules.complete and rules.precision == 64))
    lost = scored[(highest[scored] < -1) | ((highest[scored] == -1) & (scored == scored[0]))]
    for i in lost[:1]:
        _refuse_grades("trec_eval stops with an error or crashes", qrels, i)


def no_grade(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules) -> None:
    """Where pytrec_eval may have no room: it keeps trec_eval's counters, of whatever it scored before."""
    if rules.ties is Ties.docid_desc:
        for i in np.flatnonzero(matched.answered & (_highest(qrels) < 0))[:1]:
            _refuse_grades("pytrec_eval may crash", qrels, i)


def _refuse_grades(what: str, qrels: Qrels, i: np.intp) -> None:
    raise BadInput(
        f"{what} here: query {qrels.query_ids[i].decode()} has no judgement of grade 0 or above",
        "take such queries out of the judgements first",
    )


def stops_at_missing(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules) -> None:
    """trec_eval 10 without ``-c``."""
    if not rules.complete and not matched.answered.all():
        query = qrels.query_ids[~matched.answered][0].decode()
        raise BadInput(
            f"trec_eval 10.0 stops with an error here: judged query {query} is not in the run",
            "add -c, with which it counts 0; trec_eval 9 leaves it out: --as trec_eval9",
        )
    zero_by_zero(qrels, matched, measure, rules, True)


def _refuse_extra(tool: str, matched: Matched) -> None:
    if matched.n_extra:
        raise BadInput(
            f"{tool} stops with a KeyError here: the run has {matched.n_extra:,} queries that were not judged",
            "take them out of the run first",
        )


def mteb_stops(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules) -> None:
    """It computes its MRR with everything else, and that looks up the judgements of every query of the run."""
    _refuse_extra("mteb", matched)


def beir_stops(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules) -> None:
    """BEIR's own measures look up the judgements of every query of the run; R_cap divides by those relevant."""
    if measure.name in ("RR", "R_cap", "Success"):
        _refuse_extra("BEIR", matched)
    if measure.name == "Hole" and matched.n_extra:
        raise BadInput(
            f"BEIR counts {matched.n_extra:,} queries of the run that were not judged into {measure}, and divides by those judged",
            "take them out of the run first",
        )
    if measure.name == "R_cap":
        relevant = np.add.reduceat(qrels.grades > 0, qrels.offsets[:-1], dtype=np.int64)
        for i in np.flatnonzero((relevant == 0) & matched.answered)[:1]:
            query = qrels.query_ids[i].decode()
            raise BadInput(f"BEIR divides by zero in R_cap here: query {query} has no relevant document")


def ranx_stops(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules) -> None:
    """A query without relevant documents ends ranx's bpref for it and for those after it in the same thread."""
    if measure.name != "Bpref":
        return
    level = dict(measure.params).get("rel", 1)
    relevant = np.add.reduceat(qrels.grades >= level, qrels.offsets[:-1], dtype=np.int64)
    for i in np.flatnonzero(relevant == 0)[:1]:
        raise BadInput(
            f"ranx divides by zero in bpref here: query {qrels.query_ids[i].decode()} has no relevant document, and the "
            "values of other queries then depend on the number of threads",
            "take such queries out of the judgements first",
        )

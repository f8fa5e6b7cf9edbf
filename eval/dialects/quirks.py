"""Quirks of other tools beside their rules: early stops, and values where a run has nothing."""

from __future__ import annotations

import itertools

import numpy as np

from intrex.data.arrays import Bools, Float64s, Int32s
from intrex.data.errors import BadInput
from intrex.data.qrels import Qrels
from intrex.eval.measures import Measure
from intrex.eval.measures.binary import documents_needed
from intrex.eval.scoring.matching import RunHits
from intrex.eval.scoring.rules import Rules, Ties
from intrex.eval.scoring.score import rankings_of


def all_zero(measure: Measure, rules: Rules, values: Float64s) -> Float64s:
    """Return 0 for every missing query, counts of its judgements too (ir_measures)."""
    return np.zeros(len(values))


def zero_but_query_count(measure: Measure, rules: Rules, values: Float64s) -> Float64s:
    """Return 0 for every missing query, which counts as a query (trec_eval 9 with ``-c``)."""
    return values if measure.name == "NumQ" else np.zeros(len(values))


def clear_placeholder(measure: Measure, rules: Rules, values: Float64s) -> Float64s:
    """Return the values of missing queries in trec_eval 10 with ``-c``, from those of the document that it makes up.

    It clears counts and residuals that the document shows in, by the printed name: ``utility`` and ``rbp_resid`` with
    parameters of their own keep theirs.
    """
    name = measure.label or ("" if measure.params else str(measure))
    cleared = name in ("num_ret", "utility", "rbp_resid", "NumRet", "Utility", "RBPResidual")
    return np.zeros(len(values)) if cleared or measure.name == "Unjudged" else values


def count_from_grade_1(qrels: Qrels, measure: Measure, rules: Rules) -> float | None:
    """Count the relevant documents of all queries anew, without ``-l``, as trec_eval does with ``-c`` (m_num_rel.c)."""
    return float((qrels.grades > 0).sum()) if measure.name == "NumRel" and rules.complete else None


def zero_by_zero(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> Bools:
    """Tell which queries [q] trec_eval divides zero by zero for: ``-J`` leaves nothing of a ranking.

    The precision of such a ranking is 0/0. It stands at the recalls that no relevant document is needed for; other
    measures have 0 there.
    """
    params = dict(measure.params)
    if measure.name not in ("IPrec", "IPrecAvg") or not (rules.judged_only or params.get("judged_only")):
        return np.zeros(len(qrels), np.bool_)
    rankings = rankings_of(qrels, hits, rules).judged_only()
    lowest = measure.cutoff if measure.cutoff is not None else min(params.get("points", (0.0,)))
    product = lowest * rankings.relevant(params.get("rel", 1))
    undefined: Bools = (rankings.retrieved == 0) & (documents_needed(product, params.get("rule", "up")) == 0)
    return undefined


def zero_by_zero_where_answered(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> Bools:
    """Tell the same of a tool that computes nothing for missing queries."""
    return zero_by_zero(qrels, hits, measure, rules) & hits.answered


def refuse_close_gains(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    """Refuse where trec_eval's ideal is none: it sorts gains by their difference cut to a whole number (gain_init.c)."""
    named = dict(dict(measure.params).get("gains") or ())
    if not named:
        return
    unnamed = (g for g in range(int(qrels.grades.max()) + 1) if g not in named)
    gains = sorted({float(g) for g in (*named.values(), *unnamed)})
    for low, high in itertools.pairwise(gains):
        if high - low < 1:
            raise BadInput(
                f"trec_eval takes the gains {low:g} and {high:g} for equal when it sorts them, and its ideal ranking is none",
                "name gains that are at least 1 apart, those of grades that are not named are the grades themselves",
            )


def _highest(qrels: Qrels) -> Int32s:
    """Return the highest grade of each query [q]."""
    return np.maximum.reduceat(qrels.grades, qrels.offsets[:-1])


def refuse_no_first_grade(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    """Refuse where trec_eval has no room: it asks for (highest grade + 1) counters, of 0 it stops and of fewer it crashes.

    Counters that an earlier query asked for serve the later ones, so that -1 does harm in the first query only. What
    needs no judgement asks for none.
    """
    if measure.name in ("runid", "NumQ"):
        return
    highest = _highest(qrels)
    scored = np.flatnonzero(hits.answered | (rules.complete and rules.precision == 64))
    lost = scored[(highest[scored] < -1) | ((highest[scored] == -1) & (scored == scored[0]))]
    for i in lost[:1]:
        _refuse_grades("trec_eval stops with an error or crashes", qrels, i)


def refuse_no_grade(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    """Refuse where pytrec_eval may have no room: it keeps trec_eval's counters, of whatever it scored before."""
    if rules.ties is Ties.docid_desc:
        for i in np.flatnonzero(hits.answered & (_highest(qrels) < 0))[:1]:
            _refuse_grades("pytrec_eval may crash", qrels, i)


def _refuse_grades(failure: str, qrels: Qrels, i: np.intp) -> None:
    raise BadInput(
        f"{failure} here: query {qrels.query_ids[i].decode()} has no judgement of grade 0 or above",
        "take such queries out of the judgements first",
    )


def refuse_missing(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    """Refuse a run without a judged query, at which trec_eval 10 stops without ``-c``."""
    if not rules.complete and not hits.answered.all():
        query = qrels.query_ids[~hits.answered][0].decode()
        raise BadInput(
            f"trec_eval 10.0 stops with an error here: judged query {query} is not in the run",
            "add -c, with which it counts 0; trec_eval 9 leaves it out: --as trec_eval9",
        )


def _refuse_extra(tool: str, hits: RunHits) -> None:
    if hits.n_extra:
        raise BadInput(
            f"{tool} stops with a KeyError here: the run has {hits.n_extra:,} queries that were not judged",
            "take them out of the run first",
        )


def refuse_for_mteb(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    """Refuse queries that were not judged: mteb computes its MRR with everything else, and that looks up the judgements of every query."""
    _refuse_extra("mteb", hits)


def refuse_for_beir(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    """Refuse what stops BEIR: its own measures look up the judgements of every query of the run; R_cap divides by those relevant."""
    if measure.name in ("RR", "R_cap", "Success"):
        _refuse_extra("BEIR", hits)
    if measure.name == "Hole" and hits.n_extra:
        raise BadInput(
            f"BEIR counts {hits.n_extra:,} queries of the run that were not judged into {measure}, and divides by those judged",
            "take them out of the run first",
        )
    if measure.name == "R_cap":
        relevant = np.add.reduceat(qrels.grades > 0, qrels.offsets[:-1], dtype=np.int64)
        for i in np.flatnonzero((relevant == 0) & hits.answered)[:1]:
            query = qrels.query_ids[i].decode()
            raise BadInput(f"BEIR divides by zero in R_cap here: query {query} has no relevant document")


def refuse_for_ranx(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    """Refuse a query without relevant documents, which ends ranx's bpref for it and for those after it in the same thread."""
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

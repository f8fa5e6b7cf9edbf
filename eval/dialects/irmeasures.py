"""Rules of ir_measures 0.4.3: each measure is computed by one of several providers, with rules of its own.

Read in its code and in that of pyndeval 0.0.8, cwl_eval 1.0.12 and gdeval 1.2a, which it brings; compared with it in
tests/differential/test_ir_measures.py. Measures are asked for one at a time: together, some are computed with the
parameters of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from intrex.data.arrays import Bools
from intrex.data.errors import BadInput, UsageError
from intrex.data.qrels import Qrels
from intrex.eval.dialects import quirks
from intrex.eval.dialects.dialect import Dialect
from intrex.eval.measures import Measure
from intrex.eval.scoring.matching import RunHits
from intrex.eval.scoring.rules import Rules, Ties
from intrex.eval.scoring.score import rankings_of

_DEEPEST = 20
"""Largest cutoff that pyndeval takes."""
_ASCENDING = Rules(precision=64, ties=Ties.docid_asc)
_FILE = Rules(precision=64, ties=Ties.file)
_DESCENDING = Rules(precision=64)


@dataclass(frozen=True)
class Provider:
    """A provider's order of a run, and its measures with the parameters that it has for them.

    Attributes:
        name: ir_measures' own.
        rules: its order.
        measures: names, ``RR@`` with a cutoff, to the parameters.
    """

    name: str
    rules: Rules
    measures: Mapping[str, frozenset[str]]


def _have(names: str, parameters: str = "") -> dict[str, frozenset[str]]:
    return dict.fromkeys(names.split(), frozenset(parameters.split()))


_PROVIDERS = (
    Provider(
        "pytrec_eval",
        Rules(),
        {
            **_have(
                "AP AP@ Bpref P@ R@ RR Rprec SetAP Success@ infAP IPrec@ NumRet NumRelRet", "rel judged_only"
            ),
            **_have("NumQ NumRel"),
            **_have("SetP", "rel relative judged_only"),
            **_have("SetF", "rel beta judged_only"),
            **_have("SetR", "rel"),
            **_have("nDCG nDCG@", "gains judged_only"),
        },
    ),
    Provider(
        "cwl_eval",
        _FILE,
        {
            **_have("CWL_RBP", "rel p max_rel min_rel"),
            **_have("SDCG@ NERR8@ NERR9@", "max_rel min_rel"),
            **_have("BPM@ NERR11 INST INSQ", "max_rel min_rel T"),
            **_have("NERR10", "max_rel min_rel p"),
        },
    ),
    Provider("compat", _ASCENDING, _have("Compat", "p normalize")),
    Provider(
        "pyndeval",
        _ASCENDING,
        {
            **_have("ERR_IA@ nERR_IA@ P_IA@ StRecall@ AP_IA", "rel"),
            **_have("alpha_DCG@ alpha_nDCG@", "rel alpha"),
            **_have("NRBP nNRBP", "rel alpha beta"),
        },
    ),
    Provider("judged", _ASCENDING, _have("Judged Judged@")),
    Provider("msmarco", _ASCENDING, _have("RR@", "rel")),
    Provider("gdeval", _DESCENDING, {**_have("ERR@"), **_have("nDCG@", "dcg")}),
    Provider("accuracy", _FILE, _have("PairAccuracy PairAccuracy@", "rel")),
)


def _key(measure: Measure) -> str:
    return measure.name if measure.cutoff is None else f"{measure.name}@"


def _provider(measure: Measure) -> Provider | None:
    """Return the first provider that has the measure with its parameters."""
    asked = {k for k, _ in measure.params} - {"scaled"}
    for provider in _PROVIDERS:
        if _key(measure) in provider.measures and asked <= provider.measures[_key(measure)]:
            return provider
    return None


def _spell(measure: Measure, level: int) -> Measure:
    """Spell a measure as ir_measures computes it; raises `UsageError` where no provider has it with these parameters."""
    if measure.name == "RBP" and measure.cutoff is None and measure.params == _only(measure, "rel", "p"):
        rel = measure.rel or 1
        scale = {"max_rel": rel} | ({"min_rel": rel - 1} if rel > 1 else {})
        others = {k: v for k, v in measure.params if k == "p"}
        return Measure("CWL_RBP").with_params(**scale, **others)
    if not any(_key(measure) in p.measures for p in _PROVIDERS):
        return measure  # `Dialect.rules_for` names the nearest
    provider = _provider(measure)
    if provider is None or (
        provider.name == "gdeval" and measure.arguments.get("dcg", "exp-log2") != "exp-log2"
    ):
        raise UsageError(
            f"ir_measures has no {measure}: none of its providers supports it", _instead(measure)
        )
    if provider.name == "pyndeval" and (measure.cutoff or 0) > _DEEPEST:
        raise UsageError(f"ir_measures has no {measure}: its provider pyndeval goes down to rank {_DEEPEST}")
    if measure.name in ("ERR_IA", "alpha_DCG") and measure.cutoff == 1:
        return measure.with_params(scaled=False)  # ndeval forgets the first rank
    if measure.name == "IPrec" and measure.cutoff:  # pytrec_eval is given two decimals
        return replace(measure, cutoff=round(float(measure.cutoff), 2))
    return measure


def _only(measure: Measure, *names: str) -> tuple[tuple[str, object], ...]:
    return tuple(pair for pair in measure.params if pair[0] in names)


def _instead(measure: Measure) -> str | None:
    known = sorted(
        {name for p in _PROVIDERS for name in p.measures.get(_key(measure), ())} - {"max_rel", "min_rel"}
    )
    return f"it has {measure.name} with {', '.join(known)}" if known else None


def _rules(measure: Measure) -> Rules:
    provider = _provider(measure)
    return provider.rules if provider else _FILE if measure.name == "RBP" else Rules()


def _refuse(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    """Refuse what stops the provider of the measure."""
    provider = _provider(measure)
    name = provider.name if provider else ""
    if name == "pytrec_eval":
        quirks.refuse_no_grade(qrels, hits, measure, rules)
    elif name == "gdeval":
        _refuse_names(qrels)
    elif name == "accuracy":
        _refuse_no_pair(qrels, hits, measure, rules)


def _refuse_names(qrels: Qrels) -> None:
    """Refuse queries that are no numbers, and grades above 4: gdeval ends with a format error."""
    for query in qrels.query_ids.tolist():
        if not query.isdigit():
            raise BadInput(
                f"gdeval, which ir_measures asks for this, stops with an error here: query {query.decode()} is no number",
                "leave --as out",
            )
    if len(qrels.grades) and (highest := int(qrels.grades.max())) > 4:
        raise BadInput(
            f"gdeval, which ir_measures asks for this, stops with an error here: it has no grade {highest}"
        )


def _pairs(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> tuple[Bools, Bools]:
    """Tell which queries [q] have a relevant document in the top k, and which have no other."""
    rankings = rankings_of(qrels, hits, rules)
    cutoff = None if measure.cutoff is None else int(measure.cutoff)
    relevant = rankings.counts(rankings.hits(measure.rel or 1, cutoff))
    depth = rankings.retrieved if cutoff is None else np.minimum(rankings.retrieved, cutoff)
    return relevant > 0, relevant == depth


def _refuse_no_pair(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> None:
    known, full = _pairs(qrels, hits, measure, rules)
    for i in np.flatnonzero(known & full)[:1]:
        raise BadInput(
            f"ir_measures divides by zero in Accuracy here: query {qrels.query_ids[i].decode()} retrieves relevant documents only"
        )
    if not known.any():
        raise BadInput("ir_measures has no value of Accuracy here: no query retrieves a relevant document")


def _without_pair(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> Bools:
    """Tell which queries [q] ir_measures has no value of Accuracy of: those that retrieve no relevant document."""
    return ~_pairs(qrels, hits, measure, rules)[0]


def _undefined(qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> Bools:
    """Tell which queries [q] a provider divides zero by zero for."""
    if measure.name == "nNRBP":
        rankings = rankings_of(qrels, hits, rules)
        undefined: Bools = hits.answered & (rankings.relevant(measure.rel or 1) == 0)
        return undefined
    return quirks.zero_by_zero_where_answered(qrels, hits, measure, rules)


IR_MEASURES = Dialect(
    "ir_measures",
    Rules(),
    frozenset(name for provider in _PROVIDERS for name in provider.measures) - {"CWL_RBP"} | {"RBP"},
    frozenset(k for provider in _PROVIDERS for ks in provider.measures.values() for k in ks),
    choose=_rules,
    spell=_spell,
    checks=(_refuse,),
    absent=quirks.all_zero,
    undefined=_undefined,
    skipped=_without_pair,
    skips=frozenset(["PairAccuracy"]),
)

"""Other tools' rules, as facts: how each orders a run, which queries it averages over, how it spells a measure.

Read in the tools' code: trec_eval 9.0.8 and 10.0 (usnistgov/trec_eval), pytrec_eval-terrier 0.5.11, ir_measures 0.4.3,
ranx 0.3.21, BEIR 2.2.0, mteb 2.26; each is compared with the tool itself in tests/differential/test_dialects.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from intrex.data.errors import BadInput, UsageError, nearest
from intrex.data.qrels import Qrels
from intrex.eval.matching import Matched
from intrex.eval.measures import Measure
from intrex.eval.rules import Rules, SelfMatch, Ties

Floats = npt.NDArray[np.float64]
AS_IT_IS = lambda measure, level: measure  # noqa: E731


@dataclass(frozen=True)
class Dialect:
    """How a tool scores.

    Attributes:
        name: as ``--as`` takes it.
        about: the version whose code was read, and how it is meant to be called.
        rules: the rules it scores by, unless ``special`` has others for a measure.
        special: rules of single measures by name; ``RR@`` is RR with a cutoff.
        only: names of the measures it has; None for all of trec_eval's.
        spell: the measure as the tool computes it, given ``-l``.
        digits: decimals that it rounds its means to; None for none.
        fixed: whether it has no option that would change the treatment of missing queries.
        check: raises `BadInput` where the tool stops with an error of its own.
        zero_missing: whether every value of a missing query is 0, counts of its judgements too.
        more_columns: whether it reads over columns after the sixth of a run.
    """

    name: str
    about: str
    rules: Rules
    special: Mapping[str, Rules]
    only: frozenset[str]
    spell: Callable[[Measure, int], Measure] = AS_IT_IS
    digits: int | None = None
    fixed: bool = True
    check: Callable[[Qrels, Matched, Measure, Rules], None] | None = None
    zero_missing: bool = False
    more_columns: bool = False

    def rules_for(self, measure: Measure, asked: Rules, given: bool) -> Rules:
        """The rules for one measure: the tool's order, the ``-J``, ``-M`` and (where ``given``) ``-c`` asked for.

        Raises:
            UsageError: the tool lacks the option, or the measure.
        """
        if measure.name not in self.only:
            raise UsageError(f"{self.name} has no measure like {measure}", nearest(measure.name, self.only))
        key = f"{measure.name}@" if measure.cutoff is not None else measure.name
        own = self.special.get(key, self.special.get(measure.name, self.rules))
        if self.fixed:
            if given and asked.complete != own.complete:
                what = "counts missing queries as 0" if own.complete else "leaves missing queries out"
                raise UsageError(f"{self.name} {what} and has no option to change it")
            if asked.judged_only or asked.depth is not None:
                raise UsageError(f"{self.name} has no -J and no -M")
            return own
        complete = asked.complete if given else own.complete
        return replace(own, complete=complete, judged_only=asked.judged_only, depth=asked.depth)

    def spelt(self, measure: Measure, level: int) -> Measure:
        """The measure as the tool computes it."""
        return replace(self.spell(measure, level), label=measure.label)


def _nearest_recall(measure: Measure, level: int) -> Measure:
    return measure.given(rule="nearest") if measure.name in ("IPrec", "IPrecAvg") else measure


def _ranx(measure: Measure, level: int) -> Measure:
    if measure.name in ("nDCG", "DCG") and level > 1 and "floor" not in dict(measure.params):
        return measure.given(floor=level)
    if measure.name == "RBP":
        return measure.given(graded=True)
    return measure.given(rule="ranx") if measure.name == "Bpref" else measure


def _beir(measure: Measure, level: int) -> Measure:
    return measure.given(scope="collection") if measure.name == "Hole" else measure


def _stops_at_missing(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules) -> None:
    if not rules.complete and not matched.answered.all():
        query = qrels.query_ids[~matched.answered][0].decode()
        raise BadInput(
            f"trec_eval 10.0 stops with an error here: judged query {query} is not in the run",
            "add -c, with which it counts 0; trec_eval 9 leaves it out: --as trec_eval9",
        )


def _stops_at_extra(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules) -> None:
    if measure.name in ("RR", "R_cap", "Success", "Hole") and matched.n_extra:
        raise BadInput(
            f"the run has {matched.n_extra:,} queries that were not judged, where {measure} of this tool stops or counts them",
            "take them out of the run first",
        )


def _beir_stops(qrels: Qrels, matched: Matched, measure: Measure, rules: Rules) -> None:
    _stops_at_extra(qrels, matched, measure, rules)
    if measure.name == "R_cap":
        relevant = np.add.reduceat(qrels.grades > 0, qrels.offsets[:-1])
        for i in np.flatnonzero((relevant == 0) & matched.answered)[:1]:
            query = qrels.query_ids[i].decode()
            raise BadInput(f"BEIR divides by zero in R_cap here: query {query} has no relevant document")


_V9 = frozenset(
    [
        "AP",
        "Bpref",
        "DCG",
        "G",
        "GMAP",
        "GMBpref",
        "IPrec",
        "IPrecAvg",
        "NumNonRelRet",
        "NumQ",
        "NumRel",
        "NumRelRet",
        "NumRet",
        "P",
        "R",
        "R_cap",
        "RR",
        "Rndcg",
        "Rprec",
        "Rprec_mult",
        "SetAP",
        "SetF",
        "SetP",
        "SetR",
        "Success",
        "Utility",
        "YAAP",
        "binG",
        "infAP",
        "nDCG",
        "nDCG_rel",
    ]
)
_V10 = _V9 | {"RBPResidual", "Unjudged", "sRBP"}
_FLOAT = Rules(complete=False)
_DOUBLE = Rules(precision=64, complete=False)
_IR = "AP Bpref IPrec Judged NumQ NumRel NumRet P R RR Rprec SetAP SetF SetP SetR Success infAP nDCG"
_STABLE = Rules(precision=64, ties=Ties.file)
_ASCENDING = Rules(precision=64, ties=Ties.docid_asc)

TOOLS: dict[str, Dialect] = {
    one.name: one
    for one in (
        Dialect("trec_eval9", "trec_eval 9.0.8", _FLOAT, {}, _V9, fixed=False, more_columns=True),
        Dialect(
            "trec_eval10",
            "trec_eval 10.0",
            _DOUBLE,
            {},
            _V10,
            spell=_nearest_recall,
            fixed=False,
            check=_stops_at_missing,
            more_columns=True,
        ),
        Dialect(
            "pytrec_eval",
            "pytrec_eval-terrier 0.5.11, RelevanceEvaluator.evaluate, the mean over what it returns",
            _FLOAT,
            {},
            _V9 - {"DCG", "YAAP"},
        ),
        Dialect(
            "ir_measures",
            "ir_measures 0.4.3 with its default providers; those that need Perl or cwl_eval are left out",
            Rules(),
            {"Judged": _ASCENDING, "RR@": _ASCENDING},
            frozenset(_IR.split()),
            zero_missing=True,
        ),
        Dialect(
            "ranx",
            "ranx 0.3.21, evaluate(Qrels, Run.from_file(...), make_comparable=True)",
            Rules(precision=64, ties=Ties.quicksort),
            {},
            frozenset(
                [
                    "AP",
                    "Bpref",
                    "DCG",
                    "F",
                    "NumRelRet",
                    "P",
                    "R",
                    "RBP",
                    "RR",
                    "Rprec",
                    "SetP",
                    "SetR",
                    "Success",
                    "nDCG",
                ]
            ),
            spell=_ranx,
        ),
        Dialect(
            "beir",
            "BEIR 2.2.0, EvaluateRetrieval.evaluate and evaluate_custom on results in file order",
            replace(_FLOAT, self_match=SelfMatch.drop),
            dict.fromkeys(("RR", "R_cap", "Hole", "Success"), _STABLE),
            frozenset(["AP", "Hole", "P", "R", "RR", "R_cap", "Success", "nDCG"]),
            spell=_beir,
            digits=5,
            check=_beir_stops,
        ),
        Dialect(
            "mteb",
            "mteb 2.26, calculate_retrieval_scores",
            _FLOAT,
            {"RR": _DOUBLE},
            frozenset(["AP", "P", "R", "RR", "Success", "nDCG"]),
            digits=5,
            check=_stops_at_extra,
        ),
    )
}


def find_tool(name: str) -> Dialect:
    """A dialect by name; raises `UsageError` with the nearest one."""
    if name not in TOOLS:
        raise UsageError(f"unknown tool {name!r}", nearest(name, TOOLS))
    return TOOLS[name]

"""Other tools' rules, as facts: how each orders a run, which queries it averages over, how it spells a measure.

Read in the tools' code: trec_eval 9.0.8 and 10.0 (usnistgov/trec_eval), pytrec_eval-terrier 0.5.11, ranx 0.3.21, BEIR 2.2.0,
mteb 2.26; each is compared with the tool itself in tests/differential/test_dialects.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from intrex.data.arrays import Bools, Float64s
from intrex.data.errors import UsageError, nearest_name
from intrex.data.qrels import Qrels
from intrex.eval.dialects import quirks, spelling
from intrex.eval.dialects.arguments import trec_eval_arguments
from intrex.eval.measures import Measure
from intrex.eval.measures.aliases import TEXTS
from intrex.eval.measures.kinds import aggregate
from intrex.eval.scoring.matching import RunHits
from intrex.eval.scoring.rules import Rules, SelfMatch, Ties

AS_IT_IS = lambda measure, level: measure  # noqa: E731
NO_FIGURE = lambda qrels, measure, rules: None  # noqa: E731
NEVER = lambda qrels, hits, measure, rules: np.zeros(len(qrels), np.bool_)  # noqa: E731


@dataclass(frozen=True)
class Dialect:
    """Rules and habits of a tool that scores.

    Attributes:
        name: as ``--as`` takes it.
        rules: the rules it scores by, unless ``special`` has others for a measure.
        only: names of the measures it has; ``RR@`` is RR with a cutoff, ``RR`` without.
        options: the parameters that it has for its measures.
        special: rules of single measures by name; ``RR@`` is RR with a cutoff.
        choose: the rules of a measure, where names do not tell them.
        spell: the measure as the tool computes it, given ``-l``.
        digits: decimals that it rounds its means to; None for none.
        exact: measures whose means it does not round.
        fixed: whether it has no option that would change the treatment of missing queries.
        checks: each raises `BadInput` where the tool stops with an error of its own.
        placeholder: whether it scores one unjudged document in place of a missing ranking, where that counts.
        absent: the values of missing queries where they are not those of empty rankings or of the placeholder: of
            the measure, the rules and those values.
        undefined: the queries [q] whose value it divides zero by zero for.
        figure: the figure over all queries where the tool does not compute it of their values, else None.
        averaged: whether its figure is the mean whatever the measure, of counts too.
        more_columns: whether it reads over columns after the sixth of a run.
        silent: whether it prints no line of a missing query, even where it counts.
        skipped: tells which queries [q] its averages leave out, answered or not.
        skips: names of the measures that ``skipped`` is of; None for all.
        formula: the values [q] where it computes them of what no rule here describes.
    """

    name: str
    rules: Rules
    only: frozenset[str]
    options: frozenset[str]
    special: Mapping[str, Rules] = field(default_factory=dict)
    choose: Callable[[Measure], Rules] | None = None
    spell: Callable[[Measure, int], Measure] = AS_IT_IS
    digits: int | None = None
    exact: frozenset[str] = frozenset()
    fixed: bool = True
    checks: tuple[Callable[[Qrels, RunHits, Measure, Rules], None], ...] = ()
    placeholder: bool = False
    absent: Callable[[Measure, Rules, Float64s], Float64s] | None = None
    undefined: Callable[[Qrels, RunHits, Measure, Rules], Bools] = NEVER
    figure: Callable[[Qrels, Measure, Rules], float | None] = NO_FIGURE
    averaged: bool = False
    more_columns: bool = False
    silent: bool = False
    skipped: Callable[[Qrels, RunHits, Measure, Rules], Bools] | None = None
    skips: frozenset[str] | None = None
    formula: Callable[[Qrels, RunHits, Measure, Rules], Float64s] | None = None

    def rules_for(self, measure: Measure, options: Rules, complete_given: bool) -> Rules:
        """Return the rules for one measure: the tool's order, the ``-J``, ``-M`` and (where ``complete_given``) ``-c`` asked for.

        Raises:
            UsageError: the tool lacks the option, or the measure.
        """
        key = f"{measure.name}@" if measure.cutoff is not None else measure.name
        if key not in self.only and measure.name not in TEXTS:
            raise UsageError(f"{self.name} has no measure like {measure}", self._instead(measure, key))
        if unknown := sorted({k for k, _ in measure.params} - self.options):
            raise UsageError(f"{self.name} has no {' and no '.join(unknown)} like that of {measure}")
        rules = self.special.get(key, self.special.get(measure.name, self.rules))
        rules = rules if self.choose is None else self.choose(measure)
        if self.fixed:
            if complete_given and options.complete != rules.complete:
                habit = "counts missing queries as 0" if rules.complete else "leaves missing queries out"
                raise UsageError(f"{self.name} {habit} and has no option to change it")
            if options.judged_only or options.depth is not None:
                raise UsageError(f"{self.name} has no -J and no -M")
            return rules
        complete = options.complete if complete_given else rules.complete
        return replace(rules, complete=complete, judged_only=options.judged_only, depth=options.depth)

    def _instead(self, measure: Measure, key: str) -> str:
        if f"{key}@" in self.only:
            return f"it has {measure.name} with a cutoff: {measure.name}@10"
        if key == "RR@" and not self.fixed:
            return f"it cuts the run instead: -M {measure.cutoff} -m recip_rank"
        if measure.cutoff is not None and measure.name in self.only:
            return f"it has {measure.name} without a cutoff"
        return nearest_name(measure.name, {name.rstrip("@") for name in self.only})

    def default_names(self, texts: Sequence[str]) -> list[str]:
        """Return those of the measures that the tool has, of those that nobody asked for by name; AP as the tool has it."""
        cut = {"AP": "AP@100"} if "AP" not in self.only else {}
        names = [cut.get(text, text) for text in texts]
        return [t for t in names if (t.split("@")[0] + "@" * ("@" in t)) in self.only]

    def tool_names(self, texts: Sequence[str]) -> list[str]:
        """Return the names of measures as this tool means them: trec_eval's nicknames spelt out, as its version has them."""
        if self.name == "ir_measures":
            return [
                text.replace("Accuracy", "PairAccuracy") if text.startswith("Accuracy") else text
                for text in texts
            ]
        if self.name == "ranx":
            return [{"recall": "SetR", "precision": "SetP"}.get(text, text) for text in texts]
        return trec_eval_arguments(texts, self.only) if "trec" in self.name else list(texts)

    def habits(self, measure: Measure) -> str | None:
        """Return its treatment of queries and judgements that is none of the rules, in words; None where it has none."""
        words = (
            (self.absent is not None, "missing queries' values"),
            (self._skips(measure), "no relevant document: left out"),
            (self.formula is not None, "judgements: of what is retrieved"),
        )
        return ", ".join(text for has, text in words if has) or None

    def counted(self, qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules) -> Bools:
        """Tell which queries [q] its figure is of."""
        counted: Bools = hits.answered | rules.complete
        if self.skipped is None or not self._skips(measure):
            return counted
        return counted & ~self.skipped(qrels, hits, measure, rules)

    def _skips(self, measure: Measure) -> bool:
        return self.skipped is not None and (self.skips is None or measure.name in self.skips)

    def hits(self, hits: RunHits, rules: Rules) -> RunHits:
        """Return a run's hits as the tool scores them: with one unjudged document for a missing ranking where it makes one up."""
        if not (self.placeholder and rules.complete):
            return hits
        return replace(hits, retrieved=np.where(hits.answered, hits.retrieved, 1))

    def values(
        self, qrels: Qrels, hits: RunHits, measure: Measure, rules: Rules, values: Float64s
    ) -> Float64s:
        """Return the values [q], from those of `hits`; not a number where the tool divides zero by zero."""
        if self.formula is not None:
            return self.formula(qrels, hits, measure, rules)
        if self.absent is not None and rules.complete:
            values = np.where(hits.answered, values, self.absent(measure, rules, values))
        return np.where(self.undefined(qrels, hits, measure, rules), np.nan, values)

    def total(self, qrels: Qrels, measure: Measure, rules: Rules, values: Float64s) -> float:
        """Return the figure of the values of the queries that count."""
        figure = self.figure(qrels, measure, rules)
        if figure is not None:
            return figure
        return aggregate(values, "mean") if self.averaged else measure.aggregate(values)

    def as_computed(self, measure: Measure, level: int) -> Measure:
        """Return the measure as the tool computes it."""
        return replace(self.spell(measure, level), label=measure.label)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_V9 = _words(
    "AP AP@ Bpref G GMAP GMBpref IPrec@ IPrecAvg NumNonRelRet NumQ NumRel NumRelRet NumRet P@ R@ R_cap@ RR Rndcg Rprec "
    "Rprec_mult@ SetAP SetF SetP SetR Success@ Utility YAAP binG infAP nDCG nDCG@ nDCG_rel"
)
_V10 = _V9 | {"DCG", "RBPResidual", "Unjudged@", "sRBP"}
_RANX = _words(
    "AP AP@ Bpref DCG DCG@ F@ NumRelRet NumRelRet@ P@ R@ RBP RR RR@ Rprec SetF SetP SetR Success Success@ nDCG nDCG@"
)
_TREC_OPTIONS = _words("rel gains points beta hit noise miss rest docs relative p as_given")
_FLOAT = Rules(complete=False)
_DOUBLE = Rules(precision=64, complete=False)
_STABLE = Rules(precision=64, ties=Ties.file)
_ASCENDING = Rules(precision=64, ties=Ties.docid_asc)

EVALUATORS: dict[str, Dialect] = {
    tool.name: tool
    for tool in (
        # trec_eval 9.0.8
        Dialect(
            "trec_eval9",
            _FLOAT,
            _V9,
            _TREC_OPTIONS,
            spell=spelling.trec_eval9,
            fixed=False,
            checks=(quirks.refuse_no_first_grade, quirks.refuse_close_gains),
            absent=quirks.zero_but_query_count,
            undefined=quirks.zero_by_zero_where_answered,
            figure=quirks.count_from_grade_1,
            more_columns=True,
            silent=True,
        ),
        # trec_eval 10.0
        Dialect(
            "trec_eval10",
            _DOUBLE,
            _V10,
            _TREC_OPTIONS,
            spell=spelling.trec_eval10,
            fixed=False,
            checks=(quirks.refuse_missing, quirks.refuse_no_first_grade, quirks.refuse_close_gains),
            placeholder=True,
            absent=quirks.clear_placeholder,
            undefined=quirks.zero_by_zero,
            figure=quirks.count_from_grade_1,
            more_columns=True,
        ),
        # pytrec_eval-terrier 0.5.11, RelevanceEvaluator.evaluate, the mean over what it returns
        Dialect(
            "pytrec_eval",
            _FLOAT,
            _V9 - {"YAAP"},
            frozenset(["rel", "beta", "relative", "judged_only"]),
            checks=(quirks.refuse_no_grade,),
            undefined=quirks.zero_by_zero_where_answered,
        ),
        # ranx 0.3.21, evaluate(Qrels, Run.from_file(...), make_comparable=True)
        Dialect(
            "ranx",
            Rules(precision=64, ties=Ties.quicksort),
            _RANX,
            frozenset(["rel", "floor", "dcg", "p", "graded", "rule"]),
            spell=spelling.ranx,
            checks=(quirks.refuse_for_ranx,),
            averaged=True,
        ),
        # BEIR 2.2.0, EvaluateRetrieval.evaluate and evaluate_custom, each on its own copy of results in file order
        Dialect(
            "beir",
            replace(_FLOAT, self_match=SelfMatch.drop),
            _words("AP@ Hole@ P@ R@ RR@ R_cap@ Success@ nDCG@"),
            frozenset(["scope"]),
            dict.fromkeys(("RR", "R_cap", "Hole", "Success"), _STABLE),
            spell=spelling.beir,
            digits=5,
            checks=(quirks.refuse_no_grade, quirks.refuse_for_beir),
        ),
        # mteb 2.26, calculate_retrieval_scores
        Dialect(
            "mteb",
            _FLOAT,
            _words("AP@ P@ R@ RR@ Success@ nDCG@"),
            frozenset(),
            {"RR": _DOUBLE},
            digits=5,
            exact=frozenset(["RR"]),
            checks=(quirks.refuse_no_grade, quirks.refuse_for_mteb),
        ),
    )
}

"""Gate a new run against a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from intrex.data.errors import UsageError
from intrex.data.locate import find_qrels
from intrex.data.querysets import find_query_sets
from intrex.eval.compare.align import align
from intrex.eval.compare.inputs import load, query_texts, subtopics_needed
from intrex.eval.compare.report import DEFAULT_MEASURE, coverage_notes
from intrex.eval.gate.decision import FAIL, PASS, UNDECIDED, MeasureDecision, decide
from intrex.eval.gate.options import GateOptions
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.groups import find_grouping, shared_note
from intrex.eval.scoring.signature import THESE


@dataclass(frozen=True)
class Decision:
    """Decision of a gate.

    Attributes:
        baseline: name of the baseline, its run's tag.
        new: name of the new run.
        options: margin, risk, test, and what to do in doubt.
        measures: the decision by each measure.
        signature: conditions of the scores, and the test's.
        notes: what a reader must know of the runs.
    """

    baseline: str
    new: str
    options: GateOptions
    measures: list[MeasureDecision]
    signature: str
    notes: list[str]

    @property
    def verdict(self) -> str:
        """``fail`` where a measure fails, ``pass`` where all pass, else ``undecided``."""
        verdicts = {decision.verdict for decision in self.measures}
        return FAIL if FAIL in verdicts else PASS if verdicts == {PASS} else UNDECIDED

    @property
    def passed(self) -> bool:
        """True where the build may go on."""
        return self.verdict == PASS or (self.verdict == UNDECIDED and self.options.undecided == "pass")


def gate(qrels: str, baseline: Path, new: Path, options: GateOptions) -> Decision:
    """Read, score and decide.

    Args:
        qrels: a qrels file, or COLLECTION:SET; judged queries that a run lacks count as empty rankings.
        baseline: a run, or a file of one system's scores.
        new: the same of the build.
        options: measures, margin, risk, test.

    Raises:
        UsageError: options that do not go together, or several query sets.
        BadInput: files that cannot be compared.
    """
    names = [name for text in options.measures or (DEFAULT_MEASURE,) for name in text.split()]
    measures = parse_measures(names, options.level)
    least = len(measures) / options.alpha - 1
    if options.test == "bootstrap" and options.samples < least:
        raise UsageError(
            f"{options.samples:,} resamples cannot show anything at alpha {options.alpha:g} by {len(measures)} measures",
            f"take --samples {round(least):,} or more, 10 times as many are better",
        )
    if find_query_sets(qrels, ()) is not None:
        raise UsageError("a gate is of one query set", "name one, as COLLECTION:SET, and call it for each")
    paths = [baseline, new]
    grouping = find_grouping(options.groups)
    judged = find_qrels(qrels, subtopics_needed(paths, measures))
    texts = query_texts(qrels, options.queries) if options.losses else {}
    loaded = load(judged, paths, measures, complete=True)
    if len(loaded.systems) != len(paths):
        raise UsageError("a gate compares two systems", "give runs, or files of scores of one system each")
    data = align(loaded.systems, measures, True, grouping)
    notes = coverage_notes(data)
    if options.groups is None and (shared := shared_note(loaded.systems[0].relevant)):
        notes.append(shared)
    notes += [
        f"{name} was tuned on these judgements: its figures are no better than training figures"
        for name in data.systems
        if THESE in data.conditions.tuned_on(name)
    ]
    signature = (
        f"{data.conditions.signature(*data.systems)}|gate={options.test}|max_drop={options.max_drop:g}|alpha={options.alpha:g}"
        + (f"|samples={options.samples}|seed={options.seed}" if options.test == "bootstrap" else "")
        + f"|groups={data.groups.signature()}"
    )
    decisions = [decide(data, column, texts, options) for column in range(len(data.measures))]
    old_name, new_name = data.systems
    return Decision(old_name, new_name, options, decisions, signature, notes)

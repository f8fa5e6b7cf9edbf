"""Explanation of another tool's numbers: rules are switched one at a time until no difference is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Float64s
from intrex.data.errors import BadInput
from intrex.data.ids import as_strings
from intrex.data.qrels import Qrels
from intrex.eval.dialects.dialect import Dialect
from intrex.eval.dialects.output import TOLERANCE, ToolOutput, compare_output, read_tool_output
from intrex.eval.evaluate.systems import match_once, refuse_merged
from intrex.eval.measures import Measure
from intrex.eval.scoring.matching import RunHits
from intrex.eval.scoring.rules import Rules, SelfMatch, Ties
from intrex.eval.scoring.score import score_hits


@dataclass(frozen=True)
class Switch:
    """Rule switched to the other tool's: which, and what it changed.

    Attributes:
        rule: what was switched, in words.
        mean: the figure after it.
        changed: [q] the change of every query's value; of a query that joins or leaves the average, its value.
        n_queries: how many queries are averaged after it.
    """

    rule: str
    mean: float
    changed: Float64s
    n_queries: int


@dataclass(frozen=True)
class Explanation:
    """Way from our figure of a measure to the tool's.

    Attributes:
        measure: ours.
        query_ids: [q] the judged queries.
        our_values, tool_values: [q] values; not a number where the query is left out.
        our_mean, tool_mean: the figures.
        switches: the rules that changed anything, in the order they were switched.
        residual: [q] what the rules do not explain; 0 unless the tool's own output was given.
        rounded: the tool's figure was rounded by this many decimals, or printed so.
    """

    measure: Measure
    query_ids: list[str]
    our_values: Float64s
    tool_values: Float64s
    our_mean: float
    tool_mean: float
    switches: list[Switch]
    residual: Float64s

    @property
    def explained(self) -> bool:
        """True where no difference is left."""
        return not np.any(np.abs(np.nan_to_num(self.residual)) > TOLERANCE)

    def reason(self, query: int) -> str:
        """Name the rules that changed this query's value, or ``unexplained``; ``rounding`` of what the tool printed."""
        names = [s.rule.partition(": ")[0] for s in self.switches if abs(s.changed[query]) > TOLERANCE]
        if abs(np.nan_to_num(self.residual[query])) > TOLERANCE:
            names.append("unexplained")
        return ", ".join(names) or "rounding"


State = tuple[Rules, Measure, Dialect | None]
"""Rules, measure, and the tool whose values of missing queries are taken."""
SELF_WORDS = {SelfMatch.keep: "query's own id: kept", SelfMatch.drop: "query's own id: dropped"}
TIE_WORDS = {
    Ties.docid_desc: "ties: id descending",
    Ties.docid_asc: "ties: id ascending",
    Ties.file: "ties: file order",
    Ties.expected: "ties: every order",
    Ties.quicksort: "ties: numba's sort",
}


def explain(
    qrels: Qrels,
    path: Path,
    measures: Sequence[Measure],
    base: Rules,
    tool: Dialect,
    complete_given: bool,
    level: int,
    tool_file: Path | None = None,
) -> list[Explanation]:
    """Explain how a tool's scores of a run file differ from ours, a measure at a time.

    Args:
        qrels: the judgements.
        path: the run file.
        measures: ours.
        base: our rules.
        tool: whose rules to switch to.
        complete_given: whether ``-c`` or ``--no-complete`` was given.
        level: the relevance level of ``-l``.
        tool_file: what the tool printed for each query; without it, our account of the tool stands for it.

    Raises:
        BadInput: the run has none of the judged queries, or the tool would stop with an error.
        UsageError: the tool lacks a measure or an option.
    """
    refuse_merged(qrels, measures)
    printed = read_tool_output(tool_file) if tool_file else None
    hits_by = match_once(qrels, path, tool.more_columns)
    explanations = []
    for measure in measures:
        goal = (tool.rules_for(measure, base, complete_given), tool.as_computed(measure, level), tool)
        states = list(_path((base, measure, None), goal))
        curves = [_values(qrels, state, hits_by) for _, state in states]
        hits = tool.hits(hits_by(*goal[:2]), goal[0])
        for check in tool.checks:
            check(qrels, hits, goal[1], goal[0])
        counted = tool.counted(qrels, hits, goal[1], goal[0])
        computed = (hits.answered | tool.undefined(qrels, hits, goal[1], goal[0])) & counted
        _require_values(qrels, computed, curves[-1], tool, measure)
        explanations.append(_explanation(qrels, measure, states, curves, tool, hits.answered, printed))
    return explanations


def _path(start: State, goal: State) -> Iterator[tuple[str, State]]:
    """Yield our rules, then the rules with one more of the tool's at a time; each step named."""
    rules, measure, no_tool = start
    yield "", start
    tool_rules, computed, tool = goal
    steps = (
        ("precision", f"scores as float{tool_rules.precision}"),
        ("ties", TIE_WORDS[tool_rules.ties]),
        ("self_match", SELF_WORDS[tool_rules.self_match]),
        ("judged_only", "unjudged: removed" if tool_rules.judged_only else "unjudged: kept"),
        ("depth", f"depth {tool_rules.depth or 'unlimited'}"),
    )
    for name, words in steps:
        if getattr(rules, name) != getattr(tool_rules, name):
            rules = replace(rules, **{name: getattr(tool_rules, name)})
            yield words, (rules, measure, no_tool)
    if computed != measure:
        added = [f"{k}={v}" for k, v in computed.params if (k, v) not in measure.params]
        measure = computed
        yield f"formula: {', '.join(added) or computed}", (rules, measure, no_tool)
    if rules.complete != tool_rules.complete:
        rules = replace(rules, complete=tool_rules.complete)
        words = "missing queries " + ("counted" if rules.complete else "left out")
        yield words, (rules, measure, no_tool)
    if tool is not None and (habits := tool.habits(measure)) is not None:
        yield habits, (rules, measure, tool)


def _values(qrels: Qrels, state: State, hits_by: Callable[[Rules, Measure], RunHits]) -> Float64s:
    """Return the values [q], not a number where the query is left out."""
    rules, measure, tool = state
    hits = hits_by(rules, measure)
    if tool is not None:
        hits = tool.hits(hits, rules)
    column = score_hits(qrels, hits, [measure], rules).values[:, 0]
    counted = hits.answered | rules.complete
    if tool is not None:
        column = tool.values(qrels, hits, measure, rules, column)
        counted = tool.counted(qrels, hits, measure, rules)
    return np.where(counted, column, np.nan)


def _explanation(
    qrels: Qrels,
    measure: Measure,
    states: list[tuple[str, State]],
    curves: list[Float64s],
    tool: Dialect,
    answered: Bools,
    printed: ToolOutput | None,
) -> Explanation:
    switches = []
    for (words, _), before, after in zip(states[1:], curves, curves[1:], strict=False):
        changed = np.nan_to_num(after) - np.nan_to_num(before)
        moved = np.isnan(after) != np.isnan(before)
        if np.any(np.abs(changed) > TOLERANCE) or moved.any():
            changed = np.where(moved & (np.abs(changed) <= TOLERANCE), 2 * TOLERANCE, changed)
            switches.append(Switch(words, _figure(measure, after), changed, int((~np.isnan(after)).sum())))
    last, our_values = curves[-1], curves[0]
    tool_values, residual = last, np.zeros(len(last))
    names = as_strings(qrels.query_ids)
    if printed is not None:
        tool_values, residual = compare_output(printed, measure, tool, names, last, answered)
    rules, computed, _ = states[-1][1]
    tool_mean = tool.total(qrels, computed, rules, tool_values[~np.isnan(tool_values)])
    if tool.total(qrels, computed, rules, last[~np.isnan(last)]) != _figure(measure, last):
        switches.append(
            Switch("how it sums up", tool_mean, np.zeros(len(last)), int((~np.isnan(last)).sum()))
        )
    if tool.digits is not None and measure.name not in tool.exact and printed is None:
        tool_mean = round(tool_mean, tool.digits)
    return Explanation(
        measure, names, our_values, tool_values, _figure(measure, our_values), tool_mean, switches, residual
    )


def _require_values(qrels: Qrels, computed: Bools, last: Float64s, tool: Dialect, measure: Measure) -> None:
    """Raise `BadInput` where a value that the tool computes is 0/0 (ranx's bpref): there is nothing to explain."""
    for i in np.flatnonzero(np.isnan(last) & computed)[:1]:
        query = qrels.query_ids[i].decode()
        raise BadInput(
            f"{tool.name} divides zero by zero in {measure} here: query {query}; its mean is no number either"
        )


def _figure(measure: Measure, values: Float64s) -> float:
    return measure.aggregate(values[~np.isnan(values)])

"""Why another tool's numbers differ from ours: rules are switched one at a time until nothing is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Float64s
from intrex.data.errors import BadInput
from intrex.data.ids import as_strings
from intrex.data.qrels import Qrels
from intrex.eval.dialects.dialect import Dialect
from intrex.eval.dialects.theirs import TOLERANCE, Printed, against, read_theirs
from intrex.eval.evaluate.systems import Matches
from intrex.eval.measures import Measure
from intrex.eval.scoring.rules import Rules, SelfMatch, Ties
from intrex.eval.scoring.score import score_matched


@dataclass(frozen=True)
class Switch:
    """One rule switched to the other tool's: which, and what it changed.

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
    """The way from our figure of a measure to the tool's.

    Attributes:
        measure: ours.
        query_ids: [q] the judged queries.
        ours, theirs: [q] values; not a number where the query is left out.
        our_mean, their_mean: the figures.
        switches: the rules that changed anything, in the order they were switched.
        residual: [q] what the rules do not explain; 0 unless the tool's own output was given.
        rounded: the tool's figure was rounded by this many decimals, or printed so.
    """

    measure: Measure
    query_ids: list[str]
    ours: Float64s
    theirs: Float64s
    our_mean: float
    their_mean: float
    switches: list[Switch]
    residual: Float64s

    @property
    def explained(self) -> bool:
        """Whether nothing is left."""
        return not np.any(np.abs(np.nan_to_num(self.residual)) > TOLERANCE)

    def reason(self, query: int) -> str:
        """The rules that changed this query's value, or ``unexplained``; ``rounding`` of what the tool printed."""
        names = [s.rule.partition(": ")[0] for s in self.switches if abs(s.changed[query]) > TOLERANCE]
        if abs(np.nan_to_num(self.residual[query])) > TOLERANCE:
            names.append("unexplained")
        return ", ".join(names) or "rounding"


State = tuple[Rules, Measure, Dialect | None]
"""Rules, measure, and the tool whose values of missing queries are taken."""
OWN = {SelfMatch.keep: "query's own id: kept", SelfMatch.drop: "query's own id: dropped"}
TIES = {
    Ties.docid_desc: "ties: id descending",
    Ties.docid_asc: "ties: id ascending",
    Ties.file: "ties: file order",
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
    theirs: Path | None = None,
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
        theirs: what the tool printed for each query; without it, our account of the tool stands for it.

    Raises:
        BadInput: the run has none of the judged queries, or the tool would stop with an error.
        UsageError: the tool lacks a measure or an option.
    """
    printed = read_theirs(theirs) if theirs else None
    matches = Matches(qrels, path, tool.more_columns)
    found = []
    for measure in measures:
        goal = (tool.rules_for(measure, base, complete_given), tool.spelt(measure, level), tool)
        states = list(_path((base, measure, None), goal))
        curves = [_values(qrels, state, matches) for _, state in states]
        matched = matches.of(*goal[:2])
        for check in tool.checks:
            check(qrels, matched, goal[1], goal[0])
        _require_values(qrels, matched.answered, curves[-1], tool, measure)
        found.append(_explanation(qrels, measure, states, curves, tool, matched.answered, printed))
    return found


def _path(start: State, goal: State) -> Iterator[tuple[str, State]]:
    """Our rules, then the rules with one more of the tool's at a time; each step named."""
    rules, measure, none = start
    yield "", start
    theirs, spelt, tool = goal
    steps = (
        ("precision", f"scores as float{theirs.precision}"),
        ("ties", TIES[theirs.ties]),
        ("self_match", OWN[theirs.self_match]),
        ("judged_only", "unjudged: removed" if theirs.judged_only else "unjudged: kept"),
        ("depth", f"depth {theirs.depth or 'unlimited'}"),
    )
    for name, words in steps:
        if getattr(rules, name) != getattr(theirs, name):
            rules = replace(rules, **{name: getattr(theirs, name)})
            yield words, (rules, measure, none)
    if spelt != measure:
        added = [f"{k}={v}" for k, v in spelt.params if (k, v) not in measure.params]
        measure = spelt
        yield f"formula: {', '.join(added) or spelt}", (rules, measure, none)
    if rules.complete != theirs.complete:
        rules = replace(rules, complete=theirs.complete)
        yield (
            "missing queries " + ("counted" if rules.complete else "left out"),
            (rules, measure, none),
        )
    if tool is not None and tool.absent is not None:
        yield "missing queries' values", (rules, measure, tool)


def _values(qrels: Qrels, state: State, matches: Matches) -> Float64s:
    """[q] values, not a number where the query is left out."""
    rules, measure, tool = state
    matched = matches.of(rules, measure)
    column = score_matched(qrels, matched, [measure], rules).values[:, 0]
    if tool is not None:
        column = tool.values(matched, measure, rules, column)
    return column if rules.complete else np.where(matched.answered, column, np.nan)


def _explanation(
    qrels: Qrels,
    measure: Measure,
    states: list[tuple[str, State]],
    curves: list[Float64s],
    tool: Dialect,
    answered: Bools,
    printed: Printed | None,
) -> Explanation:
    switches = []
    for (words, _), before, after in zip(states[1:], curves, curves[1:], strict=False):
        changed = np.nan_to_num(after) - np.nan_to_num(before)
        moved = np.isnan(after) != np.isnan(before)
        if np.any(np.abs(changed) > TOLERANCE) or moved.any():
            changed = np.where(moved & (np.abs(changed) <= TOLERANCE), 2 * TOLERANCE, changed)
            switches.append(Switch(words, _figure(measure, after), changed, int((~np.isnan(after)).sum())))
    last, ours = curves[-1], curves[0]
    theirs, residual = last, np.zeros(len(last))
    names = as_strings(qrels.query_ids)
    if printed is not None:
        theirs, residual = against(printed, measure, tool, names, last, answered)
    rules, spelt, _ = states[-1][1]
    their_mean = tool.total(qrels, spelt, rules, theirs[~np.isnan(theirs)])
    if tool.total(qrels, spelt, rules, last[~np.isnan(last)]) != _figure(measure, last):
        switches.append(
            Switch("how it sums up", their_mean, np.zeros(len(last)), int((~np.isnan(last)).sum()))
        )
    if tool.digits is not None and measure.name not in tool.exact and printed is None:
        their_mean = round(their_mean, tool.digits)
    return Explanation(measure, names, ours, theirs, _figure(measure, ours), their_mean, switches, residual)


def _require_values(qrels: Qrels, answered: Bools, last: Float64s, tool: Dialect, measure: Measure) -> None:
    """Raise `BadInput` where the tool's own value is 0/0 (ranx's bpref): there is nothing to explain."""
    for i in np.flatnonzero(np.isnan(last) & answered)[:1]:
        query = qrels.query_ids[i].decode()
        raise BadInput(
            f"{tool.name} divides zero by zero in {measure} here: query {query}; its mean is no number either"
        )


def _figure(measure: Measure, values: Float64s) -> float:
    return measure.aggregate(values[~np.isnan(values)])

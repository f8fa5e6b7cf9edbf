"""Scores of several systems side by side: the same queries, measures and rules, or an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from intrex.data.arrays import Bools, Float64s, Int64s
from intrex.data.errors import BadInput, UsageError
from intrex.eval.measures import Measure
from intrex.eval.scoring.groups import Grouping, Groups
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.scoring.signature import Conditions


@dataclass(frozen=True)
class Aligned:
    """Per-query values of systems on the same queries.

    Attributes:
        systems: [s] names, unique.
        measures: [m] canonical names.
        query_ids: [q] the judged queries.
        values: [q, s, m] float64.
        answered: [q, s] whether the system's run has the query.
        conditions: the rules that all share.
        groups: [q] which queries are one observation.
        strata: [q] int64 from 0, the set of each query where there are several; queries are sampled within each.
        weights: [q] of the queries in means, 1 on average; None where they count the same.
    """

    systems: list[str]
    measures: list[str]
    query_ids: list[str]
    values: Float64s
    answered: Bools
    conditions: Conditions
    groups: Groups
    strata: Int64s | None = None
    weights: Float64s | None = None

    def shared(self, systems: Sequence[int]) -> Bools:
        """Tell which queries [q] to compare some systems on: all, or with ``--no-complete`` those that each answers."""
        if self.conditions.complete:
            return np.ones(len(self.query_ids), np.bool_)
        return np.asarray(self.answered[:, list(systems)].all(axis=1), np.bool_)

    def means(self) -> Float64s:
        """Return each system's means [s, m], as `evaluate` prints them."""
        return np.stack(
            [self.weighted(self.shared([i]))[:, i].mean(axis=0) for i in range(len(self.systems))]
        )

    def weighted(self, queries: Bools) -> Float64s:
        """Return the values [q', s, m] of some queries times their weights, so that the plain mean is the figure."""
        values: Float64s = self.values[queries]
        return values if self.weights is None else values * self.weights[queries][:, None, None]

    def first(self, count: int) -> Aligned:
        """Return the first systems alone."""
        values, answered = self.values[:, :count], self.answered[:, :count]
        return replace(self, systems=self.systems[:count], values=values, answered=answered)


def align(
    systems: Sequence[SystemScores],
    measures: Sequence[Measure],
    complete: bool = True,
    grouping: Grouping | None = None,
) -> Aligned:
    """Put systems side by side.

    Args:
        systems: two or more, scored against the same judgements.
        measures: which of their measures to compare.
        complete: count a query that a run lacks as an empty ranking; otherwise each pair is compared on what both answer.
        grouping: which queries are one observation; each its own without it.

    Raises:
        UsageError: fewer than two systems, or a measure whose mean over queries is not an arithmetic one.
        BadInput: systems of one name, other judgements, queries, rules or versions, a measure not scored, or a query
            without a group.
    """
    if len(systems) < 2:
        raise UsageError("one system alone cannot be compared", "intrex compare QRELS RUN RUN")
    for measure in measures:
        _check_mean(measure)
    names = [system.system for system in systems]
    if repeated := [name for name, n in Counter(names).items() if n > 1]:
        raise BadInput(f"two systems are called {repeated[0]!r}", "give their runs different tags")
    first = systems[0]
    for system in systems[1:]:
        _check_conditions(first, system)
    values = np.stack([_columns(system, measures) for system in systems], axis=1)
    answered = np.stack([system.scores.answered for system in systems], axis=1)
    conditions = replace(first.conditions, rules=replace(first.conditions.rules, complete=complete))
    queries = first.scores.query_ids
    groups = (grouping or Grouping()).of(queries, first.relevant)
    return Aligned(names, [str(m) for m in measures], queries, values, answered, conditions, groups)


def _check_conditions(first: SystemScores, second: SystemScores) -> None:
    """Refuse two systems whose values mean different things; what a missing query counts, `align` sets itself."""
    a, b = first.conditions, second.conditions
    names = f"{first.system!r} and {second.system!r} were scored"
    same = (a.qrels, a.split) == (b.qrels, b.split)
    if not same or second.scores.query_ids != first.scores.query_ids:
        raise BadInput(
            f"{names} against different judgements",
            "their values cannot be paired; score both against the same qrels",
        )
    if differences := _differences(a, b):
        raise BadInput(
            f"{names} by different rules: {differences}",
            "their values cannot be paired; score both by the same rules (runs are scored by the default ones)",
        )
    if a.version != b.version:
        raise BadInput(
            f"{names} by different versions of intrex: {a.version} and {b.version}",
            "score both again with this one",
        )


def _differences(a: Conditions, b: Conditions) -> str:
    """Spell the rules that differ, for example ``depth=all against 10``; empty where none does."""
    names = [field.name for field in fields(Rules) if field.name != "complete"]
    words = [("as", a.dialect, b.dialect)]
    words += [(name, _word(a.rules, name), _word(b.rules, name)) for name in names]
    return ", ".join(f"{name}={left} against {right}" for name, left, right in words if left != right)


def _word(rules: Rules, name: str) -> str:
    value = getattr(rules, name)
    return "all" if value is None else str(value)


def _check_mean(measure: Measure) -> None:
    """Refuse, in this one place, measures whose summary is no arithmetic mean: differences would say nothing of it."""
    if measure.kind != "mean":
        raise UsageError(
            f"{measure} is not a mean over queries, so queries cannot be paired", "compare with AP for gm_map"
        )


def _columns(system: SystemScores, measures: Sequence[Measure]) -> Float64s:
    known = [str(m) for m in system.scores.measures]
    for measure in measures:
        if str(measure) not in known:
            raise BadInput(f"{system.system} was not scored with {measure}", f"there are: {', '.join(known)}")
    values: Float64s = system.scores.values[:, [known.index(str(m)) for m in measures]]
    if not np.isfinite(values).all():
        raise BadInput(f"the scores of {system.system} are not all finite numbers", "score the run again")
    return values

"""One figure over several query sets: the mean of the sets' figures, or of all their queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from intrex.data.arrays import Bools, Float64s, Int64s
from intrex.data.errors import BadInput, UsageError
from intrex.data.io.files import fingerprint
from intrex.eval.measures import Measure
from intrex.eval.scoring.groups import Grouping, Groups
from intrex.eval.scoring.intervals import LEVEL, Spread, is_share, spread_of
from intrex.eval.scoring.options import QUERIES, SETS
from intrex.eval.scoring.scorefile import SystemScores

MEAN_OF = "mean of "
"""Begins the name of several query sets together, where a collection's name stands."""


@dataclass(frozen=True)
class SetScores:
    """Scores of one system on several query sets, by the same rules.

    Attributes:
        system: its name.
        parts: by the name of their set, in the order of the names.
    """

    system: str
    parts: dict[str, SystemScores]

    @cached_property
    def units(self) -> dict[str, list[str]]:
        """Names of the sets by what counts the same in the mean of sets.

        A set is a unit, and so are the sets of one group together, such as CQADupStack's forums in a mean over BEIR. Where
        there is nothing beside one group, its sets are the units.
        """
        units: dict[str, list[str]] = {}
        for name, part in self.parts.items():
            units.setdefault(part.group or name, []).append(name)
        return units if len(units) > 1 else {name: [name] for name in self.parts}

    @cached_property
    def counted(self) -> list[Bools]:
        """Queries [q] of each set that its figures are of."""
        return [part.scores.answered | part.conditions.complete for part in self.parts.values()]

    @cached_property
    def strata(self) -> Int64s:
        """[q] the number of the set of each query that is counted."""
        return np.repeat(np.arange(len(self.parts)), [int(c.sum()) for c in self.counted])

    def values(self, measures: Sequence[Measure]) -> Float64s:
        """Return the values [q, m] of all queries that are counted, set by set."""
        columns = []
        for part, counted in zip(self.parts.values(), self.counted, strict=True):
            at = [part.scores.measures.index(m) for m in measures]
            columns.append(part.scores.values[counted][:, at])
        return np.concatenate(columns)

    def groups(self, grouping: Grouping) -> Groups:
        """Return which queries [q] are one observation; those of two sets never are."""
        parts = zip(self.parts.values(), self.counted, strict=True)
        return join_groups([grouping.of(p.scores.query_ids, p.relevant).only(c) for p, c in parts])

    def weights(self, kind: str) -> Float64s:
        """Return the weight [q] of each query in a mean, of ``sets`` or of ``queries``; they add up to 1."""
        if kind == QUERIES:
            return np.full(len(self.strata), 1 / len(self.strata))
        names = list(self.parts)
        share = {name: 1 / (len(self.units) * len(unit)) for unit in self.units.values() for name in unit}
        sizes = np.bincount(self.strata, minlength=len(names))
        return np.array([share[name] / n for name, n in zip(names, sizes, strict=True)])[self.strata]

    def unit_figures(self, measures: Sequence[Measure]) -> Float64s:
        """Return the figures [u, m] of the units: of a set its mean, of a group the mean of its sets'."""
        values, names = self.values(measures), list(self.parts)
        means = np.stack([values[self.strata == i].mean(axis=0) for i in range(len(names))])
        rows = ([names.index(name) for name in unit] for unit in self.units.values())
        return np.stack([means[row].mean(axis=0) for row in rows])

    def label(self, kind: str) -> str:
        """Name the mean: ``mean of 3 sets``, ``mean of 950 queries``."""
        return MEAN_OF + (f"{len(self.units)} sets" if kind == SETS else f"{len(self.strata)} queries")

    def signature(self, kind: str) -> str:
        """Spell the sets, the rules that they share and the kind of the mean."""
        units = self.units.items()
        sets = "+".join(u if [u] == names else f"{u}({'+'.join(names)})" for u, names in units)
        conditions = [part.conditions for part in self.parts.values()]
        whole = replace(
            conditions[0], qrels=fingerprint([c.qrels for c in conditions]), removed=sum(c.removed for c in conditions),
            subtopics=max(c.subtopics for c in conditions),
        )  # fmt: skip
        return "|".join([f"sets={sets}", *whole.signature().split("|")[1:], f"mean={kind}"])

    @property
    def n_missing(self) -> int:
        """Judged queries that the runs lack."""
        return sum(part.scores.n_missing for part in self.parts.values())

    @property
    def run_sha256(self) -> str:
        """Fingerprint of all its rankings."""
        return fingerprint([part.run_sha256 for part in self.parts.values()])

    def only(self, group: str) -> SetScores:
        """Return the scores of the sets of one group."""
        return replace(self, parts={n: part for n, part in self.parts.items() if part.group == group})


@dataclass(frozen=True)
class Means:
    """Figures of one system over several sets, and their intervals.

    Attributes:
        measures: [m] those whose figure is a mean over queries.
        values: [m] the figures.
        over_queries: low and high [m] of the interval that says what other queries of these sets would change.
        over_sets: low and high [m] of the one that says what other sets would, of the mean of sets; else None.
        groups: [q] which queries were one observation.
    """

    measures: list[Measure]
    values: Float64s
    over_queries: tuple[Float64s, Float64s]
    over_sets: tuple[Float64s, Float64s] | None
    groups: Groups


def means_of(scores: SetScores, kind: str, grouping: Grouping | None = None) -> Means:
    """Compute one figure of each measure over several sets, with 95 % intervals of Student's t.

    The mean of sets gives every set the same weight, that of queries every query. Over queries, the sets are fixed and queries
    are sampled within each (strata). Over sets, the sets are the sample: the interval is that of the mean of their figures, with
    one degree of freedom less than there are sets; queries add to it as they add to the figures' spread.
    """
    measures = [m for m in next(iter(scores.parts.values())).scores.measures if m.kind == "mean"]
    values, groups = scores.values(measures), scores.groups(grouping or Grouping())
    shares = values * scores.weights(kind)[:, None]
    figures = shares.sum(axis=0)
    limits = np.array([is_share(m, column) for m, column in zip(measures, values.T, strict=True)])
    queries = _interval(figures, spread_of(shares, groups, scores.strata), limits)
    units = None
    if kind == SETS:
        units = _interval(figures, spread_over_sets(scores.unit_figures(measures)), limits)
    return Means(measures, figures, queries, units, groups)


def spread_over_sets(figures: Float64s) -> Spread:
    """Estimate the variance of the mean of the figures [u, m] of u sets, which are the sample."""
    return spread_of(figures / len(figures), Groups.alone(len(figures)))


def _interval(values: Float64s, spread: Spread, limits: Bools) -> tuple[Float64s, Float64s]:
    """Return low and high [m], cut at 0 and 1 where a measure cannot leave them."""
    half = spread.half_widths(LEVEL)
    low, high = values - half, values + half
    return np.where(limits, low.clip(0), low), np.where(limits, high.clip(max=1), high)


def join_groups(groups: Sequence[Groups]) -> Groups:
    """Join the groups of several sets: queries of two sets are never one observation."""
    starts = np.cumsum([0, *(len(g) for g in groups)])
    labels = np.concatenate([g.labels + start for g, start in zip(groups, starts, strict=False)])
    return Groups(labels, groups[0].source)


def set_name(scores: SystemScores) -> str:
    """Name the query set of scores: COLLECTION:SET, or the file of judgements."""
    return ":".join(filter(None, (scores.conditions.collection, scores.conditions.query_set)))


def by_system(systems: Sequence[SystemScores]) -> tuple[list[SetScores], list[str]]:
    """Put the scores of several query sets together, by system.

    Args:
        systems: scores of two query sets or more; no system twice on one.

    Returns:
        The systems that have scores of every set, in their order, and a note for each that lacks one.

    Raises:
        UsageError: there is one set only.
        BadInput: the sets were scored by different rules, or with other measures.
    """
    parts: dict[str, dict[str, SystemScores]] = {}
    for scores in systems:
        parts.setdefault(scores.system, {})[set_name(scores)] = scores
    sets = sorted({name for of_system in parts.values() for name in of_system})
    if len(sets) < 2:
        raise UsageError(f"a mean over query sets needs two of them, there is {', '.join(sets)}")
    _check_one_rule(systems)
    whole, notes = [], []
    for system, of_system in parts.items():
        if missing := [name for name in sets if name not in of_system]:
            notes.append(f"{system} has no scores of {', '.join(missing)}, and no mean over the sets")
        else:
            whole.append(SetScores(system, {name: of_system[name] for name in sets}))
    return whole, notes


def _check_one_rule(systems: Sequence[SystemScores]) -> None:
    first = systems[0]
    for second in systems:
        a, b = (
            (s.conditions.rules, s.conditions.dialect, s.conditions.version, s.scores.measures)
            for s in (first, second)
        )
        if a != b:
            raise BadInput(
                f"{set_name(first)} ({first.system}) and {set_name(second)} ({second.system}) were scored by different rules or measures",
                "score all of them by the same ones: a mean over them means nothing else",
            )

"""Comparison over several query sets: pairs of systems on each set, and over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.locate import Judged
from intrex.data.querysets import PLACE, QuerySets
from intrex.eval.compare.align import Aligned, align
from intrex.eval.compare.comparison import Comparison, PairRow, compare
from intrex.eval.compare.corrections import correct
from intrex.eval.compare.inputs import holds_scores
from intrex.eval.compare.options import CompareOptions, Settings
from intrex.eval.evaluate.sets import ScoredSets, run_scorer, score_sets
from intrex.eval.measures import Measure
from intrex.eval.scoring.groups import Grouping, Groups
from intrex.eval.scoring.options import QUERIES, SETS
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.scorefile import SystemScores, read_scores
from intrex.eval.scoring.sets import SetScores, join_groups, set_name
from intrex.eval.scoring.signature import qrels_fingerprint
from intrex.eval.tables import Table

TESTS = ("randomization", "t")
"""Tests that are defined over sets, and over queries within them."""


@dataclass(frozen=True)
class SetPair:
    """Pair of systems on one set or over all, see `PairRow`.

    Attributes:
        set: name of the set, or of the mean over all.
        over: what the test and the interval sample: ``queries``, or ``sets``, whose number is then ``n_groups`` and of which wins,
            ties and losses are.
        pair: the figures.
    """

    set: str
    over: str
    pair: PairRow


COLUMNS = ("set", "over", *(f.name for f in fields(PairRow)))


@dataclass(frozen=True)
class SetComparison:
    """Rows of every set, then those of the means over all, and what is said of them.

    Attributes:
        systems: their names.
        measures: what they are compared by.
        sets: pairs on each set.
        means: pairs over all sets.
        figures: by the name of each mean its values [s, m] of the systems.
        settings: of the tests.
        baseline: row of the system that the others are compared with; None for all pairs.
        signature: of the rows over all, but for the kind of the mean.
        notes: for the user.
    """

    systems: list[str]
    measures: list[str]
    sets: list[SetPair]
    means: list[SetPair]
    figures: dict[str, list[list[float]]]
    settings: Settings
    baseline: int | None
    signature: str
    notes: list[str]

    @property
    def rows(self) -> list[SetPair]:
        """All rows, by measure; within it the sets, then the means."""
        rows = [*self.sets, *self.means]
        return sorted(rows, key=lambda row: self.measures.index(row.pair.measure))

    def table(self) -> Table[Any]:
        """Return one row a pair, a column for each field."""
        return list(COLUMNS), [[row.set, row.over, *astuple(row.pair)] for row in self.rows]


def refuse_over_sets(options: CompareOptions, settings: Settings) -> None:
    """Raise `UsageError` on options and tests that are of one query set."""
    refused = {
        "--movers": options.movers, "--gains": options.gains, "--losses": options.losses, "--by": options.by,
        "--queries": options.queries, "--ranking": options.ranking, "--reproduction": options.reproduction,
        "--no-complete": not options.complete,
    }  # fmt: skip
    if given := [flag for flag, value in refused.items() if value]:
        raise UsageError(f"{given[0]} is of one query set", "compare the runs of one set")
    if settings.test not in TESTS:
        raise UsageError(f"--test {settings.test} is of one query set", f"over several: {' or '.join(TESTS)}")


def load_sets(sets: QuerySets, runs: Sequence[Path], measures: Sequence[Measure]) -> ScoredSets:
    """Score the runs of every set; files of scores that `evaluate` wrote over these sets are taken as they are.

    Raises:
        BadInput: see `score_sets`; a file of scores lacks a set, or was made with other judgements.
    """
    scored_before = [path for path in runs if holds_scores(path)]
    patterns = [path for path in runs if path not in scored_before]
    scored = score_sets(sets, patterns, measures, run_scorer(measures, Rules(), digest=False))
    read = [s for path in scored_before for s in _read(path, scored.judged)]
    systems = [*scored.systems, *read]
    names = [s.system for s in systems]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"two systems are called {repeated!r}", "give their runs different tags")
    return replace(scored, systems=systems)


def _read(path: Path, judged: Mapping[str, Judged]) -> Iterator[SetScores]:
    expected = {j.name: qrels_fingerprint(j.qrels) for j in judged.values()}
    parts: dict[str, dict[str, SystemScores]] = {}
    for scores in read_scores(path):
        rules = replace(scores.conditions.rules, complete=True)  # as in `align`
        whole = replace(scores, conditions=replace(scores.conditions, rules=rules))
        parts.setdefault(scores.system, {})[set_name(scores)] = whole
    for system, of_system in parts.items():
        if wrong := [
            n for n, f in expected.items() if n not in of_system or of_system[n].conditions.qrels != f
        ]:
            raise BadInput(
                f"the scores of {system} have no {wrong[0]}, or were made with other judgements ({path})",
                "evaluate it on these sets: intrex evaluate QRELS RUN --scores FILE",
            )
        yield SetScores(system, {name: of_system[name] for name in sorted(expected)})


def compare_sets(
    scored: ScoredSets,
    measures: Sequence[Measure],
    settings: Settings,
    grouping: Grouping,
    baseline: int | None = None,
) -> SetComparison:
    """Compare every pair of systems, or all with the baseline, on each query set and over them.

    Over them there are three rows for each pair and measure. The mean of sets, sets being the sample: a paired test of their
    figures, n is the number of sets. The mean of sets and that of queries, queries being sampled within the sets, which are
    fixed. P-values of single sets are corrected together, those of each of the three among themselves.
    """
    systems = scored.systems
    aligned = {
        label: align([s.parts[full] for s in systems], measures, grouping=grouping)
        for full, label in scored.names.items()
    }
    per_set = _correct_together(
        {label: compare(data, settings, baseline) for label, data in aligned.items()}, settings
    )
    rows = [SetPair(label, QUERIES, row) for label, comparison in per_set.items() for row in comparison.rows]
    first, over_all = systems[0], list[SetPair]()
    figures: dict[str, list[list[float]]] = {}
    for kind, over in ((SETS, SETS), (SETS, QUERIES), (QUERIES, QUERIES)):
        data = (
            _units(systems, measures, aligned)
            if over == SETS
            else _pooled(systems, kind, list(aligned.values()))
        )
        comparison = compare(data, settings, baseline)
        ending = f"{settings.signature()}|groups={data.groups.signature()}|over={over}"
        signature = f"{first.signature(kind)}|{ending}"
        figures[first.label(kind)] = data.means().tolist()
        over_all += [
            SetPair(first.label(kind), over, replace(row, n_queries=len(first.strata), signature=signature))
            for row in comparison.rows
        ]
    groups = _pooled(systems, QUERIES, list(aligned.values())).groups.signature()
    signature = f"{first.signature(f'{SETS}+{QUERIES}')}|{settings.signature()}|groups={groups}"
    names = [str(m) for m in measures]
    notes = _notes(scored, len(first.units), settings)
    return SetComparison(
        [s.system for s in systems], names, rows, over_all, figures, settings, baseline, signature, notes
    )


def _correct_together(comparisons: dict[str, Comparison], settings: Settings) -> dict[str, Comparison]:
    """Correct the p-values of all sets together, within each measure or over all of them."""
    first = next(iter(comparisons.values()))
    pairs, measures = len(first.pairs), len(first.data.measures)
    p = np.array(
        [[row.p for row in c.rows] for c in comparisons.values()]
    )  # rows are by measure, then by pair
    by_measure = p.reshape(-1, measures, pairs).swapaxes(1, 2).reshape(-1, measures)
    corrected = correct(by_measure, settings.corrected_by, settings.family == "all")
    back = corrected.reshape(-1, pairs, measures).swapaxes(1, 2).reshape(len(comparisons), -1)
    return {
        name: replace(
            c, rows=[replace(row, p_corrected=float(q)) for row, q in zip(c.rows, line, strict=True)]
        )
        for (name, c), line in zip(comparisons.items(), back, strict=True)
    }


def _units(
    systems: Sequence[SetScores], measures: Sequence[Measure], aligned: Mapping[str, Aligned]
) -> Aligned:
    """Return the sets as what is sampled: a row for each, of its figures."""
    values = np.stack([system.unit_figures(measures) for system in systems], axis=1)
    units = list(systems[0].units)
    first = next(iter(aligned.values()))
    answered = np.ones(values.shape[:2], np.bool_)
    return replace(first, query_ids=units, values=values, answered=answered, groups=Groups.alone(len(units)))


def _pooled(systems: Sequence[SetScores], kind: str, aligned: Sequence[Aligned]) -> Aligned:
    """Return the queries of all sets as what is sampled, within each set, with their weights in the mean."""
    first, n = systems[0], len(systems[0].strata)
    return replace(
        aligned[0],
        query_ids=[query for data in aligned for query in data.query_ids],
        values=np.concatenate([data.values for data in aligned]),
        answered=np.concatenate([data.answered for data in aligned]),
        groups=join_groups([data.groups for data in aligned]),
        strata=first.strata,
        weights=first.weights(kind) * n if kind == SETS else None,
    )


def _notes(scored: ScoredSets, units: int, settings: Settings) -> list[str]:
    notes = []
    for system in scored.systems:
        if lacking := system.n_missing:
            notes.append(
                f"{system.system} lacks {lacking:,} of {len(system.strata):,} judged queries; they count as empty rankings"
            )
    if settings.test == "randomization" and 2 / 2**units > settings.alpha:
        notes.append(
            f"over {units} sets no p by randomisation is below {2 / 2**units:g}: they are too few for it; --test t has no such bound"
        )
    return notes


def runs_with_baseline(
    sets: QuerySets, runs: Sequence[Path], baseline: str | None
) -> tuple[list[Path], str | None]:
    """Return the runs, a baseline that is a pattern or a folder first unless its files are among them, and its name."""
    if baseline is None or not (PLACE in baseline or Path(baseline).is_dir()):
        return list(runs), baseline
    files = sets.runs(Path(baseline))
    for path in runs:
        if not holds_scores(path) and sets.runs(path) == files:
            return list(runs), str(path)
    return [Path(baseline), *runs], baseline


def find_baseline(scored: ScoredSets, runs: Sequence[Path], name: str) -> int:
    """Return the row of the baseline: a system's name, or a pattern as it was given.

    Raises:
        UsageError: it is neither.
    """
    names = [system.system for system in scored.systems]
    patterns = [str(path) for path in runs if not holds_scores(path)]
    if name in names:
        return names.index(name)
    if name in patterns:
        return patterns.index(name)
    raise UsageError(f"the baseline {name!r} is not among the systems", nearest_name(name, names))

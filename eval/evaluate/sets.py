"""Scoring over several query sets: a row for each, then the mean of the sets and that of all queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intrex.data.errors import UsageError
from intrex.data.locate import Judged
from intrex.data.querysets import QuerySets
from intrex.eval.evaluate.options import EvaluateOptions
from intrex.eval.evaluate.systems import name_systems, score_files
from intrex.eval.measures import Measure
from intrex.eval.measures.measure import DIVERSE
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.intervals import figure_intervals, interval_signature
from intrex.eval.scoring.options import QUERIES, SETS
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.scoring.sets import SetScores, means_of, set_name
from intrex.eval.tables import Cell, Table


@dataclass(frozen=True)
class ScoredSets:
    """Systems scored on several query sets.

    Attributes:
        names: of the sets as the user names them, by their names in scores.
        systems: in the order of the runs.
        judged: the judgements of each set, by the user's name.
    """

    names: dict[str, str]
    systems: list[SetScores]
    judged: dict[str, Judged]

    @property
    def scores(self) -> list[SystemScores]:
        """Scores of every system on every set, set by set."""
        return [system.parts[name] for name in self.names for system in self.systems]


Scorer = Callable[[Judged, Path], SystemScores]


def score_sets(
    sets: QuerySets, runs: Sequence[Path], measures: Sequence[Measure], score: Scorer
) -> ScoredSets:
    """Score systems on several query sets.

    A system is named by the tag of its runs, or by the pattern where their tags differ.

    Args:
        sets: the query sets.
        runs: of each system a pattern with {set}, or a folder.
        measures: what is to be computed; some need judgements by subtopic.
        score: scores the run of one set.

    Raises:
        BadInput: a run or judgements are missing or malformed; two sets have one name in scores.
        UsageError: a run is one file.
    """
    files = [sets.runs(pattern) for pattern in runs]
    judged = sets.judgements(subtopics=any(m.name in DIVERSE for m in measures))
    scored = [{name: score(judged[name], of_system[name]) for name in sets.qrels} for of_system in files]
    tags = [{part.system for part in parts.values()} for parts in scored]
    words = [(str(p), t.pop() if len(t) == 1 else str(p)) for p, t in zip(runs, tags, strict=True)]
    systems = []
    for system, parts in zip(name_systems(words), scored, strict=True):
        named = {set_name(p): replace(p, system=system, group=sets.group) for p in parts.values()}
        systems.append(SetScores(system, dict(sorted(named.items()))))
    labels = {j.name: name for name, j in judged.items()}
    return ScoredSets(dict(sorted(labels.items())), systems, judged)


def refuse_inputs(target: Path, sets: QuerySets, runs: Sequence[Path]) -> None:
    """Raise `UsageError` where the output is one of the files that patterns name, which no command line shows."""
    files = [
        *map(Path, sets.qrels.values()),
        *(path for pattern in runs for path in sets.runs(pattern).values()),
    ]
    if target.exists() and any(path.exists() and path.samefile(target) for path in files):
        raise UsageError(f"the output is an input too: {target}", "choose another name")


def run_scorer(measures: Sequence[Measure], rules: Rules, digest: bool) -> Scorer:
    """Return what scores a run file by intrex's own rules."""
    return lambda judged, path: score_files(judged, [path], measures, rules, digest)[0]


def refuse_over_sets(options: EvaluateOptions) -> None:
    """Raise `UsageError` on options that are of one query set."""
    refused = {
        "--as": options.as_tool, "--explain-diff": options.explain, "--pool-bias": options.pool_bias,
        "--answers": options.answers, "--exclude": options.excluded, "--exclude-flagged": options.exclude,
        "--trained-on": options.trained_on, "--format trec": options.trec, "-q": options.per_query,
    }  # fmt: skip
    if given := [flag for flag, value in refused.items() if value]:
        hint = "evaluate the sets one at a time"
        if given[0] == "-q":
            hint += ", or write every query's values with --scores FILE"
        raise UsageError(f"{given[0]} is of one query set", hint)


def set_table(scored: ScoredSets, measures: Sequence[Measure], wide: bool) -> Table[Cell]:
    """Return a row for each system and set, then its means over them with their 95 % intervals.

    To read (wide): a column for each measure, intervals in rows of their own below the means. Long: one row a value, with
    ``ci_low`` and ``ci_high`` over queries, and of the mean of sets ``ci_sets_low`` and ``ci_sets_high`` over sets.
    """
    names = [str(m) for m in measures]
    if wide:
        rows = [row for system in scored.systems for row in _wide(scored, system, names)]
        return ["system", "set", *names, "queries", "missing"], rows
    headers = ["system", "set", "measure", "value", "ci_low", "ci_high", "ci_sets_low", "ci_sets_high"]
    rows = [row for system in scored.systems for row in _long(scored, system, names)]
    return [*headers, "n_queries", "n_missing", "signature"], rows


def _wide(scored: ScoredSets, system: SetScores, names: Sequence[str]) -> Iterator[list[Cell]]:
    for full, part in system.parts.items():
        means = part.scores.means(part.conditions.complete)
        counted = int((part.scores.answered | part.conditions.complete).sum())
        yield [system.system, scored.names[full], *(means[n] for n in names), counted, part.scores.n_missing]
    for kind in (SETS, QUERIES):
        means_over = means_of(system, kind)
        at = {str(m): i for i, m in enumerate(means_over.measures)}
        counts = [len(system.strata), system.n_missing]
        yield [
            system.system,
            system.label(kind),
            *(float(means_over.values[at[n]]) if n in at else "" for n in names),
            *counts,
        ]
        for over, interval in ((SETS, means_over.over_sets), (QUERIES, means_over.over_queries)):
            if interval is not None:
                low, high = interval
                cells = [f"{low[at[n]]:.4f} {high[at[n]]:.4f}" if n in at else "" for n in names]
                yield ["", f"  95 % over {over}", *cells, "", ""]


def _long(scored: ScoredSets, system: SetScores, names: Sequence[str]) -> Iterator[list[Cell]]:
    for full, part in system.parts.items():
        means = part.scores.means(part.conditions.complete)
        counted = part.scores.answered | part.conditions.complete
        alone = Groups.alone(int(counted.sum()))
        low, high = figure_intervals(part.scores.values[counted], part.scores.measures, alone)
        signature = part.conditions.signature(system.system) + interval_signature(alone)
        for n in names:
            i = [str(m) for m in part.scores.measures].index(n)
            cells: list[Cell] = [means[n], float(low[i]), float(high[i]), "", ""]
            yield [system.system, scored.names[full], n, *cells, len(alone), part.scores.n_missing, signature]
    for kind in (SETS, QUERIES):
        figures = means_of(system, kind)
        signature = system.signature(kind) + interval_signature(figures.groups)
        for i, name in enumerate(map(str, figures.measures)):
            if name in names:
                cells = [float(figures.values[i]), *(float(bound[i]) for bound in figures.over_queries)]
                over_sets = figures.over_sets
                cells += ["", ""] if over_sets is None else [float(bound[i]) for bound in over_sets]
                counts = [len(system.strata), system.n_missing]
                yield [system.system, system.label(kind), name, *cells, *counts, signature]


def set_caption(scored: ScoredSets) -> str:
    """Return the signatures of the means, of each once: that of sets and that of queries differ in this word alone."""
    lines = (
        system.signature(f"{SETS}+{QUERIES}") + interval_signature(means_of(system, SETS).groups)
        for system in scored.systems
    )
    return "\n".join(dict.fromkeys(lines))

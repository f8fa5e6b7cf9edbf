"""Leaderboard rows of a split: every system by fold and regime, their means, and the gap.

A system that was trained has one set of scores for each fold; one that was not has one that serves all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, takewhile
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Float64s
from intrex.data.errors import BadInput, UsageError
from intrex.data.io.files import fingerprint
from intrex.eval.leaderboard.regimes import (
    GAP,
    MACRO,
    MICRO,
    PAIRED,
    Figure,
    Place,
    RegimePlan,
    regime_scores,
)
from intrex.eval.leaderboard.rows import (
    JUDGED,
    LeaderboardRow,
    check_comparable,
    row_order,
    shown_names,
)
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.groups import Grouping, Groups
from intrex.eval.scoring.intervals import interval_signature, is_share
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.splits.split import REGIMES, Split, read_split
from intrex.eval.tables import Table

SEED = "@"
"""Mark between a system's name and the number of a training, where there are several."""


@dataclass(frozen=True)
class FoldScores:
    """Scores of a system by each fold of a split, in the order of its folds; the same object where it was not trained."""

    system: str
    by_fold: tuple[SystemScores, ...]

    @property
    def trained(self) -> bool:
        """True where a model was trained for each fold."""
        return bool(self.by_fold[0].conditions.fold)

    def matrix(self, plan: RegimePlan, measure: str) -> Float64s:
        """Return scores [n, f] of the plan's queries; raises `BadInput` when the measure or queries are missing."""
        out = np.empty((len(plan.queries), len(plan.folds)))
        for j, scores in enumerate(system.scores for system in self.by_fold):
            names = [str(m) for m in scores.measures]
            if measure not in names:
                raise BadInput(
                    f"the scores of {self.system} have no {measure}", f"there are: {', '.join(names)}"
                )
            column = scores.values[:, names.index(measure)]
            known = dict(zip(scores.query_ids, column.tolist(), strict=True))
            if missing := [q for q in plan.queries if q not in known]:
                raise BadInput(
                    f"{len(missing):,} of the split's {len(plan.queries):,} test queries have no score of {self.system} "
                    f"(fold {plan.folds[j]}), for example {', '.join(missing[:3])}",
                    "the split was made from other queries than the run's",
                )
            out[:, j] = [known[q] for q in plan.queries]
        return out

    def groups(self, plan: RegimePlan, grouping: Grouping) -> Groups:
        """Group the plan's queries; raises `BadInput` where one of them has no group."""
        first = self.by_fold[0]
        known = dict(zip(first.scores.query_ids, first.relevant, strict=True))
        return grouping.of(plan.queries, [known.get(q, "") for q in plan.queries])


def find_fold(text: str) -> tuple[Split, str]:
    """Read the split and the fold of ``SPLIT:FOLD``; raises `BadInput` when either does not exist, `UsageError` without a fold."""
    folder, _, fold = text.rpartition(":")
    split = read_split(Path(folder or text))
    names = [f.name for f in split.folds]
    if not folder:
        raise UsageError(f"a fold of the split {text} is needed", f"for example {text}:{names[0]}")
    if fold not in names:
        raise BadInput(f"the split {folder} has no fold {fold!r}", f"there are: {', '.join(names)}")
    return split, fold


def mark_fold(systems: Sequence[SystemScores], split: Split, fold: str) -> list[SystemScores]:
    """Mark scores as those of systems trained on a fold; raises `BadInput` when its test queries are not scored."""
    labelled = []
    for system in systems:
        if missing := sorted(set(split.test_ids) - set(system.scores.query_ids)):
            raise BadInput(
                f"{len(missing):,} test queries of the split were not scored, for example {', '.join(missing[:3])}",
                "the split was made from other queries than the judgements'",
            )
        labelled.append(replace(system, conditions=replace(system.conditions, split=split.name, fold=fold)))
    return labelled


def scores_by_system(systems: Sequence[SystemScores], split: Split) -> list[FoldScores]:
    """Put the scores of each system to the folds of a split.

    Raises:
        BadInput: scores of another split's folds, of a fold that the split does not have, or none for a fold; scores of
            several query sets; scores that leave out queries.
    """
    check_comparable(systems)
    _check_one_complete_set(systems)
    names = [f.name for f in split.folds]
    folds_of: dict[str, dict[str, SystemScores]] = {}
    for scores in systems:
        fold = scores.conditions.fold
        if fold and scores.conditions.split != split.name:
            raise BadInput(
                f"the scores of {scores.system} are of a fold of {scores.conditions.split}, the split is {split.name}",
                "name the split that the models were trained on",
            )
        if fold and fold not in names:
            folds = ", ".join(names)
            raise BadInput(f"the scores of {scores.system} are of fold {fold}, the split has {folds}")
        folds_of.setdefault(scores.system, {})[fold] = scores
    return [FoldScores(system, _all_folds(system, known, names)) for system, known in folds_of.items()]


def _check_one_complete_set(systems: Sequence[SystemScores]) -> None:
    sets = sorted(
        {":".join(filter(None, (c.collection, c.query_set))) for c in (s.conditions for s in systems)}
    )
    if len(sets) > 1:
        raise BadInput(
            f"the scores are of {len(sets)} query sets: {', '.join(sets)}", "name those that the split tests"
        )
    if partial := next((scores for scores in systems if not scores.conditions.complete), None):
        raise BadInput(
            f"the scores of {partial.system} leave out queries without a ranking, a split counts every query",
            "score the run without --no-complete",
        )


def _all_folds(
    system: str, known: Mapping[str, SystemScores], names: Sequence[str]
) -> tuple[SystemScores, ...]:
    if "" in known and len(known) > 1:
        raise BadInput(
            f"{system} has scores of folds and scores without a fold", "give the untrained system another tag"
        )
    if "" in known:
        return tuple(known[""] for _ in names)
    if missing := [n for n in names if n not in known]:
        raise BadInput(
            f"{system} has no scores of fold {', '.join(missing)}",
            "train and score the missing folds: intrex evaluate ... --trained-on SPLIT:FOLD --scores FILE",
        )
    return tuple(known[n] for n in names)


def split_rows(
    systems: Sequence[SystemScores], split: Split, grouping: Grouping | None = None
) -> list[LeaderboardRow]:
    """Return the rows of all systems under a split, sorted as a leaderboard is.

    Folds and regimes have the columns ``fold`` and ``regime``. Fold ``macro`` is the mean of the folds' means, ``micro``
    pools all pairs of query and fold; their regime ``gap`` is the raw difference. Fold ``paired``, regime ``gap`` is the
    paired gap. For intervals see `intrex.eval.leaderboard.regimes`: those of a system whose trainings stand beside it
    (``NAME@1``, ``NAME@2`` ..., of which its scores are the mean) hold what another training would change.
    """
    plan, scores = RegimePlan.of(split), {s.system: s for s in scores_by_system(systems, split)}
    rows = [
        row
        for system in scores.values()
        for row in _rows(system, _trainings(system, scores), plan, split, grouping or Grouping())
    ]
    return sorted(rows, key=row_order)


def _trainings(system: FoldScores, scores: Mapping[str, FoldScores]) -> list[FoldScores]:
    """Return the trainings of a system that stand beside it, in order of their numbers."""
    names = (f"{system.system}{SEED}{number}" for number in count(1))
    return [scores[name] for name in takewhile(scores.__contains__, names)]


def _rows(
    system: FoldScores, trainings: Sequence[FoldScores], plan: RegimePlan, split: Split, grouping: Grouping
) -> Iterator[LeaderboardRow]:
    first = system.by_fold[0]
    conditions = replace(first.conditions, split=split.name, fold="")
    run = first.run_sha256 if not system.trained else fingerprint([s.run_sha256 for s in system.by_fold])
    judged = regime_scores(plan, system.matrix(plan, JUDGED))
    answered = np.stack([_answered(s, plan) for s in system.by_fold], axis=1)
    if counts := [m for m in first.scores.measures if m.kind != "mean"]:
        message = f"{counts[0]} is no mean over queries, a split has no figure of it"
        raise BadInput(message, "score without it")
    groups = system.groups(plan, grouping)
    for measure in shown_names([str(m) for m in first.scores.measures]):
        matrix, each = system.matrix(plan, measure), [t.matrix(plan, measure) for t in trainings]
        if each and not np.allclose(np.mean(each, axis=0), matrix, rtol=0, atol=1e-9):
            each = []  # other systems, which happen to have such names
        scores = regime_scores(plan, matrix, groups, each)
        signature = conditions.signature() + interval_signature(groups)
        signature += f"|trainings={max(len(each), 1)}" if system.trained else ""
        share = is_share(parse_measures([measure])[0], matrix)
        for (fold, regime), figure in scores.items():
            least, most = (-1.0 if regime == GAP else 0.0, 1.0) if share else (-np.inf, np.inf)
            missing, pool = _missing(answered, plan, fold, regime), _judged_share(judged, fold, regime)
            yield LeaderboardRow(
                system.system, conditions.collection, conditions.query_set, split.name, fold, regime, measure,
                figure.value, max(figure.low, least), min(figure.high, most), figure.n, missing, pool, run, signature,
            )  # fmt: skip


def _judged_share(judged: Mapping[Place, Figure], fold: str, regime: str) -> float:
    """Return what part of the first ten is judged in this place of the leaderboard; of a gap, where it is less."""
    if regime != GAP:
        return judged[fold, regime].value
    return min(judged[MICRO if fold == PAIRED else fold, r].value for r in REGIMES)


def _answered(system: SystemScores, plan: RegimePlan) -> Bools:
    known = dict(zip(system.scores.query_ids, system.scores.answered.tolist(), strict=True))
    return np.array([known[q] for q in plan.queries], np.bool_)


def _missing(answered: Bools, plan: RegimePlan, fold: str, regime: str) -> int:
    """Count the pairs of query and fold, in this place of the leaderboard, for which the run has no ranking."""
    inside = plan.regime >= 0 if regime == GAP else plan.regime == REGIMES.index(regime)
    columns = [plan.folds.index(fold)] if fold in plan.folds else list(range(len(plan.folds)))
    return int((inside & ~answered)[:, columns].sum())


def pivot_split(rows: Sequence[LeaderboardRow], measure: str) -> Table[str]:
    """Return for each system its macro means, the paired gap and the raw one, by extrapolation descending."""
    cells = {(r.system, r.fold, r.regime): r for r in rows if r.measure == measure}
    places = [(MACRO, r) for r in REGIMES] + [(PAIRED, GAP), (MACRO, GAP)]
    systems = sorted({s for s, *_ in cells}, key=lambda s: (-cells[s, MACRO, REGIMES[1]].value, s))
    table = []
    for system in systems:
        cells_of = [cells.get((system, *place)) for place in places]
        table.append([system, *(figure_text(row) if row else "" for row in cells_of)])
    return ["system", *REGIMES, "paired gap", "raw gap"], table


def figure_text(row: LeaderboardRow) -> str:
    """Print a figure with its interval; gaps with their sign."""
    sign = "+" if row.regime == GAP else ""
    return f"{row.value:{sign}.4f} [{row.ci_low:{sign}.3f}, {row.ci_high:{sign}.3f}]"

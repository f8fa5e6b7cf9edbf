"""Rows of one figure over several query sets: of a group's sets, and of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from intrex.data.errors import UsageError
from intrex.eval.leaderboard.rows import (
    JUDGED,
    LeaderboardRow,
    check_comparable,
    row_order,
    shown_names,
)
from intrex.eval.scoring.groups import Grouping
from intrex.eval.scoring.intervals import interval_signature
from intrex.eval.scoring.options import QUERIES, SETS
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.scoring.sets import SetScores, by_system, means_of


def mean_rows(
    systems: Sequence[SystemScores],
    means: Sequence[str],
    grouping: Grouping | None = None,
    over: str = QUERIES,
) -> tuple[list[LeaderboardRow], list[str]]:
    """Return a row for each system, measure and kind of mean over the query sets, sorted, and notes.

    The mean of sets gives every set the same weight, that of queries every query; the sets of one group together count as one,
    see `SetScores.units`.

    Args:
        systems: scores of two query sets or more, by the same rules.
        means: of ``sets`` and ``queries``.
        grouping: which queries are one observation; each its own without it.
        over: what the interval of the mean of sets is over, see `means_of`: ``queries`` or ``sets``.

    Returns:
        Rows whose collection is ``mean of 3 sets`` or ``mean of 950 queries`` and whose signature names the sets; a note for each
        system that lacks a set and gets no row.

    Raises:
        UsageError: there is one set only, or no system has them all.
        BadInput: the sets were scored by different rules, or with other measures.
    """
    check_comparable(systems)
    whole, notes = by_system(systems)
    if not whole:
        raise UsageError("no system has scores of every query set", notes[0])
    rows = []
    for scores in whole:
        for kind in means:
            place = (scores.label(kind), "", "none", "", "all")
            rows += list(
                _rows(scores, kind, place, grouping or Grouping(), over if kind == SETS else QUERIES)
            )
    return sorted(rows, key=row_order), notes


def group_rows(
    systems: Sequence[SystemScores], grouping: Grouping | None = None
) -> tuple[list[LeaderboardRow], list[str]]:
    """Return the rows of each group of collections, as of one set: the mean of its sets; and notes as `mean_rows` does.

    Their collection is the group, their query set that of all its collections, empty where these have several.
    """
    rows, notes = list[LeaderboardRow](), list[str]()
    for group in sorted({scores.group for scores in systems if scores.group}):
        whole, missing = by_system([scores for scores in systems if scores.group == group])
        notes += missing
        for scores in whole:
            sets = {part.conditions.query_set for part in scores.parts.values()}
            place = (group, sets.pop() if len(sets) == 1 else "", "none", "", "all")
            rows += _rows(scores, SETS, place, grouping or Grouping(), QUERIES)
    return sorted(rows, key=row_order), notes


def _rows(
    scores: SetScores, kind: str, place: tuple[str, str, str, str, str], grouping: Grouping, over: str
) -> Iterator[LeaderboardRow]:
    """Yield the rows of one system; measures whose figure is no mean over queries have none."""
    means = means_of(scores, kind, grouping)
    interval = means.over_sets if over == SETS else None
    low, high = interval or means.over_queries
    names = [str(m) for m in means.measures]
    signature = scores.signature(kind) + interval_signature(means.groups) + ("|over=sets" if interval else "")
    counts = (len(scores.strata), scores.n_missing, float(means.values[names.index(JUDGED)]))
    for i, name in enumerate(names):
        if name in shown_names(names):
            figures = (float(means.values[i]), float(low[i]), float(high[i]))
            yield LeaderboardRow(scores.system, *place, name, *figures, *counts, scores.run_sha256, signature)

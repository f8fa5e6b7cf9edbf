"""``intrex leaderboard build``: files of scores to rows, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intrex.eval.leaderboard.by_split import pivot_split, split_rows
from intrex.eval.leaderboard.means import group_rows, mean_rows
from intrex.eval.leaderboard.options import LeaderboardOptions
from intrex.eval.leaderboard.rows import LeaderboardRow, leaderboard, pivot, shown_measures, sort_measure
from intrex.eval.scoring.groups import find_grouping, shared_note
from intrex.eval.scoring.scorefile import read_scores
from intrex.eval.splits.split import read_split
from intrex.eval.tables import Table


@dataclass(frozen=True)
class Leaderboard:
    """Rows with what is to be said of them.

    Attributes:
        rows: sorted; those of groups of collections and means over query sets come last.
        notes: for the user.
        measures: in the order they were asked for.
        options: of the command.
    """

    rows: list[LeaderboardRow]
    notes: list[str]
    measures: list[str]
    options: LeaderboardOptions

    def table(self) -> Table[str]:
        """Return what is printed: systems by measures, or under a split by regime."""
        if self.options.split is None:
            return pivot(self.rows, self.measures, self.options.sort_by)
        return pivot_split(self.rows, sort_measure(self.measures, self.options.sort_by))

    @property
    def caption(self) -> str:
        """Signatures of the rows, and what a split's intervals are of."""
        signatures = "\n".join(dict.fromkeys(row.signature for row in self.rows))
        if self.options.split is None:
            return signatures
        first = sort_measure(self.measures, self.options.sort_by)
        return f"{first}; 95 % intervals over queries, of the models as trained; over trainings where there are several\n{signatures}"


def build_leaderboard(files: Sequence[Path], options: LeaderboardOptions) -> Leaderboard:
    """Read scores, and make the rows that the options ask for.

    Raises:
        BadInput: see `leaderboard`, `split_rows` and `mean_rows`.
        UsageError: the measure to sort by is not among the scores; a mean over one query set.
    """
    systems = [system for path in files for system in read_scores(path)]
    measures = shown_measures(systems)
    sort_measure(measures, options.sort_by)
    grouping, notes = find_grouping(options.groups), list[str]()
    if options.split is not None:
        rows = split_rows(systems, read_split(options.split), grouping)
    else:
        rows = leaderboard(systems, grouping)
        of_groups, notes = group_rows(systems, grouping)
        rows += of_groups
    if options.means:
        means, more = mean_rows(systems, options.means, grouping, options.over)
        rows += means
        notes += more
    if options.groups is None:
        notes += dict.fromkeys(note for s in systems if (note := shared_note(s.relevant)))
    return Leaderboard(rows, list(dict.fromkeys(notes)), measures, options)

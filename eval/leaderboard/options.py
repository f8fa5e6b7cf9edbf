"""Options of ``intrex leaderboard build``; plain data."""

from pathlib import Path

from intrex.data.errors import UsageError
from intrex.data.options import Options, declare, option
from intrex.eval.compare.options import GROUPS
from intrex.eval.scoring.options import QUERIES, SETS


@declare
class LeaderboardOptions(Options):
    """Rows beside those of single query sets, their intervals, and the order of the table."""

    sort_by: str | None = option(
        default=None, help="Measure of the printed table's order; the first by default."
    )
    split: Path | None = option(default=None, help="A split: every system by fold and regime, with the gap.")
    means: tuple[str, ...] = option(
        default=(), key="mean", choices=(SETS, QUERIES),
        help="Also one figure over all query sets, each set or each query with the same weight; may be repeated.",
    )  # fmt: skip
    over: str = option(
        default=QUERIES, choices=(QUERIES, SETS),
        help="With --mean sets: what its interval is over. queries: other ones of these sets; sets: other ones of their kind.",
    )  # fmt: skip
    groups: str | None = option(default=None, metavar="FILE", help=GROUPS)

    def __post_init__(self) -> None:
        """Refuse means over the query sets of a split, which has one, and an interval of no mean; see `Options`."""
        super().__post_init__()
        if self.means and self.split is not None:
            raise UsageError("--mean is over several query sets, a split has one", "leave one of them out")
        if self.over == SETS and SETS not in self.means:
            raise UsageError("--over sets is of the mean of sets", "add --mean sets")

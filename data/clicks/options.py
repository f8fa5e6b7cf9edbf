"""Options of ``intrex collection clicks``; plain data."""

from __future__ import annotations

from pathlib import Path

from intrex.data.options import Options, declare, option
from intrex.data.rankings.options import Columns, parse_columns

CLICK_ROLES = ("session", "query", "text", "document", "position", "clicked", "impressions", "time")
"""Columns of a click log; ``session`` and ``time`` may be named and are not used: rows are independent to every model."""

MODELS = {
    "position": "examination by position times attractiveness, by expectation maximisation",
    "ctr": "clicks over impressions",
    "count": "clicks, whatever was shown",
}
"""Click models by name, with what they estimate of a query and a document."""

BIAS = {
    "position": "only what was shown is judged; that a click tells attractiveness, and that a position is looked at alike "
    "whatever stands there, is assumed",
    "ctr": "only what was shown is judged; what was shown higher is seen more often, and is graded higher for that",
    "count": "only what was clicked is judged; what was shown higher or more often is clicked more often, and is graded "
    "higher for that",
}
"""Bias that is left in the judgements of each model."""


def click_columns(words: tuple[str, ...]) -> Columns:
    """Read the columns of a click log as they are named; raises `UsageError`."""
    return parse_columns(words, CLICK_ROLES, ("query",), ("document",))


def _check_columns(words: tuple[str, ...]) -> None:
    click_columns(words)


@declare
class ClickOptions(Options):
    """Arguments of `intrex.data.clicks.judgements.judge_clicks`."""

    model: str = option(
        default="position", choices=tuple(MODELS),
        help="; ".join(f"{name}: {what}" for name, what in MODELS.items()) + ".",
    )  # fmt: skip
    columns: tuple[str, ...] = option(
        default=(), metavar="QUERY,DOCUMENT,POSITION,CLICKED", check=_check_columns,
        help="What the columns are: query,document,position,clicked by position (- is not read), or query=q,clicked=click by "
        f"a header row; roles: {', '.join(CLICK_ROLES)}.",
    )  # fmt: skip
    grades: int = option(
        default=4, low=2, high=100, help="Number of grades: 0 for no click, the others by quantiles of what the model estimates."
    )  # fmt: skip
    min_impressions: int = option(
        default=1, low=1, help="Leave out a query's document that was shown less often."
    )
    examination: Path | None = option(
        default=None, metavar="FILE",
        help="Examination probabilities of the position model, lines of position and probability; estimated if not given.",
    )  # fmt: skip
    queries: Path | None = option(
        default=None, flags=("=--queries-output",), metavar="FILE",
        help="Write the log's queries there as JSON lines, where it has their texts.",
    )  # fmt: skip

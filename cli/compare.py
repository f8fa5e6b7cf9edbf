"""``intrex compare``: runs against one another, with tests, intervals and effect sizes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.output import Format, say
from intrex.cli.common.parameters import QrelsArgument, TableFormat, command
from intrex.data.rankings.options import EvaluationSource
from intrex.eval.compare.options import CompareOptions, Settings

if TYPE_CHECKING:
    from intrex.data.querysets import QuerySets


@command("intrex compare scifact:test bm25.txt.gz dense.txt.gz --baseline bm25")
def compare(
    qrels: QrelsArgument,
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Runs, or files that `evaluate --scores` wrote; of several sets as for evaluate."
        ),
    ],
    form: TableFormat = None,
    *,
    options: CompareOptions,
    settings: Settings,
    source: EvaluationSource,
) -> None:
    """Compare runs: p-values, intervals, effect sizes. A difference is b - a; a win is a query where b is better."""
    from intrex.cli.common.compare_output import check_one_table, show
    from intrex.data.querysets import find_query_sets
    from intrex.eval.compare.report import make_report

    check_one_table(
        form,
        options.shows_queries
        + (options.by is not None)
        + options.ranking
        + (options.reproduction is not None),
    )
    if (sets := find_query_sets(qrels, options.sets)) is not None:
        with source.declared():
            _over_sets(sets, runs, form, options, settings)
        return
    with source.declared():
        report = make_report(qrels, runs, options, settings)
    for note in report.notes:
        say(f"note: {note}")
    show(report, form)


def _over_sets(
    sets: QuerySets, runs: list[Path], form: Format | None, options: CompareOptions, settings: Settings
) -> None:
    from intrex.cli.common.compare_sets_output import show_sets
    from intrex.eval.compare.report import set_report

    report = set_report(sets, runs, options, settings)
    for note in report.notes:
        say(f"note: {note}")
    show_sets(report, form)

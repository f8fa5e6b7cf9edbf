"""``intrex compare``: runs against one another, with tests, intervals and effect sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import say
from intrex.cli.common.parameters import QrelsArgument, TableFormat, command
from intrex.data.rankings.options import EvaluationSource
from intrex.eval.compare.options import CompareOptions, Settings


@command("intrex compare scifact:test bm25.txt.gz dense.txt.gz --baseline bm25")
def compare(
    qrels: QrelsArgument,
    runs: Annotated[list[Path], typer.Argument(help="Runs, or files that `evaluate --scores` wrote.")],
    form: TableFormat = None,
    *,
    options: CompareOptions,
    settings: Settings,
    source: EvaluationSource,
) -> None:
    """Compare runs: p-values, intervals, effect sizes. A difference is b - a; a win is a query where b is better."""
    from intrex.cli.common.compare_output import check_one_table, show
    from intrex.eval.compare.report import make_report

    check_one_table(
        form,
        options.shows_queries
        + (options.by is not None)
        + options.ranking
        + (options.reproduction is not None),
    )
    with source.declared():
        report = make_report(qrels, runs, options, settings)
    for note in report.notes:
        say(f"note: {note}")
    show(report, form)

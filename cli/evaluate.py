"""``intrex evaluate``: qrels and runs to scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.output import Format, emit, resolve, say
from intrex.data.errors import UsageError

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "R@100", "AP")


def evaluate(
    qrels: Annotated[str, typer.Argument(help="A qrels file (TREC or BEIR), or COLLECTION:SET.")],
    runs: Annotated[list[Path], typer.Argument(help="Runs: TREC, MS MARCO or JSON.")],
    measures: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--measure",
            help="For example nDCG@10, P(rel=2)@5; may be repeated, or several with blanks between them.",
        ),
    ] = None,
    per_query: Annotated[bool, typer.Option("-q", "--by-query", help="Every query's values too.")] = False,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete/--no-complete",
            "-c",
            show_default=False,
            help="Count judged queries that a run lacks as 0 (the default), or leave them out.",
        ),
    ] = True,
    level: Annotated[
        int | None,
        typer.Option("-l", "--level", min=1, help="Grade from which a document is relevant; nDCG has none."),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option("--scores", help="Write every query's values as JSON lines, for the leaderboard."),
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Table on a terminal, CSV elsewhere, unless given.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --scores.")] = False,
) -> None:
    """Score runs against judgements. The rules (ties, missing, unjudged) are in docs/measures.md."""
    from intrex.data.files import refuse_existing
    from intrex.data.locate import find_qrels
    from intrex.data.runformats import read_any_run
    from intrex.eval.measures import parse_measures
    from intrex.eval.report import by_query, summary
    from intrex.eval.scorefile import write_scores
    from intrex.eval.systems import score_systems

    asked = parse_measures([m for text in measures or DEFAULT_MEASURES for m in text.split()], level)
    if not asked:
        raise UsageError("no measure is named", "for example -m nDCG@10")
    if scores is not None:
        refuse_existing(scores, overwrite)
    judged = find_qrels(qrels)
    systems = score_systems(judged, [(str(path), read_any_run(path)) for path in runs], asked, complete)
    if scores is not None:
        write_scores(systems, scores, overwrite)
    table = resolve(form) is Format.table
    headers, rows = (by_query if per_query else summary)(
        systems, asked, wide=table or form in (Format.md, Format.latex)
    )
    emit(headers, rows, form, caption=systems[0].conditions.signature())
    for one in systems:
        if one.scores.n_missing:
            done = "count 0" if complete else "are left out"
            say(
                f"note: {one.system} lacks {one.scores.n_missing:,} of {len(one.scores.query_ids):,} judged queries; they {done}"
            )

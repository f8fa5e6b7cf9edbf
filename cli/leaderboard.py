"""``intrex leaderboard``: scores to CSV and to a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import Format, emit, say
from intrex.cli.common.parameters import command, command_group
from intrex.eval.compare.options import GROUPS

app = command_group("Put scores side by side, with intervals.")


@command("intrex leaderboard build scores.jsonl -o leaderboard.csv", to=app, prints=True)
def build(
    scores: Annotated[list[Path], typer.Argument(help="Files that `intrex evaluate --scores` wrote.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The CSV to write.")] = None,
    sort_by: Annotated[
        str | None,
        typer.Option("--sort-by", help="Measure of the printed table's order; the first by default."),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option("--split", help="A split: every system by fold and regime, with the gap."),
    ] = None,
    groups: Annotated[str | None, typer.Option("--groups", metavar="FILE", help=GROUPS)] = None,
    form: Annotated[Format | None, typer.Option("--format", help="Of the printed table.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
) -> None:
    """Write leaderboard.csv: a row for each system and measure, with its 95 % interval over queries and its signature."""
    from dataclasses import astuple

    from intrex.data.io.files import refuse_existing
    from intrex.eval.leaderboard.by_split import pivot_split, split_rows
    from intrex.eval.leaderboard.rows import (
        COLUMNS,
        leaderboard,
        pivot,
        shown_measures,
        sort_measure,
        write_leaderboard,
    )
    from intrex.eval.scoring.groups import find_grouping, shared_note
    from intrex.eval.scoring.scorefile import read_scores
    from intrex.eval.splits.split import read_split

    if output is not None:
        refuse_existing(output, overwrite)
    systems = [system for path in scores for system in read_scores(path)]
    measures = shown_measures(systems)
    first = sort_measure(measures, sort_by)
    resampled = read_split(split) if split is not None else None
    grouping = find_grouping(groups)
    rows = leaderboard(systems, grouping) if resampled is None else split_rows(systems, resampled, grouping)
    if groups is None:
        for note in dict.fromkeys(note for s in systems if (note := shared_note(s.relevant))):
            say(f"note: {note}")
    if output is not None:
        write_leaderboard(rows, output, overwrite)
        if str(output) == "-":
            return  # stdout holds the CSV
        say(f"{output}: {len(rows):,} rows")
    form = form or Format.table
    if form in (Format.csv, Format.jsonl):
        emit(COLUMNS, [astuple(row) for row in rows], form)
        return
    caption = "\n".join(dict.fromkeys(row.signature for row in rows))
    if split is None:
        headers, table = pivot(rows, measures, sort_by)
    else:
        headers, table = pivot_split(rows, first)
        caption = f"{first}; 95 % intervals over queries, of the trained models: of each system, or of its trainings\n{caption}"
    emit(headers, table, form, caption=caption, lead=2 if split is None else 1)

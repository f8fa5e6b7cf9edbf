"""``intrex leaderboard``: scores to CSV and to a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import Format, emit, say
from intrex.cli.common.parameters import command, command_group
from intrex.eval.leaderboard.options import LeaderboardOptions

app = command_group("Put scores side by side, with intervals.")


@command(
    "intrex leaderboard build scores.jsonl -o leaderboard.csv",
    to=app,
    prints=True,
)
def build(
    scores: Annotated[list[Path], typer.Argument(help="Files that `intrex evaluate --scores` wrote.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The CSV to write.")] = None,
    form: Annotated[Format | None, typer.Option("--format", help="Of the printed table.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
    *,
    options: LeaderboardOptions,
) -> None:
    """Write leaderboard.csv: a row for each system and measure, with its 95 % interval over queries and its signature."""
    from dataclasses import astuple

    from intrex.data.io.files import refuse_existing
    from intrex.eval.leaderboard.build import build_leaderboard
    from intrex.eval.leaderboard.rows import COLUMNS, write_leaderboard

    if output is not None:
        refuse_existing(output, overwrite)
    built = build_leaderboard(scores, options)
    for note in built.notes:
        say(f"note: {note}")
    if output is not None:
        write_leaderboard(built.rows, output, overwrite)
        if str(output) == "-":
            return  # stdout holds the CSV
        say(f"{output}: {len(built.rows):,} rows")
    form = form or Format.table
    if form in (Format.csv, Format.jsonl):
        emit(COLUMNS, [astuple(row) for row in built.rows], form)
        return
    headers, table = built.table()
    emit(headers, table, form, caption=built.caption, lead=2 if options.split is None else 1)

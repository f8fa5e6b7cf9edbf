"""``intrex convert``: runs between formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import say
from intrex.cli.common.parameters import OUTPUT, Output, Overwrite, command, one_output
from intrex.cli.common.runs import FORMATS
from intrex.data.options import Options, declare, option
from intrex.data.rankings.options import RunSource


@declare
class ConvertOptions(Options):
    """Form of the run that is written."""

    form: str | None = option(
        default=None, key="to", flags=("--format", "--output-format"), choices=FORMATS,
        help="With scores, query and document and rank, or an object of objects; by the output's name if not given: "
        ".json is json, .tsv is msmarco, all else trec.",
    )  # fmt: skip
    tag: str | None = option(default=None, flags=("--runtag",), panel=OUTPUT, help="The run's name.")


@command("intrex convert bm25.txt.gz bm25.json")
def convert(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run in any form of docs/formats.md, plain or compressed; told by its content."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Argument(help="The file to write; .gz, .xz, .bz2, .zst or .lz4 compresses, - is stdout."),
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    *,
    options: ConvertOptions,
    source: RunSource,
) -> None:
    """Convert a run between formats, in the one ranking order: score, then document id, descending."""
    from dataclasses import replace

    from intrex.data.io.files import STDIO, refuse_existing
    from intrex.data.runformats import format_of, read_any_run, write_any_run
    from intrex.data.tags import with_marks

    target = one_output(out, output)
    form = options.form or format_of(target)
    refuse_existing(target, overwrite)  # before the run is read
    with source.declared():
        ranked = read_any_run(run)
    if options.tag:
        ranked = replace(ranked, tag=with_marks(options.tag, ranked.tag))
    write_any_run(ranked, target, form, overwrite)
    if target != STDIO:
        say(f"{target}: {len(ranked):,} queries, {len(ranked.doc_ids):,} lines, {form}")

"""``intrex convert``: runs between formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import say
from intrex.cli.common.parameters import Output, Overwrite, Tag, examples, one_output


@examples("intrex convert bm25.txt.gz bm25.json")
def convert(
    run: Annotated[
        Path, typer.Argument(help="A run: TREC, MS MARCO or JSON, plain or gzip; told by its first line.")
    ],
    out: Annotated[
        Path | None, typer.Argument(help="The file to write; .gz compresses, - is stdout.")
    ] = None,
    output: Output = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            "--format",
            "--output-format",
            help="trec, msmarco (query, document, rank) or json; by the output's name if not given: "
            ".json is json, .tsv is msmarco, all else trec.",
        ),
    ] = None,
    tag: Tag = None,
    overwrite: Overwrite = False,
) -> None:
    """Convert a run between formats, in the one ranking order: score, then document id, descending."""
    from dataclasses import replace

    from intrex.data.io.files import STDIO, refuse_existing
    from intrex.data.runformats import check_format, format_of, read_any_run, write_any_run

    output = one_output(out, output)
    form = format_of(output) if to is None else to
    check_format(form)  # this and the output before the run is read
    refuse_existing(output, overwrite)
    read = read_any_run(run)
    write_any_run(replace(read, tag=tag) if tag else read, output, form, overwrite)
    if output == STDIO:
        return
    say(f"{output}: {len(read):,} queries, {len(read.doc_ids):,} lines, {form}")

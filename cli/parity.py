"""``intrex parity``: do two engines rank alike?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common import feedback
from intrex.cli.common.output import Format, emit, say
from intrex.cli.common.values import OneOptionManyValues
from intrex.data.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from intrex.retrievers.prf.lexical import Expansion

app = typer.Typer(no_args_is_help=True, help="Compare the native engines with the tools that they follow.")


@app.callback()
def _group() -> None:
    """Compare the native engines with the tools that they follow."""


@app.command("bm25", cls=OneOptionManyValues)
@feedback.options
def bm25(
    collection: Annotated[Path, typer.Argument(help="A collection folder.")],
    query_set: Annotated[
        str | None, typer.Option("--set", help="The query set; may be left out where there is only one.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The report to write, in Markdown; - is stdout.")
    ] = None,
    k: Annotated[int, typer.Option("--k", "--hits", min=1, help="Documents for each query.")] = 1000,
    k1: Annotated[float, typer.Option("--k1", help="Term frequency saturation.")] = 0.9,
    b: Annotated[float, typer.Option("--b", help="Length normalisation, 0 to 1.")] = 0.4,
    language: Annotated[
        str, typer.Option("--language", help="How texts are analysed, see `index bm25`.")
    ] = "en",
    fields: Annotated[
        list[str] | None,
        typer.Option("--fields", help="Index and search these fields: --fields contents=1.0 title=0.5."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; all cores by default.")] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Table on a terminal, CSV elsewhere, unless given.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the report.")] = False,
    expansion: Expansion | None = None,
) -> None:
    """Rank a collection by the native BM25 and by Anserini and report every difference; exit code 3 if there is one.

    With --rm3, --rocchio or --bm25-prf both search with feedback, Anserini by its own rerankers.
    """
    from intrex.data.collection import Collection
    from intrex.data.io.files import STDIO, refuse_existing, write_text
    from intrex.eval.pipelines.parity.bm25 import bm25_parity
    from intrex.eval.pipelines.parity.report import markdown, summary
    from intrex.retrievers.base import SearchOptions
    from intrex.retrievers.bm25.fields import weights

    if output is not None:
        refuse_existing(output, overwrite)
    opened = Collection.open(collection)
    if query_set is None and len(opened.sets) != 1:
        there = ", ".join(opened.sets) or "none"
        raise BadInput(f"{opened.name} has {len(opened.sets)} query sets, name one", f"--set, of: {there}")
    options = SearchOptions(k=k, k1=k1, b=b, fields=weights(fields or []))
    options = options if threads is None else options.with_threads(threads)
    result = bm25_parity(
        opened, query_set or next(iter(opened.sets)), options, expansion=expansion, language=language
    )
    if output is not None:
        write_text(output, markdown(result), overwrite)
    if output != STDIO:
        emit(*summary(result), form)
    if not result.at_parity:
        raise CheckFailed(
            f"not at parity with Anserini: {len(result.differences):,} of {result.queries.texts:,} queries differ",
            "the report says how and why" if output else "-o report.md writes how and why",
        )
    if output is not None and output != STDIO:
        say(f"{output}: at parity with Anserini")

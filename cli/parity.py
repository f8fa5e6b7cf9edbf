"""``intrex parity``: differences of two engines' rankings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from intrex.cli.common.output import emit, say
from intrex.cli.common.parameters import (
    CollectionArgument,
    FieldsCommand,
    Overwrite,
    TableFormat,
    command,
    command_group,
)
from intrex.data.errors import BadInput, CheckFailed
from intrex.data.options import options_of
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.lucene.options import LuceneSearch

app = command_group("Compare the native engines with the tools that they follow.")
_OPTIONS = [
    replace(option, when=None) if key != "language" else options_of(Bm25Build)["language"]
    for key, option in options_of(LuceneSearch).items()
    if key not in ("batch_size", "device", "encoder", "tie_order", "within", "filter")
]


@command(
    "intrex parity bm25 scifact --set test -o parity.md",
    to=app,
    options=_OPTIONS,
    prints=True,
    shown_by=FieldsCommand,
)
def bm25(
    collection: CollectionArgument,
    query_set: Annotated[
        str | None, typer.Option("--set", help="The query set; may be left out where there is only one.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", rich_help_panel="Output", help="The report to write, in Markdown; - is stdout."
        ),
    ] = None,
    form: TableFormat = None,
    overwrite: Overwrite = False,
    *,
    values: dict[str, Any],
) -> None:
    """Rank a collection by the native BM25 and by Anserini and report every difference; exit code 3 if there is one.

    With --rm3, --rocchio or --bm25-prf both search with feedback, Anserini by its own rerankers.
    """
    from intrex.data.collection import Collection
    from intrex.data.io.files import STDIO, refuse_existing, write_text
    from intrex.eval.pipelines.parity.bm25 import bm25_parity
    from intrex.eval.pipelines.parity.report import parity_markdown, parity_table

    language = values.pop("language", "en")
    options = LuceneSearch.read(values)
    if output is not None:
        refuse_existing(output, overwrite)
    opened = Collection.open(collection)
    if query_set is None and len(opened.sets) != 1:
        names = ", ".join(opened.sets) or "none"
        raise BadInput(f"{opened.name} has {len(opened.sets)} query sets, name one", f"--set, of: {names}")
    result = bm25_parity(opened, query_set or next(iter(opened.sets)), options, language=language)
    if output is not None:
        write_text(output, parity_markdown(result), overwrite)
    if output != STDIO:
        emit(*parity_table(result), form)
    if not result.at_parity:
        raise CheckFailed(
            f"not at parity with Anserini: {len(result.differences):,} of {result.queries.texts:,} queries differ",
            "the report says how and why" if output else "-o report.md writes how and why",
        )
    if output is not None and output != STDIO:
        say(f"{output}: at parity with Anserini")

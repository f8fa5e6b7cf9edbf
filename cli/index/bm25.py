"""``intrex index bm25``: an inverted index, native or Lucene's."""

from __future__ import annotations

from typing import Annotated

import typer

from intrex.cli.common.output import progress
from intrex.cli.index.options import CollectionArgument, Out, Overwrite, report
from intrex.data.errors import UsageError


def bm25(
    collection: CollectionArgument,
    out: Out,
    k1: Annotated[float, typer.Option("--k1", help="Term frequency saturation.")] = 0.9,
    b: Annotated[float, typer.Option("--b", help="Length normalisation, 0 to 1.")] = 0.4,
    language: Annotated[
        str,
        typer.Option(
            "--language",
            help="How texts are analysed: ar, de, en, es, fa, fr, hu, it, ko, nl, pt, ru, tr, zh as Anserini does; "
            "bigrams. With --engine lucene every language of Anserini's: also bn, da, fi, hi, id, ja, no, pl, sv, te, th, uk.",
        ),
    ] = "en",
    fields: Annotated[
        list[str] | None,
        typer.Option("--fields", help="Fields beside contents: title, which is then no part of contents."),
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option("--max-memory", help="Memory of the build, such as 1G or 512M.")
    ] = None,
    engine: Annotated[
        str,
        typer.Option("--engine", help="native, or lucene: Anserini's own index, which pyserini reads too."),
    ] = "native",
    threads: Annotated[
        int | None, typer.Option(min=1, help="For lucene: threads; all cores by default.")
    ] = None,
    store_positions: Annotated[
        bool, typer.Option("--store-positions", "--storePositions", help="For lucene: keep positions.")
    ] = False,
    store_docvectors: Annotated[
        bool,
        typer.Option(
            "--store-docvectors", "--storeDocvectors", help="For lucene: keep term vectors, as RM3 needs."
        ),
    ] = False,
    store_raw: Annotated[
        bool, typer.Option("--store-raw", "--storeRaw", help="For lucene: keep the documents' JSON.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """BM25 as Lucene computes it, over Lucene's analysis of the language."""
    from intrex.data.collection import Collection
    from intrex.data.io.files import parse_bytes
    from intrex.retrievers.bm25.fields import extra_fields
    from intrex.retrievers.bm25.index import build_bm25
    from intrex.retrievers.lucene.build import build_lucene
    from intrex.retrievers.lucene.indexer import Stored

    keep = Stored(store_positions, store_docvectors, store_raw)
    if engine not in ("native", "lucene"):
        raise UsageError(f"unknown engine {engine!r}", "known: native, lucene")
    if engine == "native" and (threads is not None or keep != Stored()):
        raise UsageError("--threads and --store-... are for Lucene's index", "add --engine lucene")
    if engine == "lucene" and max_memory is not None:
        raise UsageError("--max-memory is for the native index", "leave it out")
    extra = extra_fields(fields or [])
    memory = None if max_memory is None else parse_bytes(max_memory)
    opened = Collection.open(collection)
    with progress("indexing", opened.n_documents) as step:
        if engine == "native":
            build_bm25(
                opened,
                out,
                k1=k1,
                b=b,
                language=language,
                fields=extra,
                max_memory=memory,
                overwrite=overwrite,
                progress=step,
            )
        else:
            build_lucene(
                opened,
                out,
                k1=k1,
                b=b,
                language=language,
                fields=extra,
                threads=threads,
                stored=keep,
                overwrite=overwrite,
                progress=step,
            )
    report(out, opened.n_documents)

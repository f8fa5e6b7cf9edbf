"""``intrex index``: build, describe and verify indexes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.output import Format, human_bytes, progress, say, show
from intrex.data.errors import BadInput, UsageError

app = typer.Typer(no_args_is_help=True, help="Build, describe and verify indexes.")

CollectionArgument = Annotated[Path, typer.Argument(help="A collection folder.")]
Out = Annotated[Path, typer.Argument(help="The index folder to make.")]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace what stands at the output; it stays usable until the new one is whole."
    ),
]


@app.command("bm25")
def bm25(
    collection: CollectionArgument,
    out: Out,
    k1: Annotated[float, typer.Option("--k1", help="Term frequency saturation.")] = 0.9,
    b: Annotated[float, typer.Option("--b", help="Length normalisation, 0 to 1.")] = 0.4,
    language: Annotated[
        str,
        typer.Option(
            "--language",
            help="How texts are analysed: ar, de, en, es, fa, fr, hu, it, ko, nl, pt, ru, tr, zh as Anserini does; bigrams.",
        ),
    ] = "en",
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
    from intrex.data.files import parse_bytes
    from intrex.retrievers.bm25 import build_bm25
    from intrex.retrievers.lucene.build import Stored, build_lucene

    keep = Stored(store_positions, store_docvectors, store_raw)
    if engine not in ("native", "lucene"):
        raise UsageError(f"unknown engine {engine!r}", "known: native, lucene")
    if engine == "native" and (threads is not None or keep != Stored()):
        raise UsageError("--threads and --store-... are for Lucene's index", "add --engine lucene")
    if engine == "lucene" and (max_memory is not None or language != "en"):
        raise UsageError("--max-memory and --language are for the native index", "leave them out")
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
                max_memory=memory,
                overwrite=overwrite,
                progress=step,
            )
        else:
            build_lucene(
                opened, out, k1=k1, b=b, threads=threads, stored=keep, overwrite=overwrite, progress=step
            )
    _report(out, opened.n_documents)


@app.command("dense")
def dense(
    collection: CollectionArgument,
    out: Out,
    encoder: Annotated[
        str, typer.Option("--encoder", help="A sentence-transformers name or path; static:NAME; hashing.")
    ],
    revision: Annotated[str | None, typer.Option(help="Revision of the model on the hub.")] = None,
    query_prompt: Annotated[
        str | None,
        typer.Option(
            "--query-prompt", "--query-prefix", help="Put before each query; the model's own by default."
        ),
    ] = None,
    document_prompt: Annotated[
        str | None,
        typer.Option(
            "--document-prompt", "--prefix", help="Put before each document; the model's own by default."
        ),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-length", min=1, help="Tokens of a text that are read.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or int8.")] = "float32",
    device: Annotated[str | None, typer.Option(help="cpu, cuda, mps; the best one there by default.")] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Texts encoded at a time.")] = 32,
    overwrite: Overwrite = False,
) -> None:
    """One vector a document, exact search. A killed build goes on where it was."""
    from intrex.data.collection import Collection
    from intrex.data.files import refuse_existing
    from intrex.encoders.base import EncoderOptions, make_encoder
    from intrex.retrievers.dense import build_dense

    opened = Collection.open(collection)
    options = EncoderOptions(
        revision=revision, max_length=max_length, query_prompt=query_prompt, document_prompt=document_prompt,
        dtype=dtype, device=device, batch_size=batch_size,
    )  # fmt: skip
    refuse_existing(out, overwrite)  # before the model is loaded
    made = make_encoder(encoder, options)
    with progress("encoding", opened.n_documents) as step:
        build_dense(opened, out, made, overwrite=overwrite, progress=step)
    _report(out, opened.n_documents)


@app.command("info")
def info(
    index: Annotated[Path, typer.Argument(help="An index folder.")],
    form: Annotated[
        Format | None, typer.Option("--format", help="Table on a terminal, CSV elsewhere, unless given.")
    ] = None,
) -> None:
    """Describe an index: kind, parameters, encoder, bytes per document."""
    from intrex.retrievers.catalogue import describe

    show(describe(index), form)


@app.command("verify")
def verify(index: Annotated[Path, typer.Argument(help="An index folder.")]) -> None:
    """Compare every file of an index with the sha256 that was recorded."""
    from intrex.data.artifact import read_manifest
    from intrex.data.artifact import verify as check

    rebuild = "build it again with intrex index"
    if read_manifest(index, rebuild=rebuild).kind == "collection":
        raise BadInput(f"a collection, not an index: {index}", f"intrex collection verify {index}")
    manifest = check(index, rebuild)
    say(f"sound: {len(manifest.files)} files of the {manifest.kind} index are as they were written")


def _report(out: Path, documents: int) -> None:
    from intrex.data.artifact import read_manifest

    manifest = read_manifest(out)
    size = sum(entry["bytes"] for entry in manifest.files.values())
    say(f"{out}: {manifest.kind} index, {documents:,} documents, {human_bytes(size)}")

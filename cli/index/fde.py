"""``intrex index fde``: one vector a document that stands for its token vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import progress
from intrex.cli.index.options import (
    BatchSize,
    Device,
    DocumentPrompt,
    DType,
    EfConstruction,
    Engine,
    Forecast,
    Hnsw,
    Links,
    Lists,
    MaxLength,
    Out,
    Overwrite,
    Pq,
    PqBits,
    PqM,
    QueryPrompt,
    Revision,
    forecast,
    report,
)


def fde(
    source: Annotated[
        Path,
        typer.Argument(
            help="A multivector index; or a collection, with --encoder, whose tokens are not kept."
        ),
    ],
    out: Out,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder", help="For a collection: a multi-vector model, any transformer, or hashing."
        ),
    ] = None,
    reps: Annotated[
        int, typer.Option("--reps", "--r-reps", "--repetitions", min=1, help="Repetitions.")
    ] = 20,
    k_sim: Annotated[
        int,
        typer.Option("--k-sim", "--ksim", help="Hyperplanes of a repetition: 2^k_sim partitions, 0 to 20."),
    ] = 5,
    d_proj: Annotated[
        int,
        typer.Option(
            "--d-proj",
            "--dim-proj",
            "--dprojections",
            min=0,
            help="Dimensions tokens are projected to; 0: none.",
        ),
    ] = 16,
    projection: Annotated[str, typer.Option("--projection", help="How: dense or countsketch.")] = "dense",
    final_dim: Annotated[
        int | None,
        typer.Option("--final-dim", min=1, help="Dimensions the whole is projected to; none by default."),
    ] = None,
    final_projection: Annotated[
        str, typer.Option("--final-projection", help="How: dense or countsketch.")
    ] = "countsketch",
    fill_empty: Annotated[
        bool,
        typer.Option(
            "--fill-empty/--no-fill-empty", help="Give empty partitions of documents the nearest token."
        ),
    ] = True,
    seed: Annotated[int, typer.Option("--seed", "--random-seed", min=0, help="Of the random matrices.")] = 42,
    engine: Engine = None,
    hnsw: Hnsw = False,
    pq: Pq = False,
    links: Links = None,
    ef_construction: EfConstruction = None,
    lists: Lists = None,
    pq_m: PqM = None,
    pq_nbits: PqBits = None,
    revision: Revision = None,
    query_prompt: QueryPrompt = None,
    document_prompt: DocumentPrompt = None,
    max_length: MaxLength = None,
    dtype: DType = "float32",
    device: Device = None,
    batch_size: BatchSize = 32,
    estimate: Forecast = False,
    overwrite: Overwrite = False,
) -> None:
    """MUVERA: fixed dimensional encodings of token vectors. A killed build goes on where it was."""
    from intrex.data.io.files import refuse_existing
    from intrex.encoders.base import EncoderOptions
    from intrex.retrievers.fde.estimate import estimate_fde
    from intrex.retrievers.fde.source import FdeOptions, open_source
    from intrex.retrievers.vectors.options import AnnConfig

    ann = AnnConfig.choose(
        engine,
        hnsw,
        pq,
        links=links,
        ef_construction=ef_construction,
        lists=lists,
        pq_m=pq_m,
        pq_nbits=pq_nbits,
    )
    encoding = EncoderOptions(
        revision=revision, max_length=max_length, query_prompt=query_prompt, document_prompt=document_prompt,
        dtype=dtype, device=device, batch_size=batch_size,
    )  # fmt: skip
    options = FdeOptions(reps, k_sim, d_proj, projection, final_dim, final_projection, fill_empty, seed)
    if not estimate:
        refuse_existing(out, overwrite)  # before the model is loaded
    opened = open_source(source, encoder, encoding)
    if estimate:
        forecast(out, estimate_fde(opened, out, options, ann=ann))
        return
    with progress("encoding", opened.documents) as step:
        opened.build(out, options, ann=ann, overwrite=overwrite, progress=step)
    report(out, opened.documents)

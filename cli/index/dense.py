"""``intrex index dense``: one vector a document."""

from __future__ import annotations

from typing import Annotated

import typer

from intrex.cli.common.output import progress
from intrex.cli.index.options import (
    BatchSize,
    CollectionArgument,
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


def dense(
    collection: CollectionArgument,
    out: Out,
    encoder: Annotated[
        str, typer.Option("--encoder", help="A sentence-transformers name or path; static:NAME; hashing.")
    ],
    revision: Revision = None,
    query_prompt: QueryPrompt = None,
    document_prompt: DocumentPrompt = None,
    max_length: MaxLength = None,
    dtype: DType = "float32",
    device: Device = None,
    batch_size: BatchSize = 32,
    engine: Engine = None,
    hnsw: Hnsw = False,
    pq: Pq = False,
    links: Links = None,
    ef_construction: EfConstruction = None,
    lists: Lists = None,
    pq_m: PqM = None,
    pq_nbits: PqBits = None,
    estimate: Forecast = False,
    overwrite: Overwrite = False,
) -> None:
    """One vector a document, exact or approximate search. A killed build goes on where it was."""
    from intrex.data.collection import Collection
    from intrex.data.io.files import refuse_existing
    from intrex.encoders.base import EncoderOptions, make_encoder
    from intrex.retrievers.dense.estimate import estimate_dense
    from intrex.retrievers.dense.index import build_dense
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
    opened = Collection.open(collection)
    options = EncoderOptions(
        revision=revision, max_length=max_length, query_prompt=query_prompt, document_prompt=document_prompt,
        dtype=dtype, device=device, batch_size=batch_size,
    )  # fmt: skip
    if not estimate:
        refuse_existing(out, overwrite)  # before the model is loaded
    made = make_encoder(encoder, options)
    if estimate:
        forecast(out, estimate_dense(opened, made, ann=ann))
        return
    with progress("encoding", opened.n_documents) as step:
        build_dense(opened, out, made, ann=ann, overwrite=overwrite, progress=step)
    report(out, opened.n_documents)

"""``intrex index sparse`` and ``intrex index impact``: term weights, encoded here or computed elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import progress
from intrex.cli.index.options import (
    BatchSize,
    CollectionArgument,
    Device,
    DocumentPrompt,
    DType,
    Forecast,
    MaxLength,
    Out,
    Overwrite,
    QueryPrompt,
    Revision,
    forecast,
    report,
)

Quantize = Annotated[
    int | None,
    typer.Option(
        "--quantize", help="Round weights to 8 or 16 bits; by default they are kept as they are, exactly."
    ),
]


def sparse(
    collection: CollectionArgument,
    out: Out,
    encoder: Annotated[
        str, typer.Option("--encoder", help="A SparseEncoder's name or path (SPLADE and others); hashing.")
    ],
    revision: Revision = None,
    query_prompt: QueryPrompt = None,
    document_prompt: DocumentPrompt = None,
    max_length: MaxLength = None,
    dtype: DType = "float32",
    device: Device = None,
    batch_size: BatchSize = 32,
    quantize: Quantize = None,
    estimate: Forecast = False,
    overwrite: Overwrite = False,
) -> None:
    """Term weights by a learned sparse encoder, exact search. A killed build goes on where it was."""
    from intrex.data.collection import Collection
    from intrex.data.io.files import refuse_existing
    from intrex.encoders.base import EncoderOptions, make_sparse_encoder
    from intrex.retrievers.sparse.build import check_bits
    from intrex.retrievers.sparse.estimate import estimate_sparse
    from intrex.retrievers.sparse.index import build_sparse

    check_bits(quantize)
    opened = Collection.open(collection)
    options = EncoderOptions(
        revision=revision, max_length=max_length, query_prompt=query_prompt, document_prompt=document_prompt,
        dtype=dtype, device=device, batch_size=batch_size,
    )  # fmt: skip
    if not estimate:
        refuse_existing(out, overwrite)  # before the model is loaded
    made = make_sparse_encoder(encoder, options)
    if estimate:
        forecast(out, estimate_sparse(opened, made, quantize=quantize))
        return
    with progress("encoding", opened.n_documents) as step:
        build_sparse(opened, out, made, quantize=quantize, overwrite=overwrite, progress=step)
    report(out, opened.n_documents)


def impact(
    collection: CollectionArgument,
    out: Out,
    weights: Annotated[
        Path,
        typer.Option(
            "--weights",
            help="JSON lines of id and vector (Anserini's JsonVectorCollection), or a folder of them.",
        ),
    ],
    quantize: Quantize = None,
    overwrite: Overwrite = False,
) -> None:
    """Term weights of a collection's documents that were computed elsewhere, exact search."""
    from intrex.data.collection import Collection
    from intrex.retrievers.sparse.files import build_impact

    opened = Collection.open(collection)
    with progress("reading", opened.n_documents) as step:
        build_impact(opened, out, weights, quantize=quantize, overwrite=overwrite, progress=step)
    report(out, opened.n_documents)

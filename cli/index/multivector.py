"""``intrex index multivector``: one vector a token."""

from __future__ import annotations

from typing import Annotated

import typer

from intrex.cli.common.output import bars
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


def multivector(
    collection: CollectionArgument,
    out: Out,
    encoder: Annotated[
        str,
        typer.Option("--encoder", help="A multi-vector model's name or path, or any transformer's; hashing."),
    ],
    revision: Revision = None,
    query_prompt: QueryPrompt = None,
    document_prompt: DocumentPrompt = None,
    max_length: MaxLength = None,
    query_length: Annotated[
        int | None,
        typer.Option(
            "--query-length",
            "--query-maxlen",
            min=1,
            help="Tokens of a query that are read, or filled up with [MASK]; the model's own by default.",
        ),
    ] = None,
    whole_words: Annotated[
        bool,
        typer.Option("--whole-words", help="Keep the mean of the sub-words of each different word (BOW2)."),
    ] = False,
    pool_factor: Annotated[
        float,
        typer.Option(
            "--pool-factor", min=1, help="Cluster a document's tokens to one in so many, and keep the means."
        ),
    ] = 1.0,
    protected_tokens: Annotated[
        int,
        typer.Option("--protected-tokens", min=0, help="First tokens that --pool-factor leaves alone."),
    ] = 1,
    single: Annotated[
        str | None,
        typer.Option(
            "--single",
            help="Also keep one vector a text, cls or mean; its score is mixed in (search --gamma).",
        ),
    ] = None,
    dtype: DType = "float32",
    device: Device = None,
    batch_size: BatchSize = 32,
    store: Annotated[
        str, typer.Option("--store", help="How vectors are kept: float16, or float32 in twice the bytes.")
    ] = "float16",
    nbits: Annotated[
        int | None,
        typer.Option(
            "--nbits",
            help="Keep residuals of 1, 2 or 4 bits a dimension instead; search them whole or by PLAID.",
        ),
    ] = None,
    estimate: Forecast = False,
    overwrite: Overwrite = False,
) -> None:
    """One vector a token, exact MaxSim search. A killed build goes on where it was."""
    from intrex.data.collection import Collection
    from intrex.data.io.files import refuse_existing
    from intrex.encoders.base import EncoderOptions, make_token_encoder
    from intrex.retrievers.multivector.estimate import estimate_multivector
    from intrex.retrievers.multivector.index import build_multivector

    opened = Collection.open(collection)
    options = EncoderOptions(
        revision=revision, max_length=max_length, query_prompt=query_prompt, document_prompt=document_prompt,
        dtype=dtype, device=device, batch_size=batch_size, query_length=query_length,
        whole_words=whole_words, pool_factor=pool_factor, protected_tokens=protected_tokens, single=single,
    )  # fmt: skip
    if not estimate:
        refuse_existing(out, overwrite)  # before the model is loaded
    made = make_token_encoder(encoder, options)
    if estimate:
        forecast(out, estimate_multivector(opened, made, store=store, bits=nbits))
        return
    with bars() as stage:
        step = stage("encoding", opened.n_documents)
        build_multivector(
            opened, out, made, store=store, bits=nbits, overwrite=overwrite, progress=step, stage=stage
        )
    report(out, opened.n_documents)

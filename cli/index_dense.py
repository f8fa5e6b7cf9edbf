"""``intrex index dense``: one vector a document."""

from __future__ import annotations

from typing import Annotated

import typer

from intrex.cli.index_options import CollectionArgument, Out, Overwrite, report
from intrex.cli.output import progress


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
    report(out, opened.n_documents)

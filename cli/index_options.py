"""What the commands that build indexes share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.output import human_bytes, say

CollectionArgument = Annotated[Path, typer.Argument(help="A collection folder.")]
Out = Annotated[Path, typer.Argument(help="The index folder to make.")]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace what stands at the output; it stays usable until the new one is whole."
    ),
]
Revision = Annotated[str | None, typer.Option(help="Revision of the model on the hub.")]
QueryPrompt = Annotated[
    str | None,
    typer.Option(
        "--query-prompt", "--query-prefix", help="Put before each query; the model's own by default."
    ),
]
DocumentPrompt = Annotated[
    str | None,
    typer.Option(
        "--document-prompt", "--prefix", help="Put before each document; the model's own by default."
    ),
]
MaxLength = Annotated[int | None, typer.Option("--max-length", min=1, help="Tokens of a text that are read.")]
DType = Annotated[str, typer.Option(help="float32, bfloat16 or int8.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, mps; the best one there by default.")]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Texts encoded at a time.")]


def report(out: Path, documents: int) -> None:
    """Say what was built."""
    from intrex.data.artifact import read_manifest

    manifest = read_manifest(out)
    size = sum(entry["bytes"] for entry in manifest.files.values())
    say(f"{out}: {manifest.kind} index, {documents:,} documents, {human_bytes(size)}")

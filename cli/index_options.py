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


def report(out: Path, documents: int) -> None:
    """Say what was built."""
    from intrex.data.artifact import read_manifest

    manifest = read_manifest(out)
    size = sum(entry["bytes"] for entry in manifest.files.values())
    say(f"{out}: {manifest.kind} index, {documents:,} documents, {human_bytes(size)}")

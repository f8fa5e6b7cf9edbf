"""What the commands that build indexes share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.output import human_bytes, say, show

if TYPE_CHECKING:
    from intrex.retrievers.estimate import Estimate

CollectionArgument = Annotated[Path, typer.Argument(help="A collection folder.")]
Out = Annotated[Path, typer.Argument(help="The index folder to make.")]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace what stands at the output; it stays usable until the new one is whole."
    ),
]
Forecast = Annotated[
    bool,
    typer.Option(
        "--estimate",
        help="Build nothing: say from a small sample what it would take: bytes, memory, seconds (without faiss's).",
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

Engine = Annotated[
    str | None,
    typer.Option(
        "--engine", "--ann",
        help="flat (exact), sq8, pq, hnsw, hnsw-sq8, ivf, ivf-sq8 or ivf-pq, by faiss; flat by default.",
    ),
]  # fmt: skip
Hnsw = Annotated[bool, typer.Option("--hnsw", help="pyserini's spelling of --engine hnsw.")]
Pq = Annotated[bool, typer.Option("--pq", help="pyserini's spelling of --engine pq.")]
Links = Annotated[int | None, typer.Option("--M", min=2, help="For hnsw: links of a node; 32 by default.")]
EfConstruction = Annotated[
    int | None,
    typer.Option("--efC", min=1, help="For hnsw: nodes in view while it is built; 128 by default."),
]
Lists = Annotated[
    int | None,
    typer.Option("--nlist", min=1, help="For ivf: lists; 4 times the root of the documents by default."),
]
PqM = Annotated[
    int | None,
    typer.Option("--pq-m", min=1, help="For pq: parts of a vector; of 8 dimensions each by default."),
]
PqBits = Annotated[
    int | None, typer.Option("--pq-nbits", min=1, max=12, help="For pq: bits of a part; 8 by default.")
]


def report(out: Path, documents: int) -> None:
    """Say what was built."""
    from intrex.data.store.artifact import read_manifest

    manifest = read_manifest(out)
    size = sum(entry["bytes"] for entry in manifest.files.values())
    say(f"{out}: {manifest.kind} index, {documents:,} documents, {human_bytes(size)}")


def forecast(out: Path, estimate: Estimate) -> None:
    """Print an estimate, to the byte and in round numbers; an error if memory or disk do not suffice."""
    show(estimate.to_dict(), None)
    say(
        f"{out}: about {human_bytes(estimate.disk)} on disk, {human_bytes(estimate.memory)} of memory at the peak "
        f"({human_bytes(estimate.mapped)} of it mapped files), {estimate.seconds:,.0f} s"
    )
    estimate.require(out)

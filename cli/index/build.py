"""``intrex index KIND``: one command for each kind of index, made of what the kind declares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.output import human_bytes, say, show
from intrex.cli.common.parameters import Output, Overwrite, command, one_output
from intrex.cli.common.progress import bars
from intrex.data.options import Options
from intrex.data.registry import load_target
from intrex.retrievers.options import BuildTask, IndexKind

if TYPE_CHECKING:
    from intrex.retrievers.estimate import Estimate

SOURCES = {
    ("collection",): ("COLLECTION", "A collection folder."),
    ("multivector", "collection"): (
        "SOURCE",
        "A multivector index; or a collection, with --encoder, whose tokens are not kept.",
    ),
}


def build_command(kind: IndexKind) -> Callable[..., None]:
    """Make the command that builds a kind of index."""
    metavar, help_ = SOURCES.get(
        kind.sources, ("SOURCE", f"An artifact of kind {' or '.join(kind.sources)}.")
    )

    def build(
        source: Path,
        out: Annotated[Path | None, typer.Argument(help="The index folder to make.")] = None,
        output: Output = None,
        estimate: Annotated[
            bool,
            typer.Option(
                "--estimate", rich_help_panel="Output",
                help="Build nothing: say from a small sample what it would take: bytes, memory, seconds (without faiss's).",
            ),
        ] = False,
        overwrite: Overwrite = False,
        *,
        options: Options,
    ) -> None:  # fmt: skip
        target = one_output(out, output)
        if estimate:
            forecast(target, load_target(kind.estimate or "")(source, target, options))
            return
        with bars() as stage:
            documents = kind.make(source, BuildTask(target, overwrite, stage=stage), options)
        report(target, documents)

    build.__doc__ = kind.help
    build.__annotations__["source"] = Annotated[Path, typer.Argument(metavar=metavar, help=help_)]
    build.__annotations__["options"] = kind.build
    without = () if kind.estimate else ("estimate",)
    return command(*filter(None, [kind.example]), without=without)(build)


def report(out: Path, documents: int) -> None:
    """Say what was built."""
    from intrex.data.store.manifest import read_manifest

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

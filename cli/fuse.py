"""``intrex fuse``: several runs to one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import say
from intrex.data.errors import UsageError


def fuse(
    runs: Annotated[list[Path], typer.Argument(help="Two or more runs; their queries may differ.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The run to write; .gz compresses, - is stdout.")
    ] = Path("-"),
    method: Annotated[
        str, typer.Option(help="rrf, wsum, or with --engine ranx any of its untrained methods.")
    ] = "rrf",
    weights: Annotated[
        str | None, typer.Option(help="For wsum: one number a run, as 0.7,0.3; equal by default.")
    ] = None,
    rrf_k: Annotated[
        float | None, typer.Option("--rrf-k", "--rrf.k", help="For rrf: added to each rank; 60 by default.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option(min=1, help="How far down each run to look; all of it by default.")
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, help="Documents for each query in the result.")] = 1000,
    tag: Annotated[
        str | None, typer.Option("--tag", "--runtag", help="The run's name; the method by default.")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="native, or ranx for the methods that are not ours.")
    ] = "native",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
) -> None:
    """Fuse runs by reciprocal ranks (rrf) or a weighted sum of min-max normalised scores (wsum)."""
    from intrex.data.io.files import STDIO, refuse_existing
    from intrex.data.run import write_run
    from intrex.data.runformats import read_any_run
    from intrex.retrievers.fusion.fuse import check_options, fuse_runs

    refuse_existing(output, overwrite)
    try:
        chosen = [float(w) for w in weights.split(",")] if weights else None
    except ValueError as error:
        raise UsageError(
            f"not a list of weights: {weights!r}", "give one number a run, as --weights 0.7,0.3"
        ) from error
    check_options(method, engine, chosen, rrf_k)  # before the runs are read
    fused = fuse_runs(
        [read_any_run(r) for r in runs],
        method,
        engine=engine,
        weights=chosen,
        rrf_k=rrf_k,
        depth=depth,
        k=k,
        tag=tag,
    )
    write_run(fused, output, overwrite)
    if output != STDIO:
        say(f"{output}: {len(fused):,} queries, {len(fused.doc_ids):,} lines, tag {fused.tag}")

"""``intrex fuse``: several runs to one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.parameters import command
from intrex.cli.common.runs import RunTarget
from intrex.data.rankings.options import RunSource
from intrex.retrievers.fusion.options import FuseOptions


@command(
    "intrex fuse bm25.txt.gz dense.txt.gz -o rrf.txt.gz",
    "intrex fuse bm25.txt.gz dense.txt.gz --method wsum --weights 0.7,0.3 -o wsum.txt.gz",
)
def fuse(
    runs: Annotated[list[Path], typer.Argument(help="Two or more runs; their queries may differ.")],
    target: RunTarget,
    options: FuseOptions,
    source: RunSource,
) -> None:
    """Fuse runs by reciprocal ranks (rrf) or a weighted sum of min-max normalised scores (wsum)."""
    from intrex.data.runformats import read_any_run
    from intrex.retrievers.fusion.fuse import fuse_runs

    target.check()
    with source.declared():
        read = [read_any_run(run) for run in runs]
    target.write(fuse_runs(read, options, target.tag))

"""``intrex normalize``: the scores of one run on another scale."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.parameters import command
from intrex.cli.common.runs import RunTarget
from intrex.data.rankings.options import RunSource
from intrex.retrievers.fusion.options import NormalizeOptions


@command("intrex normalize bm25.txt.gz --norm zmuv -o bm25.zmuv.txt.gz")
def normalize(
    run: Annotated[Path, typer.Argument(help="A run in any form of docs/formats.md.")],
    target: RunTarget,
    options: NormalizeOptions,
    source: RunSource,
) -> None:
    """Normalise the scores of each query of a run, as fuse does before it adds them."""
    from intrex.data.packed import read_packed
    from intrex.data.tags import with_marks
    from intrex.retrievers.fusion.fuse import normalize_run, normalized_tag

    target.check()
    with source.declared():
        packed = read_packed(run, unique=options.depth is not None)
    tag = with_marks(target.tag or normalized_tag(packed.tag, options), packed.tag)
    target.write_fusion(normalize_run(packed, options), tag)

"""``intrex fuse``: several runs to one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from intrex.cli.common.output import say
from intrex.cli.common.parameters import Overwrite, RunFormat, RunOutput, Tag, examples, with_choices
from intrex.data.options import options_of
from intrex.retrievers.fusion.options import FuseOptions


@examples(
    "intrex fuse bm25.txt.gz dense.txt.gz -o rrf.txt.gz",
    "intrex fuse bm25.txt.gz dense.txt.gz --method wsum --weights 0.7,0.3 -o wsum.txt.gz",
)
@with_choices(options_of(FuseOptions).values())
def fuse(
    runs: Annotated[list[Path], typer.Argument(help="Two or more runs; their queries may differ.")],
    output: RunOutput = Path("-"),
    form: RunFormat = "trec",
    tag: Tag = None,
    overwrite: Overwrite = False,
    *,
    values: dict[str, Any],
) -> None:
    """Fuse runs by reciprocal ranks (rrf) or a weighted sum of min-max normalised scores (wsum)."""
    options = FuseOptions.read(values)
    from intrex.data.io.files import STDIO, refuse_existing
    from intrex.data.runformats import check_format, read_any_run, write_any_run
    from intrex.retrievers.fusion.fuse import fuse_runs

    check_format(form)
    refuse_existing(output, overwrite)
    fused = fuse_runs([read_any_run(run) for run in runs], options, tag)
    write_any_run(fused, output, form, overwrite)
    if output != STDIO:
        say(f"{output}: {len(fused):,} queries, {len(fused.doc_ids):,} lines, tag {fused.tag}")

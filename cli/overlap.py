"""``intrex overlap``: what a test set shares with training queries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import emit, say
from intrex.cli.common.parameters import TableFormat, TestArgument, TrainArgument, command
from intrex.cli.common.progress import progress
from intrex.eval.overlap.options import OverlapOptions, Thresholds


@command("intrex overlap scifact:train scifact:test", prints=True)
def overlap(
    train: TrainArgument,
    test: TestArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write every test query's flags as JSON lines, for evaluate."),
    ] = None,
    form: TableFormat = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
    *,
    options: OverlapOptions,
    limits: Thresholds,
) -> None:
    """Audit leakage: which test queries share texts, entities, relevant or near-duplicate documents with training."""
    from intrex.data.io.files import refuse_existing
    from intrex.eval.overlap.audit import write_audit
    from intrex.eval.pipelines.auditing import audit

    if output is not None:
        refuse_existing(output, overwrite)
    with progress("comparing queries"):
        audited = audit(train, test, options, limits)
    if output is not None:
        write_audit(audited, output, overwrite)
    headers, rows = audited.table()
    emit(headers, rows, form, lead=2)
    say(
        f"{len(audited.queries):,} test queries of {test} against {train}; {len(audited.flagged()):,} have a flag"
    )

"""``intrex gate``: a build passes, or it fails, by its run against a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import say
from intrex.cli.common.parameters import Overwrite, QrelsArgument, command
from intrex.data.rankings.options import EvaluationSource
from intrex.eval.gate.options import GateOptions


@command("intrex gate scifact:test bm25.txt.gz rrf.txt.gz --max-drop 0.05 --undecided pass", prints=True)
def gate(
    qrels: QrelsArgument,
    baseline: Annotated[Path, typer.Argument(help="The run to hold against, or its file of scores.")],
    new: Annotated[Path, typer.Argument(help="The run of the build.")],
    overwrite: Overwrite = False,
    *,
    options: GateOptions,
    source: EvaluationSource,
) -> None:
    """Pass where the mean is shown to drop by less than --max-drop, fail (exit code 3) where by that much or more.

    In between the queries cannot tell; --undecided says what to do then.
    """
    from intrex.data.errors import CheckFailed
    from intrex.data.io.files import STDIO, refuse_existing, write_text
    from intrex.eval.gate.gate import gate as decide
    from intrex.eval.gate.report import json_text, junit_text, line, markdown_text

    for path in options.files:
        refuse_existing(path, overwrite)
    with source.declared():
        decision = decide(qrels, baseline, new, options)
    for note in decision.notes:
        say(f"note: {note}")
    texts = {options.json: json_text, options.junit: junit_text, options.markdown: markdown_text}
    for path in options.files:
        write_text(path, texts[path](decision), overwrite)
    lines = [line(decision, part) for part in decision.measures]
    if STDIO not in options.files:
        typer.echo("\n".join(lines))
    if not decision.passed:
        lost = ", ".join(loss.query for loss in decision.measures[0].losses)
        raise CheckFailed(
            f"the gate is shut: {decision.verdict}", f"queries that lost most: {lost}" if lost else None
        )

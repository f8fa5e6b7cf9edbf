"""``intrex context``: the passages of each query that a reader gets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import emit, say
from intrex.cli.common.parameters import command
from intrex.cli.common.progress import progress
from intrex.data.importers.options import TopicOptions
from intrex.data.rankings.options import RunSource
from intrex.eval.pipelines.context.options import ContextOptions


@command(
    "intrex context bm25.txt.gz scifact:test -k 10 --order ends -o context.jsonl",
    "intrex context bm25.txt.gz scifact:test --tokens 2000 --near-duplicates 0.8 --qrels scifact:test -o short.jsonl",
    prints=True,
)
def context(
    run: Annotated[Path, typer.Argument(help="A run; - is stdin.")],
    queries: Annotated[str, typer.Argument(help="A collection, COLLECTION:SET, or a query file.")],
    topics: TopicOptions,
    options: ContextOptions,
    source: RunSource,
) -> None:
    """Write the passages of each query for a reader: near duplicates out, as many as are worth it, in a budget, in order.

    With --qrels it prints what each step does to precision, recall and length, with 95 % intervals over queries.
    """
    from intrex.data.io.files import STDIO, refuse_existing
    from intrex.data.runformats import read_any_run
    from intrex.eval.pipelines.context.effect import HEADERS
    from intrex.eval.pipelines.context.run import prepare_context

    refuse_existing(options.output, options.overwrite)
    with source.declared():
        first = read_any_run(run)
    task = prepare_context(first, queries, topics, options)
    for note in task.notes:
        say(f"note: {note}")
    with progress("choosing passages", len(first)) as step:
        lines, passages = task.write(step)
    if task.effects is not None:
        emit(HEADERS, task.effects.rows(), options.form, caption=task.signature, lead=2)
        if missing := task.judged - task.effects.contexts:
            say(
                f"note: {missing:,} of {task.judged:,} judged queries have no context; they count as empty ones"
            )
    if options.output != STDIO:
        say(f"{options.output}: {lines:,} queries, {passages:,} passages")

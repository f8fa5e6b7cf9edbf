"""``intrex rerank``: the best documents of a run, scored again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.output import progress, say


def rerank(
    run: Annotated[Path, typer.Argument(help="A run; - is stdin.")],
    queries: Annotated[str, typer.Argument(help="A query file, or COLLECTION:SET.")],
    index: Annotated[Path, typer.Option("--index", help="A multivector or dense index: exact scores.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The run to write; .gz compresses, - is stdout.")
    ] = Path("-"),
    depth: Annotated[
        int, typer.Option("--depth", min=1, help="Documents of each query; those below are dropped.")
    ] = 100,
    tag: Annotated[
        str | None, typer.Option("--tag", help="The run's name; by default the old one + the index folder's.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores by default. Never changes the result.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="For the query encoder: cpu, cuda, mps.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
) -> None:
    """Rerank a run by the exact scores of an index; writes a TREC run."""
    from intrex.data.files import STDIO, refuse_existing
    from intrex.data.locate import find_queries
    from intrex.data.run import write_run
    from intrex.data.runformats import read_any_run
    from intrex.retrievers.base import SearchOptions, open_index
    from intrex.retrievers.rerank import rerank as again

    refuse_existing(output, overwrite)
    asked, collection = find_queries(queries)
    opened = open_index(index, collection)
    found = read_any_run(run)
    with progress("reranking", len(asked)) as step:
        options = SearchOptions(device=device, progress=step)
        options = options if threads is None else options.with_threads(threads)
        name = tag or "_".join(f"{found.tag}+{index.resolve().name}".split())
        new = again(found, asked, opened, depth, options, name)
    if silent := len(found) - len(new):
        say(
            f"note: {silent:,} of {len(found):,} queries have no scored document; they have no line in the run"
        )
    write_run(new, output, overwrite)
    if output != STDIO:
        say(f"{output}: {len(new):,} queries, {len(new.doc_ids):,} lines, tag {new.tag}")

"""``intrex study``: a method's numbers on a collection of yours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import say
from intrex.cli.common.parameters import command, command_group
from intrex.cli.common.progress import progress

app = command_group("Measure a method on a collection, as its paper does.")


@command("intrex study muvera idx/tokens scifact:test --quick --depth 20 -o study", to=app, prints=True)
def muvera(
    index: Annotated[Path, typer.Argument(help="A multivector index.")],
    queries: Annotated[str, typer.Argument(help="Queries: a file, or COLLECTION:SET with judgements.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder of tables, plots and FDE indexes.")
    ],
    compressed: Annotated[
        Path | None,
        typer.Option("--compressed", help="The same collection indexed with --nbits, for PLAID."),
    ] = None,
    depth: Annotated[int, typer.Option("--depth", min=10, help="Candidates that are looked at.")] = 5000,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Draws of some FDEs, for their spread.")] = 3,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Of every timing; the best counts.")] = 3,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Of everything that is timed.")] = 1,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Queries searched together.")] = 16,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Use so many queries only, evenly spaced.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small FDEs and two engines only.")] = False,
) -> None:
    """Recall of exact MaxSim and of relevant documents by FDEs, PLAID and the single-vector heuristic; cost and plots."""
    from intrex.data.io.files import write_text
    from intrex.data.locate import find_qrels, find_queries
    from intrex.eval.pipelines.studies.muvera.report import study_markdown, write_files
    from intrex.eval.pipelines.studies.muvera.study import prepare_setting, run_study, sample_queries
    from intrex.retrievers.multivector.index import MultiVectorIndex
    from intrex.retrievers.options import SearchOptions

    texts, collection = find_queries(queries)
    qrels = find_qrels(queries).qrels if collection is not None else None
    texts, qrels = sample_queries(texts, qrels, limit)
    opened = MultiVectorIndex.open(index)
    plaid = MultiVectorIndex.open(compressed) if compressed is not None else None
    options = SearchOptions(threads=threads, batch_size=batch_size)
    setting = prepare_setting(opened, texts, qrels, options, depth, plaid)
    work = output / "index"
    result = run_study(setting, work, seeds=seeds, rounds=rounds, quick=quick, watch=progress)
    write_files(result, output)
    write_text(output / "study.md", study_markdown(result, queries), overwrite=True)
    say(f"{output}: recall.csv, needed.csv, costs.csv, recall.png, costs.png, study.md")

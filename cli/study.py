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


@command(
    "intrex study cur idx/cur scifact:test --dev scifact:train --first idx/bm25 --limit 20 -o cur-study",
    to=app,
    prints=True,
)
def cur(
    index: Annotated[Path, typer.Argument(help="A CUR index.")],
    queries: Annotated[str, typer.Argument(help="Queries: a file, or COLLECTION:SET.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of tables and plots.")],
    dev: Annotated[str, typer.Option("--dev", help="Queries to choose the splits of a budget on.")],
    first: Annotated[
        list[Path] | None,
        typer.Option("--first", help="An index to rerank the best of, and to begin with; several times."),
    ] = None,
    budget: Annotated[
        list[int] | None,
        typer.Option("--budget", min=1, help="Calls a query, several times; 20, 50, 100 and 200 by default."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Use so many queries of each set only, evenly spaced."),
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="Of the scorer: cpu, cuda, mps.")] = None,
) -> None:
    """Recall of a cross-encoder's exact best by the calls spent: ANNCUR, ADACUR and AXN beside reranking.

    Every document is scored for every query, once, which the scorer's cache keeps. How a budget is split is chosen on --dev.
    """
    from intrex.data.io.files import write_text
    from intrex.data.locate import find_qrels, find_queries
    from intrex.eval.pipelines.studies.cur.quality import with_quality
    from intrex.eval.pipelines.studies.cur.report import study_markdown, write_files
    from intrex.eval.pipelines.studies.cur.setting import prepare_setting
    from intrex.eval.pipelines.studies.cur.study import BUDGETS, run_study
    from intrex.eval.pipelines.studies.muvera.study import sample_queries
    from intrex.retrievers.base import open_index
    from intrex.retrievers.cur.index import CurIndex

    texts, collection = find_queries(queries)
    qrels = find_qrels(queries).qrels if collection is not None else None
    texts, qrels = sample_queries(texts, qrels, limit)
    tuned, _ = sample_queries(find_queries(dev)[0], None, limit)
    opened = CurIndex.open(index)
    stages = {path.name: open_index(path) for path in first or ()}
    budgets = sorted(set(budget or BUDGETS))
    work = output / "exact"
    setting = prepare_setting(opened, tuned, texts, stages, max(budgets), work, progress, device)
    result = with_quality(run_study(setting, budgets, progress), qrels)
    write_files(result, output)
    write_text(output / "study.md", study_markdown(result, queries), overwrite=True)
    say(f"{output}: recall.csv, recall.png, study.md; exact/ has the exact scores")

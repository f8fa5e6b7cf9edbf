"""``intrex study``: a method's numbers on a collection of yours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import emit, say
from intrex.cli.common.parameters import TableFormat, command, command_group
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


@command("intrex study limit likes:test -o limit --systems bm25,static", to=app, prints=True)
def limit(
    queries: Annotated[str, typer.Argument(help="COLLECTION:SET, as collection build limit makes it.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder of the table, the plot and the indexes.")
    ],
    systems: Annotated[
        str, typer.Option("--systems", help="Of bm25, static, dense, multivector, fde, with commas.")
    ] = "bm25,static,dense,multivector,fde",
    encoder: Annotated[
        str, typer.Option("--encoder", help="A transformer, for dense, multivector and fde.")
    ] = "all-MiniLM-L6-v2",
    static: Annotated[str, typer.Option("--static", help="A static encoder.")] = "static:all-MiniLM-L6-v2",
    dims: Annotated[
        str,
        typer.Option(
            "--dims", help="Dimensions that dense and static vectors are cut to; the full ones come on top."
        ),
    ] = "4,8,16,32,64,128,256",
    threads: Annotated[
        int | None,
        typer.Option("--threads", min=1, help="Threads; all cores by default. Never changes the result."),
    ] = None,
    form: TableFormat = None,
) -> None:
    """Compare recall on LIMIT: BM25, dense vectors by dimension, multi-vector MaxSim and MUVERA; table and plot."""
    from intrex.data.errors import BadInput
    from intrex.data.locate import find_qrels, find_queries
    from intrex.data.system.threads import cores
    from intrex.eval.pipelines.plots import pyplot
    from intrex.eval.pipelines.studies.limit.free_report import read_table
    from intrex.eval.pipelines.studies.limit.report import RECALL_FILE, write_limit
    from intrex.eval.pipelines.studies.limit.search import parse_dims
    from intrex.eval.pipelines.studies.limit.study import LimitTask, check_systems, run_limit

    chosen, cut_to = check_systems(systems), parse_dims(dims)
    texts, collection = find_queries(queries)
    if collection is None:
        raise BadInput(f"{queries} is a file of queries", "the study needs a collection: COLLECTION:test")
    pyplot("the plots of a study")
    task = LimitTask(
        collection, texts, find_qrels(queries).qrels, chosen, encoder, static, cut_to, threads or cores()
    )
    rows = run_limit(task, output / "index", progress)
    write_limit(task, rows, queries, output)
    table = read_table(output / RECALL_FILE)
    emit(list(table[0]), [list(row.values()) for row in table], form)
    say(f"{output}: recall.csv, recall.png, study.md")


@command("intrex study free-embeddings --dims 4-6 --seeds 3 -o free", to=app, prints=True)
def free_embeddings(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The folder of tables and the plot; trials there are not repeated."
        ),
    ],
    dims: Annotated[str, typer.Option("--dims", help="Dimensions: a range, or numbers with commas.")] = "4-8",
    relevant: Annotated[
        int,
        typer.Option(
            "--relevant", min=1, max=100, help="Relevant documents of each query: all sets of so many."
        ),
    ] = 2,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Draws that each n is tried from.")] = 5,
    most: Annotated[int, typer.Option("--most", min=2, help="Documents at most.")] = 128,
    patience: Annotated[
        int, typer.Option("--patience", min=1, help="Steps without a better loss that end a trial.")
    ] = 1000,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads", min=1, help="Trials at once; all cores by default. Never changes the result."
        ),
    ] = None,
    form: TableFormat = None,
) -> None:
    """Find of how many documents free vectors of some dimensions tell all sets apart (Weller et al., LIMIT)."""
    from intrex.data.system.threads import cores
    from intrex.eval.pipelines.studies.limit.free import FreeSettings
    from intrex.eval.pipelines.studies.limit.free_report import CRITICAL_FILE, read_table, write_free
    from intrex.eval.pipelines.studies.limit.search import TrialStore, check_free, find_critical, parse_dims

    chosen, settings = parse_dims(dims), FreeSettings(patience=patience)
    check_free(relevant, most)
    output.mkdir(parents=True, exist_ok=True)
    store = TrialStore(output / "trials.jsonl", relevant, range(seeds), settings, threads or cores())
    results = []
    for dim in chosen:
        with progress(f"d = {dim}: trials") as step:
            results.append(find_critical(store, dim, most, step))
    write_free(results, relevant, seeds, settings, output)
    rows = read_table(output / CRITICAL_FILE)
    emit(list(rows[0]), [list(row.values()) for row in rows], form)
    say(f"{output}: critical.csv, shares.csv, trials.csv, critical.png, study.md")


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

"""``intrex search``: an index and queries to a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common import feedback
from intrex.cli.common.output import progress, say
from intrex.data.errors import UsageError

if TYPE_CHECKING:
    from intrex.retrievers.prf.lexical import Expansion


@feedback.options
def search(
    index: Annotated[Path | None, typer.Argument(help="An index folder.")] = None,
    queries: Annotated[str | None, typer.Argument(help="A query file, or COLLECTION:SET.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The run to write; .gz compresses, - is stdout.")
    ] = Path("-"),
    index_option: Annotated[
        Path | None, typer.Option("--index", help="pyserini's spelling of INDEX.")
    ] = None,
    topics: Annotated[
        str | None, typer.Option("--topics", "--queries", help="pyserini's spelling of QUERIES.")
    ] = None,
    k: Annotated[int, typer.Option("--k", "--hits", min=1, help="Documents for each query.")] = 1000,
    tag: Annotated[
        str | None, typer.Option("--tag", help="The run's name; the index folder's by default.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores by default. Never changes the result.")
    ] = None,
    tie_order: Annotated[
        str,
        typer.Option(
            "--tie-order",
            help="Equal scores: trec_eval (id descending) or anserini (ascending; written as float32 steps).",
        ),
    ] = "trec_eval",
    k1: Annotated[
        float | None, typer.Option("--k1", help="For Lucene indexes: BM25's k1; the index's by default.")
    ] = None,
    b: Annotated[
        float | None, typer.Option("--b", help="For Lucene indexes: BM25's b; the index's by default.")
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--fields", help="Search these fields with these weights: --fields contents=1.0 title=0.5."
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language", help="For Lucene indexes that intrex did not build: how queries are analysed."
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, help="Queries at a time. Never changes the result.")
    ] = 64,
    device: Annotated[str | None, typer.Option(help="For the query encoder: cpu, cuda, mps.")] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="Check that the index was built with it; encodes queries for an impact index without one.",
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            help="For exact dense and fde search: native or faiss, with the same result. For multivector indexes: native scores all, "
            "plaid and sv-heuristic what they find.",
        ),
    ] = "native",
    ncells: Annotated[
        int | None, typer.Option("--ncells", min=1, help="For plaid: centroids probed for each query token.")
    ] = None,
    centroid_score_threshold: Annotated[
        float | None,
        typer.Option(
            "--centroid-score-threshold", help="For plaid: least score of a token's centroid, first."
        ),
    ] = None,
    ndocs: Annotated[
        int | None, typer.Option("--ndocs", min=1, help="For plaid: documents kept by the second stage.")
    ] = None,
    candidates: Annotated[
        int | None,
        typer.Option(
            "--candidates",
            min=1,
            help="For fde indexes and sv-heuristic: nearest ones ranked by exact MaxSim.",
        ),
    ] = None,
    ball_carving: Annotated[
        float | None,
        typer.Option(
            "--ball-carving", help="For fde: add up query tokens as similar as this before MaxSim (0.7)."
        ),
    ] = None,
    ef_search: Annotated[
        int | None,
        typer.Option("--ef-search", min=1, help="For hnsw: nodes in view, at least the documents asked for."),
    ] = None,
    nprobe: Annotated[
        int | None,
        typer.Option("--nprobe", min=1, help="For ivf: lists that are looked through; 16 by default."),
    ] = None,
    scoring: Annotated[
        str,
        typer.Option("--scoring", help="For multivector indexes: maxsim, or xtr (imputed token retrieval)."),
    ] = "maxsim",
    token_top_k: Annotated[
        int | None,
        typer.Option(
            "--token-top-k", min=1, help="For xtr: document tokens for each query token; 1000 by default."
        ),
    ] = None,
    gamma: Annotated[
        float | None,
        typer.Option(
            "--gamma",
            help="For multivector indexes with single vectors: σ(gamma) of the score is theirs; the encoder's by default.",
        ),
    ] = None,
    remove_query: Annotated[
        bool, typer.Option("--remove-query", help="Drop the document whose id is the query's.")
    ] = False,
    max_passage: Annotated[
        bool, typer.Option("--max-passage", help="Passages to documents: the best passage counts.")
    ] = False,
    max_passage_hits: Annotated[
        int, typer.Option("--max-passage-hits", min=1, help="Documents for each query with --max-passage.")
    ] = 100,
    max_passage_delimiter: Annotated[
        str, typer.Option("--max-passage-delimiter", help="Stands between document and passage in an id.")
    ] = "#",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
    expansion: Expansion | None = None,
) -> None:
    """Search an index with a set of queries; writes a TREC run."""
    if (index and index_option) or (queries and topics):
        raise UsageError(
            "the index or the queries are given twice",
            "name each once: INDEX QUERIES, or --index and --topics",
        )
    where, what = index_option or index, topics or queries
    if where is None or what is None:
        raise UsageError(
            "an index and queries are needed", "intrex search INDEX COLLECTION:test --output RUN"
        )
    from intrex.data.io.files import STDIO, refuse_existing
    from intrex.data.locate import find_queries
    from intrex.data.run import check_query_ids, write_run
    from intrex.retrievers.base import SearchOptions, open_index
    from intrex.retrievers.bm25.fields import weights
    from intrex.retrievers.search import (
        Narrowing,
        check_encoder,
        remarks,
        run_search,
        use_engine,
        use_feedback,
        use_gamma,
        use_language,
        use_scoring,
    )

    chosen = weights(fields or [])
    refuse_existing(output, overwrite)
    asked, collection = find_queries(what, weighted=True)
    check_query_ids(asked.ids)
    opened = open_index(where, collection)
    use_language(opened, language)
    for remark in remarks(opened, chosen):
        say(f"note: {remark}")
    check_encoder(opened, encoder)
    narrowing = Narrowing(
        k, ncells, centroid_score_threshold, ndocs, candidates, ball_carving, ef_search, nprobe
    )
    use_engine(opened, engine, narrowing)
    use_feedback(opened, expansion)
    use_scoring(opened, scoring, token_top_k)
    use_gamma(opened, gamma)
    with progress("searching", len(asked)) as step:
        options = SearchOptions(
            k=k,
            batch_size=batch_size,
            device=device,
            progress=step,
            ties=tie_order,
            k1=k1,
            b=b,
            fields=chosen,
        )
        options = options if threads is None else options.with_threads(threads)
        run = run_search(
            opened, asked, options, tag=tag or "_".join(where.resolve().name.split()), remove_self=remove_query,
            passages=max_passage_delimiter if max_passage else None, passage_hits=max_passage_hits,
        )  # fmt: skip
    if silent := len(asked) - len(run):
        say(f"note: {silent:,} of {len(asked):,} queries found nothing; they have no line in the run")
    write_run(run, output, overwrite)
    if output != STDIO:
        say(f"{output}: {len(run):,} queries, {len(run.doc_ids):,} lines, tag {run.tag}")

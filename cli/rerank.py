"""``intrex rerank``: the best documents of a run, scored again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intrex.cli.common.output import progress, say
from intrex.cli.index.options import Revision
from intrex.data.errors import UsageError

if TYPE_CHECKING:
    from intrex.data.collection import Collection, Queries
    from intrex.data.run import Run
    from intrex.data.store.scorecache import ScoreCache
    from intrex.encoders.cross.base import PairScorer
    from intrex.retrievers.base import Index


def rerank(
    run: Annotated[Path, typer.Argument(help="A run; - is stdin.")],
    queries: Annotated[str, typer.Argument(help="A query file, or COLLECTION:SET.")],
    index: Annotated[
        Path | None, typer.Option("--index", help="A multivector, dense or sparse index: exact scores.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="A cross-encoder's name or path; dense:NAME, static:NAME or hashing for an encoder's similarity.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The run to write; .gz compresses, - is stdout.")
    ] = Path("-"),
    depth: Annotated[
        int, typer.Option("--depth", min=1, help="Documents of each query; those below are dropped.")
    ] = 100,
    tag: Annotated[
        str | None,
        typer.Option(
            "--tag", help="The run's name; by default the old one + the index folder's or the model's."
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads; all cores by default. Never changes the result of an index."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="For the model: cpu, cuda, mps.")] = None,
    collection: Annotated[
        Path | None,
        typer.Option("--collection", help="For --with: the documents, where QUERIES is not COLLECTION:SET."),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-length", min=1, help="For --with: tokens of a pair that are read.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", min=1, help="For --with: pairs of 64 tokens at a time; 32 by default."),
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="For --with: float32 (default) or bfloat16; int8 for dense:NAME.")
    ] = None,
    revision: Revision = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache", help="For --with: where scores are kept; by default in intrex's cache folder."
        ),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="For --with: keep no scores.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
) -> None:
    """Rerank a run by the exact scores of an index, or by a model of pairs of texts; writes a TREC run.

    Scores of a model are kept: a killed rerank goes on where it was, a repeated one computes nothing.
    """
    from intrex.data.collection import Collection
    from intrex.data.io.files import STDIO, refuse_existing
    from intrex.data.locate import find_queries
    from intrex.data.run import write_run
    from intrex.data.runformats import read_any_run
    from intrex.data.store.scorecache import ScoreCache
    from intrex.encoders.base import EncoderOptions
    from intrex.encoders.cross.scorer import make_pair_scorer
    from intrex.retrievers.base import open_index

    settings: dict[str, Any] = {
        "max_length": max_length,
        "batch_size": batch_size,
        "dtype": dtype,
        "revision": revision,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    if (index is None) == (model is None):
        raise UsageError(
            "an index or a model is needed, one of the two",
            "--index INDEX, or --with MODEL such as cross-encoder/ms-marco-MiniLM-L6-v2",
        )
    if index is not None and (given or collection or cache or no_cache):
        raise UsageError("options of --with do not go with --index", "intrex rerank --help")
    refuse_existing(output, overwrite)
    asked, known = find_queries(queries)
    if index is not None:
        opened = open_index(index, known)
        found = read_any_run(run)
        name = tag or "_".join(f"{found.tag}+{index.resolve().name}".split())
        new = _by_index(found, asked, opened, depth, name, threads, device)
    else:
        documents = Collection.open(collection) if collection is not None else known
        if documents is None:
            raise UsageError("--with needs the texts of the documents", "add --collection COLLECTION")
        found = read_any_run(run)
        name = tag or "_".join(f"{found.tag}+{Path(model or '').name}".split())
        scorer = make_pair_scorer(model or "", EncoderOptions(device=device, **given), threads=threads)
        new = _by_model(found, asked, documents, scorer, depth, name, None if no_cache else ScoreCache(cache))
    if silent := len(found) - len(new):
        say(
            f"note: {silent:,} of {len(found):,} queries have no scored document; they have no line in the run"
        )
    write_run(new, output, overwrite)
    if output != STDIO:
        say(f"{output}: {len(new):,} queries, {len(new.doc_ids):,} lines, tag {new.tag}")


def _by_index(
    run: Run, queries: Queries, index: Index, depth: int, tag: str, threads: int | None, device: str | None
) -> Run:
    from intrex.retrievers.base import SearchOptions
    from intrex.retrievers.rerank.index import rerank

    with progress("reranking", len(queries)) as step:
        options = SearchOptions(device=device, progress=step)
        options = options if threads is None else options.with_threads(threads)
        return rerank(run, queries, index, depth, options, tag)


def _by_model(
    run: Run,
    queries: Queries,
    documents: Collection,
    scorer: PairScorer,
    depth: int,
    tag: str,
    cache: ScoreCache | None,
) -> Run:
    from intrex.retrievers.rerank.pairs import count_pairs, rerank_pairs

    total = count_pairs(run, depth)
    with progress("scoring pairs", total) as step:
        new = rerank_pairs(run, queries, documents, scorer, depth, tag, cache, step)
    if cache is not None and cache.hits:
        say(f"scores of {cache.hits:,} pairs were in {cache.folder}, {cache.added:,} were computed")
    return new

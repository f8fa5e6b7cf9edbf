"""``intrex rerank``: the best documents of a run, scored again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.output import say
from intrex.cli.common.parameters import command
from intrex.cli.common.progress import progress
from intrex.cli.common.runs import RunTarget
from intrex.data.errors import UsageError
from intrex.data.importers.options import TopicOptions
from intrex.data.rankings.options import RunSource
from intrex.retrievers.rerank.options import RerankOptions

if TYPE_CHECKING:
    from intrex.data.collection import Collection, Queries
    from intrex.data.run import Run
    from intrex.retrievers.base import Index


@command(
    "intrex rerank bm25.txt.gz scifact:test --with my-reranker --depth 20 -o reranked.txt.gz",
    "intrex rerank bm25.txt.gz scifact:test --index idx/tokens -o maxsim.txt.gz",
)
def rerank(
    run: Annotated[Path, typer.Argument(help="A run; - is stdin.")],
    queries: Annotated[str, typer.Argument(help="A query file, or COLLECTION:SET.")],
    target: RunTarget,
    topics: TopicOptions,
    options: RerankOptions,
    source: RunSource,
) -> None:
    """Rerank a run by the exact scores of an index, by a model of pairs of texts, or by a program or server of yours.

    docs/formats.md says what these read and write. Scores are kept: a killed rerank goes on where it was, a repeated one
    computes nothing. The run is tagged by the old tag and the index or the model, with what was chosen, unless --tag is given.
    """
    if options.index is None and options.model is None:
        raise UsageError(
            "an index or a model is needed, one of the two",
            "--index INDEX, or --with MODEL such as cross-encoder/ms-marco-MiniLM-L6-v2",
        )
    from intrex.data.collection import Collection
    from intrex.data.locate import find_queries
    from intrex.data.runformats import read_any_run
    from intrex.data.tags import with_marks
    from intrex.retrievers.base import open_index
    from intrex.retrievers.rerank.index import check_kind, rerank_tag
    from intrex.retrievers.rerank.rest import with_rest

    target.check()
    texts, collection = find_queries(queries, topics=topics)
    with source.declared():
        first = read_any_run(run)
    if options.by_index is not None:
        opened = open_index(Path(options.by_index), collection)
        check_kind(opened, options)
        tag = with_marks(target.tag or rerank_tag(first, options.by_index, options), first.tag)
        reranked = _by_index(first, texts, opened, options, tag)
    else:
        documents = Collection.open(Path(options.collection)) if options.collection else collection
        if documents is None:
            raise UsageError("--with needs the texts of the documents", "add --collection COLLECTION")
        tag = with_marks(target.tag or rerank_tag(first, options.model or "", options), first.tag)
        reranked = _by_model(first, texts, documents, options, tag)
    if options.keep_rest:
        reranked = with_rest(reranked, first)
    if silent := len(first) - len(reranked):
        say(
            f"note: {silent:,} of {len(first):,} queries have no scored document; they have no line in the run"
        )
    target.write(reranked)


def _by_index(run: Run, queries: Queries, index: Index, options: RerankOptions, tag: str) -> Run:
    from intrex.data.system.threads import cores
    from intrex.retrievers.options import SearchOptions
    from intrex.retrievers.rerank.index import rerank

    with progress("reranking", len(queries)) as step:
        search = SearchOptions(device=options.device, progress=step, threads=options.threads or cores())
        return rerank(run, queries, index, options.depth, search, tag)


def _by_model(run: Run, queries: Queries, documents: Collection, options: RerankOptions, tag: str) -> Run:
    from intrex.data.store.scorecache import ScoreCache
    from intrex.retrievers.rerank.scorer import rerank_texts, work_units

    folder = Path(options.cache) if options.cache is not None else None
    cache = None if options.no_cache else ScoreCache(folder)
    part = "ordering windows" if options.listwise else "scoring pairs"
    with progress(part, work_units(run, options)) as step:
        reranked = rerank_texts(run, queries, documents, options, tag, cache, step)
    if cache is not None and cache.hits:
        say(
            f"scores of {cache.hits:,} {'places' if options.listwise else 'pairs'} were in {cache.folder}, {cache.added:,} were computed"
        )
    return reranked

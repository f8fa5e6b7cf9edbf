"""Reranking by what ``--with`` names: a model that intrex loads, or a scorer elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from intrex.data.collection import Collection, Queries
from intrex.data.progress import Progress, no_progress
from intrex.data.run import Run
from intrex.data.store.scorecache import ScoreCache
from intrex.encoders.cross.base import PairScorer
from intrex.retrievers.rerank.command import CommandScorer, command_words
from intrex.retrievers.rerank.listwise import ListScorer, count_windows, rerank_windows
from intrex.retrievers.rerank.options import ADDRESSES, COMMAND, RerankOptions
from intrex.retrievers.rerank.outside import OutsideScorer
from intrex.retrievers.rerank.pairs import count_pairs, rerank_pairs
from intrex.retrievers.rerank.server import HttpScorer


def rerank_texts(
    run: Run,
    queries: Queries,
    collection: Collection,
    options: RerankOptions,
    tag: str,
    cache: ScoreCache | None = None,
    progress: Progress = no_progress,
    head_seed: int | None = None,
) -> Run:
    """Rank the ``depth`` best documents of each query of a run again by their texts.

    Args:
        run: the rankings.
        queries: the texts of at least the run's queries.
        collection: the texts of at least the run's documents.
        options: how to rerank, with a model or a scorer elsewhere.
        tag: of the new run.
        cache: keeps scores, or the orders of windows.
        progress: called with pieces of `work_units`.
        head_seed: as `intrex.encoders.cross.scorer.make_pair_scorer` takes it.

    Raises:
        UsageError, BadInput, IntrexError: as `open_scorer`, `rerank_pairs` and `rerank_windows`.
    """
    with open_scorer(options, head_seed) as scorer:
        if not isinstance(scorer, ListScorer):
            return rerank_pairs(run, queries, collection, scorer, options.depth, tag, cache, progress)
        with contextlib.nullcontext() if cache is None else cache.open(scorer.spec) as stored:
            return rerank_windows(run, queries, collection, scorer, options, tag, stored, progress)


def work_units(run: Run, options: RerankOptions) -> int:
    """Count what `rerank_texts` does: pairs, or windows."""
    return count_windows(run, options) if options.listwise else count_pairs(run, options.depth)


@contextlib.contextmanager
def open_scorer(
    options: RerankOptions, head_seed: int | None = None
) -> Iterator[PairScorer | OutsideScorer | ListScorer]:
    """Open the scorer that ``options.model`` names; what it started has ended when the context ends.

    Args:
        options: how to rerank, with a model or a scorer elsewhere.
        head_seed: as `intrex.encoders.cross.scorer.make_pair_scorer` takes it.

    Raises:
        UsageError: there is no such program, that is no address, or an option that the scorer does not have.
        BadInput: the model is nowhere to be found; at the end: a program wrote more than it was asked for.
        MissingExtra: sentence-transformers is not installed.
    """
    name = options.model or ""
    if name.startswith(COMMAND):
        program = (ListScorer if options.listwise else CommandScorer)(command_words(name), options)
        try:
            yield program
            program.close()
        finally:
            program.kill()
    elif name.startswith(ADDRESSES):
        yield HttpScorer(name, options)
    else:
        from intrex.encoders.cross.scorer import make_pair_scorer

        yield make_pair_scorer(name, options.encoding(), head_seed, threads=options.threads)

"""Reranking: the best documents of each query of a run, scored again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from intrex.data.arrays import Bytes, Rows, Scores
from intrex.data.collection import Queries
from intrex.data.errors import Problems, UsageError
from intrex.data.ids import IdTable, as_strings
from intrex.data.numeric.spans import owners_of, ranges
from intrex.data.options import Options
from intrex.data.run import Run, check_tag
from intrex.data.tags import name_of, quote_word, tag_of
from intrex.retrievers.base import Index, RunBuilder, best_rows
from intrex.retrievers.encoded import QUERIES_AT_ONCE
from intrex.retrievers.options import TIE_ORDERS, SearchOptions
from intrex.retrievers.rerank.options import OUTSIDE, RerankOptions


@runtime_checkable
class Rescorer(Protocol):
    """An index that scores documents by row, exactly as it searches: multi-vector, dense, impact and BM25 indexes do."""

    ids: IdTable

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Yield scores [len(rows[i])] of the documents ``rows[i]`` for each query; minus infinity where there is none."""
        ...


def rerank(run: Run, queries: Queries, index: Index, depth: int, options: SearchOptions, tag: str) -> Run:
    """Score the ``depth`` best documents of each query of a run again, and rank them by that.

    Documents below the depth are dropped, and so are those that an index gives no score (no tokens, no common term): the new run has
    scores of one kind only. A run of all documents gives what `Index.search` does.

    Args:
        run: the rankings to score again.
        queries: the texts of at least the run's queries.
        index: scores the documents.
        depth: how many of each query.
        options: ``threads``, ``device`` and ``progress`` are used; progress counts the queries of ``queries``.
        tag: of the new run.

    Raises:
        UsageError: ``tag`` has white space, or the index does not score documents.
        BadInput: a query of the run has no text, or one of its documents is not in the index.
    """
    check_tag(tag)
    if not isinstance(index, Rescorer):
        raise UsageError(
            f"an index of kind {index.manifest.kind} does not score given documents",
            "name a multivector, dense, sparse, impact or BM25 index",
        )
    hint = "rerank with an index of the collection that was searched"
    pool = candidates(run, queries, index.ids.find, depth, "the index", hint)
    rows_of = dict(zip(pool.queries, np.split(pool.rows, np.cumsum(pool.sizes)[:-1]), strict=False))
    builder = RunBuilder(index.ids, tag)
    for start in range(0, len(queries), QUERIES_AT_ONCE):  # encoded together as in a search: equal vectors
        batch = slice(start, start + QUERIES_AT_ONCE)
        names = queries.ids[batch]
        rows = [rows_of.get(name, np.empty(0, np.int64)) for name in names]
        rescored = index.rescore(queries.texts[batch], rows, options)
        for name, documents, scores in zip(names, rows, rescored, strict=True):
            mask = scores > -np.inf
            ranking = best_rows(documents[mask], scores[mask], index.ids.rank, depth, TIE_ORDERS[0])
            builder.add(name, *ranking)
            options.progress(1)
    return replace(builder.run(), tag=tag)


def check_kind(index: Index, options: RerankOptions) -> None:
    """Raise `UsageError` where ``bm25:INDEX`` names an index of another kind."""
    if options.model is not None and index.manifest.kind != "bm25":
        raise UsageError(
            f"{options.model} is an index of kind {index.manifest.kind}", f"--index {options.by_index}"
        )


def rerank_tag(run: Run, scorer: str, options: Options) -> str:
    """Return the tag of a reranked run by default: the run's, and the index or model that scored it, with what was chosen.

    A scorer elsewhere is named by its whole command line or address.
    """
    name = quote_word(scorer) if scorer.startswith(OUTSIDE) else name_of(scorer)
    return tag_of(f"{run.tag}+{name}", options, named=("index", "with"))


class Candidates(NamedTuple):
    """Best documents of each query of a run.

    Attributes:
        queries: [q] ids, in the order of the run.
        sizes: [q] number of documents of each.
        ids: [n] the documents, query by query.
        rows: [n] their rows in the index or collection that scores them.
    """

    queries: list[str]
    sizes: Rows
    ids: Bytes
    rows: Rows


def candidates(
    run: Run, queries: Queries, find: Callable[[Bytes], Rows], depth: int, place: str, hint: str
) -> Candidates:
    """Select the ``depth`` best documents of each query of a run, and find their rows in the index or collection.

    Args:
        run: the rankings to score again.
        queries: the texts of at least the run's queries.
        find: returns the rows of different ids, below 0 for an unknown one.
        depth: how many of each query.
        place: index or collection, in the message of an unknown document.
        hint: of that message.

    Raises:
        BadInput: every query without a text, and every unknown document.
    """
    problems = Problems(f"run {run.tag}")
    with_text, names = set(queries.ids), as_strings(run.query_ids)
    for query in names:
        if query not in with_text:
            text_hint = "name the queries that the run answers"
            problems.add(f"query {query}", "the queries have no text for it", text_hint)
    sizes = np.minimum(np.diff(run.offsets), depth)
    owner, ids = owners_of(sizes), run.doc_ids[ranges(run.offsets[:-1], sizes)]
    doc_ids, numbers = np.unique(ids, return_inverse=True)
    rows = find(doc_ids)[numbers]
    for i in np.flatnonzero(rows < 0):
        problems.add(f"query {names[owner[i]]}", f"document {ids[i].decode()} is not in {place}", hint)
    problems.raise_if_any()
    return Candidates(names, sizes, ids, rows)

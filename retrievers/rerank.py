"""Reranking: the best documents of each query of a run, scored again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from intrex.data.collection import Queries
from intrex.data.errors import Problems, UsageError
from intrex.data.ids import IdTable
from intrex.data.run import Run, check_tag
from intrex.retrievers.base import Index, Rows, RunBuilder, Scores, SearchOptions, top_k
from intrex.retrievers.encoded import QUERIES_AT_ONCE


@runtime_checkable
class Rescorer(Protocol):
    """An index that scores given documents exactly as it searches: multi-vector, dense and impact indexes do."""

    ids: IdTable

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Scores [len(rows[i])] of the documents ``rows[i]`` for each query; minus infinity where there is none."""
        ...


def rerank(run: Run, queries: Queries, index: Index, depth: int, options: SearchOptions, tag: str) -> Run:
    """Score the ``depth`` best documents of each query of a run again, and rank them by that.

    Documents below the depth are dropped, and so are those that an index gives no score (no tokens, no common term): the new run has
    scores of one kind only. A run of all documents gives what `Index.search` does.

    Args:
        run: what was found.
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
            "name a multivector, dense, sparse or impact index",
        )
    rows = _rows(run, queries, index.ids, depth)
    builder = RunBuilder(index.ids, tag)
    for start in range(0, len(queries), QUERIES_AT_ONCE):  # encoded together as in a search: equal vectors
        some = slice(start, start + QUERIES_AT_ONCE)
        given = [rows.get(name, np.empty(0, np.int64)) for name in queries.ids[some]]
        scores = index.rescore(queries.texts[some], given, options)
        for name, own, new in zip(queries.ids[some], given, scores, strict=True):
            scored = np.flatnonzero(new > -np.inf)
            best = scored[top_k(new[scored], index.ids.rank[own[scored]], depth)]
            builder.add(name, own[best], new[best])
            options.progress(1)
    return replace(builder.run(), tag=tag)


def _rows(run: Run, queries: Queries, ids: IdTable, depth: int) -> dict[str, Rows]:
    """For each query of the run the rows of its best documents."""
    problems = Problems(f"run {run.tag}")
    known = set(queries.ids)
    kept = {q.decode(): docs[:depth] for q, docs, _ in run.rankings()}
    for query in kept:
        if query not in known:
            problems.add(
                f"query {query}", "the queries have no text for it", "name the queries that the run answers"
            )
    found = ids.find(np.concatenate(list(kept.values()))) if kept else np.empty(0, np.int64)
    rows, start = {}, 0
    for query, docs in kept.items():
        rows[query] = own = found[start : start + len(docs)]
        start += len(docs)
        for document in docs[own < 0].tolist():
            problems.add(
                f"query {query}",
                f"document {document.decode()} is not in the index",
                "rerank with an index of the collection that was searched",
            )
    problems.raise_if_any()
    return rows

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
from intrex.data.run import Run, check_tag
from intrex.retrievers.base import Index, RunBuilder, top_k
from intrex.retrievers.encoded import QUERIES_AT_ONCE
from intrex.retrievers.options import SearchOptions


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
    hint = "rerank with an index of the collection that was searched"
    found = candidates(run, queries, index.ids.find, depth, "the index", hint)
    rows = dict(zip(found.queries, np.split(found.rows, np.cumsum(found.sizes)[:-1]), strict=False))
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


class Candidates(NamedTuple):
    """The best documents of each query of a run.

    Attributes:
        queries: [q] ids, in the order of the run.
        sizes: [q] how many documents each has.
        ids: [n] the documents, query by query.
        rows: [n] what their ids were found as.
    """

    queries: list[str]
    sizes: Rows
    ids: Bytes
    rows: Rows


def candidates(
    run: Run, queries: Queries, find: Callable[[Bytes], Rows], depth: int, place: str, hint: str
) -> Candidates:
    """The ``depth`` best documents of each query of a run, and their rows in what is going to score them.

    Args:
        run: what was found.
        queries: the texts of at least the run's queries.
        find: the rows of ids, below 0 for one that is not there; it is given each id once.
        depth: how many of each query.
        place: what has the rows, for the message of a document that is not there.
        hint: what to do then.

    Raises:
        BadInput: every query without a text, and every document that is not there.
    """
    problems = Problems(f"run {run.tag}")
    known, names = set(queries.ids), as_strings(run.query_ids)
    for query in names:
        if query not in known:
            problems.add(
                f"query {query}", "the queries have no text for it", "name the queries that the run answers"
            )
    sizes = np.minimum(np.diff(run.offsets), depth)
    owner = np.repeat(np.arange(len(names)), sizes)
    places = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    ids = run.doc_ids[run.offsets[owner] + places]
    different, which = np.unique(ids, return_inverse=True)
    rows = find(different)[which]
    for i in np.flatnonzero(rows < 0):
        problems.add(
            f"query {names[owner[i]]}",
            f"document {ids[i].decode()} is not in {place}",
            hint,
        )
    problems.raise_if_any()
    return Candidates(names, sizes, ids, rows)

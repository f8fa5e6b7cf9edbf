"""Feedback on vectors: queries moved towards the vectors of documents, as pyserini moves them, and searched again.

With avg a query becomes the mean of itself and the documents' vectors; with rocchio it becomes alpha times itself, plus
beta times the mean of the best documents, minus gamma times the mean of the last. It is not brought back to any length.
A query without documents stays as it is. The operations are numpy's in float32, those of pyserini's
``DenseVectorAveragePrf`` and ``DenseVectorRocchioPrf``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from intrex.data.arrays import Float32s, Rows
from intrex.data.errors import BadInput
from intrex.data.progress import no_progress
from intrex.retrievers.base import Ranking
from intrex.retrievers.prf.options import QueryFeedback, VectorFeedback

Q = TypeVar("Q")
S = TypeVar("S", bound=QueryFeedback)
NOTHING: Rows = np.empty(0, np.int64)


def move(query: Float32s, documents: Float32s, options: VectorFeedback) -> Float32s:
    """Move a query [d] towards the vectors of documents [m, d], best first; the new query is float32 [d].

    >>> query, documents = np.array([1, 0], np.float32), np.array([[0, 1], [0.6, 0.8]], np.float32)
    >>> move(query, documents, VectorFeedback(prf_depth=2)).round(6).tolist()
    [0.533333, 0.6]
    """
    if not len(documents):
        return query
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is reported
        if options.prf_method == "rocchio":
            moved = options.rocchio_alpha * query
            moved = moved + options.rocchio_beta * np.mean(documents[: options.rocchio_topk], axis=0)
            if options.rocchio_bottomk:
                moved -= options.rocchio_gamma * np.mean(documents[-options.rocchio_bottomk :], axis=0)
        else:
            moved = np.mean(np.vstack((query, documents)), axis=0)
        vector: Float32s = moved.astype(np.float32)
    if not np.isfinite(vector).all():
        raise BadInput(
            "feedback makes a query's vector so long that it is not finite",
            "choose smaller weights: --rocchio-alpha, --rocchio-beta, --rocchio-gamma",
        )
    return vector


def move_vectors(
    queries: Float32s, documents: Sequence[Rows], read: Callable[[Rows], Float32s], options: VectorFeedback
) -> Float32s:
    """Move each query [q, d] towards the vectors of its documents, which ``read`` gives for rows, best first."""
    pairs = zip(queries, documents, strict=True)
    found = [move(query, read(rows), options) if len(rows) else query for query, rows in pairs]
    return np.array(found, np.float32).reshape(queries.shape)


def rank_with_feedback(
    queries: Q,
    options: S,
    rank: Callable[[Q, S], Iterable[Ranking]],
    move_all: Callable[[Q, Sequence[Rows]], Q],
    names: Sequence[str] | None = None,
) -> Iterator[Ranking]:
    """Rank queries as feedback moves them, in one list or in rounds; without feedback as they are.

    Args:
        queries: of any kind.
        options: how to search and to move; of ``documents`` those of ``names`` are read.
        rank: ranks all queries with options.
        move_all: moves each of the queries towards documents, best first.
        names: ids of the queries.
    """
    if not options.prf_depth:
        yield from rank(queries, options)
    elif options.rounds is not None:
        yield from _rank_in_rounds(queries, options, rank, move_all)
    else:
        yield from rank(reformulate(queries, options, rank, move_all, names), options)


def reformulate(
    queries: Q,
    options: S,
    rank: Callable[[Q, S], Iterable[Ranking]],
    move_all: Callable[[Q, Sequence[Rows]], Q],
    names: Sequence[str] | None = None,
) -> Q:
    """Return the queries that feedback makes; see `rank_with_feedback`."""
    depth = options.prf_depth or 0
    if options.documents is not None and names is not None:
        return move_all(queries, [options.documents.get(name, NOTHING)[:depth] for name in names])
    first = rank(queries, replace(options, k=depth, progress=no_progress))
    return move_all(queries, [rows[:depth] for rows, _ in first])


def _rank_in_rounds(
    queries: Q,
    options: S,
    rank: Callable[[Q, S], Iterable[Ranking]],
    move_all: Callable[[Q, Sequence[Rows]], Q],
) -> Iterator[Ranking]:
    """Rank as `rank_with_feedback` in rounds of equal length; the place in the whole is the score, from ``k`` down to 1.

    As many documents as were found before are searched for beside those of the round, so that what is left after the
    former are taken out is the best of the rest. (One round would be the search without feedback: so options say it.)
    """
    rounds, k = options.rounds or 1, options.k
    size = -(-k // rounds)
    lists: list[list[Rows]] = []
    for number in range(rounds):
        depth = min(k, size * (number + 1))
        last = depth == k
        step = options.progress if last else no_progress
        rankings = list(rank(queries, replace(options, k=depth, progress=step)))
        lists = lists or [[] for _ in rankings]
        fresh = []
        for (rows, _), found in zip(rankings, lists, strict=True):
            seen = np.concatenate([NOTHING, *found])
            new = rows[~np.isin(rows, seen)][: depth - size * number]
            found.append(new)
            fresh.append(new[: options.prf_depth])
        if last:
            break
        queries = move_all(queries, fresh)
    for found in lists:
        rows = np.concatenate(found)
        yield rows, (k - np.arange(len(rows))).astype(np.float32)

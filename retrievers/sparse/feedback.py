"""Feedback on term weights: queries moved towards the stored weights of documents.

The index keeps weights by term, so one pass over all postings reads those of the documents that any query needs. What
was not stored, such as a weight that ``--quantize`` rounded to 0, is not there to move towards.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from intrex.data.arrays import Float32s, Int64s, Rows
from intrex.data.numeric.spans import offsets_of
from intrex.retrievers.inverted.postings import MERGED
from intrex.retrievers.inverted.search import Weighted
from intrex.retrievers.prf.options import VectorFeedback
from intrex.retrievers.prf.vector import move
from intrex.retrievers.sparse.searcher import ImpactSearcher


def move_weighted(
    searcher: ImpactSearcher, queries: Weighted, documents: Sequence[Rows], options: VectorFeedback
) -> Weighted:
    """Move each query towards documents, best first; see `intrex.retrievers.prf.vector.move`.

    Terms are those of the query and of the documents, first the query's in their order. Weights that are not above 0
    are left out.
    """
    forward = _Forward(searcher, np.unique(np.concatenate([np.empty(0, np.int64), *documents])))
    terms, weights = [], []
    for query, rows in enumerate(documents):
        span = slice(int(queries.offsets[query]), int(queries.offsets[query + 1]))
        vectors = [(queries.terms[span], queries.weights[span]), *map(forward.weights, rows.tolist())]
        names, values = _table(vectors)
        moved = move(values[0], values[1:], options)
        terms.append(names[moved > 0])
        weights.append(moved[moved > 0])
    offsets = offsets_of([len(part) for part in terms])
    empty = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    return Weighted(offsets, np.concatenate(empty[0] + terms), np.concatenate(empty[1] + weights))


def _table(vectors: Sequence[tuple[Int64s, Float32s]]) -> tuple[Int64s, Float32s]:
    """Write term weights as rows over the terms that any has, in the order in which they first occur."""
    terms, first, columns = np.unique(
        np.concatenate([names for names, _ in vectors]), return_index=True, return_inverse=True
    )
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    owners = np.repeat(np.arange(len(vectors)), [len(names) for names, _ in vectors])
    table = np.zeros((len(vectors), len(terms)), np.float32)
    table[owners, place[columns]] = np.concatenate([values for _, values in vectors])
    return terms[order], table


class _Forward:
    """Stored weights of some rows, by row.

    Args:
        searcher: of the index.
        rows: ascending, different.
    """

    def __init__(self, searcher: ImpactSearcher, rows: Rows) -> None:
        offsets, docs, weights = searcher.postings
        mask = np.zeros(len(searcher.rank), np.bool_)
        mask[rows] = True
        parts = [
            np.flatnonzero(mask.take(docs[low : low + MERGED])) + low for low in range(0, len(docs), MERGED)
        ]
        places = np.concatenate([np.empty(0, np.int64), *parts])
        places = places[np.argsort(docs[places], kind="stable")]
        self._bounds = np.searchsorted(docs[places], np.append(rows, len(mask)))
        self._terms = np.searchsorted(offsets, places, side="right") - 1
        self._weights = (weights[places] * np.float64(searcher.scale)).astype(np.float32)
        self._number = {row: i for i, row in enumerate(rows.tolist())}

    def weights(self, row: int) -> tuple[Int64s, Float32s]:
        """Return the terms of a row, ascending, and their weights."""
        span = slice(*self._bounds[self._number[row] : self._number[row] + 2])
        return self._terms[span], self._weights[span]

"""An inverted index of term weights (impacts), and search by dot product over it.

A document scores the sum of the products of its weights and the query's, in float64, rounded once to float32. Weights of
24 bits or fewer make products that float64 holds exactly.

Files: those of `intrex.retrievers.inverted.vocabulary`, where the number of a term is its dimension; ``postings.offsets.npy``
int64 [v + 1] cuts by dimension ``postings.docs.npy`` int32 [p] (rows, ascending within a term) and
``postings.impacts.npy`` uint8, uint16 or float32 [p], the weights divided by the manifest's ``scale``; ``bounds.npy``
float32 has the largest of every 128 of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from intrex.data.arrays import Float32s, Float64s, Int32s, Int64s, Rows, Scores, Uint8s, Uint16s
from intrex.data.errors import BadInput
from intrex.data.native.kernel import Kernel
from intrex.data.native.library import Library
from intrex.data.npy import check_offsets, check_spans, open_array
from intrex.retrievers.inverted.postings import BOUND_BLOCK
from intrex.retrievers.inverted.search import UNTOUCHED, PostingsSearcher, Weighted

LIBRARIES = {
    dtype: Library(f"search-{dtype}", (f"intrex.retrievers.sparse.kernels:search_{dtype}",))
    for dtype in ("uint8", "uint16", "float32")
}
"""Search by the type of the documents' weights; each is compiled when the first such index is searched."""


class Impacts(NamedTuple):
    """Postings with weights, memory-mapped; see the module's text."""

    offsets: Int64s
    docs: Int32s
    weights: Uint8s | Uint16s | Float32s


def open_impacts(folder: Path, terms: int, rows: int) -> tuple[Impacts, Float32s]:
    """Map the postings of an index and their bounds; what is an address is checked, in one pass over the postings.

    Raises:
        BadInput: a file is missing, or does not fit the others, ``terms`` or ``rows``.
    """
    places, docs_file = folder / "postings.offsets.npy", folder / "postings.docs.npy"
    offsets = open_array(places, np.int64, (terms + 1,))
    docs = open_array(docs_file, np.int32, (None,))
    weights = open_array(folder / "postings.impacts.npy", shape=docs.shape)
    if weights.dtype.name not in LIBRARIES:
        raise BadInput(f"damaged: weights of type {weights.dtype} ({folder})", "rebuild the index")
    bounds = open_array(folder / "bounds.npy", np.float32, (-(-len(docs) // BOUND_BLOCK),))
    check_offsets(offsets, len(docs), places)
    check_spans(docs, offsets, rows, docs_file)
    return Impacts(offsets, docs, weights), bounds


@dataclass
class ImpactSearcher(PostingsSearcher):
    """A search for the best rows by dot product; see `PostingsSearcher`.

    Attributes:
        bounds: the largest weight of every 128 postings, or None.
        scale: the value of a stored weight of 1; a power of two, so that multiplying by it is exact.
    """

    postings: Impacts
    scale: float = 1.0

    def _kernel(self) -> Kernel | None:
        dtype = self.postings.weights.dtype.name
        kernels = LIBRARIES[dtype].kernels()
        return kernels[f"search_{dtype}"] if kernels else None

    def _arguments(self, queries: Weighted) -> list[Any]:
        return [queries.weights.astype(np.float64) * self.scale, self.postings.weights]

    def _exact(self, queries: Weighted) -> Uint8s:
        return np.zeros(len(queries.offsets) - 1, np.uint8)  # float64 may round sums of such products

    def score(self, queries: Weighted, query: int, rows: Rows) -> Scores:
        """Score rows for one query, as a search does; minus infinity where no term is common."""
        sums = np.full(len(rows), UNTOUCHED)
        for t, common, values in self._common(queries, query, rows):
            sums[common] += np.float64(queries.weights[t]) * self.scale * values
        return np.where(np.signbit(sums), -np.inf, sums).astype(np.float32)

    def document_weights(self, queries: Weighted, query: int, rows: Rows) -> Float64s:
        """Return the weights [terms of one query, len(rows)] of its terms in rows; 0 where a row lacks the term."""
        first, last = (int(end) for end in queries.offsets[query : query + 2])
        out = np.zeros((last - first, len(rows)))
        for t, common, values in self._common(queries, query, rows):
            out[t - first, common] = values * self.scale
        return out

    def _common(self, queries: Weighted, query: int, rows: Rows) -> Iterator[tuple[int, Rows, Float64s]]:
        """Yield for each term of a query its number among all, the places in ``rows`` that have it, and the stored weights."""
        offsets, docs, weights = self.postings
        rows = rows.astype(docs.dtype)  # or docs would be copied
        for t in range(int(queries.offsets[query]), int(queries.offsets[query + 1])):
            low, high = (int(end) for end in offsets[queries.terms[t] : queries.terms[t] + 2])
            places = low + np.searchsorted(docs[low:high], rows)
            common = np.flatnonzero(places < high)
            common = common[docs[places[common]] == rows[common]]
            yield t, common, weights[places[common]].astype(np.float64)

    def _scores(self, queries: Weighted, t: int) -> tuple[Int64s, Float64s]:
        offsets, docs, weights = self.postings
        term = int(queries.terms[t])
        span = slice(int(offsets[term]), int(offsets[term + 1]))
        weight = np.float64(queries.weights[t]) * self.scale
        return docs[span].astype(np.int64), weight * weights[span].astype(np.float64)

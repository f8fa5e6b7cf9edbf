"""An inverted index of term weights (impacts), and search by dot product over it.

A document scores the sum of the products of its weights and the query's, in float64, rounded once to float32. Weights of
24 bits or fewer make products that float64 holds exactly.

Files: those of `intrex.retrievers.inverted.vocabulary`, where the number of a term is its dimension; ``postings.offsets.npy``
int64 [v + 1] cuts by dimension ``postings.docs.npy`` int32 [p] (rows, ascending within a term) and
``postings.impacts.npy`` uint8, uint16 or float32 [p], the weights divided by the manifest's ``scale``; ``bounds.npy``
float32 has the largest of every 128 of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int64s, Scores
from intrex.data.native.kernel import Kernel
from intrex.data.native.library import Library
from intrex.retrievers.inverted.search import UNTOUCHED, PostingsSearcher, Weighted

LIBRARIES = {
    dtype: Library(f"search-{dtype}", (f"intrex.retrievers.sparse.kernels:search_{dtype}",))
    for dtype in ("uint8", "uint16", "float32")
}
"""Search by the type of the documents' weights; each is compiled when the first such index is searched."""


class Impacts(NamedTuple):
    """Postings with weights, memory-mapped; see the module's text."""

    offsets: Int64s
    docs: npt.NDArray[np.int32]
    weights: npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.float32]


def open_impacts(folder: Path) -> tuple[Impacts, npt.NDArray[np.float32]]:
    """The postings of an index and their bounds, without reading them."""
    names = ("postings.offsets", "postings.docs", "postings.impacts", "bounds")
    # Plain arrays: slices of `numpy.memmap` cost more.
    offsets, docs, weights, bounds = (np.asarray(np.load(folder / f"{n}.npy", mmap_mode="r")) for n in names)
    return Impacts(offsets, docs, weights), bounds


@dataclass
class ImpactSearcher(PostingsSearcher):
    """Finds the best rows by dot product.

    Attributes:
        postings: the inverted index.
        rank: see `PostingsSearcher`.
        bounds: the largest weight of every 128 postings, or None.
        scale: what a stored weight of 1 means; a power of two, so that multiplying by it is exact.
        prune: see `PostingsSearcher`.
        first: see `PostingsSearcher`.
    """

    postings: Impacts
    rank: npt.NDArray[np.uint32]
    bounds: npt.NDArray[np.float32] | None
    scale: float = 1.0
    prune: bool = True
    first: int = 0

    def _kernel(self) -> Kernel | None:
        dtype = self.postings.weights.dtype.name
        kernels = LIBRARIES[dtype].kernels()
        return kernels[f"search_{dtype}"] if kernels else None

    def _given(self, queries: Weighted) -> list[Any]:
        return [queries.weights.astype(np.float64) * self.scale, self.postings.weights]

    def _exact(self, queries: Weighted) -> npt.NDArray[np.uint8]:
        return np.zeros(len(queries.offsets) - 1, np.uint8)  # float64 may round sums of such products

    def score(self, queries: Weighted, query: int, rows: npt.NDArray[np.integer]) -> Scores:
        """The scores of some rows for one query, as a search gives them; minus infinity where no term is common."""
        offsets, docs, weights = self.postings
        rows, sums = (
            rows.astype(docs.dtype),
            np.full(len(rows), UNTOUCHED),
        )  # of one type: else docs would be copied
        for t in range(int(queries.offsets[query]), int(queries.offsets[query + 1])):
            low, high = (int(end) for end in offsets[queries.terms[t] : queries.terms[t] + 2])
            at = low + np.searchsorted(docs[low:high], rows)
            has = np.flatnonzero(at < high)
            has = has[docs[at[has]] == rows[has]]
            sums[has] += np.float64(queries.weights[t]) * self.scale * weights[at[has]].astype(np.float64)
        return np.where(np.signbit(sums), -np.inf, sums).astype(np.float32)

    def _scores(self, queries: Weighted, t: int) -> tuple[Int64s, npt.NDArray[np.float64]]:
        offsets, docs, weights = self.postings
        term = int(queries.terms[t])
        here = slice(int(offsets[term]), int(offsets[term + 1]))
        weight = np.float64(queries.weights[t]) * self.scale
        return docs[here].astype(np.int64), weight * weights[here].astype(np.float64)

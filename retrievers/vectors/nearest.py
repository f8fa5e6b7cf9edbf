"""Vectors nearest to a query: found exactly, by comparing all, or as `intrex.retrievers.vectors.ann` finds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores, Uint32s
from intrex.data.errors import MissingExtra
from intrex.data.numeric.rows import error_bound, row_norms
from intrex.data.store.vectors import open_vectors
from intrex.data.system.threads import blas_threads, cores
from intrex.retrievers.base import Ranking
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.vectors.ann import AnnSearch, build_ann, faiss_scan
from intrex.retrievers.vectors.exact import SCANNED_AT_ONCE, Pool, VectorSearch
from intrex.retrievers.vectors.native import exact_dot
from intrex.retrievers.vectors.options import HNSW, AnnConfig, NearestOptions


class FlatSearch(VectorSearch):
    """A search that compares all vectors, exactly; see `intrex.retrievers.vectors.exact`.

    Attributes:
        vectors: [n, d] float32, perhaps memory-mapped.
    """

    def __init__(self, vectors: Float32s, longest: float, rank: Uint32s) -> None:
        super().__init__("flat", vectors.shape, longest, rank)
        self.vectors = vectors

    def prepare(self, options: SearchOptions) -> None:
        """Raise `MissingExtra` where faiss is to find the candidates and is not installed; the ranking is the same bits."""
        if NearestOptions.of(options).engine == "faiss" and find_spec("faiss") is None:
            raise MissingExtra("faiss-cpu", "ann", "--engine faiss")

    def score(self, query: Float32s, rows: Rows) -> Scores:
        """See `VectorSearch.score`."""
        return exact_dot(self.vectors, rows, query)

    def read(self, rows: Rows) -> Float32s:
        """See `VectorSearch.read`."""
        return self.vectors[rows]

    def _rank_batch(self, batch: Float32s, options: NearestOptions) -> Iterable[Ranking]:
        with blas_threads(options.threads):
            pairs = zip(batch, self._candidates(batch, options), strict=True)
            return [self._best(query, rows, options) for query, rows in pairs]

    def _candidates(self, batch: Float32s, options: NearestOptions) -> list[Rows]:
        """Find for each query the rows, ascending, that hold the exact ``k`` best, ties at the cut included."""
        dim = self.shape[1]
        bounds = [error_bound(dim, norm, self.longest) for norm in row_norms(batch).tolist()]
        pools = [Pool(options.k, 2 * bound) for bound in bounds]
        step = max(1, SCANNED_AT_ONCE // dim)
        for start in range(0, len(self.vectors), step):
            block = self.vectors[start : start + step]
            if options.engine == "faiss":
                faiss_scan(batch, block, start, pools, options.k, options.threads)
                continue
            for pool, scores in zip(pools, batch @ block.T, strict=True):
                pool.add(scores, start=start)
        return [np.sort(pool.rows) for pool in pools]


def open_nearest(
    folder: Path, params: Mapping[str, Any], rank: Uint32s, vectors: Float32s | None
) -> FlatSearch | AnnSearch:
    """Open the search of an index's vectors.

    Args:
        folder: the index.
        params: of its manifest: ``max_norm``, and what `add_ann` returned.
        rank: [n] the rank of each row's id.
        vectors: [n, d] float32, or None where only ``ann.faiss`` has them.

    Raises:
        BadInput: ``ann.faiss`` is damaged.
        MissingExtra: it is needed, and faiss is not installed.
    """
    longest = float(params["max_norm"])
    if "ann" in params:
        return AnnSearch(folder, AnnConfig.read(params["ann"]), longest, rank, vectors)
    if vectors is None:
        raise ValueError("an exact search needs the vectors")
    return FlatSearch(vectors, longest, rank)


def add_ann(folder: Path, config: AnnConfig) -> dict[str, Any]:
    """Build ``ann.faiss`` of the ``vectors.npy`` in a folder, unless the search is exact; return its entries of the manifest."""
    if config.engine == "flat":
        return {}
    shared = build_ann(open_vectors(folder / "vectors.npy"), config, folder, cores())
    return {"ann": config.params(), **({"shared_nodes": shared} if config.engine in HNSW else {})}

"""The vectors nearest to a query: exactly, every one being compared with it, or as `intrex.retrievers.vectors.ann` finds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.errors import MissingExtra
from intrex.data.numeric.rows import error_bound, row_norms
from intrex.data.store.vectors import open_vectors
from intrex.data.system.threads import blas_threads, cores
from intrex.retrievers.base import tie_rank, top_k
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.vectors.ann import AnnSearch, build_ann, faiss_scan
from intrex.retrievers.vectors.exact import Pool, check_queries
from intrex.retrievers.vectors.native import exact_dot
from intrex.retrievers.vectors.options import AnnConfig, NearestOptions

SCANNED_AT_ONCE = 1 << 24
"""Numbers of the vectors that one matrix product reads: 64 MB."""


class FlatSearch:
    """Ranks all vectors by their dot product with a query, exactly; see `intrex.retrievers.vectors.exact`.

    Attributes:
        vectors: [n, d] float32, perhaps memory-mapped.
        longest: the length of the longest.
    """

    def __init__(self, vectors: Float32s, longest: float, rank: npt.NDArray[np.uint32]) -> None:
        self.vectors, self.longest = vectors, longest
        self._rank = rank

    @property
    def shape(self) -> tuple[int, int]:
        """How many vectors of how many dimensions."""
        return self.vectors.shape

    def prepare(self, options: NearestOptions) -> None:
        """Raise `MissingExtra` where faiss is to find the candidates and is not installed; the ranking is the same bits."""
        if options.engine == "faiss" and find_spec("faiss") is None:
            raise MissingExtra("faiss-cpu", "ann", "--engine faiss")

    def rank(self, queries: Float32s, options: SearchOptions) -> Iterator[tuple[Rows, Scores]]:
        """Rows and float32 scores of the ``k`` best for each of ``queries`` [q, d], best first.

        Raises:
            BadInput: a query has another dimension, is not finite, or so long that scores overflow.
        """
        check_queries(queries, self.vectors.shape[1], self.longest)
        for start in range(0, len(queries), options.batch_size):
            batch = np.ascontiguousarray(queries[start : start + options.batch_size], np.float32)
            with blas_threads(options.threads):
                found = [
                    self._best(query, rows, options)
                    for query, rows in zip(batch, self._candidates(batch, options), strict=True)
                ]
            yield from found
            options.progress(len(batch))

    def score(self, query: Float32s, rows: Rows) -> Scores:
        """Exact scores [len(rows)] of some rows for one query [d]."""
        return exact_dot(self.vectors, rows, query)

    def _candidates(self, batch: Float32s, options: SearchOptions) -> list[Rows]:
        """For each query the rows, ascending, among which the exact ``k`` best are, ties at the cut included."""
        dim = self.vectors.shape[1]
        bounds = [error_bound(dim, norm, self.longest) for norm in row_norms(batch).tolist()]
        pools = [Pool(options.k, 2 * bound) for bound in bounds]
        step = max(1, SCANNED_AT_ONCE // dim)
        for start in range(0, len(self.vectors), step):
            block = self.vectors[start : start + step]
            if NearestOptions.of(options).engine == "faiss":
                faiss_scan(batch, block, start, pools, options.k, options.threads)
                continue
            for pool, scores in zip(pools, batch @ block.T, strict=True):
                pool.add(scores, start=start)
        return [np.sort(pool.rows) for pool in pools]

    def _best(self, query: Float32s, rows: Rows, options: SearchOptions) -> tuple[Rows, Scores]:
        scores = self.score(query, rows)
        best = top_k(scores, tie_rank(self._rank[rows], options.ties), options.k)
        return rows[best], scores[best]


def open_nearest(
    folder: Path, params: Mapping[str, Any], rank: npt.NDArray[np.uint32], vectors: Float32s | None
) -> FlatSearch | AnnSearch:
    """What searches the vectors of an index.

    Args:
        folder: the index.
        params: of its manifest: ``max_norm``, and what `add_ann` gave.
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
    """Build ``ann.faiss`` of the ``vectors.npy`` in a folder; returns what the manifest is to say of it."""
    if config.engine == "flat":
        return {}
    build_ann(open_vectors(folder / "vectors.npy"), config, folder, cores())
    return {"ann": config.params()}

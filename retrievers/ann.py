"""faiss: brute-force nearest neighbours. This is the only file that imports it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from intrex.data.errors import MissingExtra
from intrex.retrievers.exact import Matrix, Pool

MARGIN = 32
"""Neighbours asked for beyond k, among which ties at the cut are looked for."""


def faiss_scan(queries: Matrix, block: Matrix, start: int, pools: list[Pool], k: int, threads: int) -> None:
    """Add to each query's pool the rows of a block that may be among its ``k`` best, found by ``faiss.knn``.

    faiss returns a fixed number of neighbours. Where the last of them still reaches the pool's floor there may be
    more, and that query scans the whole block instead.

    Args:
        queries: [q, d] float32.
        block: [m, d] float32, C-contiguous.
        start: the row of the block's first vector.
        pools: one for each query.
        k: how many are wanted.
        threads: how many threads faiss may use.

    Raises:
        MissingExtra: faiss is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise MissingExtra("faiss-cpu", "ann", "searching by faiss") from error
    faiss.omp_set_num_threads(threads)
    wanted = min(k + MARGIN, len(block))
    scores, rows = faiss.knn(queries, np.ascontiguousarray(block), wanted, metric=faiss.METRIC_INNER_PRODUCT)
    found: npt.NDArray[np.int64] = rows.astype(np.int64) + start
    for i, pool in enumerate(pools):
        pool.add(scores[i], found[i])
        if wanted < len(block) and scores[i, -1] >= pool.floor:
            pool.forget(start)
            pool.add(block @ queries[i], start=start)

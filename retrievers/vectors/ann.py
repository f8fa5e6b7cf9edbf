"""Brute force and approximate nearest neighbours by faiss, which only this file imports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Rows, Scores, Uint32s
from intrex.data.errors import BadInput, MissingExtra, UsageError
from intrex.data.system.machine import require_memory
from intrex.data.system.threads import blas_threads, on_threads
from intrex.retrievers.base import Ranking
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.vectors.exact import Pool, VectorSearch
from intrex.retrievers.vectors.native import exact_dot
from intrex.retrievers.vectors.nodes import FILE as NODES
from intrex.retrievers.vectors.nodes import Nodes, number_nodes
from intrex.retrievers.vectors.options import HNSW, AnnConfig, NearestOptions
from intrex.retrievers.vectors.sizes import ADDED_AT_ONCE, bytes_while_building, sample_rows

NPROBE = 16
"""Inverted lists that are looked through by default."""
MARGIN = 32
"""Neighbours found beyond k, among which ties at the cut are looked for."""
FILE = "ann.faiss"
PARTS_AT_ONCE = 16
"""Parts of a product quantiser that a thread learns from one copy of the sample."""


def faiss_scan(
    queries: Float32s, block: Float32s, start: int, pools: list[Pool], k: int, threads: int
) -> None:
    """Add to each query's pool the rows of a block that may be among its ``k`` best, found by ``faiss.knn``.

    faiss returns a fixed number of neighbours. Where the last of them still reaches the pool's floor there may be
    more, and that query scans the whole block instead.

    Args:
        queries: [q, d] float32.
        block: [m, d] float32, C-contiguous.
        start: the row of the block's first vector.
        pools: one for each query.
        k: depth of the ranking.
        threads: how many faiss may use.

    Raises:
        MissingExtra: faiss is not installed.
    """
    faiss = load_faiss()
    depth = min(k + MARGIN, len(block))
    flat = np.ascontiguousarray(block)
    with faiss_threads(threads):
        scores, places = faiss.knn(queries, flat, depth, metric=faiss.METRIC_INNER_PRODUCT)
    rows: npt.NDArray[np.int64] = places.astype(np.int64) + start
    for i, pool in enumerate(pools):
        pool.add(scores[i], rows[i])
        if depth < len(block) and scores[i, -1] >= pool.floor:
            pool.forget(start)
            pool.add(block @ queries[i], start=start)


def build_ann(vectors: Float32s, config: AnnConfig, folder: Path, threads: int) -> int:
    """Write ``ann.faiss`` of vectors: the same bytes each time, with any number of threads.

    In a graph rows that are equal, as vectors or as codes, share a node: ``nodes.npy`` says which, if there are any.
    k-means starts from faiss's fixed seed and learns from vectors at equal distances; one thread builds a graph.

    Args:
        vectors: [n, d] float32, perhaps memory-mapped.
        config: as `AnnConfig.resolved` gives it.
        folder: where the file goes.
        threads: how many to use.

    Returns how many rows have the node of an earlier one.

    Raises:
        IntrexError: there is too little memory for what faiss keeps meanwhile.
        MissingExtra: faiss is not installed.
    """
    faiss = load_faiss()
    n, dim = vectors.shape
    require_memory(
        bytes_while_building(config, n, dim), f"building {config.engine} of {n:,} vectors [{dim:,}]",
        "choose pq or sq8, fewer dimensions (--final-dim), or another machine",
    )  # fmt: skip
    index = faiss.index_factory(dim, config.factory, faiss.METRIC_INNER_PRODUCT)
    if config.engine in HNSW:
        index.hnsw.efConstruction = config.ef_construction
        threads = 1
    # its own remarks on few vectors would go to stderr; `AnnConfig.resolved` refuses what cannot work
    if config.pq:
        index.pq.cp.min_points_per_centroid = 1
    if config.ivf:
        index.cp.min_points_per_centroid = 1
    rows = sample_rows(config, n)
    if config.engine == "pq":
        _train_parts(index, vectors, rows, threads)
    # k-means of parts of few dimensions: threads wait longer for each other than they work
    with blas_threads(1), faiss_threads(1 if config.pq else threads):
        if not index.is_trained:
            index.train(np.ascontiguousarray(vectors[rows]))
    with blas_threads(1), faiss_threads(threads):
        kept = _first_rows(index, vectors, folder) if config.engine in HNSW else np.arange(n)
        for block in _blocks(vectors, kept):
            index.add(block)
    faiss.write_index(index, str(folder / FILE))
    return int(n - len(kept))


def _blocks(vectors: Float32s, rows: Rows) -> Iterator[Float32s]:
    """Yield the vectors of some rows, as many at a time as are added at once."""
    step = max(1, ADDED_AT_ONCE // vectors.shape[1])
    for start in range(0, len(rows), step):
        yield np.ascontiguousarray(vectors[rows[start : start + step]])


def _first_rows(graph: Any, vectors: Float32s, folder: Path) -> Rows:
    """Return the first row of each node of a graph; where some rows share one, write ``nodes.npy``."""
    storage = load_faiss().downcast_index(graph.storage)
    blocks = _blocks(vectors, np.arange(len(vectors)))
    coded = hasattr(storage, "sq")  # what the graph compares is the codes
    node, first = number_nodes(storage.sa_encode(block) if coded else block for block in blocks)
    if len(first) < len(node):
        np.save(folder / NODES, node)
    return first


def _is_safe(index: Any) -> bool:
    """Tell whether every row that a graph or inverted lists lead to is there; faiss itself does not ask."""
    faiss, n = load_faiss(), index.ntotal
    if hasattr(index, "hnsw"):
        return _is_safe_graph(index.hnsw, n)
    if not hasattr(index, "invlists"):
        return True
    lists, total = index.invlists, 0
    for i in range(index.nlist):
        size = lists.list_size(i)
        rows = faiss.rev_swig_ptr(lists.get_ids(i), size) if size else np.empty(0, np.int64)
        total += size
        if size and (rows.min() < 0 or rows.max() >= n):
            return False
    return bool(total == n)


def _is_safe_graph(hnsw: Any, n: int) -> bool:
    """Check a graph: node i has the places ``offsets[i]:offsets[i + 1]``, those of each of its levels one after another."""
    faiss = load_faiss()
    offsets = faiss.vector_to_array(hnsw.offsets).astype(np.int64)
    levels = faiss.vector_to_array(hnsw.levels).astype(np.int64)
    bounds = faiss.vector_to_array(hnsw.cum_nneighbor_per_level).astype(np.int64)
    size = hnsw.neighbors.size()
    nodes = faiss.rev_swig_ptr(hnsw.neighbors.data(), size) if size else np.empty(0, np.int32)
    if len(offsets) != n + 1 or len(levels) != n or not len(bounds) or bounds[0] != 0:
        return False
    if n == 0:
        return True
    if levels.min() < 1 or levels.max() >= len(bounds) or (np.diff(bounds) < 0).any():
        return False
    if offsets[0] != 0 or offsets[-1] != size or (np.diff(offsets) != bounds[levels]).any():
        return False
    if nodes.min() < -1 or nodes.max() >= n:
        return False
    entry, highest = hnsw.entry_point, hnsw.max_level
    if not (0 <= entry < n and 0 <= highest < levels[entry]):
        return False
    for level in range(1, int(levels.max())):  # a neighbour on a level must itself be there
        own = np.flatnonzero(levels > level)
        places = offsets[own][:, None] + np.arange(bounds[level], bounds[level + 1])
        there = nodes[places]
        if (levels[there[there >= 0]] <= level).any():
            return False
    return True


def _train_parts(index: Any, vectors: Float32s, rows: Rows, threads: int) -> None:
    """Learn the centroids of a product quantiser, some parts at a time, in threads of our own: the parts are independent."""
    faiss, dsub = load_faiss(), index.pq.dsub
    parts: dict[int, Float32s] = {}

    def work(starts: Iterator[int]) -> None:
        faiss.omp_set_num_threads(1)  # each thread has its own setting
        for start in starts:
            count = min(PARTS_AT_ONCE, index.pq.M - start)
            pq = faiss.ProductQuantizer(count * dsub, count, index.pq.nbits)
            pq.cp.min_points_per_centroid = 1
            columns = slice(start * dsub, (start + count) * dsub)
            pq.train(np.ascontiguousarray(vectors[rows, columns]))
            parts[start] = faiss.vector_to_array(pq.centroids)

    on_threads(work, range(0, index.pq.M, PARTS_AT_ONCE), threads)
    centroids = np.concatenate([parts[start] for start in sorted(parts)])
    faiss.copy_array_to_vector(centroids, index.pq.centroids)
    index.is_trained = True


class AnnSearch(VectorSearch):
    """A search by faiss, whose hits are ranked by their exact dot products with the vectors as they are stored.

    Where `AnnConfig.lossy` and the vectors are not stored beside the codes, these are the vectors that the codes stand
    for: the quantiser's scores, added in one fixed order. A ranking is the same bits for any batch and thread count, as
    faiss gets one query at a time.

    Args:
        folder: of ``ann.faiss``.
        config: as it was built.
        longest: the length of the longest vector.
        rank: [n] the rank of each row's id.
        vectors: [n, d] float32; None where only ``ann.faiss`` has them.

    Raises:
        BadInput: the file is damaged.
        MissingExtra: faiss is not installed.
    """

    def __init__(
        self, folder: Path, config: AnnConfig, longest: float, rank: Uint32s, vectors: Float32s | None = None
    ) -> None:
        faiss = load_faiss()
        flag = faiss.IO_FLAG_MMAP if config.ivf else faiss.IO_FLAG_MMAP_IFC
        try:
            self._index = faiss.read_index(str(folder / FILE), flag)
        except RuntimeError as error:
            raise BadInput(f"not a sound faiss index ({folder / FILE})", "rebuild the index") from error
        if not _is_safe(self._index):
            raise BadInput(
                f"damaged: rows or levels that are not there ({folder / FILE})", "rebuild the index"
            )
        if config.ivf and vectors is None:
            self._index.make_direct_map()
        super().__init__(config.engine, (len(rank), self._index.d), longest, rank)
        self._config, self._vectors, self.decodes = config, vectors, vectors is None
        self._nodes = Nodes.open(folder, len(rank), self._index.ntotal)

    def prepare(self, options: SearchOptions) -> None:
        """Raise `UsageError` where another engine is to search than it was built for."""
        if NearestOptions.of(options).engine == "faiss":
            raise UsageError(
                f"faiss searches dense and fde indexes exactly, this one was built with --engine {self.engine}",
                "leave --engine out",
            )

    def score(self, query: Float32s, rows: Rows) -> Scores:
        """See `VectorSearch.score`."""
        if self._vectors is not None:
            return exact_dot(self._vectors, rows, query)
        return exact_dot(self.read(rows), np.arange(len(rows)), query)

    def read(self, rows: Rows) -> Float32s:
        """See `VectorSearch.read`."""
        if self._vectors is not None:
            return self._vectors[rows]
        if self._nodes is not None:
            rows = self._nodes.node[rows].astype(np.int64)
        vectors: Float32s = self._index.reconstruct_batch(rows)
        return vectors

    def _rank_batch(self, batch: Float32s, options: NearestOptions) -> Iterable[Ranking]:
        depth = min(options.k + MARGIN, self._index.ntotal)
        if self.engine in HNSW:
            self._index.hnsw.efSearch = max(options.ef_search or 0, depth)
        elif self._config.ivf:
            self._index.nprobe = options.nprobe or min(NPROBE, self._config.lists or NPROBE)
        rankings: dict[int, Ranking] = {}

        def work(numbers: Iterator[int]) -> None:
            load_faiss().omp_set_num_threads(1)  # each thread has its own setting
            for i in numbers:
                rows = np.sort(self._index.search(batch[i][None], depth)[1][0])
                rows = rows[np.searchsorted(rows, 0) :]  # -1: it found no more
                rows = rows if self._nodes is None else self._nodes.rows(rows)
                rankings[i] = self._best(batch[i], rows, options)

        on_threads(work, range(len(batch)), options.threads)
        return [rankings[i] for i in range(len(batch))]


def load_faiss() -> Any:
    """Import faiss; raises `MissingExtra` where it is not installed."""
    try:
        import faiss
    except ImportError as error:
        raise MissingExtra("faiss-cpu", "ann", "searching by faiss") from error
    return faiss


@contextmanager
def faiss_threads(threads: int) -> Iterator[None]:
    """Let faiss use so many threads, and give back what it had: where torch was imported first, that number is torch's too."""
    faiss = load_faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)

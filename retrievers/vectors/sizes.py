"""Sizes of an approximate engine: of its file, of memory while it is built, and of the sample that it learns from."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Rows
from intrex.retrievers.vectors.options import HNSW, AnnConfig

VECTORS_PER_CENTROID = 64
"""Training vectors of k-means; faiss itself wants 39 to 256."""
ADDED_AT_ONCE = 1 << 24
"""Numbers of the vectors that are added at a time: 64 MB."""


def sample_rows(config: AnnConfig, n: int) -> Rows:
    """Choose the rows that k-means, or the ranges of 8-bit codes, learn from."""
    centroids = max(2**config.pq_nbits * config.pq, (config.lists or 0) * config.ivf, 256)
    return np.unique(np.linspace(0, n - 1, min(n, VECTORS_PER_CENTROID * centroids)).astype(np.int64))


def bytes_while_building(config: AnnConfig, n: int, dim: int) -> int:
    """Count what faiss keeps in memory: the vectors or their codes, the graph, and the sample."""
    graph = 8 * config.links if config.engine in HNSW else 8
    sample = 0 if config.engine == "pq" else 8 * dim * len(sample_rows(config, n))
    return n * (_code_bytes(config, dim) + graph) + sample


def bytes_on_disk(config: AnnConfig, n: int, dim: int) -> int:
    """Estimate the size of ``ann.faiss``: codes, links, lists, centroids, and the ranges of 8-bit codes."""
    size = n * _code_bytes(config, dim)
    if config.engine in HNSW:
        # 2 M links on the ground and M on each level above, which one in M nodes reaches
        size += round(n * (4 * config.links * (2 + 1 / (config.links - 1)) + 12))
    if config.ivf:
        size += 8 * n + (config.lists or 0) * (4 * dim + 8)
    if config.pq:
        size += 4 * dim << config.pq_nbits
    return size + 8 * dim * config.engine.endswith("sq8")


def _code_bytes(config: AnnConfig, dim: int) -> int:
    if not config.lossy:
        return 4 * dim
    return -(-(config.pq_m or 0) * config.pq_nbits // 8) if config.pq else dim


def index_bytes(config: AnnConfig, n: int, dim: int) -> tuple[int, int, int]:
    """Count the bytes of ``ann.faiss``, of memory while it is built, and of the mapped vectors; 0 for an exact search."""
    if config.engine == "flat":
        return 0, 0, 0
    memory = bytes_while_building(config, n, dim) + 4 * min(n * dim, ADDED_AT_ONCE)
    return bytes_on_disk(config, n, dim), memory, 4 * n * dim

"""Estimate of a multi-vector index: its files as docs/formats.md has them, and the memory of its build."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from intrex.data.collection import Collection
from intrex.data.npy import HEADER
from intrex.data.numeric.kmeans import nearest_centroids
from intrex.data.numeric.rows import row_norms, unit
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.machine import resident
from intrex.encoders.base import make_token_encoder
from intrex.encoders.options import TokenEncoderOptions
from intrex.retrievers.estimate import NORMS, Estimate, Line, Phase, Sample, draw
from intrex.retrievers.multivector.compressed import NEAR_ONE
from intrex.retrievers.multivector.options import MultiVectorBuild
from intrex.retrievers.multivector.residual import ITERATIONS, plan


def estimate(source: Path, out: Path, options: MultiVectorBuild) -> Estimate:
    """Estimate as ``intrex index multivector --estimate`` does; raises as `make_token_encoder`."""
    encoder = make_token_encoder(options.encoder, options.part(TokenEncoderOptions))
    sample = draw(Collection.open(source), encoder)
    n, dim, width = sample.n, encoder.spec.dim, np.dtype(options.store).itemsize
    line = Line.fit(sample.sizes, np.diff(sample.encoded.offsets).astype(np.float64))
    total = round(line.total(n, sample.bytes))
    encoding = (4 + NORMS + (4 if width == 2 else 0)) * dim * line.total(sample.block, sample.block_bytes)
    extras = HEADER + 8 * (n + 1) + sample.files
    if "single" in encoder.spec.params:
        extras += HEADER + 4 * n * int(encoder.spec.params["single_dim"])
    full = HEADER + width * total * dim
    vectors, removed = _Vectors(full, (0.0, 0), 0.0), 0
    if options.nbits is not None:
        vectors, removed = _compressed(sample, total, width, options.nbits), full
    disk = vectors.files + extras
    memory = sample.memory((encoding, 0), vectors.training)
    seconds = sample.seconds + vectors.seconds
    return Estimate.of(n, sample.texts, dim, total, disk, removed, memory, seconds, sample.cut)


class _Vectors(NamedTuple):
    """Bytes of the vectors' ``files``, and of memory in ``training``; ``seconds`` to train and code."""

    files: int
    training: Phase
    seconds: float


def _compressed(sample: Sample[PackedVectors], total: int, width: int, bits: int) -> _Vectors:
    """Estimate `intrex.retrievers.multivector.compressed.compress` of ``total`` vectors of ``width`` bytes a dimension."""
    dim = sample.encoded.vectors.shape[1]
    training, k = plan(total, sample.n)
    fraction, per_pair, kernels = _clustering(sample, k)
    unequal = bool((abs(row_norms(sample.encoded.vectors) - 1) > NEAR_ONE).any())
    codes = 2 * HEADER + ((2 if k <= 1 << 16 else 4) + -(-dim * bits // 8) + 2 * unequal) * total
    lists = 2 * HEADER + 4 * round(fraction * total) + 8 * (k + 1)
    codec = 2 * HEADER + 2 * k * dim + 4 * ((2 << bits) - 1)
    memory = (NORMS + width) * training * dim + kernels
    seconds = per_pair * k * ((ITERATIONS + 1) * training + total)
    return _Vectors(codes + lists + codec, (memory, width * training * dim), seconds)


def _clustering(sample: Sample[PackedVectors], k: int) -> tuple[float, float, int]:
    """Estimate the clustering into ``k`` centroids, tried with vectors of every second document as centroids.

    Returns:
        Different centroids of a document for each of its vectors; seconds to compare a vector with a centroid; bytes
        that the kernels take.
    """
    offsets = sample.encoded.offsets
    owners = np.repeat(np.arange(sample.texts), np.diff(offsets))
    vectors = unit(sample.encoded.vectors.astype(np.float32))
    centroids, rows = vectors[owners % 2 == 1], np.flatnonzero(owners % 2 == 0)
    if not len(centroids) or not len(rows):
        return 1.0, 0.0, 0
    centroids = centroids[np.linspace(0, len(centroids) - 1, min(k, len(centroids))).astype(np.int64)]
    before = resident()[0]
    nearest_centroids(vectors[rows[:1]], centroids)
    after, start = resident()[0], time.perf_counter()
    codes = nearest_centroids(vectors[rows], centroids)
    seconds = time.perf_counter() - start
    pairs = len(np.unique(owners[rows] << 32 | codes.astype(np.int64)))
    return pairs / len(rows), seconds / (len(rows) * len(centroids)), max(0, after - before)

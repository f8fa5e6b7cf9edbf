"""The estimate of a multi-vector index: its files as docs/formats.md has them, and what its build holds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from intrex.data.collection import Collection
from intrex.data.numeric.kmeans import nearest_centroids
from intrex.data.numeric.rows import row_norms, unit
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.machine import resident
from intrex.encoders.base import TokenEncoder, make_token_encoder
from intrex.encoders.options import TokenEncoderOptions
from intrex.retrievers.estimate import (
    HEADER,
    NORMS,
    Estimate,
    Line,
    Phase,
    Sample,
    hashing_seconds,
    sample,
    saved_bytes,
)
from intrex.retrievers.multivector.build import check_store
from intrex.retrievers.multivector.compressed import NEAR_ONE
from intrex.retrievers.multivector.options import MultiVectorBuild
from intrex.retrievers.multivector.residual import ITERATIONS, plan


def estimate_multivector(
    collection: Collection, encoder: TokenEncoder, *, store: str = "float16", bits: int | None = None
) -> Estimate:
    """What `intrex.retrievers.multivector.build.build_multivector` will take; raises as it does for ``store`` and ``bits``."""
    check_store(store, bits)
    seen = sample(collection, lambda texts: encoder.encode(texts, "document"))
    n, dim, wide = seen.n, encoder.spec.dim, np.dtype(store).itemsize
    line = Line.fit(seen.sizes, np.diff(seen.encoded.offsets).astype(np.float64))
    total = round(line.total(n, seen.bytes))
    held = (4 + NORMS + (4 if wide == 2 else 0)) * dim * line.total(seen.block, seen.block_bytes)
    rest = HEADER + 8 * (n + 1) + seen.id_files + saved_bytes(encoder.save)
    if "single" in encoder.spec.params:
        rest += HEADER + 4 * n * int(encoder.spec.params["single_dim"])
    full = HEADER + wide * total * dim
    packed = _Packed(full, (0.0, 0), 0.0) if bits is None else _packed(seen, total, wide, bits)
    disk = packed.files + rest
    building = disk if bits is None else disk + full
    memory = seen.memory((held, 0), packed.training)
    seconds = seen.seconds + packed.seconds + hashing_seconds(disk)
    return Estimate(n, seen.texts, dim, total, disk, building, *memory, seconds)


class _Packed(NamedTuple):
    """Bytes of the vectors' ``files``, and of memory in ``training``; ``seconds`` to train and code."""

    files: int
    training: Phase
    seconds: float


def _packed(seen: Sample[PackedVectors], total: int, wide: int, bits: int) -> _Packed:
    """What `intrex.retrievers.multivector.compressed.compress` makes of ``total`` vectors of ``wide`` bytes a dimension."""
    dim = seen.encoded.vectors.shape[1]
    drawn, k = plan(total, seen.n)
    fraction, per_pair, kernels = _clustering(seen, k)
    unequal = bool((abs(row_norms(seen.encoded.vectors) - 1) > NEAR_ONE).any())
    codes = 2 * HEADER + ((2 if k <= 1 << 16 else 4) + -(-dim * bits // 8) + 2 * unequal) * total
    lists = 2 * HEADER + 4 * round(fraction * total) + 8 * (k + 1)
    codec = 2 * HEADER + 2 * k * dim + 4 * ((2 << bits) - 1)
    held = (NORMS + wide) * drawn * dim + kernels
    seconds = per_pair * k * ((ITERATIONS + 1) * drawn + total)
    return _Packed(codes + lists + codec, (held, wide * drawn * dim), seconds)


def _clustering(seen: Sample[PackedVectors], k: int) -> tuple[float, float, int]:
    """What clustering into ``k`` centroids will be like, tried with vectors of every other document as centroids.

    Returns:
        Different centroids of a document for each of its vectors; seconds to compare a vector with a centroid; bytes
        that the kernels take.
    """
    offsets = seen.encoded.offsets
    owners = np.repeat(np.arange(seen.texts), np.diff(offsets))
    vectors = unit(seen.encoded.vectors.astype(np.float32))
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


def estimate(source: Path, out: Path, options: MultiVectorBuild) -> Estimate:
    """Estimate as ``intrex index multivector --estimate`` does; raises as `estimate_multivector`."""
    encoder = make_token_encoder(options.encoder, options.part(TokenEncoderOptions))
    return estimate_multivector(Collection.open(source), encoder, store=options.store, bits=options.nbits)

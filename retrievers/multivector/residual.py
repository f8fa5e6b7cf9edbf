"""Residual compression of token vectors: the nearest centroid, and 1, 2 or 4 bits a dimension of what is left.

ColBERTv2 (K. Santhanam et al., NAACL 2022, section 3.3), with the numbers that its code uses. Only directions are
coded; where the vectors have other lengths than 1, a float16 number a token keeps the length. Equal vectors get equal
codes, whatever block they are in, with and without kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Int32s, Uint8s
from intrex.data.native.library import Library
from intrex.data.numeric.kmeans import kmeans, nearest_centroids
from intrex.data.numeric.rows import pair_dots, unit
from intrex.data.progress import Progress, no_progress
from intrex.data.store.vectors import PackedVectors

GRID = 2.0**-12
"""Coordinates of centroids are multiples of it: see `intrex.retrievers.multivector.plaid`."""
ITERATIONS = 4
TOKENS_PER_CENTROID = 64
"""Training vectors for each centroid at most; faiss takes 256, and ColBERT some 100 to 150 of large corpora."""
PASSAGE_TOKENS = 120
HELD_OUT, MOST_HELD_OUT = 0.05, 50_000

LIBRARY = Library("residual", ("intrex.retrievers.multivector.kernels.residual",))


@dataclass(frozen=True)
class Codec:
    """A code of vectors, and the way back.

    Attributes:
        grid: [k, d] int16, the centroids as multiples of `GRID`.
        cutoffs: [2^bits - 1] float32, rising: bucket i holds numbers above i of them.
        weights: [2^bits] float32: the number that a bucket stands for.
    """

    grid: npt.NDArray[np.int16]
    cutoffs: Float32s
    weights: Float32s

    @classmethod
    def of(cls, grid: npt.NDArray[np.int16], quantiles: Float32s) -> Self:
        """Make a codec of its centroids and of weights and cutoffs in turn, from the lowest weight."""
        return cls(grid, np.ascontiguousarray(quantiles[1::2]), np.ascontiguousarray(quantiles[::2]))

    @cached_property
    def centroids(self) -> Float32s:
        """Centroids [k, d], of length 1 but for the rounding."""
        return self.grid * np.float32(GRID)

    @property
    def bits(self) -> int:
        """Bits a dimension."""
        return len(self.weights).bit_length() - 1

    @property
    def width(self) -> int:
        """Bytes of a packed residual."""
        return (int(self.grid.shape[1]) * self.bits + 7) // 8

    @property
    def code_dtype(self) -> type[np.uint16 | np.int32]:
        """Type of the number of a centroid."""
        return np.uint16 if len(self.grid) <= 1 << 16 else np.int32

    def encode(self, rows: Float32s) -> tuple[Int32s, Uint8s]:
        """Code vectors [n, d] float32 of length 1 as centroid numbers [n] int32 and packed residuals [n, width].

        The centroid is that of the largest dot product (the lower number on ties), computed in float64; the residual
        is rounded to float32, and its bucket is the number of cutoffs below it.
        """
        codes = nearest_centroids(rows, self.centroids)
        packed = np.zeros((len(rows), self.width), np.uint8)
        kernels = LIBRARY.kernels()
        if kernels is None:
            residuals = rows - self.centroids[codes]
            buckets = np.searchsorted(self.cutoffs, residuals).astype(np.uint8)
            for t in range(8 // self.bits):
                shifted = buckets[:, t :: 8 // self.bits] << np.uint8(self.bits * t)
                packed[:, : shifted.shape[1]] |= shifted
        else:
            kernels["pack"](rows, *rows.shape, codes, self.centroids, self.cutoffs, self.bits, packed)
        return codes, packed

    def decode(self, codes: Int32s, packed: Uint8s, out: Float32s | None = None) -> Float32s:
        """Decode codes [n] int32 and packed residuals [n, width] to vectors [n, d] float32, in the first rows of ``out``.

        Centroid plus weights in float32, divided by its length in float64.
        """
        n, dim = len(codes), self.grid.shape[1]
        rows = np.empty((n, dim), np.float32) if out is None else out[:n]
        kernels = LIBRARY.kernels()
        if kernels is None:
            np.add(self.centroids[codes], self.weights[self._buckets(packed)], out=rows)
            lengths = np.sqrt(pair_dots(rows, np.arange(n), rows, np.arange(n)))
            rows *= 1 / np.where(lengths > 0, lengths, 1.0)[:, None]
        else:
            tables = self.centroids, self.weights, self._table
            kernels["unpack"](packed, n, dim, codes, *tables, self.bits, rows)
        return rows

    def _buckets(self, packed: Uint8s) -> npt.NDArray[np.uint8]:
        shifts = np.arange(0, 8, self.bits, dtype=np.uint8)
        buckets = (packed[:, :, None] >> shifts) & np.uint8(len(self.weights) - 1)
        return buckets.reshape(len(packed), -1)[:, : self.grid.shape[1]]

    @cached_property
    def _table(self) -> Float32s:
        """Weights of all values of four dimensions of 1 or 2 bits, or of two of 4 bits."""
        dims = 2 if self.bits == 4 else 4
        values = np.arange(1 << (self.bits * dims))[:, None] >> (self.bits * np.arange(dims))
        table: Float32s = self.weights[values & (len(self.weights) - 1)]
        return table


def train(packed: PackedVectors, bits: int, progress: Progress = no_progress) -> Codec:
    """Learn a codec from a sample of the documents.

    Of n documents, 16 sqrt(120 n) are drawn, but no more than bring 64 training vectors for each centroid; 5 % of their
    vectors, at most 50,000, are held out. There are 2^floor(log2(16 sqrt(N))) centroids for N vectors in all, or the
    largest power of two that does not exceed the training vectors; they come from 4 iterations of spherical k-means
    that begins with a sample. Cutoffs and weights are the quantiles i / 2^b and (i + 1/2) / 2^b of all dimensions'
    residuals of the held-out vectors together.

    Args:
        packed: all vectors, may be memory-mapped; zero vectors teach nothing.
        bits: 1, 2 or 4.
        progress: called with the vectors of each pass of the clustering.
    """
    total, dim = packed.vectors.shape
    most = _centroids(total)
    draws = np.random.PCG64(0)
    rows = unit(_sample(packed, TOKENS_PER_CENTROID * most, draws))
    rows = rows[(rows != 0).any(axis=1)]
    if not len(rows):
        return Codec.of(np.zeros((1, dim), np.int16), np.zeros((2 << bits) - 1, np.float32))
    order = np.argsort(draws.random_raw(len(rows)), kind="stable")
    size = min(max(1, int(HELD_OUT * len(rows))), MOST_HELD_OUT)
    training = rows[np.sort(order[size:])] if len(rows) > size else rows
    k = min(most, 1 << int(np.log2(len(training))))
    clusters = kmeans(
        training, k, spherical=True, init="sample", iterations=ITERATIONS, seed=0, progress=progress
    )
    grid = np.rint(clusters.centroids / GRID).astype(np.int16)
    centroids = grid * np.float32(GRID)
    held_out = rows[np.sort(order[:size])]
    residuals = (held_out - centroids[nearest_centroids(held_out, centroids)]).reshape(-1)
    steps = np.arange(1, 1 << (bits + 1)) / (1 << (bits + 1))
    return Codec.of(grid, np.quantile(residuals, steps).astype(np.float32))


def _centroids(total: int) -> int:
    return 1 << int(np.log2(16 * np.sqrt(max(total, 1))))


def _sample_size(n: int) -> int:
    return min(n, 1 + int(16 * np.sqrt(PASSAGE_TOKENS * n)))


def plan(total: int, n: int) -> tuple[int, int]:
    """Estimate the number of vectors that `train` draws of ``total`` of ``n`` documents, and the number of centroids."""
    most = _centroids(total)
    sample = min(round(total * _sample_size(n) / max(1, n)), TOKENS_PER_CENTROID * most)
    return sample, min(most, 1 << int(np.log2(max(1, (1 - HELD_OUT) * sample))))


def _sample(packed: PackedVectors, most: int, draws: np.random.PCG64) -> npt.NDArray[Any]:
    """Draw documents; return their vectors in the order of the documents, at most ``most`` but for the last document's."""
    n = len(packed.offsets) - 1
    order = np.argsort(draws.random_raw(n), kind="stable")[: _sample_size(n)]
    sums = np.cumsum(np.diff(packed.offsets)[order])
    documents = np.sort(order[: int(np.searchsorted(sums, most)) + 1])
    parts = [packed.vectors[packed.offsets[i] : packed.offsets[i + 1]] for i in documents.tolist()]
    return np.concatenate([packed.vectors[:0], *parts])

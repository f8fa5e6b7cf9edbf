"""Residual compression of token vectors: the nearest centroid, and 1, 2 or 4 bits a dimension of what is left.

ColBERTv2 (K. Santhanam et al., NAACL 2022, section 3.3), with the numbers that its code uses. Only directions are
coded; where the vectors have other lengths than 1, a float16 number a token keeps the length. Equal vectors get equal
codes, whatever block they are in, with and without kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Int32s, Uint8s
from intrex.data.errors import UsageError
from intrex.data.native.library import Library
from intrex.data.numeric.kmeans import kmeans, nearest_centroids
from intrex.data.numeric.rows import pair_dots, unit
from intrex.data.progress import Progress, no_progress
from intrex.data.store.vectors import PackedVectors

BITS = (1, 2, 4)
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
    """What turns vectors into codes and back.

    Attributes:
        grid: [k, d] int16, the centroids as multiples of `GRID`.
        cutoffs: [2^bits - 1] float32, rising: bucket i holds what is above i of them.
        weights: [2^bits] float32: what a bucket stands for.
    """

    grid: npt.NDArray[np.int16]
    cutoffs: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]

    @cached_property
    def centroids(self) -> Float32s:
        """The centroids [k, d], of length 1 but for the rounding."""
        return self.grid * np.float32(GRID)

    @property
    def bits(self) -> int:
        """Bits a dimension."""
        return (1, 2, 4)[(2, 4, 16).index(len(self.weights))]

    @property
    def width(self) -> int:
        """Bytes of a packed residual."""
        return (int(self.grid.shape[1]) * self.bits + 7) // 8

    @property
    def code_dtype(self) -> type[np.uint16 | np.int32]:
        """What holds the number of a centroid."""
        return np.uint16 if len(self.grid) <= 1 << 16 else np.int32

    def encode(self, rows: Float32s) -> tuple[Int32s, Uint8s]:
        """Centroid numbers [n] int32 and packed residuals [n, width] of vectors [n, d] float32 of length 1.

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
                some = buckets[:, t :: 8 // self.bits] << np.uint8(self.bits * t)
                packed[:, : some.shape[1]] |= some
        else:
            kernels["pack"](rows, *rows.shape, codes, self.centroids, self.cutoffs, self.bits, packed)
        return codes, packed

    def decode(self, codes: Int32s, packed: Uint8s, out: Float32s | None = None) -> Float32s:
        """The vectors [n, d] float32 of codes [n] int32 and packed residuals [n, width], in the first rows of ``out``.

        Centroid plus weights in float32, divided by its length in float64.
        """
        n, dim = len(codes), self.grid.shape[1]
        rows = np.empty((n, dim), np.float32) if out is None else out[:n]
        kernels = LIBRARY.kernels()
        if kernels is None:
            np.add(self.centroids[codes], self.weights[self._buckets(packed)], out=rows)
            everyone = np.arange(n)
            lengths = np.sqrt(pair_dots(rows, everyone, rows, everyone))
            rows *= 1 / np.where(lengths > 0, lengths, 1.0)[:, None]
        else:
            tables = self.centroids, self.weights, self._table
            kernels["unpack"](packed, n, dim, codes, *tables, self.bits, rows)
        return rows

    def _buckets(self, packed: Uint8s) -> npt.NDArray[np.uint8]:
        shifts = np.arange(0, 8, self.bits, dtype=np.uint8)
        every = (packed[:, :, None] >> shifts) & np.uint8(len(self.weights) - 1)
        return every.reshape(len(packed), -1)[:, : self.grid.shape[1]]

    @cached_property
    def _table(self) -> Float32s:
        """The weights of all values of four dimensions of 1 or 2 bits, or of two of 4 bits."""
        together = 2 if self.bits == 4 else 4
        values = np.arange(1 << (self.bits * together))[:, None] >> (self.bits * np.arange(together))
        table: Float32s = self.weights[values & (len(self.weights) - 1)]
        return table


def train(packed: PackedVectors, bits: int, *, seed: int = 0, progress: Progress = no_progress) -> Codec:
    """Learn a codec from a sample of the documents.

    Of n documents, 16 sqrt(120 n) are drawn, but no more than bring 64 training vectors for each centroid; 5 % of their
    vectors, at most 50,000, are held out. There are 2^floor(log2(16 sqrt(N))) centroids for N vectors in all, or the
    largest power of two that does not exceed the training vectors; they come from 4 iterations of spherical k-means
    that begins with a sample. Cutoffs and weights are the quantiles i / 2^b and (i + 1/2) / 2^b of all dimensions'
    residuals of the held-out vectors together.

    Args:
        packed: all vectors, may be memory-mapped; zero vectors teach nothing.
        bits: 1, 2 or 4.
        seed: of the draws.
        progress: called with the vectors of each pass of the clustering.

    Raises:
        UsageError: ``bits`` is another number.
    """
    if bits not in BITS:
        raise UsageError(f"residuals of {bits} bits a dimension", "known: 1, 2, 4")
    total, dim = packed.vectors.shape
    wanted = _centroids(total)
    draws = np.random.PCG64(seed)
    rows = unit(_sample(packed, TOKENS_PER_CENTROID * wanted, draws))
    rows = rows[(rows != 0).any(axis=1)]
    if not len(rows):
        none = np.zeros(1 << bits, np.float32)
        return Codec(np.zeros((1, dim), np.int16), none[1:], none)
    order = np.argsort(draws.random_raw(len(rows)), kind="stable")
    held = min(max(1, int(HELD_OUT * len(rows))), MOST_HELD_OUT)
    training = rows[np.sort(order[held:])] if len(rows) > held else rows
    k = min(wanted, 1 << int(np.log2(len(training))))
    found = kmeans(
        training, k, spherical=True, init="sample", iterations=ITERATIONS, seed=seed, progress=progress
    )
    grid = np.rint(found.centroids / GRID).astype(np.int16)
    codec = Codec(grid, np.zeros((1 << bits) - 1, np.float32), np.zeros(1 << bits, np.float32))
    some = rows[np.sort(order[:held])]
    residuals = (some - codec.centroids[nearest_centroids(some, codec.centroids)]).reshape(-1)
    steps = np.arange(1, 1 << (bits + 1)) / (1 << (bits + 1))
    quantiles = np.quantile(residuals, steps).astype(np.float32)
    return Codec(grid, np.ascontiguousarray(quantiles[1::2]), np.ascontiguousarray(quantiles[::2]))


def _centroids(total: int) -> int:
    return 1 << int(np.log2(16 * np.sqrt(max(total, 1))))


def _documents_drawn(n: int) -> int:
    return min(n, 1 + int(16 * np.sqrt(PASSAGE_TOKENS * n)))


def plan(total: int, n: int) -> tuple[int, int]:
    """About how many vectors `train` draws of ``total`` of ``n`` documents, and how many centroids it makes of them."""
    wanted = _centroids(total)
    drawn = min(round(total * _documents_drawn(n) / max(1, n)), TOKENS_PER_CENTROID * wanted)
    return drawn, min(wanted, 1 << int(np.log2(max(1, (1 - HELD_OUT) * drawn))))


def _sample(packed: PackedVectors, most: int, draws: np.random.PCG64) -> npt.NDArray[Any]:
    """The vectors of some documents in the order of the documents, at most ``most`` but for the last document's."""
    n = len(packed.offsets) - 1
    drawn = np.argsort(draws.random_raw(n), kind="stable")[: _documents_drawn(n)]
    sums = np.cumsum(np.diff(packed.offsets)[drawn])
    kept = np.sort(drawn[: int(np.searchsorted(sums, most)) + 1])
    parts = [packed.vectors[packed.offsets[i] : packed.offsets[i + 1]] for i in kept.tolist()]
    return np.concatenate([packed.vectors[:0], *parts])

"""Computations of `intrex.encoders.fde.kernels` by numpy: the same bits, more slowly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Int64s

FAR, STEP = 1 << 62, 1 << 40
"""Key of a point in the search for the nearest one: its Hamming distance times `STEP`, plus its index."""


def partitions(products: Float32s) -> Int64s:
    """Return the partition [n] of tokens from their products [n, k] with the hyperplanes: a Gray code, decoded."""
    parts = np.zeros(len(products), np.int64)
    for bit in (products > 0).T:
        parts = 2 * parts + (bit ^ (parts & 1))
    return parts


def nearest_points(parts: Int64s, k: int) -> Int64s:
    """Find for each of 2^k partitions the point nearest by the Hamming distance of bit strings, the first among equals.

    Hamming distance is a sum over bits, so one pass over the hypercube's edges along each bit is exact.
    """
    keys = np.full(1 << k, FAR)
    np.minimum.at(keys, parts ^ (parts >> 1), np.arange(len(parts)))
    for bit in range(k):
        pairs = keys.reshape(-1, 2, 1 << bit)
        pairs[:] = np.minimum(pairs, pairs[:, ::-1] + STEP)
    numbers = np.arange(1 << k)
    nearest: Int64s = keys[numbers ^ (numbers >> 1)] & (STEP - 1)
    return nearest


def block(points: Float32s, parts: Int64s, k: int, mean: bool, fill: bool) -> Float32s:
    """Compute one repetition of one text [2^k, width] from its points [n, width] and their partitions [n]."""
    sums = np.zeros((1 << k, points.shape[1]), np.float32)
    np.add.at(sums, parts, points)
    if not mean:
        return sums
    counts = np.bincount(parts, minlength=1 << k)
    sums /= np.maximum(counts, 1).astype(np.float32)[:, None]
    if fill:
        empty = counts == 0
        sums[empty] = points[nearest_points(parts, k)[empty]]
    return sums


def fold(values: Float32s, slots: npt.NDArray[np.int32], final_dim: int) -> Float32s:
    """Compute the count sketch [final_dim] of values [n], in their order."""
    out = np.zeros(final_dim, np.float32)
    np.add.at(out, np.abs(slots) - 1, np.where(slots > 0, values, -values))
    return out

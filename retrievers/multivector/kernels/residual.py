"""Packing and unpacking of residuals, for numba; see `intrex.retrievers.multivector.residual`."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Float32s, Int, Int32s, Uint8s, inner, kernel
from intrex.data.numeric.kernels import dot


@kernel(rows="n * d", codes="n", cutoffs="(1 << bits) - 1", out="n * ((d * bits + 7) // 8)")
def pack(
    rows: Float32s, n: Int, d: Int, codes: Int32s, centroids: Float32s, cutoffs: Float32s, bits: Int, out: Uint8s
) -> Int:  # fmt: skip
    """Return the buckets of ``rows`` less their centroids, ``bits`` a dimension, the first dimension in the lowest bits."""
    together = 8 // bits
    width = (d + together - 1) // together
    for i in range(n):
        at, centroid, place = i * d, np.int64(codes[i]) * d, i * width
        for byte in range(width):
            value = 0
            first = byte * together
            for t in range(min(together, d - first)):
                residual = rows[at + first + t] - centroids[centroid + first + t]
                bucket, step = 0, 1 << (bits - 1)
                while step:  # the cutoffs below the residual, by halves
                    bucket += step if cutoffs[bucket + step - 1] < residual else 0
                    step >>= 1
                value |= bucket << (bits * t)
            out[place + byte] = value
    return 0


@inner
def put4(out, at, centroids, centroid, table, entry_at):
    """Write four dimensions: of the centroid, plus four weights."""
    out[at] = centroids[centroid] + table[entry_at]
    out[at + 1] = centroids[centroid + 1] + table[entry_at + 1]
    out[at + 2] = centroids[centroid + 2] + table[entry_at + 2]
    out[at + 3] = centroids[centroid + 3] + table[entry_at + 3]


@kernel(packed="n * ((d * bits + 7) // 8)", codes="n", weights="1 << bits", out="n * d")
def unpack(
    packed: Uint8s, n: Int, d: Int, codes: Int32s, centroids: Float32s, weights: Float32s, table: Float32s,
    bits: Int, out: Float32s,
) -> Int:  # fmt: skip
    """Centroids plus the weights of the buckets, brought to length 1; zero stays zero.

    ``table`` has the weights of each value of four dimensions (1 or 2 bits) or of two (4 bits).
    """
    together = 8 // bits
    width = (d + together - 1) // together
    whole, mask = d // together, (1 << bits) - 1
    for i in range(n):
        at, centroid, place = i * d, np.int64(codes[i]) * d, i * width
        if bits == 2:
            for byte in range(whole):
                j = 4 * byte
                put4(out, at + j, centroids, centroid + j, table, 4 * np.int64(packed[place + byte]))
        elif bits == 4:
            for byte in range(whole):
                j, low = 2 * byte, 2 * np.int64(packed[place + byte])
                out[at + j] = centroids[centroid + j] + table[low]
                out[at + j + 1] = centroids[centroid + j + 1] + table[low + 1]
        else:
            for byte in range(whole):
                j, value = 8 * byte, np.int64(packed[place + byte])
                put4(out, at + j, centroids, centroid + j, table, 4 * (value & 15))
                put4(out, at + j + 4, centroids, centroid + j + 4, table, 4 * (value >> 4))
        for j in range(whole * together, d):
            bucket = (np.int64(packed[place + whole]) >> (bits * (j - whole * together))) & mask
            out[at + j] = centroids[centroid + j] + weights[bucket]
        length = np.sqrt(dot(out, at, out, at, d))
        if length > 0.0:
            factor = 1.0 / length
            for j in range(d):
                out[at + j] = np.float32(np.float64(out[at + j]) * factor)
    return 0

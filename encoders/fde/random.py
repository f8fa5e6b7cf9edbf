"""Random matrices of fixed dimensional encodings: their draw, and their form in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s


def draw_repetition(
    seed: int, repetition: int, dim: int, k_sim: int, d_proj: int | None, kind: str
) -> Float32s:
    """Draw hyperplanes with Gaussian entries and below them the inner projection: [k_sim + d_proj, dim] float32.

    A dense projection has entries ±1/√d_proj (paper, section 2); a count sketch adds each dimension of a token to one
    place with a random sign (Charikar, Chen and Farach-Colton 2002; the paper's released code).
    """
    rng = np.random.default_rng([seed, repetition])
    planes = rng.standard_normal((k_sim, dim)).astype(np.float32)
    if d_proj is None:
        return planes
    if kind == "dense":
        inner = (2 * rng.integers(0, 2, (d_proj, dim)) - 1) / np.sqrt(d_proj)
    else:
        inner = np.zeros((d_proj, dim))
        inner[rng.integers(0, d_proj, dim), np.arange(dim)] = 2 * rng.integers(0, 2, dim) - 1
    return np.concatenate([planes, inner.astype(np.float32)])


def draw_final(seed: int, stream: int, full_dim: int, final_dim: int, kind: str) -> npt.NDArray[Any]:
    """Draw a final projection as `intrex.encoders.fde.encoder.Fde` keeps it; ``stream`` is another number than any repetition's."""
    rng = np.random.default_rng([seed, stream])
    if kind == "dense":
        return rng.integers(0, 256, (final_dim, -(-full_dim // 8)), np.uint8)
    places = rng.integers(1, final_dim + 1, full_dim, np.int32)
    return np.where(rng.integers(0, 2, full_dim, np.uint8) == 1, places, -places)


def signs(bits: npt.NDArray[np.uint8], full_dim: int) -> npt.NDArray[np.float64]:
    """Return the signs ±1 [full_dim, final_dim] of a dense final projection, from its bits."""
    matrix = np.empty((len(bits), full_dim))
    for row, packed in zip(matrix, bits, strict=True):
        row[:] = np.unpackbits(packed, count=full_dim)
    matrix *= 2
    matrix -= 1
    return matrix.T


def project(vectors: Float32s, matrix: npt.NDArray[np.float64]) -> Float32s:
    """Project vectors [n, full_dim] by the dense final projection with entries ±1/√final_dim: [n, final_dim] float32.

    Each vector is rounded to a grid 2^30 times finer than its largest number (coarser beyond 2^23 dimensions), on which
    sums are exact in float64: so a vector's projection does not depend on those beside it, or on the BLAS.
    """
    bits = min(30, 53 - (matrix.shape[0] - 1).bit_length())
    shift = bits - np.frexp(np.abs(vectors).max(axis=1))[1][:, None]
    sums = np.rint(np.ldexp(vectors.astype(np.float64), shift)) @ matrix
    projected: Float32s = (np.ldexp(sums, -shift) / np.sqrt(matrix.shape[1])).astype(np.float32)
    return projected

"""Sums over rows in float64 and in one fixed order: the same bits for any block, thread count and library.

Products of float32 numbers are exact in float64. The compiled kernels and numpy add in the same order, so that a
machine without kernels gets the same numbers, later.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Float64s, Int32s, Rows
from intrex.data.native.library import Library

LIBRARY = Library("rows", ("intrex.data.numeric.kernels",))
_LANES = 8
_AT_ONCE = 1 << 20
"""Numbers that numpy, without a kernel, multiplies together."""
_ROUNDOFF = 2.0**-24
"""Unit roundoff of float32."""


def pair_dots(a: Float32s, a_rows: Rows, b: Float32s, b_rows: Rows) -> Float64s:
    """Compute the dot products [m] of row ``a_rows[i]`` of ``a`` [n, d] and row ``b_rows[i]`` of ``b`` [k, d], C-contiguous both."""
    out = np.empty(len(a_rows))
    if kernels := LIBRARY.kernels():
        kernels["pair_dots"](a, a_rows, b, b_rows, len(out), a.shape[1], out)
        return out
    dim = a.shape[1]
    step = max(1, _AT_ONCE // max(1, dim))
    for start in range(0, len(out), step):
        part = slice(start, start + step)
        products = np.zeros((len(out[part]), -(-dim // _LANES) * _LANES))
        np.multiply(a[a_rows[part]], b[b_rows[part]], out=products[:, :dim], dtype=np.float64)
        sums = np.zeros((len(products), _LANES))
        for j in range(0, dim, _LANES):
            sums += products[:, j : j + _LANES]
        while sums.shape[1] > 1:
            sums = sums[:, ::2] + sums[:, 1::2]
        out[part] = sums[:, 0]
    return out


def add_rows(rows: Float32s, groups: Int32s, scale: Float64s, sums: Float64s) -> None:
    """Add ``scale[i]`` times row i of ``rows`` [n, d] to row ``groups[i]`` of ``sums`` [k, d], in the order of the rows."""
    if kernels := LIBRARY.kernels():
        kernels["add_rows"](rows, *rows.shape, groups, scale, sums)
    else:
        np.add.at(sums, groups, scale[:, None] * rows)


def row_norms(vectors: npt.NDArray[np.floating[Any]]) -> Float64s:
    """Return the Euclidean lengths [n] of the rows of ``vectors`` [n, d], in float64, where float32 cannot overflow."""
    wide = vectors.astype(np.float64)
    norms: Float64s = np.sqrt((wide * wide).sum(axis=1))
    return norms


def unit(vectors: npt.NDArray[np.floating[Any]]) -> Float32s:
    """Scale the rows of ``vectors`` [n, d] to length 1, in float32; zero stays zero."""
    norms = row_norms(vectors)[:, None]
    scaled: Float32s = (vectors / np.where(norms > 0, norms, 1.0)).astype(np.float32)
    return scaled


def gamma(roundings: int) -> float:
    """Bound the relative error of ``roundings`` float32 operations: n u / (1 - n u), Higham (2002), section 3.1."""
    return roundings * _ROUNDOFF / (1 - roundings * _ROUNDOFF)


def error_bound(dim: int, query_norm: float, document_norm: float) -> float:
    """Bound the distance of a float32 dot product, added in any order, from the true one rounded to float32.

    It is `gamma` times the product of the norms; four roundings more than ``dim`` cover the final rounding and that of
    the norms. What underflows adds at most the smallest normal number each time.
    """
    return gamma(dim + 4) * query_norm * document_norm + dim * 2.0**-126

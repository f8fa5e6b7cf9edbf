"""BM25 in Lucene's variant: lengths, idf and norms, in float32 and in its order of operations.

Sources: S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", Foundations and
Trends in Information Retrieval 3(4), 2009; Lucene's variant since version 8: no factor k1 + 1, document lengths
in one byte, each term's score in float32, their sum in float64 rounded to float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from intrex.data.arrays import Int64s, Scores, Uint8s

EXACT = 24


def _decoded_length(code: int) -> int:
    """Return the document length that a byte stands for: exact below 40, then four significant bits of its excess over 24."""
    if code < EXACT:
        return code
    mantissa, exponent = (code - EXACT) & 7, (code - EXACT) >> 3
    return EXACT + (mantissa if exponent == 0 else (mantissa | 8) << (exponent - 1))


LENGTHS: Int64s = np.array([_decoded_length(code) for code in range(256)])
"""Document length by its byte, int64 [256], ascending: the table of Lucene's SmallFloat.byte4ToInt."""


def encode_lengths(lengths: Int64s) -> Uint8s:
    """Return the byte of each length, rounded down to the next one in `LENGTHS`; int64 [n] to uint8 [n]."""
    return (np.searchsorted(LENGTHS, lengths, side="right") - 1).astype(np.uint8)


def idf(df: int, n: int) -> np.float32:
    """Compute log(1 + (n - df + 0.5) / (df + 0.5)) of a term in ``df`` of ``n`` documents."""
    return np.float32(math.log(1 + (n - df + 0.5) / (df + 0.5)))


def inverse_norms(k1: float, b: float, avgdl: float) -> Scores:
    """Compute 1 / (k1 * (1 - b + b * length / avgdl)) for each length byte; float32 [256], infinite where k1 is 0."""
    k, w, unity = np.float32(k1), np.float32(b), np.float32(1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return unity / (k * ((unity - w) + w * LENGTHS.astype(np.float32) / np.float32(avgdl)))


def inverse_tables(k1: float, b: float, avgdls: Sequence[float]) -> Scores:
    """Compute `inverse_norms` of several fields by their mean lengths; float32 [fields, 256]."""
    # A field without any term has the mean 0, and no posting that would ask for its table.
    return np.array([inverse_norms(k1, b, avgdl or 1.0) for avgdl in avgdls])

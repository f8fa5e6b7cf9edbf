"""Estimates of a matrix of scores from some of its rows and columns (CUR): a query's vector from a few exact scores.

A document's vector are its scores with the anchor queries, [k_q] of them. A query is written as a combination of the anchor
queries that repeats the exact scores of its anchor documents; its product with any document's vector estimates the
score of that one. With W the scores of the anchor queries and anchor documents, c those of the query, the combination is
c · pinv(W), the shortest of those nearest to c (Yadav et al., EMNLP 2022).
"""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Float32s, Float64s, Scores


def pseudo_inverse(anchors: Float32s, tolerance: float) -> Float64s:
    """Return pinv(W) [k_i, k_q] in float64 of ``anchors`` [k_i, k_q], the vectors of anchor documents: W transposed.

    Singular values below ``tolerance`` times the largest are cut: they are noise of the scorer, which an inverse would
    multiply by their reciprocal. It goes over the eigenvalues of the smaller product of ``anchors`` with itself, in float64: the
    squares of singular values down to 1e-5 of the largest are well above its rounding, and it takes a fraction of the
    time of a singular value decomposition.
    """
    rows = np.ascontiguousarray(anchors, np.float64)
    wide = rows.shape[0] <= rows.shape[1]
    gram = rows @ rows.T if wide else rows.T @ rows
    values, vectors = np.linalg.eigh(gram)
    kept = values > max(values[-1], 0.0) * tolerance**2
    basis = vectors[:, kept]
    inverse = (basis / values[kept]) @ basis.T
    found: Float64s = inverse @ rows if wide else rows @ inverse
    return found


def query_vector(scores: Scores, inverse: Float64s) -> Float32s:
    """Return the vector [k_q] of a query, from the exact scores [k_i] of its anchor documents."""
    return (scores.astype(np.float64) @ inverse).astype(np.float32)

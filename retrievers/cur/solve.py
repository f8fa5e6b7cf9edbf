"""Estimates of a matrix of scores from some of its rows and columns (CUR): a query's vector from a few exact scores.

A document's vector are its scores with the anchor queries, [k_q] of them. A query is written as a combination of the anchor
queries that repeats the exact scores of its anchor documents; its product with any document's vector estimates the
score of that one. With W the scores of the anchor queries and anchor documents, c those of the query, the combination is
c · pinv(W), the shortest of those nearest to c (Yadav et al., EMNLP 2022).
"""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Float32s, Float64s, Scores
from intrex.data.errors import BadInput


class PseudoInverse:
    """Pseudo-inverse of W [k_q, k_i], the scores of anchor queries with anchor documents, its small singular values cut.

    Singular values below ``tolerance`` times the largest are noise of the scorer, which an inverse would multiply by their
    reciprocal. It goes over the eigenvalues of W's smaller product with itself, in float64: the squares of singular
    values down to 1e-5 of the largest are well above its rounding, and it takes a fraction of the time of a singular value
    decomposition. The product of the factors is never formed, which would take longer than all the rest for one query.

    Args:
        anchors: [k_i, k_q] the vectors of the anchor documents, W transposed; at least one of each.
        tolerance: from 1e-5 to 1.

    Raises:
        BadInput: a score is no finite number, which only an altered index has.
    """

    def __init__(self, anchors: Float32s, tolerance: float) -> None:
        self._rows = rows = np.ascontiguousarray(anchors, np.float64)
        if not np.isfinite(rows).all():
            raise BadInput("damaged: scores of anchors that are no finite numbers", "rebuild the index")
        self._wide = rows.shape[0] <= rows.shape[1]
        values, vectors = np.linalg.eigh(rows @ rows.T if self._wide else rows.T @ rows)
        kept = values > max(values[-1], 0.0) * tolerance**2
        self._basis = vectors[:, kept]
        self._values = values[kept]

    def query_vector(self, scores: Scores) -> Float32s:
        """Return scores · pinv(W) [k_q]: the vector of a query with these exact scores [k_i] of the anchor documents."""
        exact = scores.astype(np.float64)
        vector = self._solve(exact) @ self._rows if self._wide else self._solve(exact @ self._rows)
        rounded: Float32s = vector.astype(np.float32)
        return rounded

    def _solve(self, side: Float64s) -> Float64s:
        """Multiply by the pseudo-inverse of the product, which is symmetric."""
        product: Float64s = self._basis @ ((side @ self._basis) / self._values)
        return product

"""Score of a single vector mixed into MaxSim: σ(γ) · single + (1 − σ(γ)) · tokens (ColBERTer, Hofstätter et al. 2022)."""

from __future__ import annotations

import math

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.numeric.rows import error_bound
from intrex.retrievers.vectors.exact import check_queries
from intrex.retrievers.vectors.native import exact_dot


class Blend:
    """Mixture of single vectors' and tokens' scores; it is rounded once, of both parts as rounded to float32.

    Args:
        documents: [n, e] float32, the single vectors of all documents.
        queries: [q, e] float32, the single vectors of the queries.
        gamma: γ, any finite number; 0 weighs both parts alike.
        longest: no single vector of a document is longer.
        part: [m] the documents that rows are of, where these are some of all.

    Raises:
        BadInput: query vectors of another dimension, not finite, or so long that scores overflow.
    """

    def __init__(
        self, documents: Float32s, queries: Float32s, gamma: float, longest: float, part: Rows | None = None
    ) -> None:
        self._documents, self._queries, self._part = documents, queries, part
        self._weight = 0.5 + 0.5 * math.tanh(gamma / 2)
        dim = documents.shape[1]
        norms = check_queries(queries, dim, longest, single=True)
        self._errors = [error_bound(dim, norm, longest) for norm in norms.tolist()]

    @property
    def tokens_weight(self) -> float:
        """Weight of the tokens' score, 1 - σ(γ)."""
        return 1 - self._weight

    def single(self, query: int, rows: Rows) -> Scores:
        """Return the exact scores of the single vectors of documents."""
        return exact_dot(self._documents, rows, self._queries[query])

    def approximate(self, query: int, scores: Scores, rows: Rows) -> Scores:
        """Mix token scores ``scores`` [m] of documents with approximate ones, within `margin` / 2 of the exact mixture."""
        return self._mix(self._documents[self._of_all(rows)] @ self._queries[query], scores)

    def exact(self, query: int, scores: Scores, rows: Rows) -> Scores:
        """Mix exact token scores ``scores`` [m] of documents with exact ones of their single vectors."""
        return self._mix(exact_dot(self._documents, self._of_all(rows), self._queries[query]), scores)

    def margin(self, query: int, margin: float) -> float:
        """Return twice the bound on the error of a mixed score, where ``margin`` is twice that of a token score.

        It is doubled again, which covers the two roundings to float32: each is at most one unit roundoff of the lengths'
        product, and an error bound is more than four of them.
        """
        return 2 * (self._weight * 2 * self._errors[query] + (1 - self._weight) * margin)

    def _of_all(self, rows: Rows) -> Rows:
        return rows if self._part is None else self._part[rows]

    def _mix(self, single: Scores, tokens: Scores) -> Scores:
        mixed = self._weight * single.astype(np.float64) + (1 - self._weight) * tokens.astype(np.float64)
        return mixed.astype(np.float32) + np.float32(0)  # -0 becomes 0

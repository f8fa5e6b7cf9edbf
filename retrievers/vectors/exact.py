"""Exact top k from approximate scores: a bound on their error, a pool of those that may be in it, one fixed kernel.

Matrix products differ in the last bits with the number of rows, threads and the library. Here they only choose
candidates: all documents whose float32 score lies within twice the error bound of the k-th best. Those get their score
from `intrex.retrievers.vectors.native.exact_dot`, which adds in one fixed order, so that a ranking is the same bits however it was computed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.errors import BadInput
from intrex.data.numeric.rows import row_norms


def fixed_sums(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The sum [n] of each row of ``numbers`` [n, d], which are used up: halves are added upon halves.

    All operations are on single elements, so that a row's sum does not depend on the rows beside it.
    """
    while (width := numbers.shape[1]) > 1:
        half = (width + 1) // 2
        numbers[:, : width - half] += numbers[:, half:]
        numbers = numbers[:, :half]
    sums: npt.NDArray[np.float64] = numbers.sum(axis=1)  # one column, or none
    return sums


def check_queries(queries: Float32s, dim: int, longest: float) -> None:
    """Raise `BadInput` unless these are vectors [q, dim] whose products with ones of length ``longest`` are finite."""
    if queries.ndim != 2 or queries.shape[1] != dim:
        raise BadInput(f"query vectors of {queries.shape[-1]} dimensions do not fit the index's {dim}")
    norms = row_norms(queries)
    if not np.isfinite(norms).all() or norms.max(initial=0.0) * longest > 3e38:
        raise BadInput(
            "a query's vector is not finite, or so long that its scores overflow",
            "check the encoder and its --dtype",
        )


class Pool:
    """The rows that may still be among the ``k`` best of one query, with their approximate scores.

    Args:
        k: how many are wanted.
        margin: twice the bound on the error of a score.
    """

    def __init__(self, k: int, margin: float) -> None:
        self.floor = np.float32(-np.inf)
        self.rows: Rows = np.empty(0, np.int64)
        self._scores: Scores = np.empty(0, np.float32)
        self._k, self._margin = k, margin

    def add(self, scores: Scores, rows: Rows | None = None, start: int = 0) -> None:
        """Add approximate scores [m] of rows that were not added before: ``rows`` [m], or those from ``start`` on."""
        near = np.flatnonzero(scores >= self.floor)
        self.rows = np.concatenate([self.rows, near + start if rows is None else rows[near]])
        self._scores = np.concatenate([self._scores, scores[near]])
        if len(self.rows) > self._k:
            place = len(self.rows) - self._k
            worst = np.partition(self._scores, place)[place]
            # one step down, because the subtraction is rounded
            self.floor = np.nextafter(np.float32(float(worst) - self._margin), np.float32(-np.inf))
            self._keep(self._scores >= self.floor)

    def merge(self, other: Pool) -> None:
        """Add what another pool of the same query holds."""
        self.add(other._scores, other.rows)

    def forget(self, start: int) -> None:
        """Take out the rows from ``start`` on."""
        self._keep(self.rows < start)

    def _keep(self, kept: npt.NDArray[np.bool_]) -> None:
        self.rows, self._scores = self.rows[kept], self._scores[kept]

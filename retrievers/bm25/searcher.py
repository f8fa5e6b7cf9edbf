"""Search over postings by BM25."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int64s, Scores, Uint8s
from intrex.data.native.kernel import Kernel
from intrex.retrievers.inverted.native import SEARCH
from intrex.retrievers.inverted.postings import Postings
from intrex.retrievers.inverted.search import PostingsSearcher, Weighted, sum_by_query

_SPREAD = np.float64(2.0**-28)


def term_scores(weight: np.float32 | Scores, tfs: npt.NDArray[Any], inverse: Scores) -> Scores:
    """Compute a term's score in documents: weight * tf / (tf + norm), in Lucene's order of operations.

    Args:
        weight: idf times the term's count in the query.
        tfs: [n] counts in the documents.
        inverse: [n] float32, 1 / norm of the documents.
    """
    return weight - weight / (np.float32(1) + tfs.astype(np.float32) * inverse)


@dataclass
class Searcher(PostingsSearcher):
    """A search for the best rows by BM25; see `PostingsSearcher`.

    Attributes:
        bounds: see `Postings.bounds`; None if there are none for ``inverse``.
        norms: uint8 [fields, n], the length byte of each row in each field.
        inverse: float32 [fields, 256], 1 / norm by length byte.
        longest: float32 [fields], the least of ``inverse`` that a row has.
    """

    postings: Postings
    norms: Uint8s
    inverse: Scores
    longest: Scores

    def _kernel(self) -> Kernel | None:
        kernels = SEARCH.kernels()
        return kernels["search"] if kernels else None

    def _arguments(self, queries: Weighted) -> list[Any]:
        p, fields = self.postings, _fields(queries)
        shifts, tables = fields * self.norms.shape[1], fields * self.inverse.shape[1]
        return [queries.weights, shifts, tables, p.tfs, self.norms, self.inverse, p.big_at, p.big, len(p.big)]

    def _exact(self, queries: Weighted) -> Uint8s:
        """Float32 numbers within a factor of 2**28 are multiples of one that float64 can count their sums in."""
        sums = np.repeat(sum_by_query(queries, queries.weights), np.diff(queries.offsets))
        least = term_scores(queries.weights, np.ones(1), self.longest[_fields(queries)])
        exact: Uint8s = (sum_by_query(queries, least <= sums * _SPREAD) == 0).astype(np.uint8)
        return exact

    def _scores(self, queries: Weighted, t: int) -> tuple[Int64s, Scores]:
        docs, tfs = self.postings.of(int(queries.terms[t]))
        rows = docs.astype(np.int64)  # take and assignment are twice as fast with the native index type
        field = 0 if queries.fields is None else int(queries.fields[t])
        inverse = self.inverse[field].take(self.norms[field].take(rows))
        return rows, term_scores(queries.weights[t], tfs, inverse)


def _fields(queries: Weighted) -> Int64s:
    return np.zeros(len(queries.terms), np.int64) if queries.fields is None else queries.fields

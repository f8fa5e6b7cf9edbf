"""PLAID: candidates by centroids in three stages (K. Santhanam et al., CIKM 2022), over residual-compressed tokens.

The stages cut by centroid scores, which are the same bits for any library and thread count: centroids and query
tokens lie on grids so coarse that every product, and every sum of products in any order, is a float32 number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from intrex.data.arrays import Bools, Float32s, Int32s, Rows, Scores, Uint16s, Uint32s
from intrex.data.native.library import Library
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.threads import on_threads
from intrex.retrievers.base import top_k
from intrex.retrievers.vectors.exact import check_queries

QUERY_GRID, LONGEST = 2.0**-11, 1.9
"""With centroids of length 1 on a grid of 2^-12, and tokens so long, sums are multiples of 2^-23 below 2."""
Codes = Uint16s | Int32s
LIBRARY = Library("PLAID", ("intrex.retrievers.multivector.kernels.plaid",))


class PlaidOptions(NamedTuple):
    """Limits of PLAID.

    Attributes:
        ncells: centroids probed for each query token; all of them if there are fewer.
        threshold: in the second stage tokens count only if their centroid scores so much for some query token.
        ndocs: documents kept by the second stage; the third keeps a quarter, but no fewer than are asked for.
    """

    ncells: int
    threshold: float
    ndocs: int

    @classmethod
    def of(
        cls, k: int, ncells: int | None = None, threshold: float | None = None, ndocs: int | None = None
    ) -> PlaidOptions:
        """Fill in for None the numbers of ColBERT's code for a ranking of ``k`` documents."""
        defaults = (1, 0.5, 256) if k <= 10 else (2, 0.45, 1024) if k <= 100 else (4, 0.4, max(4 * k, 4096))
        pairs = zip((ncells, threshold, ndocs), defaults, strict=True)
        cells, least, docs = (default if value is None else value for value, default in pairs)
        return cls(int(cells), float(least), int(docs))


class CentroidLists(NamedTuple):
    """Documents by the centroid of a token, and the centroid of each token.

    Attributes:
        grid: [k, d] float32: the centroids, see `intrex.retrievers.multivector.residual.GRID`.
        codes: [total] uint16 or int32: the centroid of each token.
        offsets: [n + 1] int64: the tokens of each document.
        bounds: [k + 1] int64: centroid c has the documents ``lists[bounds[c]:bounds[c + 1]]``.
        lists: [entries] int32, rows of documents, ascending for each centroid.
    """

    grid: Float32s
    codes: Codes
    offsets: Rows
    bounds: Rows
    lists: Int32s


def candidates(
    lists: CentroidLists,
    queries: PackedVectors,
    k: int,
    options: PlaidOptions,
    rank: Uint32s,
    threads: int,
) -> list[Rows]:
    """Find the `finalists` of each query, of which exact MaxSim finds the ``k`` best.

    With all centroids probed, no threshold, and four times as many documents kept as there are, these are all documents
    with tokens.

    Raises:
        BadInput: as `check_queries`.
    """
    check_queries(queries.vectors, lists.grid.shape[1], 1.0)
    rows = [np.empty(0, np.int64)] * (len(queries.offsets) - 1)

    def cut(numbers: Iterator[int]) -> None:
        for i in numbers:
            query = queries.vectors[queries.offsets[i] : queries.offsets[i + 1]]
            rows[i] = finalists(query.astype(np.float32, copy=False), lists, rank, k, options)

    on_threads(cut, range(len(rows)), threads)
    return rows


def centroid_scores(centroids: Float32s, query: Float32s) -> Float32s:
    """Multiply the centroids [k, d] by the query's tokens [q, d], which are brought to a grid, to scores [k, q].

    The grid has steps of 2^-11, for tokens whose longest is from 0.95 to 1.9 long, and so in proportion to the powers
    of two. The result is exact for the tokens so rounded.
    """
    longest = float(np.sqrt((query.astype(np.float64) ** 2).sum(axis=1).max(initial=0.0)))
    scale = 2.0 ** np.frexp(longest / LONGEST)[1]
    step = np.float64(scale * QUERY_GRID)
    coarse = (np.rint(query / step) * QUERY_GRID).astype(np.float32)
    scores: Float32s = (centroids @ coarse.T) * np.float32(scale)
    return scores


def finalists(query: Float32s, lists: CentroidLists, rank: Uint32s, k: int, options: PlaidOptions) -> Rows:
    """Find the documents, as rows, ascending, that the three stages leave to be scored exactly.

    1. The documents with a token in one of the ``ncells`` cells nearest to a query token (ties: the lower number).
    2. The ``ndocs`` best by centroid interaction: the sum over query tokens of the largest score of a centroid of the
       document's tokens, of those centroids only that reach the threshold. A document with none of them comes last.
    3. The ``ndocs / 4`` best (rounded up, and at least ``k``) by the interaction of all its centroids.

    Ties at a cut go to the larger document id. A stage that would cut nothing is not computed.

    Args:
        query: [q, d] float32; a query without tokens finds nothing.
        lists: of the index.
        rank: [n] of each document's id in byte order.
        k: depth of the ranking.
        options: the limits.
    """
    if not len(query):
        return np.empty(0, np.int64)
    scores = centroid_scores(lists.grid, query)
    rows = _probe(scores, lists, options.ncells)
    if len(rows) > options.ndocs:
        cells = scores.max(axis=1) >= options.threshold
        rows = np.sort(rows[top_k(_interact(scores, lists, rows, cells), rank[rows], options.ndocs)])
    last = max(-(-options.ndocs // 4), k)
    if len(rows) > last:
        cells = np.ones(len(lists.grid), np.bool_)
        rows = np.sort(rows[top_k(_interact(scores, lists, rows, cells), rank[rows], last)])
    return rows


def _probe(scores: Float32s, lists: CentroidLists, ncells: int) -> Rows:
    n, (k, cols) = len(lists.offsets) - 1, scores.shape
    if ncells >= k:
        return np.flatnonzero(np.diff(lists.offsets) > 0)
    kernels = LIBRARY.kernels()
    if kernels is None:
        cells = np.unique(np.argsort(-scores, axis=0, kind="stable")[:ncells])
        parts = [lists.lists[lists.bounds[c] : lists.bounds[c + 1]] for c in cells]
        return np.unique(np.concatenate(parts)).astype(np.int64)
    best, cells = np.empty(cols * ncells, np.float32), np.empty(cols * ncells, np.int32)
    marks, out = np.zeros(n, np.uint8), np.empty(n + 1, np.int64)
    count = kernels["probe"](scores, k, cols, ncells, best, cells, lists.bounds, lists.lists, marks, out)
    return np.sort(out[:count])


def _interact(scores: Float32s, lists: CentroidLists, rows: Rows, cells: Bools) -> Scores:
    """Compute the centroid interaction [len(rows)] of documents that have tokens, by the centroids in ``cells`` [k]."""
    kernels, cols = LIBRARY.kernels(), scores.shape[1]
    out = np.empty(len(rows), np.float32)
    if kernels is None:
        for i, row in enumerate(rows.tolist()):
            codes = lists.codes[lists.offsets[row] : lists.offsets[row + 1]]
            out[i] = scores[codes[cells[codes]]].max(axis=0, initial=-np.inf).sum(dtype=np.float64)
        return out
    wide = lists.codes.dtype == np.int32
    code_arrays = (np.empty(0, np.uint16), lists.codes) if wide else (lists.codes, np.empty(0, np.int32))
    documents = (lists.offsets, rows, len(rows), np.empty(cols, np.float32), out)
    kernels["interact"](scores, cols, cells.view(np.uint8), *code_arrays, wide, *documents)
    return out

"""Similarity of queries by cosine, in blocks: never a matrix of all pairs.

Vectors are dense (an encoder's) or sparse (BM25 weights of the terms); both are brought to length 1, so that no split
depends on their scale. Matrix products in float32 choose candidates; what is compared and returned are float64 sums in
a fixed order, because the last bits of a product depend on the library and on the block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from intrex.data.arrays import Array, Float64s, Int64s
from intrex.data.numeric.rows import unit
from intrex.data.system.threads import cores, on_threads

Vectors = Any
"""[n, d]: a float32 array, or a ``scipy.sparse`` matrix in CSR form."""

TESTS_AT_ONCE = 512
TRAINS_AT_ONCE = 1 << 14
"""A block of similarities: 32 MB, one for each thread."""
MARGIN = 32
"""Candidates beyond k, among which the order in float64 may differ from that in float32."""
NUMBERS_AT_ONCE = 1 << 23
ROWS_AT_ONCE = 1 << 14


def normalise(vectors: Vectors, rows: Int64s | None = None) -> Vectors:
    """Scale the vectors, or ``rows`` of them, to length 1 in float32; zero stays zero."""
    if isinstance(vectors, np.ndarray):
        rows = np.arange(len(vectors)) if rows is None else rows
        scaled = np.empty((len(rows), vectors.shape[1]), np.float32)
        for low in range(0, len(rows), ROWS_AT_ONCE):
            scaled[low : low + ROWS_AT_ONCE] = unit(vectors[rows[low : low + ROWS_AT_ONCE]])
        return scaled
    from scipy import sparse

    wide = sparse.csr_matrix(vectors if rows is None else vectors[rows], dtype=np.float64)
    norms = np.sqrt(np.asarray(wide.multiply(wide).sum(axis=1)).ravel())
    scale = sparse.diags(1 / np.where(norms > 0, norms, 1.0))
    return sparse.csr_matrix(scale @ wide, dtype=np.float32)


def _tests(tests: Vectors) -> Iterator[slice]:
    """Yield blocks of test queries, which threads share out."""
    for low in range(0, tests.shape[0], TESTS_AT_ONCE):
        yield slice(low, min(low + TESTS_AT_ONCE, tests.shape[0]))


def _products(tests: Vectors, trains: Vectors) -> Iterator[tuple[slice, Array]]:
    """Yield approximate similarities [n, b] of test queries to blocks of training queries."""
    for start in range(0, trains.shape[0], TRAINS_AT_ONCE):
        block = slice(start, min(start + TRAINS_AT_ONCE, trains.shape[0]))
        products = tests @ trains[block].T
        yield block, products if isinstance(products, np.ndarray) else products.toarray()


def _exact(tests: Vectors, trains: Vectors, rows: Int64s) -> Float64s:
    """Compute the similarity of each test query to the training queries ``rows`` [n, k]; those of row -1 are minus infinity."""
    out = np.empty(rows.shape)
    step = max(1, NUMBERS_AT_ONCE // max(rows.shape[1] * tests.shape[1], 1))
    dense = isinstance(tests, np.ndarray)
    for low in range(0, len(rows), step if dense else 1):
        block = slice(low, low + (step if dense else 1))
        if dense:
            wide = trains[np.maximum(rows[block], 0)].astype(np.float64)
            out[block] = np.einsum("nkd,nd->nk", wide, tests[block].astype(np.float64))
        else:
            out[block] = (trains[np.maximum(rows[low], 0)] @ tests[low].T).toarray().T
    return np.where(rows >= 0, out, -np.inf)


def nearest_queries(tests: Vectors, trains: Vectors, k: int) -> tuple[Int64s, Float64s]:
    """Find the ``k`` most similar training queries of each test query, ties by row ascending.

    Args:
        tests: [n, d], normalised.
        trains: [m, d], normalised; m is at least k.
        k: how many.

    Returns:
        Rows [n, k] int64 and similarities [n, k] float64, best first.
    """
    depth = min(k + MARGIN, trains.shape[0])
    rows = np.empty((tests.shape[0], depth), np.int64)

    def work(blocks: Iterator[slice]) -> None:
        for block in blocks:
            rows[block] = _candidates(tests[block], trains, depth)

    on_threads(work, _tests(tests), cores())
    exact = _exact(tests, trains, rows)
    order = np.lexsort((rows, -exact), axis=1)[:, :k]
    return np.take_along_axis(rows, order, 1), np.take_along_axis(exact, order, 1)


def _candidates(tests: Vectors, trains: Vectors, depth: int) -> Int64s:
    """Return the training queries of the highest approximate similarity to each test query [n, depth], in no order."""
    best = np.full((tests.shape[0], depth), -np.inf, np.float32)
    rows = np.full((tests.shape[0], depth), -1, np.int64)
    for block, products in _products(tests, trains):
        if products.shape[1] > depth and block.start:  # later blocks have little that is better
            scores, columns = _above(products, best.min(axis=1))
        else:
            cut = products.shape[1] - min(depth, products.shape[1])
            columns = np.argpartition(products, cut, axis=1)[:, cut:]
            scores = np.take_along_axis(products, columns, 1)
        scores = np.concatenate([best, scores], axis=1)
        names = np.concatenate([rows, columns + block.start], axis=1)
        order = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
        best, rows = np.take_along_axis(scores, order, 1), np.take_along_axis(names, order, 1)
    return rows


def _above(products: Array, floor: Array) -> tuple[Array, Int64s]:
    """Return the scores of each row above its floor, and their columns; filled up to one width with minus infinity."""
    at, column = np.divmod(np.flatnonzero(products > floor[:, None]), products.shape[1])
    counts = np.bincount(at, minlength=len(products))
    place = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    scores = np.full((len(products), int(counts.max(initial=0))), -np.inf, np.float32)
    columns = np.zeros(scores.shape, np.int64)
    scores[at, place], columns[at, place] = products[at, column], column
    return scores, columns


def highest_by_group(tests: Vectors, trains: Vectors, groups: Int64s) -> Float64s:
    """Return for each test query the highest similarity to a training query of each group.

    Args:
        tests: [n, d], normalised.
        trains: [m, d], normalised, in order of their groups.
        groups: [m] int64, ascending, from 0.

    Returns:
        [n, highest group + 1] float64; minus infinity where a group has no training query.
    """
    shape = (tests.shape[0], int(groups.max(initial=-1)) + 1)
    best, rows = np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int64)

    def work(blocks: Iterator[slice]) -> None:
        for queries in blocks:
            for block, products in _products(tests[queries], trains):
                present, starts = np.unique(groups[block], return_index=True)
                for group, low, high in zip(present.tolist(), starts, [*starts[1:], None], strict=True):
                    part = products[:, low:high]
                    at = part.argmax(axis=1)
                    value = np.take_along_axis(part, at[:, None], 1)[:, 0]
                    better = value > best[queries, group]
                    best[queries, group] = np.where(better, value, best[queries, group])
                    rows[queries, group] = np.where(better, at + low + block.start, rows[queries, group])

    on_threads(work, _tests(tests), cores())
    return _exact(tests, trains, rows)


def bm25_vectors(terms: list[list[str]], k1: float = 0.9, b: float = 0.4) -> Vectors:
    """Weigh the terms of texts by BM25: idf · tf / (tf + norm), a document being one of the texts.

    Args:
        terms: [n] the terms of each text, repeats kept.
        k1: see `intrex.retrievers.bm25.index`.
        b: the same.

    Returns:
        [n, terms] float32 in CSR form; the terms are numbered in byte order.
    """
    from scipy import sparse

    numbers = {term: i for i, term in enumerate(sorted({t for text in terms for t in text}))}
    rows = np.repeat(np.arange(len(terms)), [len(text) for text in terms])
    columns = np.array([numbers[t] for text in terms for t in text], np.int64)
    counts = sparse.csr_matrix(
        (np.ones(len(rows)), (rows, columns)), shape=(len(terms), max(len(numbers), 1)), dtype=np.float64
    )
    counts.sum_duplicates()
    lengths = np.array([len(text) for text in terms], np.float64)
    n_filled = max(int((lengths > 0).sum()), 1)
    norms = k1 * (1 - b + b * lengths / max(lengths.sum() / n_filled, 1.0))
    df = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log(1 + (n_filled - df + 0.5) / (df + 0.5))
    owner = np.repeat(np.arange(len(terms)), np.diff(counts.indptr))
    counts.data = idf[counts.indices] * counts.data / (counts.data + norms[owner])
    return sparse.csr_matrix(counts, dtype=np.float32)

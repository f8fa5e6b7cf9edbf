"""Kernels of multi-vector scoring (see `intrex.data.native.library`), each with its form in numpy where there is none."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Float16s, Float32s, Float64s, Rows, Scores
from intrex.data.native.library import Library
from intrex.data.numeric.spans import ranges
from intrex.retrievers.vectors.exact import fixed_sums

LIBRARY = Library("scoring", ("intrex.retrievers.vectors.kernels",))
_AT_ONCE = 1 << 21
"""Numbers that are multiplied at once without a kernel: bounds the memory to some 50 MB."""


def widen(halves: Float16s, out: Float32s) -> Float32s:
    """Write float16 vectors [m, d] as float32 to the first rows of ``out`` [at least m, d]; return these."""
    wide = out[: len(halves)]
    if kernels := LIBRARY.kernels():
        kernels["widen"](np.ascontiguousarray(halves), wide, halves.size)
    else:
        wide[...] = halves
    return wide


def numbers(offsets: Rows, rows: Rows) -> Rows:
    """Return the numbers of the tokens of documents, one document after another."""
    return ranges(offsets[rows], offsets[rows + 1] - offsets[rows])


def gather(halves: Float16s, offsets: Rows, rows: Rows, out: Float32s) -> Float32s:
    """Write the float16 vectors of documents, one document after another, as float32 to the first rows of ``out``.

    Args:
        halves: [m, d], C-contiguous.
        offsets: [n + 1] int64: document i has the vectors ``offsets[i]:offsets[i + 1]``.
        rows: the documents.
        out: has room for all their vectors.
    """
    kernels = LIBRARY.kernels()
    if kernels is None:
        return widen(halves[numbers(offsets, rows)], out)
    starts = offsets[rows]
    lengths = offsets[rows + 1] - starts
    kernels["gather"](halves, starts, lengths, len(rows), halves.shape[1], out)
    return out[: lengths.sum()]


class BlockScores:
    """Approximate MaxSim of documents, fed with the products of query tokens and theirs block by block.

    Args:
        offsets: [n + 1] int64, the tokens of all documents.
        documents: the first document to score, and the one after the last.
        bounds: [q + 1] int64: query i has the rows ``bounds[i]:bounds[i + 1]`` of the products, at least one.

    Attributes:
        scores: [q, documents] float32; minus infinity for a document without tokens, or not reached yet.
    """

    def __init__(self, offsets: Rows, documents: tuple[int, int], bounds: Rows) -> None:
        self._offsets, self._bounds = offsets, bounds
        self._first, self._last = documents
        self._next = self._first
        self._maxima = np.empty(bounds[-1], np.float32)
        self.scores: Scores = np.full((len(bounds) - 1, self._last - self._first), -np.inf, np.float32)
        self._kernels = LIBRARY.kernels()

    def add(self, sims: Float32s, start: int) -> None:
        """Add the products [rows, m] with the m tokens from ``start`` on; blocks come in order and without gaps."""
        if self._kernels is None:
            self._add_plainly(sims, start)
            return
        self._next = self._kernels["add_block"](
            *(sims, *sims.shape, self._offsets, start, self._next, self._last, self._first),
            *(self._maxima, self._bounds, len(self._bounds) - 1, self.scores),
        )

    def _add_plainly(self, sims: Float32s, start: int) -> None:
        end = start + sims.shape[1]
        while self._next < self._last and self._offsets[self._next] < end:
            begin, until = self._offsets[self._next : self._next + 2].tolist()
            if begin >= start:
                self._maxima[...] = -np.inf
            products = sims[:, max(begin, start) - start : min(until, end) - start]
            np.maximum(self._maxima, products.max(axis=1, initial=-np.inf), out=self._maxima)
            if until > end:
                return
            if begin < until:
                sums = np.add.reduceat(self._maxima.astype(np.float64), self._bounds[:-1])
                self.scores[:, self._next - self._first] = sums
            self._next += 1


def exact_scores(
    sims: Float32s, tokens: Float32s, query: Float32s, bounds: Rows, margins: Float64s
) -> Float64s:
    """Compute the MaxSim of documents with one query, the same bits however ``sims`` was computed.

    A score is the sum, in the order of the query's tokens, of the largest product with each of them; products are
    those of `exact_dots`.

    Args:
        sims: [q, m] approximate products of the query's tokens with the documents'.
        tokens: [m, d] the documents' tokens, one document after another.
        query: [q, d], q at least 1.
        bounds: [n + 1] int64: document i has the tokens ``bounds[i]:bounds[i + 1]``, at least one.
        margins: [q] twice the bound on the error of a product.

    Returns:
        [n] float64.
    """
    n, dim = len(bounds) - 1, query.shape[1]
    out = np.zeros(n)
    if kernels := LIBRARY.kernels():
        work = np.empty(dim + 1)
        kernels["exact_scores"](sims, *sims.shape, tokens, query, dim, bounds, n, margins, work, out)
        return out
    owners = np.repeat(np.arange(n), np.diff(bounds))
    for row, token, margin in zip(sims, query, margins, strict=True):
        least = np.maximum.reduceat(row, bounds[:-1]).astype(np.float64) - margin
        near = np.flatnonzero(row >= least[owners])
        best = np.full(n, -np.inf)
        exact = exact_dots(tokens, near, token[None], np.zeros(len(near), np.int64))
        np.maximum.at(best, owners[near], exact)
        out += best
    return out


def exact_dot(vectors: Float32s, rows: Rows, query: Float32s) -> Scores:
    """Multiply rows of ``vectors`` [n, d] by ``query`` [d]; dot products [len(rows)], rounded once to float32."""
    return exact_dots(vectors, rows, query[None], np.zeros(len(rows), np.int64)).astype(np.float32)


def exact_dots(a: Float32s, a_rows: Rows, b: Float32s, b_rows: Rows) -> Float64s:
    """Compute the dot products [m] of row ``a_rows[i]`` of ``a`` [n, d] and row ``b_rows[i]`` of ``b`` [k, d].

    Products of float32 numbers are exact in float64; they are added in one fixed order (`exact.fixed_sums`).
    """
    dim = a.shape[1]
    out = np.empty(len(a_rows))
    if kernels := LIBRARY.kernels():
        arrays = [np.ascontiguousarray(array) for array in (a, a_rows, b, b_rows)]
        kernels["exact_dots"](*arrays, len(a_rows), dim, np.empty(dim + 1), out)
        return out
    step = max(1, _AT_ONCE // dim)
    for start in range(0, len(a_rows), step):
        part = slice(start, start + step)
        out[part] = fixed_sums(a[a_rows[part]].astype(np.float64) * b[b_rows[part]].astype(np.float64))
    return out

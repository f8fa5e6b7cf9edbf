"""The inner loops of multi-vector scoring, for numba; only `intrex.data.native` imports this, and only to compile.

Kernels take pointers and sizes, allocate nothing and raise nothing. Products of token vectors come from BLAS, rows of one
float32 number for each query token; the loops here go along such rows, which LLVM makes vector instructions of.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from intrex.data.jit import F4, F8, I8, U2, N, entry, inner

LOWEST = np.float32(-np.inf)
TOGETHER = 8  # rows that are compared before a maximum is written back


@intrinsic  # type: ignore[untyped-decorator]
def half(context: Any, numbers: Any, i: Any) -> Any:
    """The i-th of some float16 numbers as float32; numba has no such type, LLVM and the processor do."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), ir.HalfType().as_pointer())
        return builder.fpext(builder.load(place), ir.FloatType())

    return types.float32(numbers, i), generate


@entry(U2, F4, N)
def widen(halves, out, n):  # type: ignore[no-untyped-def]
    """Float16 numbers to float32."""
    for i in range(n):
        out[i] = half(halves, i)
    return 0


@inner
def raise_maxima(sims, first, end, cols, maxima):  # type: ignore[no-untyped-def]
    """Raise the maximum of each column to those of the rows ``first:end``."""
    row = first
    while row + TOGETHER <= end:
        at = row * cols
        for c in range(cols):
            most = maxima[c]
            for k in range(TOGETHER):
                one = sims[at + k * cols + c]
                most = one if one > most else most
            maxima[c] = most
        row += TOGETHER
    while row < end:
        at = row * cols
        for c in range(cols):
            one = sims[at + c]
            maxima[c] = one if one > maxima[c] else maxima[c]
        row += 1


@entry(F4, N, N, I8, N, N, N, N, F4, I8, N, F4)
def add_block(  # type: ignore[no-untyped-def]
    sims, rows, cols, offsets, start, doc, last, first, maxima, bounds, n_queries, out
):
    """Scores of the documents that end within a block of tokens; returns the first document that does not.

    The block has the tokens ``start:start + rows``. Document d has the tokens ``offsets[d]:offsets[d + 1]``; those of
    ``doc``, the first one that is not finished, may have begun in an earlier block, and ``maxima`` [cols] is then as
    that block left it. Query q has the columns ``bounds[q]:bounds[q + 1]``. Scores go to ``out[d - first, q]``; that of
    a document without tokens is left alone.
    """
    end = start + rows
    while doc < last and offsets[doc] < end:
        begin, until = offsets[doc], offsets[doc + 1]
        if begin >= start:
            for c in range(cols):
                maxima[c] = LOWEST
        raise_maxima(sims, max(begin, start) - start, min(until, end) - start, cols, maxima)
        if until > end:
            return doc
        if begin < until:
            for q in range(n_queries):
                total = 0.0
                for c in range(bounds[q], bounds[q + 1]):
                    total += np.float64(maxima[c])
                out[(doc - first) * n_queries + q] = np.float32(total)
        doc += 1
    return doc


@inner
def fixed_dot(one, i, other, j, dim, work):  # type: ignore[no-untyped-def]
    """The dot product in the order of `intrex.retrievers.exact.fixed_sums`: products, then halves upon halves."""
    upper = dim // 2
    width = dim - upper
    for k in range(
        upper
    ):  # float64 holds a product of float32 numbers exactly, so that fusing changes no bit
        low = np.float64(one[i + k]) * np.float64(other[j + k])
        work[k] = low + np.float64(one[i + width + k]) * np.float64(other[j + width + k])
    if upper < width:
        work[upper] = np.float64(one[i + upper]) * np.float64(other[j + upper])
    while width > 1:
        upper = width // 2
        width -= upper
        for k in range(upper):
            work[k] += work[width + k]
    return work[0]


@entry(F4, N, F4, F4, N, I8, N, F8, F4, F8, F8, F4)
def exact_scores(  # type: ignore[no-untyped-def]
    sims, cols, tokens, query, dim, bounds, n_docs, margins, maxima, best, work, out
):
    """Scores of documents for one query, each maximum taken of exact products.

    Document i has the rows ``bounds[i]:bounds[i + 1]`` of ``tokens`` and of ``sims``, their approximate products with
    the ``cols`` query tokens. Only what comes within ``margins[c]`` of a maximum is computed exactly.
    """
    for i in range(n_docs):
        for c in range(cols):
            maxima[c], best[c] = LOWEST, -np.inf
        raise_maxima(sims, bounds[i], bounds[i + 1], cols, maxima)
        for row in range(bounds[i], bounds[i + 1]):
            for c in range(cols):
                if np.float64(sims[row * cols + c]) >= np.float64(maxima[c]) - margins[c]:
                    best[c] = max(best[c], fixed_dot(tokens, row * dim, query, c * dim, dim, work))
        total = 0.0
        for c in range(cols):
            total += best[c]
        out[i] = np.float32(total)
    return 0


@entry(F4, I8, F4, I8, N, N, F8, F8)
def exact_dots(one, rows, other, columns, n, dim, work, out):  # type: ignore[no-untyped-def]
    """Exact products of n pairs of vectors."""
    for i in range(n):
        out[i] = fixed_dot(one, rows[i] * dim, other, columns[i] * dim, dim, work)
    return 0

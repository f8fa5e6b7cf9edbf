"""The inner loops of multi-vector scoring, for numba.

Products of token vectors come from BLAS, a row for each query token and a column for each of a block of the documents'
tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from intrex.data.native.jit import Float16s, Float32s, Float64s, Int, Int64s, inner, kernel

LANES = 16  # numbers that are compared at once; LLVM cuts them to what the processor has


@intrinsic
def half(context: Any, numbers: Any, i: Any) -> Any:
    """Return the i-th of some float16 numbers as float32; numba has no such type, LLVM and the processor do."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), ir.HalfType().as_pointer())
        return builder.fpext(builder.load(place), ir.FloatType())

    return types.float32(numbers, i), generate


@kernel(halves="n", out="n")
def widen(halves: Float16s, out: Float32s, n: Int) -> Int:
    """Float16 numbers to float32."""
    for i in range(n):
        out[i] = half(halves, i)
    return 0


@kernel(starts="n", lengths="n")
def gather(halves: Float16s, starts: Int64s, lengths: Int64s, n: Int, dim: Int, out: Float32s) -> Int:
    """Copy the tokens ``starts[i]:starts[i] + lengths[i]`` of n documents, one after another as float32."""
    at = 0
    for i in range(n):
        first = starts[i] * dim
        for j in range(lengths[i] * dim):
            out[at + j] = half(halves, first + j)
        at += lengths[i] * dim
    return 0


@intrinsic
def widest(context: Any, numbers: Any, first: Any, n: Any) -> Any:
    """Return the largest of the n numbers from ``first`` on, n at least `LANES`.

    The loop is written out for vectors: LLVM makes none of a maximum unless it may forget about NaN, and numba cannot tell
    it so. The last step takes the last numbers, some of them for the second time.
    """
    vector = ir.VectorType(ir.FloatType(), LANES)

    def whole(i: int) -> Any:
        return ir.Constant(ir.IntType(64), i)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        begin, n = builder.gep(arguments[0], [arguments[1]]), arguments[2]
        kept = cgutils.alloca_once(builder, vector)

        def some(i: Any) -> Any:
            found = builder.load(builder.bitcast(builder.gep(begin, [i]), vector.as_pointer()))
            found.align = 4
            return found

        def larger(one: Any, other: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", one, other), one, other)

        builder.store(some(whole(0)), kept)
        with cgutils.for_range_slice(
            builder, whole(LANES), builder.sub(n, whole(LANES - 1)), whole(LANES)
        ) as (i, _):
            builder.store(larger(some(i), builder.load(kept)), kept)
        most = larger(some(builder.sub(n, whole(LANES))), builder.load(kept))
        step = LANES
        while step := step // 2:
            turn = [(i + step) % LANES for i in range(LANES)]
            turn = ir.Constant(ir.VectorType(ir.IntType(32), LANES), turn)
            most = larger(most, builder.shuffle_vector(most, most, turn))
        return builder.extract_element(most, ir.Constant(ir.IntType(32), 0))

    return types.float32(numbers, first, n), generate


@inner
def largest(numbers, first, n):
    """Return the largest of the n numbers from ``first`` on, n at least 1."""
    if n >= LANES:
        return widest(numbers, first, n)
    most = numbers[first]
    for i in range(first + 1, first + n):
        most = numbers[i] if numbers[i] > most else most
    return most


@kernel(
    sims="cols * rows", offsets="last + 1", maxima="cols", bounds="n_queries + 1", out="n_queries * (last - first)",
)  # fmt: skip
def add_block(
    sims: Float32s, cols: Int, rows: Int, offsets: Int64s, start: Int, doc: Int, last: Int, first: Int,
    maxima: Float32s, bounds: Int64s, n_queries: Int, out: Float32s,
) -> Int:  # fmt: skip
    """Scores of the documents that end within a block of tokens; returns the first document that does not.

    The block has the tokens ``start:start + rows``; ``sims`` [cols, rows] are their products with query tokens. Document d
    has the tokens ``offsets[d]:offsets[d + 1]``; those of ``doc``, the first one that is not finished, may have begun in
    an earlier block, and ``maxima`` [cols] is then as that block left it. Query q has the query tokens
    ``bounds[q]:bounds[q + 1]``. Scores go to ``out[q, d - first]``; that of a document without tokens is left alone.
    """
    end = start + rows
    while doc < last and offsets[doc] < end:
        begin, until = max(offsets[doc], start) - start, min(offsets[doc + 1], end) - start
        fresh, whole = offsets[doc] >= start, offsets[doc + 1] <= end
        if begin < until:
            for q in range(n_queries):
                total = 0.0
                for c in range(bounds[q], bounds[q + 1]):
                    most = largest(sims, c * rows + begin, until - begin)
                    maxima[c] = most if fresh or most > maxima[c] else maxima[c]
                    total += np.float64(maxima[c])
                if whole:
                    out[q * (last - first) + doc - first] = np.float32(total)
        if not whole:
            return doc
        doc += 1
    return doc


@inner
def fixed_dot(one, i, other, j, dim, work):
    """Return the dot product in the order of `intrex.retrievers.vectors.exact.fixed_sums`: products, then halves upon halves."""
    upper = dim // 2
    width = dim - upper
    for k in range(upper):  # float64 holds products of float32 numbers exactly, so that fusing changes no bit
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


@kernel(
    sims="cols * rows", tokens="rows * dim", query="cols * dim", bounds="n_docs + 1", margins="cols", work="dim",
    out="n_docs",
)  # fmt: skip
def exact_scores(
    sims: Float32s, cols: Int, rows: Int, tokens: Float32s, query: Float32s, dim: Int, bounds: Int64s, n_docs: Int,
    margins: Float64s, work: Float64s, out: Float64s,
) -> Int:  # fmt: skip
    """Scores of documents for one query, each maximum taken of exact products.

    Document i has the rows ``bounds[i]:bounds[i + 1]`` of ``tokens`` [rows, dim]; ``sims`` [cols, rows] are their
    approximate products with the query's tokens. Only what comes within ``margins[c]`` of a maximum is computed exactly.
    """
    for i in range(n_docs):
        total = 0.0
        for c in range(cols):
            at = c * rows
            least = np.float64(largest(sims, at + bounds[i], bounds[i + 1] - bounds[i])) - margins[c]
            best = -np.inf
            for row in range(bounds[i], bounds[i + 1]):
                if np.float64(sims[at + row]) >= least:
                    best = max(best, fixed_dot(tokens, row * dim, query, c * dim, dim, work))
            total += best
        out[i] = total
    return 0


@kernel(rows="n", columns="n", work="dim", out="n")
def exact_dots(
    one: Float32s, rows: Int64s, other: Float32s, columns: Int64s, n: Int, dim: Int, work: Float64s, out: Float64s
) -> Int:  # fmt: skip
    """Exact products of n pairs of vectors."""
    for i in range(n):
        out[i] = fixed_dot(one, rows[i] * dim, other, columns[i] * dim, dim, work)
    return 0

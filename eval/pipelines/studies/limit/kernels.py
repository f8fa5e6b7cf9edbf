"""The optimisation of free embeddings, for numba; see `intrex.eval.pipelines.studies.limit.free`."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Float32s, Float64s, Int, Int32s, inner, kernel

LANES = 16
BLOCK = 64  # queries that are looked at together: their scores stay in the fastest cache
ONE, ZERO = np.float32(1), np.float32(0)
MIDDLE = np.float32(0.5352614285189903)  # exp(-0.625)
C2, C3, C4, C5, C6, C7, C8 = (
    np.float32(1 / f) for f in (2.0, 6.0, 24.0, 120.0, 720.0, 5040.0, 40320.0)
)  # fmt: skip
# Places of the settings, as in intrex.eval.pipelines.studies.limit.free.
RATE, INVERSE, BETA_1, BETA_2, EPSILON, DELTA = range(6)
# Places of the results.
ACCURACY, STEPS, LOSS = range(3)


@inner
def _exp(x):
    """Return exp(x) for x in [-20, 0]: the 16th power of a polynomial of degree 8, to 2e-6; no branch, so that it is vectorised."""
    z = x * np.float32(0.0625) + np.float32(0.625)
    p = C8
    p = p * z + C7
    p = p * z + C6
    p = p * z + C5
    p = p * z + C4
    p = p * z + C3
    p = p * z + C2
    p = p * z + ONE
    p = (p * z + ONE) * MIDDLE
    p = p * p
    p = p * p
    p = p * p
    return p * p


@inner
def _scores(queries, stride, first, documents, n, d, inverse, work):
    """Write exp((u.v - 1) / t) of a block of queries and every document to ``work`` [n, BLOCK]."""
    for j in range(n):
        at = j * BLOCK
        for i in range(BLOCK):
            work[at + i] = ZERO
        for c in range(d):
            value, source = documents[j * d + c], c * stride + first
            for i in range(BLOCK):
                work[at + i] += value * queries[source + i]
        for i in range(BLOCK):
            work[at + i] = _exp(min((work[at + i] - ONE) * inverse, ZERO))


@inner
def _weigh(relevant, k, m, first, work, n, totals, scale):
    """Turn the exponentials into the derivatives of the loss by the scores; return the block's loss, less constants."""
    for i in range(BLOCK):
        totals[i] = ZERO
    for j in range(n):
        for i in range(BLOCK):
            totals[i] += work[j * BLOCK + i]
    loss = 0.0
    size = min(BLOCK, m - first)
    for i in range(size):
        for p in range(k):
            loss += np.log(np.float64(totals[i])) - np.log(
                np.float64(work[relevant[(first + i) * k + p] * BLOCK + i])
            )
    for i in range(BLOCK):
        totals[i] = scale / totals[i] if i < size else ZERO
    for j in range(n):
        for i in range(BLOCK):
            work[j * BLOCK + i] *= totals[i]
    share = scale / np.float32(k)
    for i in range(size):
        for p in range(k):
            work[relevant[(first + i) * k + p] * BLOCK + i] -= share
    return loss


@inner
def _collect(queries, stride, first, documents, n, d, work, query_slopes, slopes, lanes):
    """Add a block's derivatives by its queries, and by the documents (``slopes`` [n, d])."""
    for c in range(d):
        to = c * stride + first
        for i in range(BLOCK):
            query_slopes[to + i] = ZERO
        for j in range(n):
            value, at = documents[j * d + c], j * BLOCK
            for i in range(BLOCK):
                query_slopes[to + i] += value * work[at + i]
        for j in range(n):
            at = j * BLOCK
            for i in range(LANES):
                lanes[i] = ZERO
            for part in range(0, BLOCK, LANES):
                for i in range(LANES):
                    lanes[i] += work[at + part + i] * queries[to + part + i]
            total = ZERO
            for i in range(LANES):
                total += lanes[i]
            slopes[j * d + c] += total


@inner
def _adam(values, slopes, means, squares, size, settings, correction_1, correction_2):
    """Make one step of Adam (Kingma and Ba 2015, algorithm 1)."""
    b1, b2, rate, epsilon = settings[BETA_1], settings[BETA_2], settings[RATE], settings[EPSILON]
    for i in range(size):
        means[i] = b1 * means[i] + (ONE - b1) * slopes[i]
        squares[i] = b2 * squares[i] + (ONE - b2) * slopes[i] * slopes[i]
        values[i] -= rate * (means[i] * correction_1) / (np.sqrt(squares[i] * correction_2) + epsilon)


@inner
def _normalise(queries, stride, documents, n, d, totals):
    """Bring every vector back to length 1."""
    for first in range(0, stride, BLOCK):
        for i in range(BLOCK):
            totals[i] = ZERO
        for c in range(d):
            for i in range(BLOCK):
                totals[i] += queries[c * stride + first + i] * queries[c * stride + first + i]
        for i in range(BLOCK):
            totals[i] = ONE / np.sqrt(totals[i])
        for c in range(d):
            for i in range(BLOCK):
                queries[c * stride + first + i] *= totals[i]
    for j in range(n):
        total = ZERO
        for c in range(d):
            total += documents[j * d + c] * documents[j * d + c]
        total = ONE / np.sqrt(total)
        for c in range(d):
            documents[j * d + c] *= total


@inner
def _hits(queries, stride, documents, n, d, relevant, k, m, line, marks):
    """Count relevant documents among the k best of their queries; one that ties with a document that is not is not there."""
    hits = 0
    for j in range(n):
        marks[j] = 0
    for q in range(m):
        for j in range(n):
            total = ZERO
            for c in range(d):
                total += queries[c * stride + q] * documents[j * d + c]
            line[j] = total
        for p in range(k):
            marks[relevant[q * k + p]] = 1
        for p in range(k):
            score, before = line[relevant[q * k + p]], 0
            for j in range(n):
                if line[j] > score or (line[j] == score and marks[j] == 0):
                    before += 1
            hits += before < k
        for p in range(k):
            marks[relevant[q * k + p]] = 0
    return hits


@kernel(
    queries="d * stride", documents="n * d", relevant="m * k", settings="6", work="n * 64", totals="64", lanes="16",
    query_slopes="d * stride", slopes="n * d", query_means="d * stride", query_squares="d * stride", means="n * d",
    squares="n * d", marks="n", out="3",
)  # fmt: skip
def optimise(
    queries: Float32s, stride: Int, m: Int, documents: Float32s, n: Int, d: Int, relevant: Int32s, k: Int, steps: Int,
    every: Int, patience: Int, settings: Float32s, work: Float32s, totals: Float32s, lanes: Float32s,
    query_slopes: Float32s, slopes: Float32s, query_means: Float32s, query_squares: Float32s, means: Float32s,
    squares: Float32s, marks: Int32s, out: Float64s,
) -> Int:  # fmt: skip
    """Optimise m query vectors and n document vectors until every query has its k relevant documents first.

    ``queries`` is [d, stride], a query a column; ``stride`` is m, rounded up to whole blocks, and the columns beyond m
    hold anything of length 1. ``documents`` is [n, d]. ``out`` gets the best accuracy, the steps, the last loss.
    """
    scale = settings[INVERSE] / np.float32(m)
    best, stale = np.inf, 0
    power_1, power_2 = 1.0, 1.0
    for step in range(steps):
        loss = 0.0
        for i in range(n * d):
            slopes[i] = ZERO
        for first in range(0, stride, BLOCK):
            _scores(queries, stride, first, documents, n, d, settings[INVERSE], work)
            loss += _weigh(relevant, k, m, first, work, n, totals, scale)
            _collect(queries, stride, first, documents, n, d, work, query_slopes, slopes, lanes)
        loss /= m * k
        power_1 *= settings[BETA_1]
        power_2 *= settings[BETA_2]
        one, two = np.float32(1 / (1 - power_1)), np.float32(1 / (1 - power_2))
        _adam(queries, query_slopes, query_means, query_squares, d * stride, settings, one, two)
        _adam(documents, slopes, means, squares, n * d, settings, one, two)
        _normalise(queries, stride, documents, n, d, totals)
        out[STEPS], out[LOSS] = step + 1, loss
        if loss < best - settings[DELTA]:
            best, stale = loss, 0
        else:
            stale += 1
            if stale >= patience:
                break
        if step % every == 0 or step == steps - 1:
            hits = _hits(queries, stride, documents, n, d, relevant, k, m, work, marks)
            out[ACCURACY] = max(out[ACCURACY], hits / (m * k))
            if hits == m * k:
                break
    return 0

"""The stages of PLAID that look at centroids only, for numba; see `intrex.retrievers.multivector.plaid`."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Float32s, Int, Int32s, Int64s, Uint8s, Uint16s, kernel

LOWEST = np.float32(-np.inf)


@kernel(scores="k * cols", best="cols * ncells", cells="cols * ncells", bounds="k + 1")
def probe(
    scores: Float32s, k: Int, cols: Int, ncells: Int, best: Float32s, cells: Int32s, bounds: Int64s, lists: Int32s,
    seen: Uint8s, out: Int64s,
) -> Int:  # fmt: skip
    """Return the documents, in any order, with a token in one of the ``ncells`` centroids nearest to a query token.

    ``scores`` [k, cols] are those of the centroids with the query's tokens; of equal ones the lower number is nearer.
    ``best`` and ``cells`` [cols * ncells] are room to work in; ``seen`` has a zero for each document; ``out`` has room
    for one more than there are.
    """
    for i in range(cols * ncells):
        best[i], cells[i] = LOWEST, -1
    for c in range(k):
        for q in range(cols):
            score = scores[c * cols + q]
            j = q * ncells + ncells - 1
            if score > best[j]:
                while j > q * ncells and best[j - 1] < score:
                    best[j], cells[j] = best[j - 1], cells[j - 1]
                    j -= 1
                best[j], cells[j] = score, c
    found = 0
    for i in range(cols * ncells):
        c = cells[i]
        if c < 0:
            continue
        for p in range(bounds[c], bounds[c + 1]):
            doc = np.int64(lists[p])
            out[found] = doc
            found += 1 - seen[doc]
            seen[doc] = 1
    return found


@kernel(docs="n", maxima="cols", out="n")
def interact(
    scores: Float32s, cols: Int, kept: Uint8s, narrow: Uint16s, wide: Int32s, is_wide: Int, offsets: Int64s,
    docs: Int64s, n: Int, maxima: Float32s, out: Float32s,
) -> Int:  # fmt: skip
    """Scores of documents as if each token were its centroid: the sum of the best one's for each query token.

    Tokens whose centroid is not ``kept`` are left out; a document without any other gets minus infinity. Centroids of
    tokens are in ``wide`` if ``is_wide``, else in ``narrow``.
    """
    for i in range(n):
        for q in range(cols):
            maxima[q] = LOWEST
        for p in range(offsets[docs[i]], offsets[docs[i] + 1]):
            c = np.int64(wide[p]) if is_wide else np.int64(narrow[p])
            if kept[c]:
                at = c * cols
                for q in range(cols):
                    score = scores[at + q]
                    maxima[q] = score if score > maxima[q] else maxima[q]
        total = 0.0
        for q in range(cols):
            total += np.float64(maxima[q])
        out[i] = np.float32(total)
    return 0

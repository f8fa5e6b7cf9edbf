"""The stages of PLAID that look at centroids only, for numba; see `intrex.retrievers.plaid`."""

from __future__ import annotations

import numpy as np

from intrex.data.jit import F4, I4, I8, U1, U2, N, entry

LOWEST = np.float32(-np.inf)


@entry(F4, N, N, N, F4, I4, F4, I8, I4, U1, I8)
def probe(  # type: ignore[no-untyped-def]
    scores, k, cols, ncells, best, cells, top, bounds, lists, seen, out
):
    """The documents, in any order, with a token in one of the ``ncells`` centroids nearest to a query token.

    ``scores`` [k, cols] are those of the centroids with the query's tokens; of equal ones the lower number is nearer.
    ``top`` [k] becomes each centroid's largest score. ``best`` and ``cells`` [cols * ncells] are room to work in;
    ``seen`` has a zero for each document, before and after.
    """
    for i in range(cols * ncells):
        best[i], cells[i] = LOWEST, -1
    for c in range(k):
        most = LOWEST
        for q in range(cols):
            score = scores[c * cols + q]
            most = score if score > most else most
            j = q * ncells + ncells - 1
            if score > best[j]:
                while j > q * ncells and best[j - 1] < score:
                    best[j], cells[j] = best[j - 1], cells[j - 1]
                    j -= 1
                best[j], cells[j] = score, c
        top[c] = most
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
    for i in range(found):
        seen[out[i]] = 0
    return found


@entry(F4, N, F4, N, N, U2, I4, N, I8, I8, N, F4, F4)
def interact(  # type: ignore[no-untyped-def]
    scores, cols, top, threshold, pruned, narrow, wide, is_wide, offsets, docs, n, maxima, out
):
    """Scores of documents as if every token were its centroid: the sum over the query's tokens of the best one's.

    If ``pruned``, tokens whose centroid has a ``top`` below that of centroid number ``threshold`` are left out; a
    document without any other gets minus infinity. Centroids are in ``wide`` or else in ``narrow``.
    """
    return 0

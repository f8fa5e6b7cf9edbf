"""Hits of a Lucene index that has a document id more than once: the best row of each id counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from intrex.data.arrays import Bools, Bytes, Rows
from intrex.data.numeric.spans import owners_of
from intrex.retrievers.lucene.bridge import Hits


def first_of_each_id(sizes: Rows, docs: Rows, gather: Callable[[Rows], Bytes]) -> Bools | None:
    """Mark the first hit of each id in each query; None where no id comes twice.

    Args:
        sizes: [q] number of each query's hits.
        docs: [n] Lucene's document numbers, best first in each query.
        gather: returns the ids of document numbers.
    """
    numbers, rows = np.unique(docs, return_inverse=True)
    ids = gather(numbers)
    if len(set(ids.tolist())) == len(ids):
        return None
    names, codes = np.unique(ids, return_inverse=True)
    keys = owners_of(sizes) * len(names) + codes[rows]
    first = np.zeros(len(docs), bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return None if first.all() else first


def best_of_each_id(
    k: int, documents: int, gather: Callable[[Rows], Bytes], call: Callable[[int], Hits]
) -> tuple[Hits, int]:
    """Return the ``k`` best different ids of each query, and how many hits were left out as another row of an id.

    Args:
        k: how many.
        documents: rows of the index.
        gather: returns the ids of document numbers.
        call: searches some queries for the best rows, so many of each; it is called again, deeper, where repeated ids
            leave a query with fewer than ``k``.
    """
    depth = k
    while True:
        sizes, docs, scores = call(depth)
        first = first_of_each_id(sizes, docs, gather)
        if first is None:
            return (sizes, docs, scores), 0
        owners = owners_of(sizes)
        different = np.bincount(owners[first], minlength=len(sizes))
        if depth >= documents or not ((different < k) & (sizes >= depth)).any():
            break
        depth = min(2 * depth, documents)
    # Different ids of the query so far, that of the hit included.
    before = np.cumsum(first) - (np.cumsum(different) - different)[owners]
    kept = first & (before <= k)
    left_out = int((~first & (before < k)).sum())
    return (np.minimum(different, k), docs[kept], scores[kept]), left_out

"""Single-vector heuristic: candidates are the documents of the tokens nearest to each query token.

What ColBERT's first index did, and what MUVERA is compared with (L. Dhulipala et al., NeurIPS 2024, section 3.1): first
the documents of the nearest token of every query token, then those of the second nearest, and so on. The neighbours are
exact, so that the list is the heuristic at its best.
"""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Rows, Uint32s
from intrex.data.store.vectors import PackedVectors
from intrex.retrievers.multivector import xtr
from intrex.retrievers.multivector.tokens import Tokens


def ordered_documents(
    tokens: Tokens, queries: PackedVectors, depth: int, rank: Uint32s, threads: int
) -> list[Rows]:
    """List for each query the documents in the heuristic's order, as often as their tokens are found.

    Equal products (in float64, see `exact.fixed_sums`) are ordered by document id, descending, then by the token's
    place in its document. The i-th neighbours of all query tokens, in the order of the query, come before any
    (i+1)-th. Candidates "with duplicates removed before counting" are `distinct` of the list; without, the first n
    entries are n candidates, whatever documents they are.

    Args:
        tokens: of the documents.
        queries: token vectors in float32; a query without any gets an empty list.
        depth: neighbours of each query token, or all tokens if there are fewer.
        rank: [n] the rank of each document's id in byte order.
        threads: how many threads to use; changes nothing.

    Returns:
        For each query rows [query tokens * depth].

    Raises:
        BadInput: query vectors of another dimension, not finite, or so long that products overflow.
    """
    depth = min(depth, int(tokens.offsets[-1]))
    documents: list[Rows] = [np.empty(0, np.int64)] * (len(queries.offsets) - 1)
    if not depth:
        return documents
    for stack, (near, columns, products, _) in xtr.retrieve(tokens, queries, depth, threads):
        rows = np.searchsorted(tokens.offsets, near, side="right") - 1
        order = np.lexsort((near, ~rank[rows], -products, columns))
        begins = np.searchsorted(columns[order], np.arange(len(stack.vectors)))
        table = rows[order[begins[:, None] + np.arange(depth)]]
        for query, first, last in zip(stack.queries, stack.bounds, stack.bounds[1:], strict=False):
            documents[query] = table[first:last].T.reshape(-1)
    return documents


def distinct(documents: Rows) -> Rows:
    """Return the documents of an ordered list, each where it first stands."""
    return documents[np.sort(np.unique(documents, return_index=True)[1])]


def candidates(tokens: Tokens, queries: PackedVectors, count: int, rank: Uint32s, threads: int) -> list[Rows]:
    """Find for each query the first ``count`` different documents of its list, ascending.

    ``count`` neighbours of each query token are looked at. Raises as `ordered_documents`.
    """
    lists = ordered_documents(tokens, queries, count, rank, threads)
    return [np.sort(distinct(documents)[:count]) for documents in lists]

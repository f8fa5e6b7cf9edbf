"""Feedback on token vectors: ColBERT-PRF, centres of the feedback documents' tokens as further tokens of the query.

X. Wang, C. Macdonald, N. Tonellotto, I. Ounis, "Pseudo-Relevance Feedback for Multiple Representation Dense Retrieval",
ICTIR 2021. From the paper: k-means over the tokens of the feedback documents, an idf ln((N + 1) / (N_i + 1)) of each
centre, the centres of the largest idf, each weighted by beta times it in the sum of MaxSim; 24 clusters, 10 centres, beta 1.

Ours is N_i. The paper asks a nearest-neighbour index for the token ids nearest to a centre, and counts the documents
that have the most frequent one. An index here has vectors and no token ids, so N_i counts the documents that have a token
that is nearer to the centre than to the other centres of the query, among N documents at equal distances in the index.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from intrex.data.arrays import Float32s, Int64s, Rows
from intrex.data.numeric.kmeans import kmeans, nearest_centroids
from intrex.data.numeric.rows import row_norms
from intrex.data.numeric.spans import cuts, offsets_of, owners_of
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.threads import blas_threads
from intrex.retrievers.multivector.tokens import Tokens
from intrex.retrievers.prf.options import TokenFeedback

SAMPLED = 1024
"""Documents among which those that have a token near a centre are counted."""
TOGETHER = 1 << 13
"""Tokens of these documents that are compared at a time."""


def expand(
    tokens: Tokens, queries: PackedVectors, documents: Sequence[Rows], options: TokenFeedback, threads: int
) -> PackedVectors:
    """Add to the tokens of each query the weighted centres of its documents' tokens; single vectors stay.

    A query without tokens, or whose documents have none, stays as it is.

    Args:
        tokens: of the index.
        queries: token vectors in float32.
        documents: rows to read for each query.
        options: ``colbert_clusters``, ``colbert_terms``, ``colbert_beta`` and ``colbert_seed``.
        threads: for matrix products; they change no bit.
    """
    with blas_threads(threads):
        centres = [_cluster(tokens, rows, options) for rows in documents]
        counts, sampled = _document_frequencies(tokens, centres)
    parts = []
    for query, (vectors, count) in enumerate(zip(centres, counts, strict=True)):
        own = queries.vectors[queries.offsets[query] : queries.offsets[query + 1]]
        new = weigh(vectors, count, sampled, options) if len(own) else vectors[:0]
        parts.append(np.concatenate([own, new]).astype(np.float32))
    vectors = np.concatenate([np.empty((0, tokens.dim), np.float32), *parts])
    return PackedVectors(vectors, offsets_of([len(part) for part in parts]), queries.single)


def weigh(centres: Float32s, counts: Int64s, documents: int, options: TokenFeedback) -> Float32s:
    """Return the centres of the largest idf, each times beta and its idf; those of weight 0 are left out.

    MaxSim of a vector times a positive weight is the weight times MaxSim.
    """
    idf = [math.log((documents + 1) / (count + 1)) for count in counts.tolist()]
    best = sorted(range(len(idf)), key=lambda i: -idf[i])[: options.colbert_terms]
    weights = np.array([options.colbert_beta * idf[i] for i in best])
    kept: Float32s = (centres[best] * weights[:, None])[weights > 0].astype(np.float32)
    return kept


def _cluster(tokens: Tokens, rows: Rows, options: TokenFeedback) -> Float32s:
    """Return the centres [k, d] of the tokens of documents; none where these have no tokens."""
    size = int((tokens.offsets[rows + 1] - tokens.offsets[rows]).sum())
    if not size:
        return np.empty((0, tokens.dim), np.float32)
    vectors = tokens.gather(rows, np.empty((size, tokens.dim), np.float32))
    return kmeans(vectors, min(options.colbert_clusters, size), seed=options.colbert_seed).centroids


def _document_frequencies(tokens: Tokens, centres: Sequence[Float32s]) -> tuple[list[Int64s], int]:
    """Count for each query's centres the documents with a token nearest to it, and the documents that were looked at."""
    filled = np.flatnonzero(np.diff(tokens.offsets))
    rows = filled[np.unique(np.linspace(0, len(filled) - 1, min(SAMPLED, len(filled))).astype(np.int64))]
    bounds = offsets_of(tokens.offsets[rows + 1] - tokens.offsets[rows])
    counts = [np.zeros(len(vectors), np.int64) for vectors in centres]
    for first, last in cuts(bounds, TOGETHER):
        size = int(bounds[last] - bounds[first])
        block = tokens.gather(rows[first:last], np.empty((size, tokens.dim), np.float32))
        squares = row_norms(block) ** 2
        owners = owners_of(np.diff(bounds[first : last + 1]))
        for vectors, count in zip(centres, counts, strict=True):
            if len(vectors):
                has = np.zeros((last - first, len(vectors)), np.bool_)
                has[owners, nearest_centroids(block, vectors, euclidean=True, squares=squares)] = True
                count += has.sum(axis=0)
    return counts, len(rows)

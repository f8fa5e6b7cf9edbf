"""Parts of MaxSim: for each token of a query the token of the document that is most similar to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from intrex.data.arrays import Float32s, Rows
from intrex.data.store.vectors import PackedVectors
from intrex.retrievers.explanation import Explanation, Part
from intrex.retrievers.multivector.blend import Blend
from intrex.retrievers.multivector.maxsim import scores
from intrex.retrievers.multivector.tokens import Tokens
from intrex.retrievers.vectors.native import exact_dots

SINGLE = "(single vector)"
"""Name of the part that a single vector has in a score."""


def explain_rows(
    tokens: Tokens,
    query: PackedVectors,
    rows: Rows,
    blend: Blend | None,
    query_names: Sequence[str] | None,
    names: Sequence[Sequence[str] | None],
) -> list[Explanation]:
    """Explain the MaxSim of rows with one query.

    Args:
        tokens: of the documents.
        query: the vectors of one query, in float32.
        rows: the documents.
        blend: mixes the score of a single vector into that of the tokens.
        query_names: the texts of the query's tokens; numbers take their place where they are not known.
        names: of the tokens of each of ``rows``, likewise; those of another number are not used.
    """
    exact = scores(tokens, query, [rows], 1, blend)[0]
    vectors = np.ascontiguousarray(query.vectors, np.float32)
    of_query = _names(query_names, len(vectors))
    explanations = []
    for row, score, texts in zip(rows.tolist(), exact.tolist(), names, strict=True):
        if score == -np.inf:
            explanations.append(Explanation(None))
            continue
        document = tokens.read(slice(int(tokens.offsets[row]), int(tokens.offsets[row + 1])))
        best, similarities = _best(document, vectors)
        of_document = _names(texts, len(document))
        weight = 1.0 if blend is None else blend.tokens_weight
        parts = [
            Part(name, {"document": of_document[at], "at": at + 1, "similarity": value}, weight * value)
            for name, at, value in zip(of_query, best, similarities, strict=True)
        ]
        if blend is not None:
            single = float(blend.single(0, np.array([row]))[0])
            parts.append(
                Part(SINGLE, {"document": "", "at": "", "similarity": single}, (1 - weight) * single)
            )
        explanations.append(Explanation(score, parts))
    return explanations


def _best(document: Float32s, query: Float32s) -> tuple[list[int], list[float]]:
    """Return for each token of the query the best of the document's, the first of equal ones, and their exact product."""
    m, q = len(document), len(query)
    products = exact_dots(document, np.tile(np.arange(m), q), query, np.repeat(np.arange(q), m)).reshape(q, m)
    best = products.argmax(axis=1)
    return best.tolist(), products[np.arange(q), best].tolist()


def _names(texts: Sequence[str] | None, count: int) -> Sequence[str]:
    if texts is None or len(texts) != count:
        return [f"#{i + 1}" for i in range(count)]
    return texts

"""Parts of the score of term weights: for each term the product of the query's weight and the document's."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Rows
from intrex.retrievers.explanation import Explanation, Part
from intrex.retrievers.inverted.search import Weighted
from intrex.retrievers.inverted.vocabulary import Vocabulary
from intrex.retrievers.sparse.searcher import ImpactSearcher


def explain_rows(
    searcher: ImpactSearcher, vocabulary: Vocabulary, terms: Weighted, rows: Rows
) -> list[Explanation]:
    """Explain the scores of rows for the one query of ``terms``; terms that the index lacks are not among them."""
    weights = searcher.document_weights(terms, 0, rows)
    scores = searcher.score(terms, 0, rows)
    names = vocabulary.names(terms.terms)
    explanations = []
    for column, score in zip(weights.T.tolist(), scores.tolist(), strict=True):
        parts = [
            Part(name, {"query": float(weight), "weight": value}, float(weight) * value)
            for name, weight, value in zip(names, terms.weights, column, strict=True)
        ]
        explanations.append(Explanation(score if score > -np.inf else None, parts))
    return explanations

"""RM3: a relevance model of the best documents, as Anserini computes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from intrex.retrievers.prf.base import (
    LEAST_NORM,
    ZERO,
    Corpus,
    Expansion,
    Feedback,
    Vector,
    is_plain,
    l1_norm,
    prune,
    scale,
)
from intrex.retrievers.prf.options import Rm3Options


class RM3(Rm3Options, Expansion):
    """A relevance model of the best documents, mixed with the query."""

    @property
    def ends(self) -> tuple[int, int]:
        """Number of feedback documents."""
        return self.fb_docs, 0

    def expand(
        self, query: Mapping[str, int], documents: Sequence[Feedback], corpus: Corpus
    ) -> dict[str, float]:
        """Return the query's terms and the model's, with weights that add up to 1."""
        model: defaultdict[str, np.float32] = defaultdict(np.float32)
        for document in documents:
            vector = self._vector(document.counts, corpus)
            norm = np.float32(l1_norm(vector))
            if norm > LEAST_NORM:
                for term, value in vector.items():
                    model[term] += value / norm * np.float32(document.score)
        best = prune(model, self.fb_terms)
        best = scale(best, l1_norm(best))
        original = scale(query, l1_norm(query))
        part = np.float32(self.original_query_weight)
        sums = {
            term: float(part * original.get(term, ZERO)) + (1.0 - float(part)) * float(best.get(term, ZERO))
            for term in {**original, **best}
        }
        return {term: float(np.float32(weight)) for term, weight in sums.items()}

    def _vector(self, counts: Mapping[str, int], corpus: Corpus) -> Vector:
        usable, any_term = corpus.usable, self.no_term_filter
        terms = {term: n for term, n in counts.items() if usable(term) and (any_term or is_plain(term))}
        return prune(terms, self.fb_terms)

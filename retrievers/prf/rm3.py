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
        """The feedback documents."""
        return self.fb_docs, 0

    def expand(self, query: Mapping[str, int], found: Sequence[Feedback], corpus: Corpus) -> dict[str, float]:
        """The query's terms and the model's, with weights that add up to 1."""
        model: defaultdict[str, np.float32] = defaultdict(np.float32)
        for one in found:
            vector = self._vector(one.counts, corpus)
            norm = np.float32(l1_norm(vector))
            if norm > LEAST_NORM:
                for term, value in vector.items():
                    model[term] += value / norm * np.float32(one.score)
        best = prune(model, self.fb_terms)
        best = scale(best, l1_norm(best))
        own = scale(query, l1_norm(query))
        part = np.float32(self.original_query_weight)
        rest = 1.0 - float(part)
        return {
            term: float(np.float32(float(part * own.get(term, ZERO)) + rest * float(best.get(term, ZERO))))
            for term in {**own, **best}
        }

    def _vector(self, counts: Mapping[str, int], corpus: Corpus) -> Vector:
        usable, every = corpus.usable, self.no_term_filter
        kept = {term: n for term, n in counts.items() if usable(term) and (every or is_plain(term))}
        return prune(kept, self.fb_terms)

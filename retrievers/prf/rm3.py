"""RM3: a relevance model of the best documents, as Anserini computes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from intrex.retrievers.prf.base import MIN_NORM, Corpus, Expansion, Feedback, is_plain, l1_norm, prune, scale
from intrex.retrievers.prf.options import Rm3Options


class RM3(Rm3Options, Expansion):
    """A relevance model of the best documents, mixed with the query."""

    def expand(
        self, query: Mapping[str, int], documents: Sequence[Feedback], corpus: Corpus
    ) -> dict[str, float]:
        """Return the query's terms and the model's, with weights that add up to 1."""
        model: defaultdict[str, np.float32] = defaultdict(np.float32)
        for document in documents:
            usable = {term: n for term, n in document.counts.items() if corpus.usable(term)}
            if not self.no_term_filter:
                usable = {term: n for term, n in usable.items() if is_plain(term)}
            vector = prune(usable, self.fb_terms)
            norm = np.float32(l1_norm(vector))
            if norm > MIN_NORM:
                for term, value in vector.items():
                    model[term] += value / norm * np.float32(document.score)
        best = prune(model, self.fb_terms)
        best = scale(best, l1_norm(best))
        original = scale(query, l1_norm(query))
        part = np.float32(self.original_query_weight)
        sums = {
            term: float(part * original.get(term, 0)) + (1.0 - float(part)) * float(best.get(term, 0))
            for term in {**original, **best}
        }
        return {term: float(np.float32(weight)) for term, weight in sums.items()}

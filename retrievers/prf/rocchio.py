"""Rocchio's feedback, as Anserini computes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from intrex.retrievers.prf.base import MIN_NORM, Corpus, Expansion, Feedback, Vector, l2_norm, prune, scale
from intrex.retrievers.prf.options import RocchioOptions


class Rocchio(RocchioOptions, Expansion):
    """Query moved towards the mean of the best documents, and if asked away from that of the last ones."""

    @property
    def ends(self) -> tuple[int, int]:
        """Numbers of the best documents, and with negative feedback of the last ones."""
        return self.top_fb_docs, self.bottom_fb_docs if self.use_negative else 0

    def expand(
        self, query: Mapping[str, int], documents: Sequence[Feedback], corpus: Corpus
    ) -> dict[str, float]:
        """Compute alpha * query + beta * best - gamma * last, where that is positive."""
        original = scale(query, l2_norm(query))
        best = self._mean(documents[: self.top_fb_docs], self.top_fb_terms, corpus)
        last: Vector = {}
        if self.use_negative:
            last = self._mean(documents[::-1][: self.bottom_fb_docs], self.bottom_fb_terms, corpus)
        weights = {
            term: np.float32(self.alpha) * original.get(term, 0)
            + np.float32(self.beta) * best.get(term, 0)
            - np.float32(self.gamma) * last.get(term, 0)
            for term in {**original, **best, **last}
        }
        return {term: float(weight) for term, weight in weights.items() if weight > 0}

    def _mean(self, documents: Sequence[Feedback], size: int, corpus: Corpus) -> Vector:
        total: defaultdict[str, np.float32] = defaultdict(np.float32)
        for document in documents:
            counts = {term: n for term, n in document.counts.items() if corpus.usable(term)}
            norm = np.float32(l2_norm(counts))
            if norm > MIN_NORM:
                shares = {n: np.float32(n) / norm for n in set(counts.values())}
                for term, n in counts.items():
                    total[term] += shares[n]
        mean = prune({term: weight / np.float32(len(documents)) for term, weight in total.items()}, size)
        return scale(mean, l2_norm(mean))

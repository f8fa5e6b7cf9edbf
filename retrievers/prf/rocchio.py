"""Rocchio's feedback, as Anserini computes it."""

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
    l2_norm,
    prune,
    scale,
)
from intrex.retrievers.prf.options import RocchioOptions


class Rocchio(RocchioOptions, Expansion):
    """The query moved towards the mean of the best documents, and if asked away from that of the last ones."""

    @property
    def ends(self) -> tuple[int, int]:
        """The best documents, and if asked the last ones."""
        return self.top_fb_docs, self.bottom_fb_docs if self.use_negative else 0

    def expand(self, query: Mapping[str, int], found: Sequence[Feedback], corpus: Corpus) -> dict[str, float]:
        """Alpha * query + beta * best - gamma * last, where that is positive."""
        own = scale(query, l2_norm(query))
        best = self._mean(found[: self.top_fb_docs], self.top_fb_terms, corpus)
        last: Vector = {}
        if self.use_negative:
            last = self._mean(found[::-1][: self.bottom_fb_docs], self.bottom_fb_terms, corpus)
        weights = {
            term: np.float32(self.alpha) * own.get(term, ZERO)
            + np.float32(self.beta) * best.get(term, ZERO)
            - np.float32(self.gamma) * last.get(term, ZERO)
            for term in {**own, **best, **last}
        }
        return {term: float(weight) for term, weight in weights.items() if weight > 0}

    def _mean(self, found: Sequence[Feedback], size: int, corpus: Corpus) -> Vector:
        total: defaultdict[str, np.float32] = defaultdict(np.float32)
        for one in found:
            counts = {term: n for term, n in one.counts.items() if corpus.usable(term)}
            norm = np.float32(l2_norm(counts))
            if norm > LEAST_NORM:
                shares = {n: np.float32(n) / norm for n in set(counts.values())}
                for term, n in counts.items():
                    total[term] += shares[n]
        mean = prune({term: weight / np.float32(len(found)) for term, weight in total.items()}, size)
        return scale(mean, l2_norm(mean))

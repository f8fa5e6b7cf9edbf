"""BM25-PRF: new terms by offer weight, as Anserini computes it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain

import numpy as np

from intrex.data.errors import BadInput
from intrex.retrievers.prf.base import Corpus, Expansion, Feedback, is_plain
from intrex.retrievers.prf.javaorder import java_order
from intrex.retrievers.prf.options import Bm25PrfOptions

_DIGITS = re.compile(r"[0-9]+")
LEAST_WEIGHT = 1e-6


class BM25PRF(Bm25PrfOptions, Expansion):
    """Terms of the query, and terms that the best documents have more often than others, by relevance weight."""

    @property
    def similarity(self) -> tuple[float, float] | None:
        """Parameters of the second search, in which weights take the place of idf."""
        return self.k1, self.b

    def expand(
        self, query: Mapping[str, int], documents: Sequence[Feedback], corpus: Corpus
    ) -> dict[str, float]:
        """Return the query's terms by relevance weight, and the new terms of the highest offer weight."""
        relevant = Counter(chain.from_iterable(document.counts for document in documents))
        factor = float(np.float32(self.new_term_weight))

        def weigh(term: str, factor: float) -> float:
            return _relevance_weight(relevant[term], corpus.df(term), len(documents), corpus.n, factor)

        new = [term for term, r in relevant.items() if r >= 2 and term not in query and _usable(term)]
        pairs = [(term, weigh(term, factor)) for term in _order_as_java(new, documents, len(relevant))]
        pairs.sort(key=lambda pair: -np.float32(pair[1] * math.log(relevant[pair[0]])))
        weights = dict(pairs[: self.fb_terms]) | {term: weigh(term, 1.0) for term in query}
        return {term: float(np.float32(weight)) for term, weight in weights.items()}


@lru_cache(1 << 20)
def _usable(term: str) -> bool:
    """Tell whether BM25-PRF takes a term."""
    return is_plain(term) and not _DIGITS.fullmatch(term) and 2 <= len(term) <= 20


def _order_as_java(terms: Iterable[str], documents: Sequence[Feedback], size: int) -> list[str]:
    """Order terms as Anserini comes to them: by a HashSet of each document, a HashSet of all, a HashMap.

    Args:
        terms: some of the terms of the documents, in ASCII.
        documents: of the feedback.
        size: number of their terms.
    """
    left, order = set(terms), list[str]()
    for document in documents:
        shared = left & document.counts.keys()
        order += java_order(sorted(shared), len(document.counts))
        left -= shared
    return java_order(java_order(order, size), len(order))


def _relevance_weight(r: int, df: int, documents: int, n: int, factor: float) -> float:
    """Compute Robertson and Sparck Jones' weight of a term that ``r`` of ``documents`` relevant documents have.

    Raises `BadInput` where fewer documents have the term than relevant ones do, or more than there are.
    """
    odds = (r + 0.5) * (n - df - documents + r + 0.5) / ((df - r + 0.5) * (documents - r + 0.5))
    if odds <= 0:
        raise BadInput("damaged: counts of documents do not fit the documents", "rebuild the index")
    return max(math.log(odds) * factor, LEAST_WEIGHT)

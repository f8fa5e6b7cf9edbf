"""Lexical pseudo-relevance feedback as Anserini computes it: RM3, Rocchio, BM25-PRF.

Sources: N. Abdul-Jaleel et al., "UMass at TREC 2004: Novelty and HARD" (RM3); J. Rocchio, "Relevance feedback in
information retrieval", The SMART Retrieval System, 1971; S. Robertson et al., "Okapi at TREC-3" (BM25-PRF). Filters,
defaults and the order of float32 operations are those of Anserini's Rm3Reranker, RocchioReranker and BM25PrfReranker.
"""

from __future__ import annotations

import heapq
import math
import re
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np

from intrex.data.errors import UsageError
from intrex.retrievers.prf.javaorder import java_order

Vector = dict[str, np.float32]
_PLAIN, _DIGITS = re.compile(r"[a-z0-9]+"), re.compile(r"[0-9]+")
_ZERO = np.float32(0)
COMMON = np.float32(0.1)
"""A term in more than this part of the documents is no feedback term."""
LEAST_NORM = np.float32(0.001)
LEAST_WEIGHT = 1e-6


class Feedback(NamedTuple):
    """A document that the first search found: how often each term occurs in it, and its score."""

    counts: Mapping[str, int]
    score: float


class Corpus:
    """Number of documents, document frequency of a term, and whether RM3 and Rocchio take a term."""

    def __init__(self, n: int, df: Callable[[str], int]) -> None:
        self.n, self.df = n, df
        self.usable = cache(self._usable)

    def _usable(self, term: str) -> bool:
        share = np.float32(self.df(term)) / np.float32(max(self.n, 1))
        return 2 <= _length(term) <= 20 and bool(share <= COMMON)


@dataclass(frozen=True)
class Expansion(ABC):
    """A method of feedback."""

    @property
    @abstractmethod
    def ends(self) -> tuple[int, int]:
        """How many of the first and of the last documents it looks at; of others it gets no counts."""

    @property
    def depth(self) -> int | None:
        """How many documents are to be found for it; None for as many as the search asks for."""
        first, last = self.ends
        return None if last else first

    @property
    def similarity(self) -> tuple[float, float] | None:
        """k1 and b of a second search that leaves out idf, or None for a second search like the first."""
        return None

    @abstractmethod
    def expand(self, query: Mapping[str, int], found: Sequence[Feedback], corpus: Corpus) -> dict[str, float]:
        """The terms of the second search with their boosts."""


def _check(method: Expansion) -> None:
    """Numbers of terms and documents are at least 1, weights finite."""
    for name, value in asdict(method).items():
        if not isinstance(value, bool) and name.endswith(("_terms", "_docs")) and value < 1:
            raise UsageError(f"{name} must be at least 1, not {value}")
        if not math.isfinite(value):
            raise UsageError(f"{name} must be a finite number, not {value}")


def _length(term: str) -> int:
    """Length in UTF-16 units, as Java counts."""
    return len(term) if term.isascii() else len(term.encode("utf-16-le")) // 2


@lru_cache(1 << 20)
def _plain(term: str) -> bool:
    return _PLAIN.fullmatch(term) is not None


@lru_cache(1 << 20)
def _new(term: str) -> bool:
    """Whether BM25-PRF takes a term."""
    return _plain(term) and not _DIGITS.fullmatch(term) and 2 <= len(term) <= 20


def _prune(vector: Mapping[str, np.float32 | int], size: int) -> Vector:
    """The largest values; among equal ones the terms that come first."""
    least = min(heapq.nlargest(size, vector.values()), default=_ZERO)
    best = [term for term, value in vector.items() if value >= least]
    best.sort(key=lambda term: (-vector[term], term.encode("utf-16-be")))
    return {term: np.float32(vector[term]) for term in best[:size]}


def _scaled(vector: Mapping[str, np.float32 | int], norm: float) -> Vector:
    return {term: np.float32(float(value) / (norm or 1.0)) for term, value in vector.items()}


def _l1(vector: Mapping[str, np.float32 | int]) -> float:
    return math.fsum(abs(float(value)) for value in vector.values())


def _l2(vector: Mapping[str, np.float32 | int]) -> float:
    return math.sqrt(math.fsum(float(value) ** 2 for value in vector.values()))


@dataclass(frozen=True)
class RM3(Expansion):
    """A relevance model of the best documents, mixed with the query.

    Attributes:
        fb_terms: terms that are kept of each document, and of the model.
        fb_docs: how many documents.
        original_query_weight: the query's part, 0 to 1; 1 gives the ranking without feedback.
        filter_terms: take only terms of the letters a to z and digits.
    """

    fb_terms: int = 10
    fb_docs: int = 10
    original_query_weight: float = 0.5
    filter_terms: bool = True

    def __post_init__(self) -> None:
        _check(self)
        if not 0 <= self.original_query_weight <= 1:
            raise UsageError(f"the query's weight must be from 0 to 1, not {self.original_query_weight}")

    @property
    def ends(self) -> tuple[int, int]:
        """The feedback documents."""
        return self.fb_docs, 0

    def expand(self, query: Mapping[str, int], found: Sequence[Feedback], corpus: Corpus) -> dict[str, float]:
        """The query's terms and the model's, with weights that add up to 1."""
        model: defaultdict[str, np.float32] = defaultdict(np.float32)
        for one in found:
            vector = self._vector(one.counts, corpus)
            norm = np.float32(_l1(vector))
            if norm > LEAST_NORM:
                for term, value in vector.items():
                    model[term] += value / norm * np.float32(one.score)
        best = _prune(model, self.fb_terms)
        best = _scaled(best, _l1(best))
        own = _scaled(query, _l1(query))
        part = np.float32(self.original_query_weight)
        rest = 1.0 - float(part)
        return {
            term: float(np.float32(float(part * own.get(term, _ZERO)) + rest * float(best.get(term, _ZERO))))
            for term in {**own, **best}
        }

    def _vector(self, counts: Mapping[str, int], corpus: Corpus) -> Vector:
        usable, every = corpus.usable, not self.filter_terms
        kept = {term: n for term, n in counts.items() if usable(term) and (every or _plain(term))}
        return _prune(kept, self.fb_terms)


@dataclass(frozen=True)
class Rocchio(Expansion):
    """The query moved towards the mean of the best documents, and if asked away from that of the last ones.

    Attributes:
        top_fb_terms: terms that are kept of the mean of the best documents.
        top_fb_docs: how many of the best documents.
        bottom_fb_terms: the same for the last documents.
        bottom_fb_docs: how many of the last documents.
        alpha: weight of the query.
        beta: weight of the best documents.
        gamma: weight of the last documents.
        use_negative: whether the last documents count.
    """

    top_fb_terms: int = 10
    top_fb_docs: int = 10
    bottom_fb_terms: int = 10
    bottom_fb_docs: int = 10
    alpha: float = 1.0
    beta: float = 0.75
    gamma: float = 0.15
    use_negative: bool = False

    def __post_init__(self) -> None:
        _check(self)

    @property
    def ends(self) -> tuple[int, int]:
        """The best documents, and if asked the last ones."""
        return self.top_fb_docs, self.bottom_fb_docs if self.use_negative else 0

    def expand(self, query: Mapping[str, int], found: Sequence[Feedback], corpus: Corpus) -> dict[str, float]:
        """Alpha * query + beta * best - gamma * last, where that is positive."""
        own = _scaled(query, _l2(query))
        best = self._mean(found[: self.top_fb_docs], self.top_fb_terms, corpus)
        last: Vector = {}
        if self.use_negative:
            last = self._mean(found[::-1][: self.bottom_fb_docs], self.bottom_fb_terms, corpus)
        weights = {
            term: np.float32(self.alpha) * own.get(term, _ZERO)
            + np.float32(self.beta) * best.get(term, _ZERO)
            - np.float32(self.gamma) * last.get(term, _ZERO)
            for term in {**own, **best, **last}
        }
        return {term: float(weight) for term, weight in weights.items() if weight > 0}

    def _mean(self, found: Sequence[Feedback], size: int, corpus: Corpus) -> Vector:
        total: defaultdict[str, np.float32] = defaultdict(np.float32)
        for one in found:
            counts = {term: n for term, n in one.counts.items() if corpus.usable(term)}
            norm = np.float32(_l2(counts))
            if norm > LEAST_NORM:
                shares = {n: np.float32(n) / norm for n in set(counts.values())}
                for term, n in counts.items():
                    total[term] += shares[n]
        mean = _prune({term: weight / np.float32(len(found)) for term, weight in total.items()}, size)
        return _scaled(mean, _l2(mean))


@dataclass(frozen=True)
class BM25PRF(Expansion):
    """The query's terms and those that the best documents have more often than others, by relevance weight.

    Attributes:
        fb_terms: how many new terms.
        fb_docs: how many documents.
        k1: of the second search.
        b: of the second search.
        new_term_weight: factor of the new terms' weights.
    """

    fb_terms: int = 20
    fb_docs: int = 10
    k1: float = 0.9
    b: float = 0.4
    new_term_weight: float = 0.2

    def __post_init__(self) -> None:
        _check(self)
        if self.k1 < 0 or not 0 <= self.b <= 1:
            raise UsageError(f"k1 must not be negative and b be from 0 to 1, not {self.k1} and {self.b}")

    @property
    def ends(self) -> tuple[int, int]:
        """The feedback documents."""
        return self.fb_docs, 0

    @property
    def similarity(self) -> tuple[float, float] | None:
        """Weights take the place of idf."""
        return self.k1, self.b

    def expand(self, query: Mapping[str, int], found: Sequence[Feedback], corpus: Corpus) -> dict[str, float]:
        """The query's terms by relevance weight, and the new terms of the highest offer weight."""
        having = Counter(chain.from_iterable(one.counts for one in found))
        factor = float(np.float32(self.new_term_weight))

        def weigh(term: str, factor: float) -> float:
            return _relevance_weight(having[term], corpus.df(term), len(found), corpus.n, factor)

        new = [term for term, r in having.items() if r >= 2 and term not in query and _new(term)]
        ranked = [(term, weigh(term, factor)) for term in _in_java(new, found, len(having))]
        ranked.sort(key=lambda pair: -np.float32(pair[1] * math.log(having[pair[0]])))
        weights = dict(ranked[: self.fb_terms]) | {term: weigh(term, 1.0) for term in query}
        return {term: float(np.float32(weight)) for term, weight in weights.items()}


def _in_java(terms: Iterable[str], found: Sequence[Feedback], size: int) -> list[str]:
    """Terms in the order in which Anserini comes to them: by a HashSet of each document, a HashSet of all, a HashMap.

    Args:
        terms: some of those of the documents, in ASCII.
        found: the documents.
        size: how many terms they have.
    """
    left, order = set(terms), list[str]()
    for one in found:
        here = left & one.counts.keys()
        order += java_order(sorted(here), len(one.counts))
        left -= here
    return java_order(java_order(order, size), len(order))


def _relevance_weight(r: int, df: int, documents: int, n: int, factor: float) -> float:
    """Robertson and Sparck Jones' weight of a term that ``r`` of ``documents`` relevant documents have."""
    odds = (r + 0.5) * (n - df - documents + r + 0.5) / ((df - r + 0.5) * (documents - r + 0.5))
    return max(math.log(odds) * factor, LEAST_WEIGHT)

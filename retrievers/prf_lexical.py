"""Lexical pseudo-relevance feedback as Anserini computes it: RM3, Rocchio, BM25-PRF.

Sources: N. Abdul-Jaleel et al., "UMass at TREC 2004: Novelty and HARD" (RM3); J. Rocchio, "Relevance feedback in
information retrieval", The SMART Retrieval System, 1971; S. Robertson et al., "Okapi at TREC-3" (BM25-PRF). Filters,
defaults and the order of float32 operations are those of Anserini's Rm3Reranker, RocchioReranker and BM25PrfReranker.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from intrex.data.errors import UsageError
from intrex.retrievers.javaorder import java_order

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


class Corpus(NamedTuple):
    """Number of documents, and document frequency of a term."""

    n: int
    df: Callable[[str], int]


class Expansion(Protocol):
    """A method of feedback."""

    @property
    def depth(self) -> int | None:
        """How many documents are to be found for it; None for as many as the search asks for."""
        ...

    @property
    def ends(self) -> tuple[int, int]:
        """How many of the first and of the last of these it looks at; of others it gets no counts."""
        ...

    @property
    def similarity(self) -> tuple[float, float] | None:
        """k1 and b of a second search that leaves out idf, or None for a second search like the first."""
        ...

    def expand(self, query: Mapping[str, int], found: Sequence[Feedback], corpus: Corpus) -> dict[str, float]:
        """The terms of the second search with their boosts."""
        ...


def _length(term: str) -> int:
    """Length in UTF-16 units, as Java counts."""
    return len(term.encode("utf-16-le")) // 2


def _usable(term: str, corpus: Corpus) -> bool:
    share = np.float32(corpus.df(term)) / np.float32(max(corpus.n, 1))
    return 2 <= _length(term) <= 20 and bool(share <= COMMON)


def _prune(vector: Vector, size: int) -> Vector:
    """The largest values; among equal ones the terms that come first."""
    order = sorted(vector, key=lambda term: (-vector[term], term.encode("utf-16-be")))
    return {term: vector[term] for term in order[:size]}


def _scaled(vector: Vector, norm: float) -> Vector:
    return {term: np.float32(float(value) / norm) for term, value in vector.items()}


def _l1(vector: Vector) -> float:
    return math.fsum(abs(float(value)) for value in vector.values())


def _l2(vector: Vector) -> float:
    return math.sqrt(math.fsum(float(value) ** 2 for value in vector.values()))


def _terms_of(vectors: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(term for vector in vectors for term in vector))


def _at_least(value: int, name: str) -> None:
    if value < 1:
        raise UsageError(f"{name} must be at least 1, not {value}")


@dataclass(frozen=True)
class RM3:
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
        _at_least(self.fb_terms, "the number of feedback terms")
        _at_least(self.fb_docs, "the number of feedback documents")
        if not 0 <= self.original_query_weight <= 1:
            raise UsageError(f"the query's weight must be from 0 to 1, not {self.original_query_weight}")

    @property
    def depth(self) -> int | None:
        """The feedback documents."""
        return self.fb_docs

    @property
    def ends(self) -> tuple[int, int]:
        """See `Expansion`."""
        return self.fb_docs, 0

    @property
    def similarity(self) -> tuple[float, float] | None:
        """The second search is like the first."""
        return None

    def expand(self, query: Mapping[str, int], found: Sequence[Feedback], corpus: Corpus) -> dict[str, float]:
        """The query's terms and the model's, with weights that add up to 1."""
        vectors = [self._vector(one.counts, corpus) for one in found]
        norms = [np.float32(_l1(vector)) for vector in vectors]
        model: Vector = {}
        for term in _terms_of(vectors):
            weight = _ZERO
            for vector, norm, one in zip(vectors, norms, found, strict=True):
                if norm > LEAST_NORM:
                    weight += vector.get(term, _ZERO) / norm * np.float32(one.score)
            model[term] = weight
        model = _prune(model, self.fb_terms)
        model = _scaled(model, _l1(model))
        own: Vector = {term: np.float32(count) for term, count in query.items()}
        own = _scaled(own, _l1(own))
        part = np.float32(self.original_query_weight)
        rest = 1.0 - float(part)
        return {
            term: float(np.float32(float(part * own.get(term, _ZERO)) + rest * float(model.get(term, _ZERO))))
            for term in _terms_of([own, model])
        }

    def _vector(self, counts: Mapping[str, int], corpus: Corpus) -> Vector:
        kept = {
            term: np.float32(count)
            for term, count in counts.items()
            if (not self.filter_terms or _PLAIN.fullmatch(term)) and _usable(term, corpus)
        }
        return _prune(kept, self.fb_terms)


@dataclass(frozen=True)
class Rocchio:
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
        for terms, docs in (
            (self.top_fb_terms, self.top_fb_docs),
            (self.bottom_fb_terms, self.bottom_fb_docs),
        ):
            _at_least(terms, "the number of feedback terms")
            _at_least(docs, "the number of feedback documents")

    @property
    def depth(self) -> int | None:
        """The best documents, or all if the last ones count."""
        return None if self.use_negative else self.top_fb_docs

    @property
    def ends(self) -> tuple[int, int]:
        """See `Expansion`."""
        return self.top_fb_docs, self.bottom_fb_docs if self.use_negative else 0

    @property
    def similarity(self) -> tuple[float, float] | None:
        """The second search is like the first."""
        return None

    def expand(self, query: Mapping[str, int], found: Sequence[Feedback], corpus: Corpus) -> dict[str, float]:
        """Alpha * query + beta * best - gamma * last, where that is positive."""
        own: Vector = {term: np.float32(count) for term, count in query.items()}
        own = _scaled(own, _l2(own))
        best = self._mean(found[: self.top_fb_docs], self.top_fb_terms, corpus)
        last: Vector = {}
        if self.use_negative:
            last = self._mean(found[::-1][: self.bottom_fb_docs], self.bottom_fb_terms, corpus)
        weights = {
            term: np.float32(self.alpha) * own.get(term, _ZERO)
            + np.float32(self.beta) * best.get(term, _ZERO)
            - np.float32(self.gamma) * last.get(term, _ZERO)
            for term in _terms_of([own, best, last])
        }
        return {term: float(weight) for term, weight in weights.items() if weight > 0}

    def _mean(self, found: Sequence[Feedback], size: int, corpus: Corpus) -> Vector:
        vectors: list[Vector] = [
            {term: np.float32(count) for term, count in one.counts.items() if _usable(term, corpus)}
            for one in found
        ]
        norms = [np.float32(_l2(vector)) for vector in vectors]
        mean: Vector = {}
        for term in _terms_of(vectors):
            weight = _ZERO
            for vector, norm in zip(vectors, norms, strict=True):
                if norm > LEAST_NORM:
                    weight += vector.get(term, _ZERO) / norm
            mean[term] = weight / np.float32(len(vectors))
        mean = _prune(mean, size)
        return _scaled(mean, _l2(mean))


@dataclass(frozen=True)
class BM25PRF:
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
        _at_least(self.fb_terms, "the number of feedback terms")
        _at_least(self.fb_docs, "the number of feedback documents")

    @property
    def depth(self) -> int | None:
        """The feedback documents."""
        return self.fb_docs

    @property
    def ends(self) -> tuple[int, int]:
        """See `Expansion`."""
        return self.fb_docs, 0

    @property
    def similarity(self) -> tuple[float, float] | None:
        """Weights take the place of idf."""
        return self.k1, self.b

    def expand(self, query: Mapping[str, int], found: Sequence[Feedback], corpus: Corpus) -> dict[str, float]:
        """The query's terms by relevance weight, and the new terms of the highest offer weight."""
        sets = [java_order(sorted(one.counts, key=lambda term: term.encode("utf-8"))) for one in found]
        new: dict[str, tuple[np.float32, float]] = {}
        factor = float(np.float32(self.new_term_weight))
        for term in java_order(_terms_of(sets)):
            r = sum(term in one.counts for one in found)
            plain = _PLAIN.fullmatch(term) and not _DIGITS.fullmatch(term)
            if term in query or not plain or not 2 <= len(term) <= 20 or r < 2:
                continue
            weight = _relevance_weight(r, corpus.df(term), len(found), corpus.n, factor)
            new[term] = np.float32(weight * math.log(r)), weight
        kept = sorted(java_order(list(new)), key=lambda term: -new[term][0])[: self.fb_terms]
        weights = {term: new[term][1] for term in kept}
        for term in query:
            r = sum(term in one.counts for one in found)
            weights[term] = _relevance_weight(r, corpus.df(term), len(found), corpus.n, 1.0)
        return {term: float(np.float32(weight)) for term, weight in weights.items()}


def _relevance_weight(r: int, df: int, documents: int, n: int, factor: float) -> float:
    """Robertson and Sparck Jones' weight of a term that ``r`` of ``documents`` relevant documents have."""
    odds = (r + 0.5) * (n - df - documents + r + 0.5) / ((df - r + 0.5) * (documents - r + 0.5))
    return max(math.log(odds) * factor, LEAST_WEIGHT)

"""Lexical pseudo-relevance feedback as Anserini computes it: the common part of its methods.

Filters, defaults and the order of float32 operations are those of Anserini's Rm3Reranker, RocchioReranker and
BM25PrfReranker; sources are in `intrex.retrievers.prf.options`.
"""

from __future__ import annotations

import heapq
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from intrex.data.options import Options
from intrex.data.registry import load_target
from intrex.retrievers.prf.options import METHODS

Vector = dict[str, np.float32]
_PLAIN = re.compile(r"[a-z0-9]+")
ZERO = np.float32(0)
COMMON = np.float32(0.1)
"""A term in more than this part of the documents is no feedback term."""
MIN_NORM = np.float32(0.001)


class Feedback(NamedTuple):
    """A document of the first search: the counts of its terms, and its score."""

    counts: Mapping[str, int]
    score: float


class Corpus:
    """A collection's number of documents and document frequencies, and the terms that RM3 and Rocchio use."""

    def __init__(self, n: int, df: Callable[[str], int]) -> None:
        self.n, self.df = n, df
        self.usable = cache(self._usable)

    def _usable(self, term: str) -> bool:
        share = np.float32(self.df(term)) / np.float32(max(self.n, 1))
        return 2 <= java_length(term) <= 20 and bool(share <= COMMON)


class Expansion(ABC):
    """A method of feedback.

    Attributes:
        fb_docs: documents of a method that reads the best only.
    """

    fb_docs: int

    @property
    def ends(self) -> tuple[int, int]:
        """Numbers of the first and of the last documents that it reads; of others it gets no counts."""
        return self.fb_docs, 0

    @property
    def depth(self) -> int | None:
        """Depth of the first search; None for the depth of the second."""
        first, last = self.ends
        return None if last else first

    @property
    def similarity(self) -> tuple[float, float] | None:
        """Parameters k1 and b of a second search without idf; None for a second search like the first."""
        return None

    @abstractmethod
    def expand(
        self, query: Mapping[str, int], documents: Sequence[Feedback], corpus: Corpus
    ) -> dict[str, float]:
        """Return the terms of the second search with their boosts."""


def expansion_of(options: Options) -> Expansion | None:
    """Make the method of feedback that a search's options name; None for a search without."""
    for name, method in METHODS.items():
        if getattr(options, name, False):
            values = {f.name: getattr(options, f"{name}_{f.name}") for f in fields(method.options)}  # type: ignore[arg-type]
            expansion: Expansion = load_target(method.target)(**values)
            return expansion
    return None


def java_length(term: str) -> int:
    """Return the length in UTF-16 units, as Java counts."""
    return len(term) if term.isascii() else len(term.encode("utf-16-le")) // 2


@lru_cache(1 << 20)
def is_plain(term: str) -> bool:
    """Tell whether a term has only the letters a to z and digits."""
    return _PLAIN.fullmatch(term) is not None


def prune(vector: Mapping[str, np.float32 | int], size: int) -> Vector:
    """Keep the largest values; among equal ones the terms that come first."""
    least = min(heapq.nlargest(size, vector.values()), default=ZERO)
    best = [term for term, value in vector.items() if value >= least]
    best.sort(key=lambda term: (-vector[term], term.encode("utf-16-be")))
    return {term: np.float32(vector[term]) for term in best[:size]}


def scale(vector: Mapping[str, np.float32 | int], norm: float) -> Vector:
    """Divide a vector by a norm; one of 0 leaves it alone."""
    return {term: np.float32(float(value) / (norm or 1.0)) for term, value in vector.items()}


def l1_norm(vector: Mapping[str, np.float32 | int]) -> float:
    """Add up the absolute values."""
    return math.fsum(abs(float(value)) for value in vector.values())


def l2_norm(vector: Mapping[str, np.float32 | int]) -> float:
    """Return the Euclidean length."""
    return math.sqrt(math.fsum(float(value) ** 2 for value in vector.values()))

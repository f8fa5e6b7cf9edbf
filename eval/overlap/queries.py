"""Overlap of a test query with training queries by its words: the same text, n-grams, entities.

Zhan et al. 2022 (section on overlap) name entities, intent and labels; how they found entities is not in their code.
The rules here are intrex's own: each function states its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

_WORDS = re.compile(r"\w+", re.UNICODE)
_NUMBER = re.compile(r"(?<!\w)\d+(?:[.,:/-]\d+)*(?!\w)")
_SPAN = re.compile(r"(?<![^\W_])[^\W\d_a-z][\w'’-]*(?:\s+[^\W\d_a-z][\w'’-]*)*", re.UNICODE)


class Match(NamedTuple):
    """Training query that a test query resembles most, and how much, from 0 to 1."""

    train: int
    score: float


def words(text: str) -> list[str]:
    """Return the lower-case words of a text after Unicode normalisation (NFKC), without punctuation."""
    return _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())


def same_text(train: Sequence[str], test: Sequence[str]) -> dict[int, Match]:
    """Find the test queries whose text is exactly that of a training query, blanks at the ends aside."""
    return _equal([t.strip() for t in train], [t.strip() for t in test])


def same_words(train: Sequence[str], test: Sequence[str]) -> dict[int, Match]:
    """Find the test queries whose `words` are those of a training query, in the same order."""
    return _equal([" ".join(words(t)) for t in train], [" ".join(words(t)) for t in test])


def _equal(train: Sequence[str], test: Sequence[str]) -> dict[int, Match]:
    first: dict[str, int] = {}
    for i, text in enumerate(train):
        first.setdefault(text, i)
    return {i: Match(first[text], 1.0) for i, text in enumerate(test) if text and text in first}


def shared_ngrams(train: Sequence[str], test: Sequence[str], n: int, least: float) -> dict[int, Match]:
    """Find the test queries of which one training query has at least the share ``least`` of the word n-grams.

    A query of fewer than ``n`` words is one n-gram of all its words. Among equal shares the first training query counts.
    """
    grams_of = [set(ngrams(words(text), n)) for text in test]
    queries_with: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, grams in enumerate(grams_of):
        for gram in grams:
            queries_with[gram].append(i)
    best: dict[int, Match] = {}
    for j, text in enumerate(train):
        hits = Counter(i for gram in set(ngrams(words(text), n)) for i in queries_with.get(gram, ()))
        for i, count in hits.items():
            share = count / len(grams_of[i])
            if share >= least and (i not in best or share > best[i].score):
                best[i] = Match(j, share)
    return best


def ngrams(tokens: Sequence[str], n: int) -> Iterable[tuple[str, ...]]:
    """Return the word n-grams of a text; all its words if there are fewer than ``n``."""
    if len(tokens) <= n:
        return [tuple(tokens)] if tokens else []
    return (tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


EntityFinder = Callable[[Sequence[str]], list[set[str]]]
"""Function that finds the entities of each text."""


def plain_entities(texts: Sequence[str]) -> list[set[str]]:
    """Find entities without a model: numbers, and spans of words that begin with a capital letter, lower-cased.

    A capital at the beginning of a text says nothing, so a span there loses its first word, unless that one has a
    second capital letter or a digit. Texts in lower case have numbers only.
    """
    return [_entities(text) for text in texts]


def _entities(text: str) -> set[str]:
    entities = set(_NUMBER.findall(text))
    first = len(text) - len(text.lstrip("\"'“‘([¿¡ "))
    for span in _SPAN.finditer(text):
        parts = span[0].split()
        if span.start() <= first and not re.search(r"[A-Z\d]", parts[0][1:]):
            parts = parts[1:]
        name = " ".join(parts).strip("'’-").removesuffix("'s").removesuffix("’s")
        if len(name) > 1:
            entities.add(name.casefold())
    return entities


def shared_entities(train: Sequence[set[str]], test: Sequence[set[str]]) -> dict[int, Match]:
    """Find the test queries that share an entity with training queries.

    Of each, the first training query that shares most of its entities, and the share of its entities that occur in any
    training query.
    """
    owners: defaultdict[str, list[int]] = defaultdict(list)
    for j, names in enumerate(train):
        for name in names:
            owners[name].append(j)
    matches = {}
    for i, names in enumerate(test):
        known = [name for name in names if name in owners]
        if not known:
            continue
        counts = Counter(j for name in known for j in owners[name])
        most = max(counts.values())
        matches[i] = Match(min(j for j, c in counts.items() if c == most), len(known) / len(names))
    return matches

"""Examples of a training: a query, a relevant document, and mined negatives, with a teacher's scores if there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from intrex.data.io.files import fingerprint


@dataclass(frozen=True)
class Example:
    """A training example.

    Attributes:
        query: the query's text.
        positive: a relevant document's text.
        negatives: texts of documents that are not known to be relevant.
        scores: a teacher's scores of the positive and the negatives, or empty.
    """

    query: str
    positive: str
    negatives: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Pool:
    """Dev queries with candidates, for early stopping.

    Attributes:
        queries: [q] texts.
        documents: for each query the texts of its candidates.
    """

    queries: Sequence[str]
    documents: Sequence[Sequence[str]]


def examples_fingerprint(examples: Sequence[Example]) -> str:
    """Return the sha256 of all examples in their order."""
    return fingerprint([[e.query, e.positive, e.negatives, e.scores] for e in examples])


def columns(examples: Sequence[Example], pairwise: bool) -> dict[str, list[Any]]:
    """Arrange examples as columns for sentence-transformers.

    Args:
        examples: with equally many negatives.
        pairwise: one row for each query and document with a label 1 or 0, instead of a row for each example.
    """
    if pairwise:
        pairs = zip(*_pairs(examples), strict=True)
        return {
            name: list(column) for name, column in zip(("query", "document", "label"), pairs, strict=True)
        }
    width = len(examples[0].negatives)
    by_name: dict[str, list[Any]] = {
        "query": [e.query for e in examples],
        "positive": [e.positive for e in examples],
        **{f"negative_{i + 1}": [e.negatives[i] for e in examples] for i in range(width)},
    }
    if examples[0].scores:
        by_name["label"] = [list(e.scores) for e in examples]
    return by_name


def _pairs(examples: Sequence[Example]) -> Iterator[tuple[str, str, float]]:
    for e in examples:
        yield e.query, e.positive, 1.0
        for text in e.negatives:
            yield e.query, text, 0.0

"""A collection's documents as numbered terms: what the builders of inverted indexes read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.data.collection import Collection, Document
from intrex.retrievers.batch import BatchAnalyzer

BATCH = 1024
"""Documents that are analysed at a time,"""
CHARACTERS = 1 << 21
"""or fewer, if they have so many characters."""


class Terms(NamedTuple):
    """Some documents: their ids, and the ids of their terms, ``tokens[offsets[i]:offsets[i + 1]]``, repeats kept."""

    ids: list[str]
    tokens: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]


def analysed(collection: Collection, analyzer: BatchAnalyzer) -> Iterator[Terms]:
    """The terms of all documents in the order of their rows, numbered as ``analyzer`` does."""
    waiting: list[Document] = []
    size = 0
    for document in collection.documents():
        waiting.append(document)
        size += len(document.title) + len(document.text)
        if len(waiting) >= BATCH or size >= CHARACTERS:
            yield _terms(waiting, analyzer)
            waiting, size = [], 0
    if waiting:
        yield _terms(waiting, analyzer)


def _terms(documents: Sequence[Document], analyzer: BatchAnalyzer) -> Terms:
    return Terms([one.id for one in documents], *analyzer.add([one.contents for one in documents]))

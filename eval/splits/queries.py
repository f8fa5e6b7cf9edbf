"""Queries that are split: ids in byte order with their texts and vectors, and a draw that no order can change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from intrex.eval.splits.similarity import Vectors, normalise


@dataclass(frozen=True)
class QueryVectors:
    """Queries in byte order of their ids, with their vectors.

    Attributes:
        ids: [n], unique.
        vectors: [n, d], at length 1.
    """

    ids: tuple[str, ...]
    vectors: Vectors

    @classmethod
    def of(cls, ids: Sequence[str], vectors: Vectors) -> QueryVectors:
        """Sort queries by id and bring their vectors to length 1."""
        order = sorted(range(len(ids)), key=lambda i: ids[i].encode("utf-8"))
        return cls(tuple(ids[i] for i in order), normalise(vectors, np.array(order, np.int64)))

    def __len__(self) -> int:
        return len(self.ids)


def draw(ids: Iterable[str], seed: int) -> list[str]:
    """Return the ids in a random order that depends on each id and the seed alone, so that samples of it are nested."""
    return sorted(ids, key=lambda i: (hashlib.sha256(f"{seed}\n{i}".encode()).digest(), i))

"""Protocol of scorers of pairs of query and document."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from intrex.data.arrays import Rows, Scores
from intrex.data.specs import EncoderSpec

CROSS_ENCODER = "cross-encoder"


class PairScorer(Protocol):
    """Scorer of pairs of texts; the same pair and spec give the same score in any batch (to 1e-5 in float32).

    Attributes:
        spec: what decides the scores; its fingerprint is part of the keys of a score cache.
    """

    spec: EncoderSpec

    def parts(self, queries: Sequence[str], documents: Sequence[str]) -> Iterator[tuple[Rows, Scores]]:
        """Score pairs, some at a time, in an order that suits the scorer.

        Args:
            queries: [n] the query of each pair.
            documents: [n] its document.

        Yields:
            Positions [m] of pairs and their float32 scores [m]; each position once.
        """
        ...

    def score(self, queries: Sequence[str], documents: Sequence[str]) -> Scores:
        """Return the float32 scores [n] of pairs, in their order; for the arguments see `parts`."""
        out = np.empty(len(queries), np.float32)
        for rows, scores in self.parts(queries, documents):
            out[rows] = scores
        return out


def use_threads(threads: int | None) -> None:
    """Set the number of threads of torch, in the whole process, where it is in use; None leaves it alone."""
    torch = sys.modules.get("torch")
    if threads is not None and torch is not None:
        torch.set_num_threads(threads)

"""Explanation of a score: the parts that it is the sum of, and the numbers that each comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from intrex.data.arrays import Rows
from intrex.retrievers.options import SearchOptions

Number = str | int | float


@dataclass(frozen=True)
class Part:
    """Part of a document's score.

    Attributes:
        name: the term or query token that it is of.
        numbers: what it comes from, by name, in the order in which a table has them.
        score: the part.
    """

    name: str
    numbers: Mapping[str, Number]
    score: float


@dataclass(frozen=True)
class Explanation:
    """Score of a document for a query.

    Attributes:
        score: as a search computes it, float32; None where the document has none (no common term, no token).
        parts: in the order of the query; their float64 sum, rounded to float32, is the score. Empty where the score is
            no sum of parts that have names.
        numbers: what stands beside the score, such as an estimate of it.
    """

    score: float | None
    parts: Sequence[Part] = ()
    numbers: Mapping[str, Number | None] = field(default_factory=dict)


@runtime_checkable
class Explainer(Protocol):
    """An index that explains scores of any of its documents."""

    def explain(
        self, query: str, rows: Rows, options: SearchOptions, texts: Sequence[str | None]
    ) -> list[Explanation]:
        """Explain the scores of rows for a query.

        Args:
            query: a text.
            rows: [m] int64, the documents.
            options: as of a search.
            texts: [m] what was indexed of each, where it is known; names the tokens of an encoder.

        Raises:
            IntrexError: as the search does.
        """
        ...

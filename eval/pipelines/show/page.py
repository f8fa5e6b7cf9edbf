"""What ``intrex show`` shows: documents of one query, with all that is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from intrex.data.collection import Document
from intrex.retrievers.explanation import Number, Part
from intrex.retrievers.text.matches import Analysis, Span, find_matches


@dataclass(frozen=True)
class Shown:
    """Document of a page.

    Attributes:
        id: of the document.
        rank: from 1; None where it was not found.
        score: None where it has none.
        grade: its judgement; None without one.
        numbers: what stands beside the score.
        parts: of the score.
        document: its texts; None where they are not known.
        title_matches: places of its title that match the query.
        text_matches: of its text.
    """

    id: str
    rank: int | None = None
    score: float | None = None
    grade: int | None = None
    numbers: Mapping[str, Number | None] = field(default_factory=dict)
    parts: Sequence[Part] = ()
    document: Document | None = None
    title_matches: Sequence[Span] = ()
    text_matches: Sequence[Span] = ()

    def record(self) -> dict[str, Any]:
        """Return it as a record of JSON."""
        texts = {} if self.document is None else {
            "title": self.document.title,
            "text": self.document.text,
            "title_matches": list(map(list, self.title_matches)),
            "text_matches": list(map(list, self.text_matches)),
        }  # fmt: skip
        parts = [{"name": part.name, **part.numbers, "score": part.score} for part in self.parts]
        return {
            "document": self.id, "rank": self.rank, "score": self.score, "grade": self.grade, **self.numbers,
            **texts, "parts": parts,
        }  # fmt: skip


@dataclass(frozen=True)
class Page:
    """One query and its documents.

    Attributes:
        tag: the run's, or what a search of the index would be tagged.
        query: its text; empty where it is not known.
        query_id: None where a text was asked.
        documents: those that are shown, best first, or as they were named.
        missed: relevant documents that are not among the best, the most relevant first; None without judgements.
        graded: whether there are judgements.
        notes: for the user.
    """

    tag: str
    query: str
    query_id: str | None
    documents: Sequence[Shown]
    missed: Sequence[Shown] | None = None
    graded: bool = False
    notes: Sequence[str] = ()

    def record(self) -> dict[str, Any]:
        """Return it as a record of JSON."""
        missed = None if self.missed is None else [shown.record() for shown in self.missed]
        return {
            "tag": self.tag, "query_id": self.query_id, "query": self.query,
            "documents": [shown.record() for shown in self.documents], "missed": missed,
        }  # fmt: skip


def shortest(score: float) -> float:
    """Return a float32 score as the shortest number that reads back as the same one, as runs are written."""
    return float(str(np.float32(score)))


def matches_of(document: Document | None, terms: Sequence[str], analyse: Analysis) -> dict[str, Any]:
    """Return the fields of `Shown` that say where a document's texts match terms."""
    if document is None:
        return {}
    return {
        "title_matches": find_matches(document.title, set(terms), analyse),
        "text_matches": find_matches(document.text, set(terms), analyse),
    }

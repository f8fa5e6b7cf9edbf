"""Judgements of one query set while a collection is written, and those among them of unknown documents or queries."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from intrex.data.qrels import Qrels, write_qrels


class Unknown(StrEnum):
    """Treatment of judgements that name a document or a query that the collection lacks."""

    refuse = "refuse"
    keep = "keep"
    """They count: such a document can never be found, such a query never be searched."""
    remove = "remove"


class JudgedSet:
    """Judgements of a query set in the making.

    Attributes:
        judged: grades by query and document.
        unknown: how many of them name an unknown document or query.
        removed: how many were left out because they do.
    """

    def __init__(self) -> None:
        self.judged: dict[str, dict[str, int]] = {}
        self.unknown = self.removed = 0
        self._lost_before = 0
        self._losers: set[str] = set()

    def add(self, query: str, document: str, grade: int) -> bool:
        """Add a judgement; return whether it is the first of the pair."""
        grades = self.judged.setdefault(query, {})
        first = document not in grades
        grades[document] = grade
        return first

    def leave_out(self, query: str) -> None:
        """Leave out a judgement of a query."""
        self.removed += 1
        self._losers.add(query)

    def take_over(self, removed: int, queries: int) -> None:
        """Count judgements, and queries of which none is left, that were left out when a collection was made before."""
        self.removed += removed
        self._lost_before += queries

    def write(self, path: Path) -> dict[str, int]:
        """Write the judgements in BEIR's form; return what the manifest says of them, zeros left out."""
        qrels = Qrels.from_dict(self.judged)
        write_qrels(qrels, path)
        gone = self._lost_before + len(self._losers - self.judged.keys())
        counts = {"unknown": self.unknown, "removed": self.removed, "removed_queries": gone}
        return {
            "queries": len(qrels),
            "judgements": len(qrels.doc_ids),
            **{key: n for key, n in counts.items() if n},
        }

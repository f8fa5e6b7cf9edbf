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
        merged: judgements of another subtopic of a document, of which the highest grade counts.
    """

    def __init__(self) -> None:
        self.judged: dict[str, dict[str, int]] = {}
        self.unknown = self.removed = self.merged = 0
        self._usual: str | None = None
        self._topics: dict[tuple[str, str], set[str]] = {}  # of pairs that have another than the usual one
        self._lost_before = 0
        self._losers: set[str] = set()

    def add(self, query: str, document: str, grade: int, subtopic: str = "") -> bool:
        """Add a judgement; return whether it is the first of the pair, or of the pair's subtopic.

        A document's grade is the highest that it has in any subtopic, as in `intrex.data.qrels.read_qrels`.
        """
        self._usual = subtopic if self._usual is None else self._usual
        grades, pair = self.judged.setdefault(query, {}), (query, document)
        if document not in grades:
            grades[document] = grade
            if subtopic != self._usual:
                self._topics[pair] = {subtopic}
            return True
        topics = self._topics.setdefault(pair, {self._usual})
        if subtopic in topics:
            return False
        topics.add(subtopic)
        grades[document] = max(grades[document], grade)
        self.merged += 1
        return True

    def leave_out(self, query: str) -> None:
        """Leave out a judgement of a query."""
        self.removed += 1
        self._losers.add(query)

    def take_over(self, removed: int, queries: int, merged: int = 0) -> None:
        """Count judgements, and queries of which none is left, that were left out when a collection was made before; and merged ones."""
        self.removed += removed
        self._lost_before += queries
        self.merged += merged

    def write(self, path: Path) -> dict[str, int]:
        """Write the judgements in BEIR's form; return what the manifest says of them, zeros left out."""
        qrels = Qrels.from_dict(self.judged)
        write_qrels(qrels, path)
        gone = self._lost_before + len(self._losers - self.judged.keys())
        counts = {
            "unknown": self.unknown,
            "removed": self.removed,
            "removed_queries": gone,
            "merged": self.merged,
        }
        return {
            "queries": len(qrels),
            "judgements": len(qrels.doc_ids),
            **{key: n for key, n in counts.items() if n},
        }

"""Facts about a file that the checks across files compare."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from intrex.data.arrays import Bools, Bytes, Int64s
from intrex.data.check.findings import Findings


def _none() -> Bytes:
    return np.empty(0, "S1")


@dataclass
class Facts:
    """Result of the check of one file.

    Attributes:
        findings: what was found.
        kind: ``run``, ``qrels``, ``queries``, ``corpus``, or empty when nothing could be told.
        form: how the kind is written: TREC, BEIR, JSON lines ...
        lines: of the file.
        queries, docs: the ids in it, unique, in byte order.
        pairs: of runs and qrels: rows as (query, document) indices [n, 2] into ``queries`` and ``docs``; of a run in
            ranking order.
        tag: of a run.
        extra: what else to say of it, such as the depth of a run.
        numbered: whether its queries are topics with numbers, whose leading zeros an import leaves out as the judgements do.
        whole: of a corpus of passages, the ids of the documents that were cut, which judgements name.
        sound: False when the file could not be read whole, so that what it lacks says nothing.
    """

    findings: Findings
    kind: str = ""
    form: str = ""
    lines: int = 0
    queries: Bytes = field(default_factory=_none)
    docs: Bytes = field(default_factory=_none)
    pairs: Int64s = field(default_factory=lambda: np.empty((0, 2), np.int64))
    tag: str = ""
    extra: str = ""
    sound: bool = True
    numbered: bool = False
    whole: Bytes = field(default_factory=_none)

    @property
    def label(self) -> str:
        """Name of the file in messages."""
        return self.findings.label

    def query(self, row: int) -> str:
        """Spell a query's id for a message."""
        return spell(bytes(self.queries[row]))

    def document(self, row: int) -> str:
        """Spell a document's id for a message."""
        return spell(bytes(self.docs[row]))

    def report(self, code: str, query: Int64s, doc: Int64s, lines: Int64s, text: str) -> None:
        """Report rows [n] of a query and a document, whose ids stand in the two places of the text."""
        self.findings.add(code, lines, lambda i: text.format(self.query(query[i]), self.document(doc[i])))

    def summary(self) -> str:
        """Say in one line what was checked."""
        if not self.kind:
            return f"{self.label}: not checked"
        form = f" ({self.form})" if self.form else ""
        parts = [f"{self.label}: {self.kind}{form}", plural(self.lines, "line")]
        if len(self.queries):
            parts.append(plural(len(self.queries), "query", "queries"))
        if len(self.docs):
            parts.append(plural(len(self.docs), "document"))
        return ", ".join([*parts, *([self.extra] if self.extra else [])])


def report_cells(findings: Findings, code: str, mask: Bools, lines: Int64s, column: Bytes, text: str) -> None:
    """Report the rows [n] of a mask, with the cell of each in the place of ``{}`` in the text."""
    cells = column[mask]
    findings.add(code, lines[mask], lambda i: text.format(spell(bytes(cells[i]))))


def plural(n: int, singular: str, plural_: str = "") -> str:
    """Count things in words: ``1 line``, ``2,000 lines``."""
    return f"{n:,} {singular if n == 1 else plural_ or singular + 's'}"


def factorize(ids: Bytes) -> tuple[Bytes, Int64s]:
    """Return the unique ids in byte order and each row's index into them; fast where equal ids stand together."""
    if not len(ids):
        return ids, np.empty(0, np.int64)
    heads = np.concatenate([[True], ids[1:] != ids[:-1]])
    unique, inverse = np.unique(ids[heads], return_inverse=True)
    return unique, inverse.astype(np.int64)[np.cumsum(heads) - 1]


def repetitions(pairs: Int64s) -> tuple[Int64s, Int64s]:
    """Return the rows whose number stood in an earlier row, and the first row of each of these numbers."""
    _, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    later = np.flatnonzero(first[inverse] != np.arange(len(pairs)))
    return later, first[inverse[later]]


def examples(ids: Bytes) -> str:
    """Spell the first three ids of a list, for a message."""
    return ", ".join(spell(i) for i in ids[:3].tolist()) + (", ..." if len(ids) > 3 else "")


def spell(value: bytes) -> str:
    """Spell an id for a message; what cannot be seen is escaped."""
    text = value.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else repr(text)[1:-1]

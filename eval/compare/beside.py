"""Queries that moved, with their relevant documents side by side: rank in both systems, grade, text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intrex.data.collection import Collection
from intrex.data.documents import read_documents
from intrex.data.errors import UsageError
from intrex.data.ids import as_bytes, as_strings
from intrex.data.locate import find_queries
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.compare.movers import Mover
from intrex.eval.compare.tables import WIDTH, columns_of, shorten_end, signed
from intrex.eval.tables import Table

NOT_RETRIEVED = "-"
LEAST = 20
"""Columns of a text at least, on a terminal."""


@dataclass(frozen=True)
class MoverDocument:
    """Relevant document of a query that moved, with its rank in both systems, ``-`` where it was not retrieved, and the pair's p."""

    measure: str
    a: str
    b: str
    query: str
    text: str
    value_a: float
    value_b: float
    difference: float
    document: str
    grade: int
    rank_a: str
    rank_b: str
    document_text: str
    p: float
    p_corrected: float
    signature: str


def find_documents(qrels: str, collection: str | None) -> Collection:
    """Open the collection of the documents' texts: the one that is named, else that of ``COLLECTION:SET``.

    Raises:
        UsageError: neither names one.
        BadInput: there is none.
    """
    if collection is not None:
        return Collection.open(Path(collection))
    found = None if qrels == "-" or Path(qrels).is_file() else find_queries(qrels)[1]
    if found is None:
        raise UsageError(
            "--texts needs the documents", "name the collection (COLLECTION:SET), or --collection PATH"
        )
    return found


def mover_documents(
    moved: Sequence[Mover], runs: Mapping[str, Run], qrels: Qrels, level: int, collection: Collection
) -> list[MoverDocument]:
    """Return the relevant documents of queries that moved, those that either system has first before the others.

    Args:
        moved: queries of pairs.
        runs: by system.
        qrels: the judgements; a document is relevant from the grade ``level`` on.
        level: see ``qrels``.
        collection: has the texts.
    """
    rows = []
    for one in moved:
        of_a, of_b = _ranks(runs[one.a], one.query), _ranks(runs[one.b], one.query)
        none = len(of_a) + len(of_b) + 1
        grades = _grades(qrels, one.query, level)
        order = sorted(
            grades, key=lambda d: (min(of_a.get(d, none), of_b.get(d, none)), -grades[d], d.encode())
        )
        rows += [
            (one, document, grades[document], of_a.get(document), of_b.get(document)) for document in order
        ]
    texts = read_documents([collection], [document for _, document, *_ in rows])
    return [
        MoverDocument(
            one.measure, one.a, one.b, one.query, one.text, one.value_a, one.value_b, one.difference, document, grade,
            _spell(rank_a), _spell(rank_b),
            texts[document].passage if document in texts else "", one.p, one.p_corrected, one.signature,
        )
        for one, document, grade, rank_a, rank_b in rows
    ]  # fmt: skip


def _spell(rank: int | None) -> str:
    return NOT_RETRIEVED if rank is None else str(rank)


def _ranks(run: Run, query: str) -> dict[str, int]:
    return {document: rank for rank, document in enumerate(as_strings(run.doc_ids[_span(run, query)]), 1)}


def _grades(qrels: Qrels, query: str, level: int) -> dict[str, int]:
    span = _span(qrels, query)
    pairs = zip(as_strings(qrels.doc_ids[span]), qrels.grades[span].tolist(), strict=True)
    return {document: grade for document, grade in pairs if grade >= level}


def _span(table: Run | Qrels, query: str) -> slice:
    """Return where a query stands, nowhere if it is not there."""
    key = as_bytes([query])[0]
    at = int(np.searchsorted(table.query_ids, key))
    if at == len(table) or table.query_ids[at] != key:
        return slice(0, 0)
    return slice(int(table.offsets[at]), int(table.offsets[at + 1]))


def beside_tables(
    rows: Sequence[MoverDocument], pair: tuple[str, str], marks: tuple[str, str], narrow: bool
) -> Iterator[tuple[str, Table[str]]]:
    """Yield for each query of a pair its text with its values, and the table of its documents.

    Args:
        rows: of all pairs.
        pair: the names of the two systems.
        marks: what stands for them.
        narrow: cut texts so that a table fits 80 columns; ids never.
    """
    mine = [row for row in rows if (row.a, row.b) == pair]
    for query in dict.fromkeys(row.query for row in mine):
        found = [row for row in mine if row.query == query]
        one = found[0]
        text = f": {' '.join(one.text.split())}" if one.text else ""
        title = f"query {query}  {signed(one.difference, 4)}  ({one.value_a:.4f} to {one.value_b:.4f}){text}"
        headers = [f"rank in {marks[0]}", f"rank in {marks[1]}", "grade", "document", "text"]
        table = [
            [row.rank_a, row.rank_b, str(row.grade), row.document, " ".join(row.document_text.split())]
            for row in found
        ]
        if narrow:
            used = sum(max(columns_of(line[i]) for line in (headers, *table)) + 2 for i in range(4))
            for line in table:
                line[4] = shorten_end(line[4], max(WIDTH - used, LEAST))
        yield title, (headers, table)

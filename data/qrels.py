"""Relevance judgements as columns, and the files they come from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Bytes, Int32s, Int64s
from intrex.data.errors import BadInput, Problems
from intrex.data.ids import as_bytes, nest, rows_of
from intrex.data.io.columns import parse_integers, read_columns, segments, stack
from intrex.data.io.files import require_file, writing
from intrex.data.io.idarrays import id_array
from intrex.data.io.lines import first_line
from intrex.data.numeric.spans import offsets_of, owners_of
from intrex.data.rankings.grades import grade_hint, numbered
from intrex.data.rankings.judged import judged_form, read_judged_rows
from intrex.data.rankings.options import Columns, qrels_columns

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subtopics:
    """Judgements by subtopic: entries in order of their row.

    Attributes:
        rows: [t] int64, row of the (query, document) in the qrels, ascending.
        topics: [t] int64, the subtopic's number within its query, from 0.
        grades: [t] int32.
    """

    rows: Int64s
    topics: Int64s
    grades: Int32s


@dataclass(frozen=True)
class Qrels:
    """Judgements, sorted by query and document id in byte order; query i owns rows offsets[i] to offsets[i+1].

    Attributes:
        query_ids: [q] ids, unique. A query whose judgements are all zero or negative is kept.
        offsets: [q + 1] int64.
        doc_ids: [n] ids, unique within a query.
        grades: [n] int32; negative ones are kept, their gain is 0. With subtopics, the highest of the document.
        subtopics: the judgements by subtopic, where they were asked for.
        merged: judgements of another subtopic of the same document, of which the highest grade is kept.
    """

    query_ids: Bytes
    offsets: Int64s
    doc_ids: Bytes
    grades: Int32s
    subtopics: Subtopics | None = None
    merged: int = 0

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.query_ids) + 1 or len(self.doc_ids) != len(self.grades):
            raise ValueError("offsets, doc_ids and grades do not fit together")

    def __len__(self) -> int:
        return len(self.query_ids)

    @property
    def positives_only(self) -> bool:
        """True where every grade is above 0: what was looked at and is not relevant cannot be told from the rest."""
        return len(self.grades) > 0 and int(self.grades.min()) > 0

    @cached_property
    def pool(self) -> Int32s:
        """[n] int32, the grades, descending within each query."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        grades: Int32s = self.grades[np.lexsort((-self.grades.astype(np.int64), owner))]
        return grades

    def select(self, mask: Bools) -> Qrels:
        """Keep the judgements where ``mask`` [n] is set; queries without any leave."""
        sizes = np.bincount(owners_of(np.diff(self.offsets))[mask], minlength=len(self))
        columns = (
            self.query_ids[sizes > 0],
            offsets_of(sizes[sizes > 0]),
            self.doc_ids[mask],
            self.grades[mask],
        )
        if self.subtopics is None:
            return Qrels(*columns, merged=self.merged)
        entries = mask[self.subtopics.rows]
        rows = (np.cumsum(mask) - 1)[self.subtopics.rows[entries]]
        subtopics = Subtopics(rows, self.subtopics.topics[entries], self.subtopics.grades[entries])
        return Qrels(*columns, subtopics, self.merged)

    @classmethod
    def from_columns(
        cls,
        queries: Bytes,
        docs: Bytes,
        grades: Int32s,
        problems: Problems,
        lines: Int64s | None = None,
    ) -> Qrels:
        """Sort columns into qrels; a pair judged twice is reported to ``problems`` with the line of the second."""
        order = np.lexsort((np.arange(len(docs)), docs, queries))
        queries, docs, grades = queries[order], docs[order], grades[order]
        repeated = np.flatnonzero((queries[1:] == queries[:-1]) & (docs[1:] == docs[:-1])) + 1
        for i in repeated:
            where = f"{problems.subject}:{lines[order[i]]}" if lines is not None else problems.subject
            pair = f"query {queries[i].decode()}, document {docs[i].decode()}"
            problems.add(where, f"judged twice: {pair}", "keep one line for each query and document")
        offsets = segments(queries)
        return cls(queries[offsets[:-1]], offsets, docs, grades)

    @classmethod
    def from_subtopics(
        cls,
        queries: Bytes,
        topics: Bytes,
        docs: Bytes,
        grades: Int32s,
        problems: Problems,
        lines: Int64s,
    ) -> Qrels:
        """Sort judgements by subtopic into qrels; a triple judged twice is reported with the line of the second."""
        order = np.lexsort((np.arange(len(docs)), topics, docs, queries))
        queries, topics, docs, grades = queries[order], topics[order], docs[order], grades[order]
        first = np.concatenate([[True], (queries[1:] != queries[:-1]) | (docs[1:] != docs[:-1])])[: len(docs)]
        for i in np.flatnonzero(~first[1:] & (topics[1:] == topics[:-1])) + 1:
            text = f"query {queries[i].decode()}, subtopic {topics[i].decode()}, document {docs[i].decode()}"
            problems.add(f"{problems.subject}:{lines[order[i]]}", f"judged twice: {text}")
        starts = np.flatnonzero(first)
        pairs = queries[starts], docs[starts], np.maximum.reduceat(grades, starts)
        numbers = _number_topics(queries, topics)
        return replace(
            cls.from_columns(*pairs, problems),
            subtopics=Subtopics(np.cumsum(first) - 1, numbers, grades),
            merged=len(docs) - len(starts),
        )

    @classmethod
    def from_dict(cls, judged: Mapping[str, Mapping[str, int]]) -> Qrels:
        """Make qrels of ``{query: {document: grade}}``; raises `BadInput` on ids or grades that cannot be."""
        problems, rows = Problems("qrels"), list[tuple[str, str, int]]()
        for q, d, g in rows_of(judged, problems):
            rows.append((q, d, g))
            if isinstance(g, bool) or not isinstance(g, (int, np.integer)):
                problems.add(f"query {q!r}, document {d!r}", f"the grade is {g!r}, an integer is needed")
        problems.raise_if_any()
        columns = as_bytes([r[0] for r in rows]), as_bytes([r[1] for r in rows])
        return cls.from_columns(*columns, np.array([r[2] for r in rows], np.int32), problems)

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Invert `from_dict`."""
        return nest(self.query_ids, self.offsets, self.doc_ids, self.grades.tolist())


def _number_topics(queries: Bytes, topics: Bytes) -> Int64s:
    """Return the number of each topic among those of its query, in byte order."""
    order = np.lexsort((topics, queries))
    q, t = queries[order], topics[order]
    new = np.concatenate([[True], q[1:] != q[:-1]])[: len(q)]
    step = np.concatenate([[False], (q[1:] == q[:-1]) & (t[1:] != t[:-1])])[: len(q)]
    total = np.cumsum(step)
    number = np.empty(len(q), np.int64)
    number[order] = total - np.maximum.accumulate(np.where(new, total, 0))
    return number


def read_qrels(path: Path, subtopics: bool = False, repeats: bool = False) -> Qrels:
    """Read TREC qrels (4 columns) or BEIR qrels (3 columns, header), plain or compressed; any blanks separate.

    JSON, CSV, Parquet and Arrow are read too, by `intrex.data.rankings.judged`.
    A header row is skipped. In TREC's form a line whose first character is ``#`` is a comment, as in trec_eval 10.
    A document may stand once for each value of the second of four columns, the subtopic: its grade is the highest. With
    ``subtopics`` the judgements of each are kept too. With ``repeats`` lines that say the same again are read once, and counted in a message at level INFO.
    Raises `BadInput` with every malformed line counted, and on a file without any judgement.
    """
    require_file(path, "qrels")
    problems = Problems(path.name)
    columns = qrels_columns()
    if form := judged_form(path, columns):
        return _read_table(path, form, problems, columns)
    width = 3 if len(first_line(path).split()) == 3 else 4
    layout = "query, iteration, document, grade" if width == 4 else "query, document, grade"
    parts: tuple[list[Bytes], list[Bytes], list[Bytes]] = [], [], []
    numbers: list[Int64s] = []
    topics: list[Bytes] = []
    for piece in read_columns(path, width, layout, problems, width - 1, "first" if width == 4 else "none"):
        piece.report_quotes((0, width - 2), path, problems)
        for part, at in zip(parts, (0, width - 2, width - 1), strict=True):
            part.append(piece.column(at))
        numbers.append(piece.lines)
        if width == 4 and not repeats:
            topics.append(piece.column(1))
    queries, docs, raw = stack(parts[0]), stack(parts[1]), stack(parts[2])
    lines = np.concatenate(numbers) if numbers else np.empty(0, np.int64)
    grades = parse_integers(numbered(raw), lines, path, "grade", problems, hint=grade_hint)
    if repeats:
        queries, docs, grades, lines = _without_repeats(queries, docs, grades, lines, path)
    several = stack(topics)
    if len(several) and (subtopics or (several != several[0]).any()):
        qrels = Qrels.from_subtopics(queries, several, docs, grades, problems, lines)
        qrels = qrels if subtopics else replace(qrels, subtopics=None)
    else:
        qrels = Qrels.from_columns(queries, docs, grades, problems, lines)
    problems.raise_if_any()
    if not len(qrels):
        raise BadInput(f"the file has no judgement ({path})", "a line is: query iteration document grade")
    return qrels


def _read_table(path: Path, form: str, problems: Problems, columns: Columns | None) -> Qrels:
    """Read judgements from JSON, CSV, Parquet or Arrow."""
    rows = list(read_judged_rows(path, form, problems, columns))

    def report(at: int, reason: str) -> None:
        row = rows[at]
        problems.add(f"{path.name}:{row.line}" if row.line else f"{path.name}, query {row.query!r}", reason)

    queries, docs = (id_array([row[at] for row in rows], report) for at in (0, 1))
    lines = np.array([row.line for row in rows], np.int64)
    qrels = Qrels.from_columns(
        queries, docs, np.array([row.grade for row in rows], np.int32), problems, lines
    )
    problems.raise_if_any()
    if not len(qrels):
        raise BadInput(f"the file has no judgement ({path})", "a judgement is: query, document, grade")
    return qrels


def _without_repeats(
    queries: Bytes, docs: Bytes, grades: Int32s, lines: Int64s, path: Path
) -> tuple[Bytes, Bytes, Int32s, Int64s]:
    order = np.lexsort((np.arange(len(docs)), grades, docs, queries))
    q, d, g = queries[order], docs[order], grades[order]
    again = np.flatnonzero((q[1:] == q[:-1]) & (d[1:] == d[:-1]) & (g[1:] == g[:-1])) + 1
    if len(again):
        _log.info("%s: %d lines say the same again, they are read once", path.name, len(again))
    keep = np.delete(np.arange(len(docs)), order[again])
    return queries[keep], docs[keep], grades[keep], lines[keep]


def write_qrels(qrels: Qrels, path: Path, overwrite: bool = False) -> None:
    """Write qrels: BEIR's three columns with a header for ``.tsv``, else TREC's four."""
    tsv = ".tsv" in path.suffixes
    with writing(path, overwrite) as stream:
        if tsv:
            stream.write(b"query-id\tcorpus-id\tscore\n")
        for query, docs in qrels.to_dict().items():
            rows = (f"{query}\t{d}\t{g}\n" if tsv else f"{query} 0 {d} {g}\n" for d, g in docs.items())
            stream.write("".join(rows).encode("utf-8"))

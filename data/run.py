"""Runs: the file as it stands (RunTable), and its canonical form (Run)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Bools, Bytes, Float32s, Float64s, Int64s, Uint64s
from intrex.data.errors import BadInput, Problems, UsageError, shorten_words
from intrex.data.ids import as_bytes, id_problem, nest, rows_of
from intrex.data.io.columns import parse_floats, read_columns, segments
from intrex.data.io.files import require_file
from intrex.data.numeric.spans import offsets_of, owners_of

LAYOUT = "query Q0 document rank score tag"


@dataclass(frozen=True)
class RunTable:
    """Content of a run file, in file order.

    Attributes:
        query_ids: [n] ids.
        doc_ids: [n] ids.
        scores: [n] float64.
        lines: [n] line numbers, where the form has lines.
        tag: that of the last line.
        unique: the form itself has no document twice for a query.
    """

    query_ids: Bytes
    doc_ids: Bytes
    scores: Float64s
    lines: Int64s | None
    tag: str
    unique: bool = False


@dataclass(frozen=True)
class Run:
    """Ranking of each query: queries in byte order, documents by (float32 score, id) descending.

    Attributes:
        query_ids: [q] ids, unique.
        offsets: [q + 1] int64; query i owns rows offsets[i] to offsets[i+1].
        doc_ids: [n] ids, unique within a query.
        scores: [n] float32, finite.
        tag: the run's name, without white space.
    """

    query_ids: Bytes
    offsets: Int64s
    doc_ids: Bytes
    scores: Float32s
    tag: str = "intrex"

    def __len__(self) -> int:
        return len(self.query_ids)

    def select(self, mask: Bools) -> Run:
        """Keep the documents where ``mask`` [n] is set; queries without any leave the run."""
        owner = owners_of(np.diff(self.offsets))[mask]
        sizes = np.bincount(owner, minlength=len(self.query_ids))
        offsets = offsets_of(sizes[sizes > 0])
        return Run(self.query_ids[sizes > 0], offsets, self.doc_ids[mask], self.scores[mask], self.tag)

    @classmethod
    def from_columns(
        cls,
        queries: Bytes,
        docs: Bytes,
        scores: npt.NDArray[np.floating],
        tag: str,
        problems: Problems,
        lines: Int64s | None = None,
        unique: bool = False,
    ) -> Run:
        """Sort columns into a run; a document listed twice for a query is reported with the line of the second, unless ``unique``."""
        with np.errstate(over="ignore"):  # what is too large for float32 is reported below
            values = scores.astype(np.float32)
        values += np.float32(0)  # -0 becomes 0
        for i in np.flatnonzero(~np.isfinite(values)):
            where = f"{problems.subject}:{lines[i]}" if lines is not None else f"query {queries[i].decode()}"
            problems.add(where, f"the score {float(scores[i])!r} is not a finite float32 number")
        order = _canonical_order(queries, docs, values)
        if order is not None:
            queries, docs, values = queries[order], docs[order], values[order]
            lines = None if lines is None else lines[order]
        offsets = segments(queries)
        if not unique:
            _report_repeats(queries, docs, offsets, problems, lines)
        return cls(queries[offsets[:-1]], offsets, docs, values, tag)

    @classmethod
    def from_dict(cls, ranked: Mapping[str, Mapping[str, float]], tag: str = "intrex") -> Run:
        """Make a run of ``{query: {document: score}}``; raises `BadInput` on ids or scores that cannot be."""
        problems = Problems("run")
        rows = list(rows_of(ranked, problems))
        problems.raise_if_any()
        scores = np.array([r[2] for r in rows], np.float64)
        run = cls.from_columns(
            as_bytes([r[0] for r in rows]), as_bytes([r[1] for r in rows]), scores, tag, problems
        )
        problems.raise_if_any()
        return run

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Return ``{query: {document: score}}``, each ranking in order."""
        return nest(self.query_ids, self.offsets, self.doc_ids, self.scores.tolist())

    def rankings(self) -> Iterable[tuple[bytes, Bytes, Float32s]]:
        """Yield ``(query id, document ids, scores)`` of each query, best first."""
        for i, query in enumerate(self.query_ids.tolist()):
            rows = slice(self.offsets[i], self.offsets[i + 1])
            yield query, self.doc_ids[rows], self.scores[rows]


def _canonical_order(queries: Bytes, docs: Bytes, scores: Float32s) -> Int64s | None:
    """Return the rows by query, score descending and document descending; None where they stand so already.

    Most files have the rows of a query together, many have them in order: then only the queries move.
    """
    heads = segments(queries)
    names = queries[heads[:-1]]
    places = np.argsort(names, kind="stable")
    sizes = np.diff(heads)
    rises = scores[1:] > scores[:-1]
    rises[heads[1:-1] - 1] = False
    if (names[places[1:]] == names[places[:-1]]).any():
        _, codes = np.unique(names, return_inverse=True)
    elif not rises.any():
        moved = sizes[places]
        starts = np.cumsum(moved) - moved
        rows: Int64s = np.arange(len(queries)) + np.repeat(heads[:-1][places] - starts, moved)
        same = scores[1:] == scores[:-1]
        same[heads[1:-1] - 1] = False
        ties = np.flatnonzero(same)
        if not (docs[ties + 1] < docs[ties]).all():
            return _settle_ties(rows, np.repeat(places, moved), docs, scores)
        return None if (places[1:] > places[:-1]).all() else rows
    else:
        codes = np.empty(len(names), np.int64)
        codes[places] = np.arange(len(names))
    owner = np.repeat(codes, sizes)
    order = np.lexsort((-scores, owner))
    return _settle_ties(order, owner[order], docs, scores)


def _settle_ties(order: Int64s, owner: Int64s, docs: Bytes, scores: Float32s) -> Int64s:
    """Put rows of equal scores within a query in order of their documents, descending; ``owner`` is the query of each of ``order``."""
    ordered = scores[order]
    tied = (owner[1:] == owner[:-1]) & (ordered[1:] == ordered[:-1])
    before = np.concatenate([[False], tied])
    at = np.flatnonzero(before | np.concatenate([tied, [False]]))
    group = np.cumsum(~before[at])
    by_doc = np.lexsort((docs[order[at]], -group))[::-1]
    order[at] = order[at][by_doc]
    return order


def _report_repeats(
    queries: Bytes, docs: Bytes, offsets: Int64s, problems: Problems, lines: Int64s | None
) -> None:
    """Report documents listed twice for a query; equal hashes find the few rows that are worth comparing."""
    if not len(docs):
        return
    hashes = _hash(docs, offsets)
    hashes.sort()
    same = hashes[1:] == hashes[:-1]
    if not same.any():
        return
    order = np.argsort(_hash(docs, offsets), kind="stable")
    rows = order[np.append(same, False) | np.append(False, same)]
    number = rows if lines is None else lines[rows]
    order = rows[np.lexsort((number, docs[rows], queries[rows]))]
    q, d = queries[order], docs[order]
    for i in np.flatnonzero((q[1:] == q[:-1]) & (d[1:] == d[:-1])) + 1:
        where = problems.subject if lines is None else f"{problems.subject}:{lines[order[i]]}"
        problems.add(
            where, f"query {q[i].decode()} lists document {d[i].decode()} twice", "keep one line for each"
        )


_ODD = np.uint64(0x9E3779B97F4A7C15)


_BLOCK = 1 << 15
"""Rows whose words, and what is made of them, stay in the cache."""


def _hash(ids: Bytes, offsets: Int64s) -> Uint64s:
    """Return a 64-bit hash of each id [n] and of the query it stands in, by multiplying and mixing its 8-byte words."""
    width = -(-ids.itemsize // 8)
    owner = np.searchsorted(offsets, np.arange(0, len(ids) + _BLOCK, _BLOCK), side="right") - 1
    mixed = np.zeros(len(ids), np.uint64)
    for number, start in enumerate(range(0, len(ids), _BLOCK)):
        block = mixed[start : start + _BLOCK]
        words = ids[start : start + _BLOCK].astype(f"S{width * 8}").view(np.uint64).reshape(-1, width)
        for column in words.T:
            block ^= column
            block *= _ODD
            block ^= block >> np.uint64(29)
        first, last = owner[number], min(int(owner[number + 1]), len(offsets) - 2)
        inside = np.diff(offsets[first : last + 2].clip(start, start + len(block)))
        block ^= np.repeat(np.arange(first, last + 1).astype(np.uint64) * _ODD, inside)
    return mixed


def read_trec_table(path: Path, problems: Problems, more: bool = False) -> RunTable:
    """Read the sound lines of a TREC run, plain or compressed; the others go to ``problems``.

    Any blanks separate the six columns, the rank column is not looked at. Lines whose first character after blanks is
    ``#`` are comments, as in trec_eval 10; a header row is skipped. NaN, infinity and text are not scores.

    Args:
        path: the file.
        problems: told of every malformed line.
        more: whether columns after the sixth are allowed and not looked at, as trec_eval does.

    Raises:
        BadInput: there is no line, or the file cannot be read.
    """
    require_file(path, "run")
    parts: list[tuple[Bytes, Bytes, Float64s, Int64s]] = []
    tag = "intrex"
    for piece in read_columns(path, 6, LAYOUT, problems, header=4, comments="indented", more=more):
        piece.report_quotes((0, 2), path, problems)
        scores = parse_floats(piece.column(4), piece.lines, path, "score", problems)
        parts.append((piece.column(0), piece.column(2), scores, piece.lines))
        tag = piece.column(5)[-1].decode("utf-8", "replace")
    return RunTable(*join_columns(parts, LAYOUT, path, problems), tag=tag)


def join_columns(
    parts: list[tuple[Bytes, Bytes, Float64s, Int64s]], layout: str, path: Path, problems: Problems
) -> tuple[Bytes, Bytes, Float64s, Int64s]:
    """Join the queries, documents, scores and line numbers of a run's pieces; raises `BadInput` where there is none."""
    if not parts:
        problems.raise_if_any()
        raise BadInput(f"the run has no line ({path})", f"a line is: {layout}")
    queries, docs, scores, lines = (np.concatenate(column) for column in zip(*parts, strict=True))
    return queries, docs, scores, lines


def run_name(path: Path) -> str:
    """Return what a run is called whose form has no tag: its file's name up to the first dot."""
    return "".join(path.name.split()).split(".")[0] or "run"


def check_tag(tag: str) -> None:
    """Raise `UsageError` unless a tag is one word: it becomes a column."""
    if id_problem(tag):
        raise UsageError(
            shorten_words(f"not a tag: {tag!r}"),
            "a tag is one word, it becomes a column of the run: --tag NAME",
        )


def check_query_ids(queries: Iterable[str]) -> None:
    """Raise `BadInput` if a line of a TREC run could not begin with one of these ids: ``#`` begins a comment."""
    if comments := [query for query in queries if query.startswith("#")]:
        raise BadInput(
            f"{len(comments):,} query ids begin with #, which makes a run's line a comment: {comments[0]}",
            "give the queries other ids",
        )

"""Runs: scores, ranks, ties, repetitions, tags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from intrex.data.arrays import Bools, Bytes, Float64s, Int64s
from intrex.data.check.facts import Facts, examples, plural, repetitions, report_cells
from intrex.data.check.findings import Findings
from intrex.data.check.idchecks import check_rows_ids
from intrex.data.check.lines import Table, Text, read_table, sound_pieces
from intrex.data.check.numbers import parse_floats, parse_integers
from intrex.data.errors import json_type
from intrex.data.ids import as_bytes, id_problem
from intrex.data.io.files import reading
from intrex.data.runformats import FLOAT32_ENDS

_FLOAT32_MAX = 3.4028e38  # as written with five digits
_TREND = 3  # growing scores: fewer may be one row in the wrong place


class RunRows(NamedTuple):
    """Usable rows of a run: indices of query and document, scores, ranks (or none), line numbers; all [n]."""

    query: Int64s
    doc: Int64s
    score: Float64s
    rank: Int64s | None
    line: Int64s

    def at(self, rows: Int64s) -> RunRows:
        """Return the rows ``rows``."""
        rank = None if self.rank is None else self.rank[rows]
        return RunRows(self.query[rows], self.doc[rows], self.score[rows], rank, self.line[rows])


def check_run(path: Path, form: str, findings: Findings) -> Facts:
    """Check a run: ``trec``, ``msmarco`` (query, document, rank) or ``json``."""
    if form == "json":
        return _check_json(path, findings)
    facts = Facts(findings, "run", "TREC" if form == "trec" else "MS MARCO")
    if form == "trec":
        table = read_table(path, 6, 4, findings)
        score, rank = _scores(table, findings), _ranks(table, findings)
        _other_columns(table, facts)
        docs = table.columns[2]
    else:
        table = read_table(path, 3, 2, findings)
        ranks, bad = parse_integers(table.columns[2])
        bad |= ranks < 1
        report_cells(findings, "R017", bad, table.lines, table.columns[2], "the rank is {}")
        score, rank, docs = np.where(bad, np.nan, -ranks), np.where(bad, 0, ranks), table.columns[1]
    facts.lines = table.text.lines
    facts.sound = not {"F001", "F004", "F005", "F008", "F013"} & findings.found.keys()
    return _check_rows(facts, table.columns[0], docs, score, rank, table.lines, form)


def _scores(table: Table, findings: Findings) -> Float64s:
    """Return the scores [n] float64; what is no finite number is reported and becomes NaN."""
    column = table.columns[4]
    score, bad = parse_floats(column)
    infinite = ~bad & ~(np.abs(score) < FLOAT32_ENDS)
    report_cells(findings, "R001", bad, table.lines, column, "the score is {!r}")
    report_cells(findings, "R002", infinite, table.lines, column, "the score is {}")
    return np.where(bad | infinite, np.nan, score)


def _ranks(table: Table, findings: Findings) -> Int64s | None:
    """Return the rank column, or None where it says nothing: constant, or not all integers."""
    column = table.columns[3]
    rank, bad = parse_integers(column)
    report_cells(findings, "R006", bad, table.lines, column, "the rank is {!r}, no integer")
    if bad.any():
        return None
    if len(rank) > 1 and (rank == rank[0]).all() and (table.columns[0][1:] == table.columns[0][:-1]).any():
        findings.add("R006", [], f"every rank is {rank[0]}", 1)
        return None
    return rank


def _other_columns(table: Table, facts: Facts) -> None:
    findings, iteration, tags = facts.findings, table.columns[1], table.columns[5]
    if not len(tags):
        return
    facts.tag = tags[-1].decode("utf-8", "replace")
    unusual = (iteration != b"Q0") & (iteration != b"0")
    report_cells(findings, "R015", unusual, table.lines, iteration, "the second column is {}")
    distinct, at = np.unique(tags, return_index=True)
    if len(distinct) > 1:
        names = examples(distinct[np.argsort(at)])
        findings.add("R014", table.lines[np.sort(at)[1:]], f"{len(distinct)} tags: {names}")


def _check_rows(
    facts: Facts, queries: Bytes, docs: Bytes, score: Float64s, rank: Int64s | None, lines: Int64s, form: str
) -> Facts:
    findings = facts.findings
    q, d = check_rows_ids(facts, queries, docs, lines)
    if not len(q):
        return facts
    _contiguous(facts, q, lines)
    rows = RunRows(q, d, score, rank, lines)
    if form == "trec":
        _numbering(facts, rows)
    rows = rows.at(np.flatnonzero(np.isfinite(score)))
    rows = rows.at(_repeats(facts, rows))
    if form == "trec":
        _direction(facts, rows)
    elif rows.rank is not None:
        _repeated_ranks(facts, rows, rows.rank)
    if form != "msmarco":
        _ties(rows, findings)
    padded = rows.at(np.flatnonzero((facts.docs[rows.doc] == b"-1") | (np.abs(rows.score) >= _FLOAT32_MAX)))
    facts.report("R020", padded.query, padded.doc, padded.line, "query {} has document {}, a padded row?")
    own = rows.at(np.flatnonzero(facts.queries[rows.query] == facts.docs[rows.doc]))
    findings.add("R019", own.line, lambda i: f"query {facts.query(own.query[i])} retrieves itself")
    order = np.lexsort((rows.doc, rows.score.astype(np.float32)))[::-1]
    order = order[np.argsort(rows.query[order], kind="stable")]
    facts.pairs = np.stack([rows.query[order], rows.doc[order]], axis=1)
    depth = np.bincount(q)
    facts.extra = f"depth {depth.min():,}"
    if depth.min() < depth.max():
        facts.extra += f" to {depth.max():,}, median {int(np.median(depth)):,}"
    return facts


def _contiguous(facts: Facts, q: Int64s, lines: Int64s) -> None:
    heads = np.concatenate([[0], np.flatnonzero(q[1:] != q[:-1]) + 1])
    _, first = np.unique(q[heads], return_index=True)
    rows = heads[np.setdiff1d(np.arange(len(heads)), first)]
    facts.findings.add("R013", lines[rows], lambda i: f"query {facts.query(q[rows[i]])} begins again")


def _repeats(facts: Facts, rows: RunRows) -> Int64s:
    """Report documents that a query lists twice; return the rows that are the first of their pair."""
    later, origin = repetitions(rows.query * len(facts.docs) + rows.doc)
    same = rows.score[later] == rows.score[origin]
    for code, mask in (("R003", ~same), ("R004", same)):
        part = rows.at(later[mask])
        facts.report(code, part.query, part.doc, part.line, "query {} lists {} again")
    return np.setdiff1d(np.arange(len(rows.query)), later)


def _numbering(facts: Facts, rows: RunRows) -> None:
    """Report ranks that repeat, do not start at 0 or 1, or have gaps."""
    if rows.rank is None or not len(rows.rank) or _repeated_ranks(facts, rows, rows.rank):
        return
    order = np.lexsort((rows.rank, rows.query))
    q, r, lines = rows.query[order], rows.rank[order], rows.line[order]
    heads = np.concatenate([[True], q[1:] != q[:-1]])
    start = heads & (r != 0) & (r != 1)
    gap = ~heads & (r != np.concatenate([[0], r[:-1]]) + 1)

    def say(at: Bools, words: str, ranks: Int64s) -> None:
        queries = q[at]
        facts.findings.add(
            "R006", lines[at], lambda i: f"query {facts.query(queries[i])} {words} {ranks[at][i]}"
        )

    say(start, "begins with rank", r)
    if not start.any() and facts.sound:  # a row that cannot be read leaves a gap of our own
        say(gap, "has no rank", r - 1)


def _repeated_ranks(facts: Facts, rows: RunRows, rank: Int64s) -> bool:
    order = np.lexsort((rows.line, rank, rows.query))
    q, r = rows.query[order], rank[order]
    repeated = np.flatnonzero((q[1:] == q[:-1]) & (r[1:] == r[:-1])) + 1
    q, r = q[repeated], r[repeated]
    facts.findings.add(
        "R007", rows.line[order][repeated], lambda i: f"query {facts.query(q[i])} has rank {r[i]} again"
    )
    return len(repeated) > 0


def _direction(facts: Facts, rows: RunRows) -> None:
    """Report scores that do not fall as ranks grow; by file order where the ranks say nothing."""
    by = rows.line if rows.rank is None else rows.rank
    order = np.lexsort((rows.line, by, rows.query))
    q, s = rows.query[order], rows.score[order]
    same = q[1:] == q[:-1]
    rises, falls = same & (s[1:] > s[:-1]), same & (s[1:] < s[:-1])
    if not rises.any():
        return
    reversed_ = not falls.any() and rises.sum() >= _TREND and rises.sum() > same.sum() / 2
    queries = plural(len(np.unique(q[1:][rises])), "query", "queries")
    if reversed_:
        text = f"every score grows, in {queries}: are they distances?"
        facts.findings.add("R008" if rows.rank is not None else "R009", [], text, int(rises.sum()))
    elif rows.rank is not None:
        rising = np.flatnonzero(rises) + 1
        at = rows.line[order][rising]
        where = np.argsort(at, kind="stable")
        rising, by = rising[where], by[order]
        text = "query {}: rank {} has score {:g}, rank {} only {:g}"

        def say(i: int) -> str:
            low, high = rising[i], rising[i] - 1
            return text.format(facts.query(q[low]), by[low], s[low], by[high], s[high])

        facts.findings.add("R005", at[where], say)


def _ties(rows: RunRows, findings: Findings) -> None:
    order = np.lexsort((-rows.score, rows.query))
    q, s = rows.query[order], rows.score[order]
    same, tied = q[1:] == q[:-1], s[1:] == s[:-1]
    if same.any() and (tied | ~same).all():
        findings.add("R012", [], f"all scores of each query are equal ({s[0]:g})", 1)
        return
    queries = plural(len(np.unique(q[1:][same & tied])), "query", "queries")
    findings.add("R010", [], f"rows with the score of the row above, in {queries}", int((same & tied).sum()))
    with np.errstate(over="ignore"):
        rounded = s.astype(np.float32)
    collide = np.flatnonzero(same & ~tied & (rounded[1:] == rounded[:-1]))
    at = np.sort(rows.line[order][collide + 1])
    findings.add("R011", at, "the score equals another one of the query in float32")


def _check_json(path: Path, findings: Findings) -> Facts:
    facts, text = Facts(findings, "run", "JSON"), Text()
    for _ in sound_pieces(path, findings, text):
        pass
    facts.lines = text.lines
    if {"F001", "F005"} & findings.found.keys():
        facts.sound = False
        return facts
    try:
        with reading(path) as stream:
            ranked = json.loads(stream.read().decode("utf-8-sig"), object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        findings.add("R018", [line], f"broken JSON: {getattr(error, 'msg', 'nested too deeply')}")
        facts.sound = False
        return facts
    rows = list(_json_rows(ranked, findings))
    score = np.array([r[2] for r in rows], np.float64)
    lines = np.zeros(len(rows), np.int64)
    return _check_rows(
        facts, as_bytes([r[0] for r in rows]), as_bytes([r[1] for r in rows]), score, None, lines, "json"
    )


def _json_rows(ranked: Any, findings: Findings) -> Iterator[tuple[str, str, float]]:
    """Yield the rows of a JSON run whose objects were read as lists of pairs, so that a name given twice is seen."""
    queries: set[str] = set()
    for query, docs in ranked if isinstance(ranked, list) else []:
        if query in queries:
            findings.add("R018", [], f"query {query} occurs twice; JSON readers keep the last", 1)
        queries.add(query)
        if not isinstance(docs, list):
            findings.add("R018", [], f"query {query} has {json_type(docs)}, an object is needed", 1)
            continue
        for doc, score in docs:
            if problem := id_problem(query) or id_problem(doc):
                findings.add("I007", [], problem, 1)
            elif isinstance(score, bool) or not isinstance(score, (int, float)):
                findings.add("R001", [], f"query {query}, document {doc}: the score is {json_type(score)}", 1)
            elif not abs(score) < FLOAT32_ENDS:
                findings.add("R002", [], f"query {query}, document {doc}: the score is {score!r}", 1)
            else:
                yield query, doc, float(score)

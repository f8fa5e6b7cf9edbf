"""Order of a run's rows: ranks, repetitions, ties, and whether scores fall as ranks grow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from intrex.data.arrays import Bools, Float64s, Int64s
from intrex.data.check.facts import Facts, plural, repetitions
from intrex.data.check.findings import Findings

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


def check_contiguous(facts: Facts, q: Int64s, lines: Int64s) -> None:
    """Report queries whose rows stand in several places."""
    heads = np.concatenate([[0], np.flatnonzero(q[1:] != q[:-1]) + 1])
    _, first = np.unique(q[heads], return_index=True)
    rows = heads[np.setdiff1d(np.arange(len(heads)), first)]
    facts.findings.add("R013", lines[rows], lambda i: f"query {facts.query(q[rows[i]])} begins again")


def first_rows(facts: Facts, rows: RunRows) -> Int64s:
    """Report documents that a query lists twice; return the rows that are the first of their pair."""
    later, origin = repetitions(rows.query * len(facts.docs) + rows.doc)
    same = rows.score[later] == rows.score[origin]
    for code, mask in (("R003", ~same), ("R004", same)):
        part = rows.at(later[mask])
        facts.report(code, part.query, part.doc, part.line, "query {} lists {} again")
    return np.setdiff1d(np.arange(len(rows.query)), later)


def check_numbering(facts: Facts, rows: RunRows) -> None:
    """Report ranks that repeat, do not start at 0 or 1, or have gaps."""
    if rows.rank is None or not len(rows.rank) or check_repeated_ranks(facts, rows, rows.rank):
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


def check_repeated_ranks(facts: Facts, rows: RunRows, rank: Int64s) -> bool:
    """Report ranks that a query has twice; return whether there are any."""
    order = np.lexsort((rows.line, rank, rows.query))
    q, r = rows.query[order], rank[order]
    repeated = np.flatnonzero((q[1:] == q[:-1]) & (r[1:] == r[:-1])) + 1
    q, r = q[repeated], r[repeated]
    facts.findings.add(
        "R007", rows.line[order][repeated], lambda i: f"query {facts.query(q[i])} has rank {r[i]} again"
    )
    return len(repeated) > 0


def check_direction(facts: Facts, rows: RunRows) -> None:
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
        text = "query {}: rank {} has score {}, rank {} only {}"  # all digits: they may be close

        def say(i: int) -> str:
            low, high = rising[i], rising[i] - 1
            return text.format(facts.query(q[low]), by[low], float(s[low]), by[high], float(s[high]))

        facts.findings.add("R005", at[where], say)


def check_ties(rows: RunRows, findings: Findings) -> None:
    """Report equal scores, and those that are equal in float32 only."""
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

"""Runs: scores, ranks, ties, repetitions, tags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Bytes, Float64s, Int64s
from intrex.data.check.facts import Facts, examples, report_cells
from intrex.data.check.findings import Findings
from intrex.data.check.idchecks import check_rows_ids
from intrex.data.check.lines import ReaderProblems, Table, Text, read_table, sound_pieces
from intrex.data.check.numbers import parse_floats, parse_integers
from intrex.data.check.runorder import (
    RunRows,
    check_contiguous,
    check_direction,
    check_numbering,
    check_repeated_ranks,
    check_ties,
    first_rows,
)
from intrex.data.errors import BadInput, json_type
from intrex.data.growth import padded_rows
from intrex.data.ids import as_bytes, id_problem
from intrex.data.io.containers import is_tabular
from intrex.data.io.files import reading
from intrex.data.rankings.jsonfiles import members_of, parse_value, repeated_names
from intrex.data.rankings.nested import FLOAT32_ENDS
from intrex.data.rankings.options import run_source
from intrex.data.rankings.read import read_table as read_run_table
from intrex.data.rankings.third import third_column


def check_run(path: Path, form: str, findings: Findings) -> Facts:
    """Check a run: ``trec``, ``msmarco`` (three columns), ``json``, or by its reader any other form."""
    source = run_source()
    if form == "json" and not source.unusual:
        return _check_json(path, findings)
    if form not in ("trec", "msmarco") or source.unusual:
        return _check_read(path, form, findings)
    facts = Facts(findings, "run", "TREC" if form == "trec" else "MS MARCO")
    if form == "trec":
        table = read_table(path, 6, 4, findings)
        score, rank = _scores(table, findings), _ranks(table, findings)
        _other_columns(table, facts)
        docs = table.columns[2]
    else:
        table = read_table(path, 3, 2, findings)
        docs = table.columns[1]
        score, rank = _third(table, facts)
    facts.lines = table.text.lines
    facts.sound = not {"F001", "F004", "F005", "F008", "F013"} & findings.found.keys()
    return _check_rows(facts, table.columns[0], docs, score, rank, table.lines, form)


def _third(table: Table, facts: Facts) -> tuple[Float64s, Int64s | None]:
    """Return scores and ranks of a run of three columns, by what its third one holds; rows that are neither are reported."""
    cells = table.columns[2]
    score, bad = parse_floats(cells)
    bad |= ~np.isfinite(score)
    report_cells(facts.findings, "R017", bad, table.lines, cells, "the rank is {}")
    good = np.flatnonzero(~bad)
    told, faults = third_column(table.columns[0][good], cells[good]) if len(good) else ("rank", [])
    if told == "score":
        facts.form = "scores"
        return np.where(bad, np.nan, score), None
    if faults:
        rows = good[[row for row, _ in faults]]
        facts.findings.add("R021", table.lines[rows], lambda i: faults[i][1])
    return np.where(bad, np.nan, -score), np.where(bad, 0, score).astype(np.int64)


def _check_read(path: Path, form: str, findings: Findings) -> Facts:
    """Check a run by reading it as every command does: what the reader says is what is wrong."""
    facts, text, problems = Facts(findings, "run", form), Text(), ReaderProblems(path.name)
    if not path.is_dir() and not is_tabular(path):
        for _ in sound_pieces(path, findings, text, "F015"):
            pass
    facts.lines = text.lines
    try:
        table = read_run_table(path, run_source(), problems, more=False, ends=FLOAT32_ENDS)
    except BadInput as error:
        if not problems.count:
            findings.add("R022", [], error.message, 1)
        table = None
    facts.sound = not problems.count and table is not None
    for line, message in problems.entries:
        findings.add("R021" if "no ranks" in message else "R022", [line] if line else [], message, 1)
    if table is None or not facts.sound:
        return facts
    lines = np.zeros(len(table.scores), np.int64) if table.lines is None else table.lines
    facts.tag = table.tag
    return _check_rows(facts, table.query_ids, table.doc_ids, table.scores, None, lines, "json")


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
    check_contiguous(facts, q, lines)
    rows = RunRows(q, d, score, rank, lines)
    if form == "trec":
        check_numbering(facts, rows)
    rows = rows.at(np.flatnonzero(np.isfinite(score)))
    rows = rows.at(first_rows(facts, rows))
    if form == "trec":
        check_direction(facts, rows)
    elif rows.rank is not None:
        check_repeated_ranks(facts, rows, rows.rank)
    if form != "msmarco":
        check_ties(rows, findings)
    padded = rows.at(np.flatnonzero(padded_rows(facts.docs[rows.doc], rows.score)))
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
            ranked = parse_value(stream.read().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        findings.add("R018", [line], f"broken JSON: {getattr(error, 'msg', 'nested too deeply')}")
        facts.sound = False
        return facts
    if not isinstance(ranked, dict):
        findings.add("R018", [], f"this is {json_type(ranked)}, an object is needed", 1)
        return facts
    rows = list(_json_rows(ranked, findings))
    score = np.array([r[2] for r in rows], np.float64)
    lines = np.zeros(len(rows), np.int64)
    return _check_rows(
        facts, as_bytes([r[0] for r in rows]), as_bytes([r[1] for r in rows]), score, None, lines, "json"
    )


def _json_rows(ranked: Any, findings: Findings) -> Iterator[tuple[str, str, float]]:
    """Yield the rows of a JSON run, those of names that stand twice too."""
    for query in repeated_names(ranked):
        findings.add("R018", [], f"query {query} occurs twice; JSON readers keep the last", 1)
    for query, docs in members_of(ranked):
        if not isinstance(docs, dict):
            findings.add("R018", [], f"query {query} has {json_type(docs)}, an object is needed", 1)
            continue
        for doc, score in members_of(docs):
            if problem := id_problem(query) or id_problem(doc):
                findings.add("I007", [], problem, 1)
            elif isinstance(score, bool) or not isinstance(score, (int, float)):
                findings.add("R001", [], f"query {query}, document {doc}: the score is {json_type(score)}", 1)
            elif not abs(score) < FLOAT32_ENDS:
                findings.add("R002", [], f"query {query}, document {doc}: the score is {score!r}", 1)
            else:
                yield query, doc, float(score)

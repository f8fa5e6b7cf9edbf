"""Judgements: grades, repetitions, iterations, queries that nothing is relevant to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intrex.data.arrays import Int64s
from intrex.data.check.facts import Facts, examples, plural, repetitions, report_cells
from intrex.data.check.findings import Findings
from intrex.data.check.idchecks import check_rows_ids, first_lines
from intrex.data.check.lines import ReaderProblems, Table, Text, read_table, sound_pieces
from intrex.data.check.numbers import parse_floats, parse_integers
from intrex.data.errors import BadInput
from intrex.data.io.containers import is_tabular
from intrex.data.io.idarrays import id_array
from intrex.data.rankings.grades import numbered
from intrex.data.rankings.judged import judged_form, read_judged_rows
from intrex.data.rankings.options import qrels_columns


def check_qrels(
    path: Path,
    width: int,
    findings: Findings,
    tabs: bool = False,
    imported: bool = False,
    judged: bool = False,
) -> Facts:
    """Check judgements of four columns (TREC) or three (BEIR).

    Args:
        path: the file.
        width: how many columns.
        findings: where to report.
        tabs: only TABs separate, ids hold blanks.
        imported: the file belongs to a folder that is imported, which can read such ids; `evaluate` cannot.
        judged: it is JSON or a table, see `intrex.data.rankings.judged`.
    """
    if judged or qrels_columns() is not None:
        table = _read_judged(path, findings)
    else:
        table = read_table(path, width, width - 1, findings, tabs)
    facts = Facts(findings, "qrels", "TREC" if width == 4 else "BEIR", table.text.lines)
    facts.sound = not {"F001", "F004", "F005", "F008", "F013"} & findings.found.keys()
    if not len(table.lines):
        return facts
    if width == 3 and not table.header:
        what = "the first line is a judgement, not a header; of a run, --as run checks the third column"
        findings.add("Q009", [int(table.lines[0])], what)
    if tabs and not imported:
        blank = (np.char.find(table.columns[0], b" ") >= 0) | (np.char.find(table.columns[-2], b" ") >= 0)
        report_cells(
            findings, "I001", blank, table.lines, table.columns[-2], "the ids hold blanks: document {}"
        )
    q, d = check_rows_ids(facts, table.columns[0], table.columns[-2], table.lines, imported)
    grades = _grades(table, findings)
    _repeats(facts, table, q, d, grades)
    best = np.zeros(len(facts.queries), np.int64)
    np.maximum.at(best, q, grades)
    if not best.any():
        findings.add("Q008", [], "no grade is above 0", 1)
    else:
        if grades.min() > 0:
            findings.add("Q013", [], f"every grade is above 0, in {plural(len(grades), 'judgement')}", 1)
        none = np.flatnonzero(best == 0)
        names = ", ".join(map(facts.query, none[:5].tolist()))
        findings.add("Q007", first_lines(q, len(best), table.lines)[none], f"no relevant document: {names}")
    facts.pairs = np.stack([q, d], axis=1)
    facts.extra = f"{len(q):,} judgements"
    return facts


def _read_judged(path: Path, findings: Findings) -> Table:
    """Read judgements in JSON or a table as BEIR's three columns; what the reader says is reported."""
    text, problems = Text(), ReaderProblems(path.name)
    if not is_tabular(path):
        for _ in sound_pieces(path, findings, text, "F015"):
            pass
    rows = []
    try:
        form = judged_form(path, qrels_columns()) or "delimited"
        rows = list(read_judged_rows(path, form, problems, qrels_columns()))
    except BadInput as error:
        if "F005" not in findings.found:
            findings.add("F013", [], error.message, 1)
    ids = [
        id_array([row[at] for row in rows], lambda i, why: problems.add(f":{rows[i].line}", why))
        for at in (0, 1)
    ]
    for line, message in problems.entries:
        findings.add("Q001" if "grade" in message else "F013", [line] if line else [], message, 1)
    grades = np.array([str(row.grade).encode() for row in rows] or np.empty(0, "S1"), np.bytes_)
    return Table([*ids, grades], np.array([row.line for row in rows], np.int64), text, header=1)


def _grades(table: Table, findings: Findings) -> Int64s:
    """Return the grades [n] int64; what is no integer of 32 bits is reported."""
    column = numbered(table.columns[-1])
    grades, bad = parse_integers(column)
    bad |= np.abs(grades) >= 2**31
    values, none = parse_floats(column[bad])
    lines, cells = table.lines[bad], column[bad]
    integral = ~none & (np.abs(values) < 2**31) & (values == np.round(values)) if len(values) else none
    fractional = ~none & ~integral & np.isfinite(values) & (np.abs(values) < 2**31)
    for code, mask in (("Q001", ~integral & ~fractional), ("Q002", integral), ("Q003", fractional)):
        report_cells(findings, code, mask, lines, cells, "the grade is {}")
    grades[bad] = np.where(integral | fractional, values, 0).astype(np.int64) if len(values) else 0
    report_cells(findings, "Q006", grades < 0, table.lines, column, "the grade is {}")
    return grades


def _repeats(facts: Facts, table: Table, q: Int64s, d: Int64s, grades: Int64s) -> None:
    later, origin = repetitions(q * len(facts.docs) + d)

    def say(code: str, at: Int64s) -> None:
        facts.report(code, q[at], d[at], table.lines[at], "query {}, document {} again")

    if len(table.columns) == 4:
        iteration = table.columns[1]
        differing = iteration[later] != iteration[origin]
        say("Q010", later[differing])
        if not differing.any():
            kinds, at = np.unique(iteration, return_index=True)
            if len(kinds) > 1:
                text = f"{len(kinds)} values in the second column: {examples(kinds)}"
                facts.findings.add("Q011", table.lines[np.sort(at)[1:]], text)
        later, origin = later[~differing], origin[~differing]
    same = grades[later] == grades[origin]
    say("Q004", later[~same])
    say("Q005", later[same])

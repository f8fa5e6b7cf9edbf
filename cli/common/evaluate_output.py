"""What ``intrex evaluate`` prints: scores, another tool's differences, pool bias."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from intrex.cli.common.output import Format, between, emit, resolve, say
from intrex.data.errors import UsageError

if TYPE_CHECKING:
    from intrex.data.locate import Judged
    from intrex.eval.measures import Measure
    from intrex.eval.scoring.rules import Rules
    from intrex.eval.scoring.scorefile import SystemScores

SHOWN = 10
"""Queries of a measure that a table of differences shows, without ``-q``."""


class ScoreFormat(StrEnum):
    """How to print scores: as any table, or as trec_eval does."""

    table = "table"
    csv = "csv"
    jsonl = "jsonl"
    md = "md"
    latex = "latex"
    trec = "trec"


def _wide(form: ScoreFormat | None) -> bool:
    table = resolve(Format(form.value) if form else None) is Format.table
    return table or form in (ScoreFormat.md, ScoreFormat.latex)


def print_scores(
    systems: list[SystemScores], asked_for: int, per_query: bool, total: bool, form: ScoreFormat | None
) -> None:
    """Print the first ``asked_for`` measures as a table: figures, or with ``per_query`` every query's values."""
    from intrex.eval.evaluate.tables import by_query, summary

    asked = systems[0].scores.measures[:asked_for]
    wide = _wide(form)
    headers, rows = by_query(systems, asked, wide, total) if per_query else summary(systems, asked, wide)
    caption = "\n".join(dict.fromkeys(one.conditions.signature() for one in systems))
    emit(headers, rows, _plain(form), caption=caption, lead=1 + per_query)


def print_trec(
    judged: Judged, run: Path, asked: list[Measure], one: SystemScores, per_query: bool, total: bool
) -> None:
    """Print the scores of one run as trec_eval does."""
    from intrex.eval.dialects.dialect import TOOLS
    from intrex.eval.evaluate.systems import match_path
    from intrex.eval.evaluate.trecformat import trec_lines
    from intrex.eval.measures.aliases import TEXTS
    from intrex.eval.scoring.score import view

    rules, dialect = one.conditions.rules, one.conditions.dialect
    rankings = None
    if any(m.name == "relstring" for m in asked):
        matched = match_path(judged.qrels, run, rules, more=dialect.startswith("trec_eval"))
        rankings = view(judged.qrels, matched, rules)
    computed = dict(zip([m for m in asked if m.name not in TEXTS], one.scores.measures, strict=False))
    lines = trec_lines(
        one.scores,
        [computed.get(m, m) for m in asked],
        rankings,
        one.system,
        rules.complete,
        per_query,
        total,
        dialect in TOOLS and TOOLS[dialect].silent,
    )
    sys.stdout.write("".join(lines))


def notes(systems: list[SystemScores], judged: Judged) -> None:
    """Say which judged queries can only score 0, and how many each run lacks."""
    from intrex.eval.scoring.score import without_relevant

    if empty := without_relevant(judged.qrels):
        what = "query has" if len(empty) == 1 else "queries have"
        some = ", ".join(empty[:3]) + (" ..." if len(empty) > 3 else "")
        say(f"note: {len(empty):,} judged {what} no relevant document and can only score 0: {some}")
    for one in systems:
        if one.scores.n_missing:
            done = "count as empty rankings" if one.conditions.complete else "are left out"
            say(
                f"note: {one.system} lacks {one.scores.n_missing:,} of {len(one.scores.query_ids):,} judged queries; they {done}"
            )


def print_explained(
    tool: str,
    judged: Judged,
    runs: list[Path],
    measures: list[Measure],
    rules: Rules,
    complete_given: bool,
    level: int,
    theirs: Path | None,
    per_query: bool,
    form: ScoreFormat | None,
) -> None:
    """Print why a tool's scores differ from ours."""
    from intrex.eval.dialects.dialect import find_tool
    from intrex.eval.evaluate.explain import explain
    from intrex.eval.evaluate.tables import agree, differences, switches

    if len(runs) > 1:
        raise UsageError("--explain-diff explains one run at a time")
    found = explain(judged.qrels, runs[0], measures, rules, find_tool(tool), complete_given, level, theirs)
    wide = _wide(form)
    headers, rows = switches(found, tool)
    first = wide and bool(rows)
    if first:
        emit(headers, rows, _plain(form))
    headers, rows = differences(found, tool, wide, SHOWN if wide and not per_query else None)
    if rows or not wide:
        if first:
            between(_plain(form))
        emit(headers, rows, _plain(form))
    if same := [str(one.measure) for one in found if agree(one)]:
        say(f"intrex and {tool} agree on {', '.join(same)}")
    for one in found:
        if not one.explained:
            say(f"unexplained: {one.measure} of {int((one.residual != 0).sum()):,} queries")


def print_pool_bias(
    judged: Judged, runs: list[Path], measures: list[Measure], rules: Rules, form: ScoreFormat | None
) -> None:
    """Print what the pool leaves open of nDCG."""
    from intrex.eval.evaluate.poolbias import pool_bias
    from intrex.eval.evaluate.systems import conditions_of, match_path

    rows: list[list[str | int | float]] = []
    for run in runs:
        matched = match_path(judged.qrels, run, rules)
        rows += [
            [matched.tag, str(b.measure), b.lower, b.upper, b.condensed, b.judged]
            for b in pool_bias(judged.qrels, matched, measures, rules)
        ]
    caption = conditions_of(judged, rules).signature()
    headers = ["system", "measure", "lower", "upper", "condensed", "judged"]
    if not _wide(form):
        headers, rows = [*headers, "signature"], [[*row, caption] for row in rows]
    emit(headers, rows, _plain(form), caption=caption)


def _plain(form: ScoreFormat | None) -> Format | None:
    if form is ScoreFormat.trec:
        raise UsageError("--format trec prints scores only")
    return Format(form.value) if form else None

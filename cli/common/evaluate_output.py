"""Output of ``intrex evaluate``: scores, another tool's differences, pool bias."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from intrex.cli.common.output import Format, between, emit, resolve, say
from intrex.data.errors import UsageError
from intrex.eval.evaluate.options import EvaluateOptions
from intrex.eval.tables import Cell

if TYPE_CHECKING:
    from intrex.data.locate import Judged
    from intrex.eval.evaluate.sets import ScoredSets
    from intrex.eval.measures import Measure
    from intrex.eval.scoring.scorefile import SystemScores

SHOWN = 10
"""Queries of a measure that a table of differences shows, without ``-q``."""


def _wide(form: str | None) -> bool:
    return resolve(form) in (Format.table, Format.md, Format.latex)


def print_scores(options: EvaluateOptions, systems: list[SystemScores], n_measures: int) -> None:
    """Print the first ``n_measures`` measures as a table: figures, or with -q every query's values."""
    from intrex.eval.evaluate.tables import query_table, score_table

    measures = systems[0].scores.measures[:n_measures]
    wide, total = _wide(options.form), not options.no_summary
    if options.per_query:
        headers, rows = query_table(systems, measures, wide, total)
    else:
        headers, rows = score_table(systems, measures, wide)
    caption = "\n".join(dict.fromkeys(system.conditions.signature() for system in systems))
    emit(headers, rows, options.form, caption=caption, lead=1 + options.per_query)


def print_sets(options: EvaluateOptions, scored: ScoredSets, n_measures: int) -> None:
    """Print figures of several query sets and their means, and the notes on each set."""
    from intrex.eval.evaluate.sets import set_caption, set_table

    first = next(iter(scored.systems[0].parts.values()))
    headers, rows = set_table(scored, first.scores.measures[:n_measures], _wide(options.form))
    emit(headers, rows, options.form, caption=set_caption(scored), lead=2)
    for full, name in scored.names.items():
        notes([system.parts[full] for system in scored.systems], scored.judged[name], n_measures, name)


def print_trec(
    options: EvaluateOptions, judged: Judged, run: Path, measures: list[Measure], system: SystemScores
) -> None:
    """Print the scores of one run as trec_eval does."""
    from intrex.eval.dialects.tools import TOOLS
    from intrex.eval.evaluate.systems import match_path
    from intrex.eval.evaluate.trecformat import trec_lines
    from intrex.eval.measures.aliases import TEXTS
    from intrex.eval.scoring.score import rankings_of

    rules, tool = system.conditions.rules, TOOLS.get(system.conditions.dialect)
    rankings = None
    if any(m.name == "relstring" for m in measures):
        more = tool is not None and tool.more_columns
        matched = match_path(judged.qrels, run, rules, more=more, exclusions=judged.exclusions)
        rankings = rankings_of(judged.qrels, tool.hits(matched, rules) if tool else matched, rules)
    computed = dict(zip([m for m in measures if m.name not in TEXTS], system.scores.measures, strict=False))
    lines = trec_lines(
        system.scores, [computed.get(m, m) for m in measures], rankings, system.system, rules.complete,
        options.per_query, not options.no_summary, tool is not None and tool.silent,
    )  # fmt: skip
    sys.stdout.write("".join(lines))


def notes(systems: list[SystemScores], judged: Judged, n_measures: int, query_set: str = "") -> None:
    """Say which judged queries can only score 0, how many each run lacks, and which values the judgements give no ground for.

    Args:
        systems: the scores.
        judged: the judgements.
        n_measures: how many of the measures were asked for; those behind them stand in a scores file.
        query_set: name of the query set, where there are several.
    """
    from intrex.eval.scoring.score import queries_without_relevant

    note = f"note: {query_set}: " if query_set else "note: "
    if merged := judged.qrels.merged:
        say(
            f"{note}{merged:,} judgements are of a further subtopic of a document; relevance measures take its highest grade"
        )
    if empty := queries_without_relevant(judged.qrels):
        queries = "query has" if len(empty) == 1 else "queries have"
        say(
            f"{note}{len(empty):,} judged {queries} no relevant document and can only score 0: {_some(empty)}"
        )
    condensed = systems[0].conditions.rules.judged_only
    _note_positives(
        note, judged, [str(m) for m in systems[0].scores.measures[:n_measures] if condensed or m.of_pool]
    )
    for system in systems:
        if missing := system.scores.n_missing:
            effect = "count as empty rankings" if system.conditions.complete else "are left out"
            judgements = f"{missing:,} of {len(system.scores.query_ids):,} judged queries"
            say(f"{note}{system.system} lacks {judgements}; they {effect}")
        _note_undefined(system)


def _note_positives(note: str, judged: Judged, names: list[str]) -> None:
    """Say that values of the pool mean nothing where relevant documents alone are judged."""
    if judged.qrels.positives_only and names:
        say(
            f"{note}the judgements name relevant documents only: {_some(names)} cannot tell what was judged not relevant "
            "from what nobody looked at"
        )


def _note_undefined(system: SystemScores) -> None:
    """Say where another tool divides zero by zero."""
    import numpy as np

    scores, dialect = system.scores, system.conditions.dialect
    rows, columns = np.nonzero(np.isnan(scores.values) & scores.counted(system.conditions.complete))
    if not len(rows):
        return
    names = [m.label or str(m) for m in (scores.measures[i] for i in np.unique(columns))]
    queries = [scores.query_ids[i] for i in np.unique(rows)]
    of = f"{len(queries):,} queries" if len(queries) > 1 else "1 query"
    say(
        f"note: {dialect} divides zero by zero in {_some(names)} for {of} ({_some(queries)}): these values are not "
        "numbers, and so are their means"
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")


def print_explained(
    options: EvaluateOptions, tool: str, judged: Judged, runs: list[Path], measures: list[Measure]
) -> None:
    """Print the differences of a tool's scores from intrex's, with their reasons."""
    from intrex.eval.dialects.tools import find_tool
    from intrex.eval.evaluate.explain import explain
    from intrex.eval.evaluate.request import requested_rules
    from intrex.eval.evaluate.tables import agrees, difference_table, switch_table

    if len(runs) > 1:
        raise UsageError("--explain-diff explains one run at a time")
    explanations = explain(
        judged.qrels, runs[0], measures, requested_rules(options), find_tool(tool), options.complete is not None,
        options.level or 1, options.tool_file,
    )  # fmt: skip
    wide, form = _wide(options.form), options.form
    headers, rows = switch_table(explanations, tool)
    first = wide and bool(rows)
    if first:
        emit(headers, rows, form)
    most = SHOWN if wide and not options.per_query else None
    headers, rows = difference_table(explanations, tool, wide, most)
    if rows or not wide:
        if first:
            between(form)
        emit(headers, rows, form)
    if equal := [str(explanation.measure) for explanation in explanations if agrees(explanation)]:
        say(f"intrex and {tool} agree on {', '.join(equal)}")
    for explanation in explanations:
        if not explanation.explained:
            say(f"unexplained: {explanation.measure} of {int((explanation.residual != 0).sum()):,} queries")


def print_pool_bias(
    options: EvaluateOptions, judged: Judged, runs: list[Path], measures: list[Measure]
) -> None:
    """Print what the pool leaves open of nDCG."""
    from intrex.eval.evaluate.poolbias import pool_bias
    from intrex.eval.evaluate.request import requested_rules
    from intrex.eval.evaluate.systems import conditions_of, match_path

    rules = requested_rules(options)
    rows: list[list[Cell]] = []
    for run in runs:
        matched = match_path(judged.qrels, run, rules, exclusions=judged.exclusions)
        rows += [
            [matched.tag, str(b.measure), b.lower, b.upper, b.condensed, b.judged]
            for b in pool_bias(judged.qrels, matched, measures, rules)
        ]
    caption = conditions_of(judged, rules).signature()
    headers = ["system", "measure", "lower", "upper", "condensed", "judged"]
    if not _wide(options.form):
        headers, rows = [*headers, "signature"], [[*row, caption] for row in rows]
    emit(headers, rows, options.form, caption=caption)
    _note_positives("note: ", judged, ["condensed", "judged"])

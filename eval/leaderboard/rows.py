"""Rows of the leaderboard: one per system, query set, regime and measure, with an interval and its signature."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from intrex.data.errors import BadInput, UsageError
from intrex.data.io.files import require_file, write_text
from intrex.eval.scoring.groups import Grouping
from intrex.eval.scoring.intervals import figure_intervals, interval_signature
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.scoring.sets import MEAN_OF
from intrex.eval.tables import Table, csv_text

JUDGED = "Judged@10"


@dataclass(frozen=True)
class LeaderboardRow:
    """Mean and what is needed to judge it. No clock, host or path, so that equal inputs give equal bytes."""

    system: str
    collection: str
    query_set: str
    split: str
    fold: str
    regime: str
    measure: str
    value: float
    ci_low: float
    ci_high: float
    n_queries: int
    n_missing: int
    judged_at_10: float
    run_sha256: str
    signature: str


COLUMNS = tuple("judged@10" if f.name == "judged_at_10" else f.name for f in fields(LeaderboardRow))


def leaderboard(systems: Sequence[SystemScores], grouping: Grouping | None = None) -> list[LeaderboardRow]:
    """Return the rows of all systems and measures, sorted.

    Args:
        systems: of any number of query sets.
        grouping: which queries are one observation; each its own without it.

    Raises:
        BadInput: two systems of one query set have the same name, or were scored against different judgements;
            scores that are not finite; a query without a group.
        UsageError: scores of a split's fold: see `intrex.eval.leaderboard.by_split`.
    """
    check_comparable(systems)
    if trained := next((scores for scores in systems if scores.conditions.fold), None):
        raise UsageError(
            f"the scores of {trained.system} are of fold {trained.conditions.fold} of a split",
            "add --split and the split's folder",
        )
    rows = [row for scores in systems for row in _rows(scores, grouping or Grouping())]
    return sorted(rows, key=row_order)


def row_order(r: LeaderboardRow) -> tuple[str, str, str, str, str, str, float, str]:
    """Return the key by which a leaderboard's rows are sorted."""
    return r.collection, r.query_set, r.split, r.fold, r.regime, r.measure, -r.value, r.system


def check_comparable(systems: Sequence[SystemScores]) -> None:
    """Raise `BadInput` when two systems have one name, or were scored by different rules or judgements."""
    names: set[tuple[str, str, str, str]] = set()
    qrels: dict[tuple[str, str], tuple[str, str]] = {}
    for scores in systems:
        where = (scores.conditions.collection, scores.conditions.query_set)
        if (scores.system, scores.conditions.fold, *where) in names:
            raise BadInput(
                f"two sets of scores are called {scores.system!r}",
                "give their runs different tags and score them again",
            )
        names.add((scores.system, scores.conditions.fold, *where))
        rules = f"{scores.conditions.qrels} {scores.conditions.rules} {scores.conditions.dialect}"
        first, other_rules = qrels.setdefault(where, (scores.system, rules))
        if other_rules != rules:
            raise BadInput(
                f"{first!r} and {scores.system!r} were scored by different rules, or against different judgements of {':'.join(where)}",
                "their values cannot stand side by side; score both against the same qrels",
            )


def common_signature(rows: Sequence[LeaderboardRow]) -> str:
    """Return what all rows' signatures say: the conditions, without how a single system was fused or trained."""
    words = [row.signature.split("|") for row in rows]
    shared = set(words[0]).intersection(*words[1:])
    return "|".join(word for word in words[0] if word in shared)


def _rows(system: SystemScores, grouping: Grouping) -> Iterable[LeaderboardRow]:
    scores, conditions = system.scores, system.conditions
    values, groups = scores.values, grouping.of(scores.query_ids, system.relevant)
    if not conditions.complete:
        values, groups = values[scores.answered], groups.only(scores.answered)
    names = [str(m) for m in scores.measures]
    if JUDGED not in names:
        hint = "intrex evaluate --scores writes it"
        raise BadInput(f"the scores of {system.system} have no Judged@10", hint)
    if not np.isfinite(values).all():
        raise BadInput(f"the scores of {system.system} are not all finite numbers", "score the run again")
    low, high = figure_intervals(values, scores.measures, groups)
    means = scores.means(conditions.complete)
    judged = means[JUDGED]
    place = (conditions.collection, conditions.query_set, conditions.split, conditions.fold, "all")
    signature = conditions.signature(system.system) + interval_signature(groups)
    counts = (len(values), scores.n_missing, judged, system.run_sha256, signature)
    measures = shown_names(names)
    for i, name in enumerate(names):
        if name in measures:
            yield LeaderboardRow(
                system.system, *place, name, means[name], float(low[i]), float(high[i]), *counts
            )


def to_csv(rows: Sequence[LeaderboardRow]) -> str:
    """Write CSV with a header; floats as ``repr``, lines end in a line feed."""
    return csv_text(
        COLUMNS, (tuple(repr(v) if isinstance(v, float) else v for v in astuple(row)) for row in rows)
    )


def read_leaderboard(path: Path) -> list[LeaderboardRow]:
    """Read what `write_leaderboard` wrote; raises `BadInput` when it is damaged or has other columns."""
    require_file(path, "leaderboard", "intrex leaderboard build SCORES... --output FILE writes one")
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise BadInput(f"not a leaderboard of this intrex: other columns ({path})", "build it again")
    kinds = {"float": float, "int": int, "str": str}
    parsers = [kinds[str(f.type)] for f in fields(LeaderboardRow)]
    try:
        values = ((parse(v) for parse, v in zip(parsers, line, strict=True)) for line in lines[1:])
        return [LeaderboardRow(*row) for row in values]
    except ValueError as error:
        raise BadInput(f"damaged leaderboard: {error} ({path})", "build it again") from error


def write_leaderboard(rows: Sequence[LeaderboardRow], path: Path, overwrite: bool = False) -> None:
    """Write ``leaderboard.csv``."""
    write_text(path, to_csv(rows), overwrite)


def shown_measures(systems: Sequence[SystemScores]) -> list[str]:
    """List the measures in the order they were asked for; Judged@10 has a column of its own in the CSV."""
    names = ([str(m) for m in system.scores.measures] for system in systems)
    return list(dict.fromkeys(name for measures in names for name in shown_names(measures)))


def shown_names(names: Sequence[str]) -> Sequence[str]:
    """Return the measures that get rows: all but Judged@10, which goes with every row, unless it is all there is."""
    return [name for name in names if name != JUDGED] or names


def sort_measure(measures: Sequence[str], sort_by: str | None) -> str:
    """Return the measure that orders the table: ``sort_by``, or the first.

    Raises:
        UsageError: ``sort_by`` is not among the measures.
    """
    key = sort_by or measures[0]
    if key not in measures:
        raise UsageError(f"no measure {key!r} in the leaderboard", f"there are: {', '.join(measures)}")
    return key


def pivot(rows: Sequence[LeaderboardRow], measures: Sequence[str], sort_by: str | None = None) -> Table[str]:
    """Return a line per system, a column per measure, best first by ``sort_by`` (or the first measure).

    Raises:
        UsageError: ``sort_by`` is not among the measures.
    """
    key = sort_measure(measures, sort_by)
    cells = {(r.collection, r.query_set, r.system, r.measure): r for r in rows}
    lines = sorted(
        {c[:3] for c in cells},
        key=lambda line: (line[0].startswith(MEAN_OF), line[:2], -_value(cells.get((*line, key))), line[2]),
    )
    table = []
    for line in lines:
        line_rows = [cells.get((*line, m)) for m in measures]
        texts = [_cell(row, row.measure == key) if row else "" for row in line_rows]
        queries = next(row.n_queries for row in line_rows if row)
        table.append([line[2], ":".join(filter(None, line[:2])), *texts, str(queries)])
    return ["system", "queries", *measures, "n"], table


def _value(row: LeaderboardRow | None) -> float:
    return row.value if row else -math.inf


def _cell(row: LeaderboardRow, interval: bool) -> str:
    return f"{row.value:.4f}" + (f" [{row.ci_low:.3f}, {row.ci_high:.3f}]" if interval else "")

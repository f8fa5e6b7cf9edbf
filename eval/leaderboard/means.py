"""One figure over several query sets: the mean of the sets' figures, or of all their queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from intrex.data.errors import BadInput, UsageError
from intrex.data.io.files import fingerprint
from intrex.eval.leaderboard.options import SETS
from intrex.eval.leaderboard.rows import (
    JUDGED,
    MEAN_OF,
    LeaderboardRow,
    check_comparable,
    interval_signature,
    row_order,
    shown_names,
)
from intrex.eval.scoring.groups import Grouping, Groups
from intrex.eval.scoring.intervals import is_share, spread_of
from intrex.eval.scoring.scorefile import SystemScores


def mean_rows(
    systems: Sequence[SystemScores], means: Sequence[str], grouping: Grouping | None = None
) -> tuple[list[LeaderboardRow], list[str]]:
    """Return a row for each system, measure and kind of mean over the query sets, sorted, and notes.

    The mean of sets gives every set the same weight, that of queries every query. Queries are sampled within the sets, which are
    fixed: the interval says what other queries of these sets would change, nothing of other sets.

    Args:
        systems: scores of two query sets or more, by the same rules.
        means: of ``sets`` and ``queries``.
        grouping: which queries are one observation; each its own without it.

    Returns:
        Rows whose collection is ``mean of 3 sets`` or ``mean of 950 queries`` and whose signature names the sets; a note for each
        system that lacks a set and gets no row.

    Raises:
        UsageError: there is one set only, or no system has them all.
        BadInput: the sets were scored by different rules, or with other measures.
    """
    check_comparable(systems)
    by_system: dict[str, dict[str, SystemScores]] = {}
    for scores in systems:
        by_system.setdefault(scores.system, {})[_set_name(scores)] = scores
    sets = sorted({name for found in by_system.values() for name in found})
    if len(sets) < 2:
        raise UsageError(f"a mean over query sets needs two of them, there is {', '.join(sets)}")
    _check_one_rule(systems)
    rows, notes = [], []
    for system, found in by_system.items():
        if missing := [name for name in sets if name not in found]:
            notes.append(f"{system} has no scores of {', '.join(missing)}, and no mean over the sets")
            continue
        parts = [found[name] for name in sets]
        rows += [row for kind in means for row in _rows(parts, sets, kind, grouping or Grouping())]
    if not rows:
        raise UsageError("no system has scores of every query set", notes[0])
    return sorted(rows, key=row_order), notes


def _set_name(scores: SystemScores) -> str:
    return ":".join(filter(None, (scores.conditions.collection, scores.conditions.query_set)))


def _check_one_rule(systems: Sequence[SystemScores]) -> None:
    first = systems[0]
    for other in systems:
        a, b = (
            (s.conditions.rules, s.conditions.dialect, s.conditions.version, s.scores.measures)
            for s in (first, other)
        )
        if a != b:
            raise BadInput(
                f"{_set_name(first)} ({first.system}) and {_set_name(other)} ({other.system}) were scored by different rules or measures",
                "score all of them by the same ones: a mean over them means nothing else",
            )


def _rows(
    parts: Sequence[SystemScores], sets: Sequence[str], kind: str, grouping: Grouping
) -> Iterator[LeaderboardRow]:
    """Yield the rows of one system; measures whose figure is no mean over queries have none."""
    values, groups = [], []
    for part in parts:
        counted = part.scores.answered | part.conditions.complete
        values.append(part.scores.values[counted])
        groups.append(grouping.of(part.scores.query_ids, part.relevant).only(counted))
    n = sum(map(len, values))
    weights = [1 / (len(v) * len(parts)) if kind == SETS else 1 / n for v in values]  # of a query of each set
    shares = np.concatenate([v * weight for v, weight in zip(values, weights, strict=True)])
    joined, strata = _joined(groups), np.repeat(np.arange(len(parts)), [len(v) for v in values])
    halves, figures = spread_of(shares, joined, strata).half_widths(), shares.sum(axis=0)
    measures = parts[0].scores.measures
    names = [str(m) for m in measures]
    judged = float(figures[names.index(JUDGED)])
    words = parts[0].conditions.signature().split("|")
    rules = [w for w in words if w.partition("=")[0] not in ("set", "qrels", "split")]
    qrels = fingerprint([part.conditions.qrels for part in parts])[:12]
    signature = "|".join([f"sets={'+'.join(sets)}", f"qrels={qrels}", "split=none", *rules, f"mean={kind}"])
    signature += interval_signature(joined)
    place = (MEAN_OF + (f"{len(sets)} sets" if kind == SETS else f"{n} queries"), "", "none", "", "all")
    missing, run = (
        sum(part.scores.n_missing for part in parts),
        fingerprint([part.run_sha256 for part in parts]),
    )
    for i, (measure, half) in enumerate(zip(measures, halves, strict=True)):
        if measure.kind != "mean" or names[i] not in shown_names(names):
            continue
        low, high = float(figures[i] - half), float(figures[i] + half)
        if is_share(measure, np.concatenate([v[:, i] for v in values])):
            low, high = max(low, 0.0), min(high, 1.0)
        yield LeaderboardRow(
            parts[0].system,
            *place,
            names[i],
            float(figures[i]),
            low,
            high,
            n,
            missing,
            judged,
            run,
            signature,
        )


def _joined(groups: Sequence[Groups]) -> Groups:
    """Join the groups of several sets: queries of two sets are never one observation."""
    starts = np.cumsum([0, *(len(g) for g in groups)])
    labels = np.concatenate([g.labels + start for g, start in zip(groups, starts, strict=False)])
    return Groups(labels, groups[0].source)

"""Paired tests between systems under a split: in each regime, and of their gaps.

A query's score in a regime is its mean over the folds in which it is there; its gap is the difference of the two. The
queries are the sample: what is tested is conditional on the trained models.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from intrex.data.errors import BadInput, UsageError
from intrex.data.io.files import require_file
from intrex.eval.compare.align import Aligned
from intrex.eval.compare.comparison import PairRow, compare
from intrex.eval.leaderboard.by_split import FoldScores
from intrex.eval.leaderboard.regimes import GAP, RegimePlan, per_query
from intrex.eval.scoring.groups import Grouping
from intrex.eval.splits.split import REGIMES, Split
from intrex.eval.tables import csv_text

COLUMNS = ("regime", *(f.name for f in fields(PairRow)))


def regime_tests(
    systems: Sequence[FoldScores], split: Split, measures: Sequence[str], grouping: Grouping | None = None
) -> dict[str, list[PairRow]]:
    """Compare every pair of systems in each regime, and by the gap; returns the comparisons by regime.

    The test is the one by randomisation. Corrected together, by Holm, are the pairs of one regime and measure.

    Args:
        systems: two or more, with the scores of every fold.
        split: who is in which regime.
        measures: what to compare by.
        grouping: which queries are one observation; each its own without it.

    Raises:
        UsageError: fewer than two systems.
        BadInput: queries of the split are not scored.
    """
    if len(systems) < 2:
        raise UsageError("one system alone cannot be compared", "a recipe of two systems or more")
    plan = RegimePlan.of(split)
    groups = systems[0].groups(plan, grouping or Grouping())
    # [n, s, 2, m]
    means = np.stack(
        [np.stack([per_query(plan, s.matrix(plan, m)) for m in measures], axis=2) for s in systems], axis=1
    )
    columns = {name: means[:, :, i] for i, name in enumerate(REGIMES)}
    columns[GAP] = columns[REGIMES[0]] - columns[REGIMES[1]]
    tests = {}
    for place, values in columns.items():
        scored = np.asarray(~np.isnan(values).any(axis=(1, 2)), np.bool_)
        if not scored.any():
            continue
        queries = [q for q, is_scored in zip(plan.queries, scored.tolist(), strict=True) if is_scored]
        conditions = replace(systems[0].by_fold[0].conditions, split=split.name, fold=place)
        answered = np.ones(values[scored].shape[:2], np.bool_)
        data = Aligned(
            [s.system for s in systems], list(measures), queries, values[scored], answered, conditions,
            groups.only(scored),
        )  # fmt: skip
        tests[place] = compare(data).rows
    return tests


def tests_csv(tests: Mapping[str, Sequence[PairRow]]) -> str:
    """Write the tests by regime as CSV with a header."""
    return csv_text(COLUMNS, ([regime, *astuple(row)] for regime, rows in tests.items() for row in rows))


def read_tests(path: Path) -> dict[str, list[PairRow]]:
    """Read what `tests_csv` wrote; raises `BadInput` when it is damaged or has other columns."""
    require_file(path, "table of tests")
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise BadInput(
            f"not a table of tests of this intrex: other columns ({path})", "run the experiment again"
        )
    hints = get_type_hints(PairRow)
    kinds: list[Any] = [float if hints[name] == float | None else hints[name] for name in COLUMNS[1:]]
    tests: dict[str, list[PairRow]] = {}
    try:
        for regime, *cells in lines[1:]:
            pairs = zip(kinds, cells, strict=True)
            values: list[Any] = [kind(cell) if cell or kind is str else None for kind, cell in pairs]
            tests.setdefault(regime, []).append(PairRow(*values))
    except ValueError as error:
        raise BadInput(f"damaged table of tests: {error} ({path})", "run the experiment again") from error
    return tests

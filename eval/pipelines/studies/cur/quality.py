"""Scores of the rankings of the CUR study by judgements: an exact ranking is not always a better one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from intrex.data.arrays import Rows, Scores
from intrex.data.qrels import Qrels
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.studies.cur.study import StudyResult, find
from intrex.eval.scoring.score import score
from intrex.retrievers.base import RunBuilder, best_rows
from intrex.retrievers.options import TIE_ORDERS

MEASURE, DEPTH = "nDCG@10", 10
CALLS = 100
"""Budget whose rankings are scored, or the largest below it."""


def with_quality(result: StudyResult, qrels: Qrels | None) -> StudyResult:
    """Add nDCG@10 of the exact ranking, of the first stages, and of each method at one budget; nothing without judgements."""
    if qrels is None:
        return result
    setting, test = result.setting, result.setting.test
    budget = max((b for b in result.budgets if b <= CALLS), default=result.budgets[0])
    every = np.arange(len(setting.index.ids))
    exact = [(every, scores) for scores in test.scores]
    quality = {"all documents by the scorer": _ndcg(result, qrels, exact)}
    for name, rows in test.first.items():
        falling = [(found, -np.arange(len(found), dtype=np.float32)) for found in rows]
        quality[f"{name} alone"] = _ndcg(result, qrels, falling)
    for family in result.families:
        options = result.points[family.name, budget, DEPTH].options
        scored = find(setting, test, family, options)
        quality[f"{family.name}, {budget} calls"] = _ndcg(
            result, qrels, [(one.rows, one.scores) for one in scored]
        )
    return replace(result, quality=quality)


def _ndcg(result: StudyResult, qrels: Qrels, scored: Sequence[tuple[Rows, Scores]]) -> float:
    index = result.setting.index
    builder = RunBuilder(index.ids, "study")
    for name, (rows, scores) in zip(result.setting.test.queries.ids, scored, strict=True):
        builder.add(name, *best_rows(rows, scores, index.ids.rank, 1000, TIE_ORDERS[0]))
    return score(qrels, builder.run(), parse_measures([MEASURE])).means()[MEASURE]

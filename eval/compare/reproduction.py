"""Measures of repro_eval: the quality of a reproduction of two runs, baseline and advanced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Float64s
from intrex.data.errors import BadInput
from intrex.eval.compare.align import Aligned


@dataclass(frozen=True)
class Reproduction:
    """Reproduction by one measure; None where a ratio has a zero below the line.

    Attributes:
        rmse_baseline: root mean square difference of the queries' scores, original and reproduced baseline.
        rmse_advanced: the same of the advanced runs.
        effect_ratio: improvement of the reproduction / of the original; 1 is perfect, 0 or less is none.
        delta_ri: relative improvement of the original minus that of the reproduction; 0 is perfect.
    """

    measure: str
    rmse_baseline: float
    rmse_advanced: float
    improvement: float
    reproduced_improvement: float
    effect_ratio: float | None
    delta_ri: float | None
    n_queries: int
    signature: str


def rmse(a: Float64s, b: Float64s) -> float:
    """Compute the root mean square of the differences of two vectors of scores."""
    return float(np.sqrt(np.mean(np.square(a - b))))


def reproduction(data: Aligned, original: Sequence[int], reproduced: Sequence[int]) -> list[Reproduction]:
    """Compute RMSE, effect ratio and delta relative improvement (Breuer et al. 2020, SIGIR, section 3), by measure.

    Args:
        data: all four systems, on the same queries.
        original: rows of the baseline and of the advanced run.
        reproduced: rows of the same two, reproduced.
    """
    shared = data.shared([*original, *reproduced])
    if not shared.any():
        raise BadInput("the four runs answer no query in common")
    rows = []
    for m, measure in enumerate(data.measures):
        base, advanced = (data.values[shared, i, m] for i in original)
        base_2, advanced_2 = (data.values[shared, i, m] for i in reproduced)
        better, better_2 = float(np.mean(advanced - base)), float(np.mean(advanced_2 - base_2))
        ratio = better_2 / better + 0.0 if better else None  # + 0.0 turns -0 into 0
        below, below_2 = float(base.mean()), float(base_2.mean())
        change = better / below - better_2 / below_2 if below and below_2 else None
        errors, improvements = (rmse(base, base_2), rmse(advanced, advanced_2)), (better, better_2)
        conditions = int(shared.sum()), data.conditions.signature()
        rows.append(Reproduction(measure, *errors, *improvements, ratio, change, *conditions))
    return rows

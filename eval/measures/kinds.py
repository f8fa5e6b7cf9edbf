"""Kinds of averages: the values of single queries become one figure, the mean unless a measure says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from intrex.data.arrays import Float64s

F = TypeVar("F", bound=Callable[..., Any])
FLOOR = 0.00001
"""Least value that a geometric mean sees (trec_eval)."""


def summed(function: F) -> F:
    """Mark a count: its figure over several queries is their sum; it has no ``judged_only``."""
    function.__dict__.update(kind="sum", pooled=True)
    return function


def geometric(function: F) -> F:
    """Mark a measure whose figure over several queries is their geometric mean."""
    function.__dict__["kind"] = "geometric"
    return function


def pooled(function: F) -> F:
    """Mark a measure that is about unjudged documents, or handles them itself: it has no ``judged_only``."""
    function.__dict__["pooled"] = True
    return function


def tie_aware(function: F) -> F:
    """Mark a measure that computes its expected value over all orders of tied documents of `TiedRankings`."""
    function.__dict__["tie_aware"] = True
    return function


def aggregate(values: Float64s, kind: str) -> float:
    """Combine the values of queries into one figure: their ``mean``, ``sum`` or ``geometric`` mean; 0 of none."""
    if not len(values):
        return 0.0
    if kind == "sum":
        return _sum_in_order(values)
    if kind == "geometric":
        return float(np.exp(_sum_in_order(np.log(np.maximum(values, FLOOR))) / len(values)))
    return _sum_in_order(values) / len(values)


def _sum_in_order(values: Float64s) -> float:
    """Sum one after the other as trec_eval adds: numpy's own order differs in the last bit, and 0.00325 rounds."""
    return float(np.add.accumulate(values)[-1])

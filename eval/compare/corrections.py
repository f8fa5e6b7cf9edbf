"""Corrections of p-values for many comparisons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from intrex.data.arrays import Float64s, Int64s


def bonferroni(p: Float64s) -> Float64s:
    """Correct by Bonferroni: m p, at most 1. Controls the family-wise error.

    >>> bonferroni(np.array([.01, .04, .03, .005])).round(6).tolist()
    [0.04, 0.16, 0.12, 0.02]
    """
    return np.minimum(p * len(p), 1.0)


def holm(p: Float64s) -> Float64s:
    """Correct by Holm's step-down (Holm 1979): the largest (m - j + 1) p_(j) up to each rank. Controls the family-wise error.

    >>> holm(np.array([.01, .04, .03, .005])).round(6).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    order = np.argsort(p, kind="stable")
    return _put_back(order, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))


def benjamini_hochberg(p: Float64s) -> Float64s:
    """Correct by Benjamini and Hochberg's step-up (1995): the smallest m p_(j) / j from each rank on. Controls the false discoveries.

    >>> benjamini_hochberg(np.array([.01, .04, .03, .005])).round(6).tolist()
    [0.02, 0.04, 0.04, 0.02]
    """
    order = np.argsort(p, kind="stable")[::-1]
    return _put_back(order, np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1)))


def _put_back(order: Int64s, stepped: Float64s) -> Float64s:
    """Return p-values, at most 1, in the order from which ``order`` took them."""
    out = np.empty_like(stepped)
    out[order] = np.minimum(stepped, 1.0)
    return out


CORRECTIONS: dict[str, Callable[[Float64s], Float64s]] = {
    "holm": holm,
    "bonferroni": bonferroni,
    "bh": benjamini_hochberg,
    "none": np.copy,
}


def correct(p: Float64s, method: str, over_all: bool = False) -> Float64s:
    """Correct p-values [p, m] of pairs by measures, within each measure or over all of them together."""
    function = CORRECTIONS[method]
    if over_all:
        return function(p.ravel()).reshape(p.shape)
    return np.stack([function(column) for column in p.T], axis=1)

"""Search by impacts, for numba: a kernel for each type of the documents' weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from intrex.data.native.jit import Float32s, Float64s, Kernel, Uint8s, Uint16s, inner
from intrex.retrievers.inverted.kernels.search import Scoring, make_search


@inner
def prepare(own, t):
    """Give the weight of term t in the query, times the scale of the documents' weights."""
    return own.weights[t]


@inner
def score(own, weight, p, row):
    """Multiply the two weights, which float64 holds exactly: they have 24 bits each."""
    return weight * np.float64(own.impacts[p])


@inner
def most(weight, bound):
    """Bound what a posting adds with a weight up to a bound."""
    return weight * np.float64(bound)


@inner
def add(own, weight, docs, low, high, base, target, room):
    """Add what each posting scores."""
    for p in range(low, high):
        row = docs[p]
        target[row - base] += score(own, weight, p, row)


def _search(name: str, impacts: Any) -> Kernel:
    own = NamedTuple("own", [("weights", Float64s), ("impacts", impacts)])  # noqa: UP014 - of several types
    return make_search(name, own, Scoring(prepare, score, most, add))


search_uint8 = _search("search_uint8", Uint8s)
search_uint16 = _search("search_uint16", Uint16s)
search_float32 = _search("search_float32", Float32s)

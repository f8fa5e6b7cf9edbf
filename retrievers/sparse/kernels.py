"""Search by impacts, for numba; only `intrex.data.native.library` imports this, and only to compile."""

from __future__ import annotations

from typing import Any

import numpy as np

from intrex.data.native.jit import F4, F8, U1, U2, inner
from intrex.retrievers.inverted.kernels.search import make_search

TYPES = {"uint8": U1, "uint16": U2, "float32": F4}


@inner
def weight_of(given, t):  # type: ignore[no-untyped-def]
    """The weight of term t in the query, times the scale of the documents' weights."""
    return given[0][t]


@inner
def score(given, weight, p, row):  # type: ignore[no-untyped-def]
    """The product of the two weights, which float64 holds exactly: they have 24 bits each."""
    return weight * np.float64(given[1][p])


@inner
def most(weight, bound):  # type: ignore[no-untyped-def]
    """What no posting adds more with a weight up to a bound."""
    return weight * np.float64(bound)


def __getattr__(name: str) -> Any:
    """``search_uint8``, ``search_uint16`` or ``search_float32``: compiled when asked for, since each takes seconds."""
    given = TYPES.get(name.removeprefix("search_"))
    if given is None:
        raise AttributeError(name)
    return make_search(name, (F8, given), weight_of, score, most)

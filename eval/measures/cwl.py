"""The C/W/L framework: a user at rank i goes on to the next document with probability C(i).

From C follow W, the share of attention that each rank gets, and L, the probability to stop there; from these five
columns: EU (gain for each document looked at), ETU (gain in all), EC and ETC (the same of costs, each document costing
1), and ED (documents looked at). Gains are grades scaled to 0 to 1; a document without a judgement gains nothing. Rankings are
followed down to rank 1,000, or ``depth``, with documents that gain nothing after their end.

Source: Moffat, Bailey, Scholer and Thomas 2017; Azzopardi, Thomas and Moffat 2019 (cwl_eval).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from intrex.data.arrays import Array, Float64s
from intrex.data.errors import UsageError
from intrex.eval.measures.rankings import Rankings

COLUMNS = ("EU", "ETU", "EC", "ETC", "ED")
"""What the framework computes: gain a document, gain in all, cost a document, cost in all, documents."""
CELLS = 1 << 20
"""Cells of the largest matrix of queries and ranks that is made at once."""
Continuation = Callable[[Float64s, Float64s], Float64s]
"""C [q, n] of gains [q, n] at ranks [n]."""


def cwl_precision(
    r: Rankings, *, cutoff: int, max_rel: int, min_rel: int = 0, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Look at the first k documents.

    Source: cwl_eval's ``PrecisionCWLMetric``.

    >>> cwl_precision(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=4, max_rel=3).tolist()
    [0.25]
    """
    return _columns(r, lambda gains, ranks: _like(gains, ranks < cutoff), max_rel, min_rel, column, depth)


def cwl_reciprocal_rank(
    r: Rankings, *, max_rel: int, min_rel: int = 0, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Look at documents until one gains something.

    Source: cwl_eval's ``RRCWLMetric``.

    >>> cwl_reciprocal_rank(Rankings.of([0, None, 2], [2, 0]), max_rel=2).round(6).tolist()
    [0.333333]
    """
    return _columns(
        r,
        lambda gains, ranks: (np.cumsum(gains, axis=1) == 0).astype(np.float64),
        max_rel,
        min_rel,
        column,
        depth,
    )


def cwl_average_precision(
    r: Rankings, *, max_rel: int, min_rel: int = 0, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Stop at each retrieved document with the same probability for the same gain; relevant documents not retrieved play no part.

    Source: cwl_eval's ``APCWLMetric``.

    >>> cwl_average_precision(Rankings.of([1, 0, 1], [1, 1, 1, 0]), max_rel=1).round(6).tolist()
    [0.833333]
    """

    def of_remaining(gains: Float64s, ranks: Float64s) -> Float64s:
        left = np.cumsum((gains / ranks)[:, ::-1], axis=1)[:, ::-1]
        out = np.zeros_like(gains)
        np.divide(left[:, 1:], left[:, :-1], out=out[:, :-1], where=left[:, 1:] > 0)
        return out

    return _columns(r, of_remaining, max_rel, min_rel, column, depth)


def cwl_rank_biased_precision(
    r: Rankings, *, max_rel: int, min_rel: int = 0, p: float = 0.8, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Go on with probability p.

    Source: cwl_eval's ``RBPCWLMetric``.

    >>> cwl_rank_biased_precision(Rankings.of([1, 0, 1], [1, 1, 0]), max_rel=1, p=0.5).round(6).tolist()
    [0.625]
    """
    return _columns(r, lambda gains, ranks: _like(gains, p), max_rel, min_rel, column, depth)


def scaled_dcg(
    r: Rankings, *, cutoff: int, max_rel: int, min_rel: int = 0, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Compute DCG over that of k documents of the highest grade.

    Source: cwl_eval's ``NDCGCWLMetric``, ir_measures' ``SDCG``.

    >>> scaled_dcg(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=5, max_rel=3).round(6).tolist()
    [0.357312]
    """
    return _columns(
        r,
        lambda gains, ranks: _like(gains, np.where(ranks < cutoff, np.log(ranks + 1) / np.log(ranks + 2), 0)),
        max_rel,
        min_rel,
        column,
        depth,
    )


def insq(
    r: Rankings, *, max_rel: int, min_rel: int = 0, T: float = 1.0, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Go on with probability ((i + 2 T - 1) / (i + 2 T))^2, T being the gain that is wanted.

    Source: Moffat, Scholer and Thomas 2012; cwl_eval's ``INSQCWLMetric``.

    >>> insq(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), max_rel=3).round(6).tolist()
    [0.237256]
    """
    return _columns(
        r, lambda gains, ranks: _like(gains, _squared(ranks + 2 * T)), max_rel, min_rel, column, depth
    )


def inst(
    r: Rankings, *, max_rel: int, min_rel: int = 0, T: float = 1.0, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Go on with probability ((i + T + t - 1) / (i + T + t))^2, t being what is still wanted of the gain T.

    Source: Bailey et al. 2015; cwl_eval's ``INSTCWLMetric``.

    >>> inst(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), max_rel=3).round(6).tolist()
    [0.26607]
    """
    return _columns(
        r,
        lambda gains, ranks: _squared(ranks + 2 * T - np.cumsum(gains, axis=1)),
        max_rel,
        min_rel,
        column,
        depth,
    )


def bejeweled_player(
    r: Rankings,
    *,
    cutoff: int,
    max_rel: int,
    min_rel: int = 0,
    T: float = 1.0,
    column: str = "EU",
    depth: int = 1000,
) -> Float64s:
    """Look at documents until they gained T in all, at most k of them.

    Source: Zhang et al. 2017, the static model; cwl_eval's ``BPMCWLMetric``.

    >>> bejeweled_player(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=10, max_rel=3).round(6).tolist()
    [0.333333]
    """
    return _columns(
        r,
        lambda gains, ranks: ((np.cumsum(gains, axis=1) < T) & (ranks < cutoff)).astype(np.float64),
        max_rel,
        min_rel,
        column,
        depth,
    )


def nearly_err_8(
    r: Rankings, *, cutoff: int, max_rel: int, min_rel: int = 0, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Go on with probability 1 - gain, down to rank k.

    Source: Azzopardi, Mackenzie and Moffat 2021, equation 8; cwl_eval's ``NERReq8CWLMetric``.

    >>> nearly_err_8(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=5, max_rel=3).round(6).tolist()
    [0.36]
    """
    return _columns(
        r, lambda gains, ranks: np.where(ranks < cutoff, 1 - gains, 0.0), max_rel, min_rel, column, depth
    )


def nearly_err_9(
    r: Rankings, *, cutoff: int, max_rel: int, min_rel: int = 0, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Go on with probability (1 - gain) i / (i + 1), down to rank k.

    Source: Azzopardi, Mackenzie and Moffat 2021, equation 9; cwl_eval's ``NERReq9CWLMetric``.

    >>> nearly_err_9(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=5, max_rel=3).round(6).tolist()
    [0.317673]
    """
    return _columns(
        r,
        lambda gains, ranks: np.where(ranks < cutoff, ranks / (ranks + 1) * (1 - gains), 0.0),
        max_rel,
        min_rel,
        column,
        depth,
    )


def nearly_err_10(
    r: Rankings, *, max_rel: int, min_rel: int = 0, p: float = 0.9, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Go on with probability p (1 - gain).

    Source: Azzopardi, Mackenzie and Moffat 2021, equation 10; cwl_eval's ``NERReq10CWLMetric``.

    >>> nearly_err_10(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), max_rel=3).round(6).tolist()
    [0.342811]
    """
    return _columns(r, lambda gains, ranks: p * (1 - gains), max_rel, min_rel, column, depth)


def nearly_err_11(
    r: Rankings, *, max_rel: int, min_rel: int = 0, T: float = 1.0, column: str = "EU", depth: int = 1000
) -> Float64s:
    """Go on with probability (1 - gain) ((i + 2 T - 1) / (i + 2 T))^2.

    Source: Azzopardi, Mackenzie and Moffat 2021, equation 11; cwl_eval's ``NERReq11CWLMetric``.

    >>> nearly_err_11(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), max_rel=3).round(6).tolist()
    [0.307992]
    """
    return _columns(
        r, lambda gains, ranks: _squared(ranks + 2 * T) * (1 - gains), max_rel, min_rel, column, depth
    )


def _like(gains: Float64s, values: Array | float) -> Float64s:
    """Return values [n] as many times as there are queries."""
    return np.broadcast_to(np.asarray(values, np.float64), gains.shape)


def _squared(x: Float64s) -> Float64s:
    return ((x - 1) / x) ** 2


def _columns(
    r: Rankings, model: Continuation, max_rel: int, min_rel: int, column: str, depth: int
) -> Float64s:
    """Compute one of `COLUMNS` of each query [q].

    Raises:
        UsageError: ``min_rel`` is not below ``max_rel``.
    """
    if min_rel >= max_rel:
        raise UsageError(
            f"min_rel={min_rel} is not below max_rel={max_rel}", "they are the lowest and the highest grade"
        )
    out, step = np.empty(len(r)), max(1, CELLS // depth)
    ranks = np.arange(1.0, depth + 1)
    scaled = (np.clip(r.grades, max(min_rel, 0), max_rel) - min_rel) / (max_rel - min_rel)
    for first in range(0, len(r), step):
        last = min(first + step, len(r))
        hits = slice(r.offsets[first], r.offsets[last])
        gains = np.zeros((last - first, depth))
        keep = r.ranks[hits] <= depth
        gains[r.query[hits][keep] - first, r.ranks[hits][keep] - 1] = scaled[hits][keep]
        out[first:last] = _column(model(gains, ranks), gains, ranks, column)
    return out


def _column(onward: Float64s, gains: Float64s, ranks: Float64s, column: str) -> Float64s:
    """Compute a column [q] of C [q, n]."""
    seen = np.ones(
        gains.shape
    )  # in the order of rows, so that a query's sums do not depend on how many there are
    np.cumprod(onward[:, :-1], axis=1, out=seen[:, 1:])
    looked = seen.sum(axis=1)
    if column == "EU":
        values = (seen * gains).sum(axis=1) / looked
    elif column == "ETU":
        values = (seen * (1 - onward) * np.cumsum(gains, axis=1)).sum(axis=1)
    elif column == "ETC":
        values = (seen * (1 - onward) * ranks).sum(axis=1)
    else:
        values = looked if column == "ED" else np.ones(len(onward))
    out: Float64s = values
    return out

"""Measures of the retrieved set, whatever its order: a document is relevant when its grade is at least ``rel``."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Float64s
from intrex.data.errors import UsageError
from intrex.eval.measures.kinds import tie_aware
from intrex.eval.measures.rankings import Rankings, share


@tie_aware
def set_precision(
    r: Rankings, *, cutoff: int | None = None, rel: int = 1, relative: bool = False
) -> Float64s:
    """Return the share of the retrieved documents, or of the first k, that are relevant.

    ``relative`` to the best that a set of its size can have. Fewer than k are divided by what was retrieved.

    Source: trec_eval's ``set_P`` and ``set_relative_P``, with a cutoff those of a run cut by ``-M``.

    >>> one = Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])
    >>> set_precision(one).tolist(), set_precision(one, relative=True).tolist()
    ([0.6], [0.75])
    """
    size = r.retrieved if cutoff is None else np.minimum(r.retrieved, cutoff)
    return share(r.found(rel, cutoff), np.minimum(size, r.relevant(rel)) if relative else size)


@tie_aware
def set_recall(r: Rankings, *, cutoff: int | None = None, rel: int = 1) -> Float64s:
    """Return the share of the relevant documents that were retrieved, or are among the first k (trec_eval's ``set_recall``).

    >>> set_recall(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).tolist()
    [0.75]
    """
    return share(r.found(rel, cutoff), r.relevant(rel))


@tie_aware
def set_f(r: Rankings, *, rel: int = 1, beta: float = 1.0) -> Float64s:
    """Compute the set's (1 + beta) P R / (beta P + R): beta as trec_eval's ``set_F`` and ir_measures have it, not squared.

    >>> set_f(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(6).tolist()
    [0.666667]
    """
    p, q = set_precision(r, rel=rel), set_recall(r, rel=rel)
    return share((1 + beta) * p * q, beta * p + q)


@tie_aware
def set_average_precision(r: Rankings, *, rel: int = 1) -> Float64s:
    """Multiply the set's precision by its recall.

    Source: trec_eval's ``set_map``.

    >>> set_average_precision(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(6).tolist()
    [0.45]
    """
    hits = r.counts(r.hits(rel))
    return share(hits * hits, r.retrieved * r.relevant(rel))


@tie_aware
def utility(
    r: Rankings,
    *,
    rel: int = 1,
    hit: float = 1.0,
    noise: float = -1.0,
    miss: float = 0.0,
    rest: float = 0.0,
    docs: int | None = None,
) -> Float64s:
    """Weigh four sets: hit * relevant retrieved + noise * others retrieved + miss * relevant missed + rest * all others.

    How many the others are depends on ``docs``, the number of documents in the collection.

    Source: trec_eval's ``utility``.

    Raises:
        UsageError: there is a weight ``rest`` and no ``docs``.

    >>> utility(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).tolist()
    [1.0]
    >>> utility(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), rest=0.5, docs=100).tolist()
    [48.0]
    """
    if rest and docs is None:
        raise UsageError(
            "the fourth weight of utility needs the number of documents in the collection",
            "-N NUM, or Utility(rest=0.5,docs=1000)",
        )
    hits, relevant = r.counts(r.hits(rel)), r.relevant(rel)
    others = (docs or 0) + hits - r.retrieved - relevant
    # In trec_eval's order, zeros included: the last bit, and the sign of a zero, are printed
    worth: Float64s = hit * hits + noise * (r.retrieved - hits) + miss * (relevant - hits) + rest * others
    return worth

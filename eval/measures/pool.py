"""Measures of incomplete judgements: what was judged, what is inferred, and counts."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.eval.measures.graded import by_persistence
from intrex.eval.measures.kinds import geometric, pooled, summed, tie_aware
from intrex.eval.measures.rankings import Rankings, share

LOWEST = int(np.iinfo(np.int32).min)
EPSILON = 0.00001
"""Smoothing of `inferred_average_precision` (trec_eval's INFAP_EPSILON)."""


@pooled
def bpref(r: Rankings, *, rel: int = 1, rule: str = "trec_eval") -> Float64s:
    """Average over relevant documents 1 - min(n, R) / min(N, R).

    n is the number of judged non-relevant documents above it, N of all those, R of relevant ones; 1 where n is 0.
    ``rule="ranx"`` takes negative grades for judged ones, and is not a number where N is 0.

    Source: Buckley and Voorhees 2004; trec_eval's ``bpref``.

    >>> bpref(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).tolist()
    [0.25]
    """
    if rule == "ranx":
        return _bpref_of_ranx(r, rel)
    hits, total = r.hits(rel), r.relevant(rel)
    above = r.so_far((r.grades >= 0) & ~hits)
    most = np.minimum(r.nonrelevant(rel), total)[r.query]
    worth = 1 - share(np.minimum(above, total[r.query]), most)
    return share(r.sums(worth, hits), total)


def _bpref_of_ranx(r: Rankings, rel: int) -> Float64s:
    hits, total = r.hits(rel), r.relevant(rel)
    most = np.minimum(np.diff(r.pool_offsets) - total, total)[r.query]
    with np.errstate(invalid="ignore", divide="ignore"):
        worth = 1 - np.minimum(r.so_far(~hits), total[r.query]) / most
    return share(r.sums(worth, hits), total)


@pooled
@geometric
def geometric_bpref(r: Rankings, *, rel: int = 1) -> Float64s:
    """Compute `bpref`, averaged over queries by the geometric mean (trec_eval's ``gm_bpref``).

    >>> geometric_bpref(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).tolist()
    [0.25]
    """
    return bpref(r, rel=rel)


@pooled
def inferred_average_precision(r: Rankings, *, rel: int = 1) -> Float64s:
    """Estimate average precision from a sample of the pool: negative grades are pooled and not judged.

    Precision above a relevant document is that of the judged ones above it, smoothed, times the share of the
    documents above it that were pooled.

    Source: Yilmaz and Aslam 2006; trec_eval's ``infAP``.

    >>> inferred_average_precision(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(4).tolist()
    [0.5667]
    """
    hits = r.hits(rel)
    before = r.so_far(hits) - 1.0
    noise = r.so_far((r.grades >= 0) & ~hits)
    pooled_above = before + noise + r.so_far(r.grades < 0)
    above = r.ranks - 1.0
    sampled = share(pooled_above, above) * (before + EPSILON) / (before + noise + 2 * EPSILON)
    return share(r.sums((1 + above * sampled) / r.ranks, hits), r.relevant(rel))


@tie_aware
@pooled
def judged(r: Rankings, *, cutoff: int | None = None) -> Float64s:
    """Return the share of the top k that the qrels list for this query, at whatever grade; of what was retrieved, if fewer than k.

    Source: ir_measures' ``Judged``. (trec_eval takes a negative grade for pooled and not judged: see `unjudged`.)

    >>> judged(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=5).tolist()
    [0.8]
    """
    depth = r.retrieved if cutoff is None else np.minimum(r.retrieved, cutoff)
    return share(r.found(LOWEST, cutoff), depth)


@tie_aware
@pooled
def unjudged(r: Rankings, *, cutoff: int) -> Float64s:
    """Divide the unjudged documents in the top k, those of negative grade too, by k even if fewer were retrieved.

    Source: trec_eval 10's ``unj``.

    >>> unjudged(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=10).tolist()
    [0.1]
    """
    return share(np.minimum(r.retrieved, cutoff) - r.found(0, cutoff), cutoff)


@tie_aware
@pooled
def hole(r: Rankings, *, cutoff: int, scope: str = "query") -> Float64s:
    """Divide the unjudged documents in the top k by k; with ``scope="collection"``, those judged for no query at all.

    Source: BEIR's and MTEB's ``Hole`` is the second, over a ranking with BEIR's own treatment of ties.

    >>> hole(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), cutoff=5).tolist()
    [0.2]
    """
    if scope not in ("query", "collection"):
        raise ValueError(f"scope is 'query' or 'collection', not {scope!r}")
    known = r.found(LOWEST, cutoff)
    if scope == "collection":
        known = known + r.judged_elsewhere(cutoff)
    return share(np.minimum(r.retrieved, cutoff) - known, cutoff)


@tie_aware
@pooled
def rbp_residual(r: Rankings, *, p: float = 0.9) -> Float64s:
    """Compute how much rank-biased precision could grow if all unjudged documents were relevant, those not retrieved too.

    0 when every retrieved document is judged.

    Source: Moffat and Zobel 2008; trec_eval 10's ``rbp_resid``.

    >>> rbp_residual(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).round(5).tolist()
    [0.66339]
    """
    hits = r.hits(0)
    weights = (1 - p) * r.discounted(hits.astype(np.float64), by_persistence(p))
    tail = p**r.retrieved
    return np.where(r.retrieved > r.counts(hits), tail + (1 - tail - weights), 0.0)


@tie_aware
@summed
def n_queries(r: Rankings) -> Float64s:
    """Return 1 for each query; over all of them, their number (trec_eval's ``num_q``).

    >>> n_queries(Rankings.of([1], [1])).tolist()
    [1.0]
    """
    return np.ones(len(r))


@tie_aware
@summed
def n_retrieved(r: Rankings, *, cutoff: int | None = None, rel: int = 0) -> Int64s:
    """Count the documents retrieved; with ``rel`` of at least 1, relevant documents retrieved (ir_measures' ``NumRet(rel=1)``).

    Source: trec_eval's ``num_ret``, ``num_rel_ret``.

    >>> one = Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])
    >>> n_retrieved(one).tolist(), n_retrieved(one, rel=1).tolist()
    ([5], [3])
    """
    if rel > 0:
        return r.counts(r.hits(rel, cutoff))
    return r.retrieved if cutoff is None else np.minimum(r.retrieved, cutoff)


@tie_aware
@summed
def n_relevant(r: Rankings, *, rel: int = 1) -> Int64s:
    """Count the relevant documents, retrieved or not (trec_eval's ``num_rel``).

    >>> n_relevant(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).tolist()
    [4]
    """
    return r.relevant(rel)


@tie_aware
@summed
def n_relevant_retrieved(r: Rankings, *, cutoff: int | None = None, rel: int = 1) -> Int64s:
    """Count the relevant documents retrieved (trec_eval's ``num_rel_ret``; with a cutoff, ranx's ``hits``).

    >>> n_relevant_retrieved(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).tolist()
    [3]
    """
    return r.counts(r.hits(rel, cutoff))


@tie_aware
@summed
def n_nonrelevant_retrieved(r: Rankings, *, rel: int = 1) -> Int64s:
    """Count the documents retrieved that were judged and are not relevant (trec_eval's ``num_nonrel_judged_ret``).

    >>> n_nonrelevant_retrieved(Rankings.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0])).tolist()
    [1]
    """
    return r.counts((r.grades >= 0) & (r.grades < rel))

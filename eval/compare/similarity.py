"""Similarity of two rankings: rank-biased overlap, Kendall's tau, overlap at a cutoff. No judgement plays a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Bools, Bytes, Float64s, Int64s
from intrex.data.errors import BadInput
from intrex.data.run import Run

CUTOFFS = (10, 100)


@dataclass(frozen=True)
class Similarity:
    """Means over the queries that both runs answer.

    Attributes:
        rbo_ext: rank-biased overlap, extrapolated (`rbo_extrapolated`).
        rbo_trunc: rank-biased overlap cut at the depth and divided by its largest value (`rbo_truncated`).
        tau_b: Kendall's tau-b over the union of the two lists (`tau_union`).
        ktu: repro_eval's Kendall's tau Union (`tau_by_position`).
        overlap_10: share of the first 10 that both have.
        overlap_100: the same of the first 100, or of all up to the depth.
        n_queries: queries that both answer.
        depth: how far down was looked.
        rbo_p: RBO's persistence.
    """

    a: str
    b: str
    rbo_ext: float
    rbo_trunc: float
    tau_b: float
    ktu: float
    overlap_10: float
    overlap_100: float
    n_queries: int
    depth: int
    rbo_p: float


@dataclass(frozen=True)
class TopDocuments:
    """First documents of each query: [q, depth] codes in byte order of the ids, -1 after the end; lengths [q]."""

    codes: Int64s
    lengths: Int64s


def similarities(
    named: Sequence[tuple[str, Run]],
    pairs: Sequence[tuple[int, int]],
    queries: Bytes,
    depth: int,
    rbo_p: float,
) -> list[Similarity]:
    """Compare rankings pair by pair.

    Args:
        named: systems and their runs.
        pairs: rows (a, b).
        queries: [q] ids to look at; those that both runs of a pair answer count.
        depth: how far down to look.
        rbo_p: RBO's persistence, between 0 and 1; with 0.9 the first ten ranks carry 86 % of the weight.

    Raises:
        BadInput: two runs have no query in common.
    """
    tops = _tops([run for _, run in named], queries, depth)
    return [_pair(named[a][0], named[b][0], tops[a], tops[b], depth, rbo_p) for a, b in pairs]


def _pair(a: str, b: str, tops_a: TopDocuments, tops_b: TopDocuments, depth: int, rbo_p: float) -> Similarity:
    shared = (tops_a.lengths > 0) & (tops_b.lengths > 0)
    if not shared.any():
        raise BadInput(f"{a} and {b} answer no query in common")
    tops_a, tops_b = (TopDocuments(t.codes[shared], t.lengths[shared]) for t in (tops_a, tops_b))
    place = positions(tops_a, tops_b)
    common = overlaps(place, depth)
    near, far = (overlap_at(common, tops_a.lengths, tops_b.lengths, min(k, depth)) for k in CUTOFFS)
    return Similarity(
        a, b,
        rbo_ext=float(rbo_extrapolated(common, tops_a.lengths, tops_b.lengths, rbo_p).mean()),
        rbo_trunc=float(rbo_truncated(common, rbo_p).mean()),
        tau_b=float(tau_union(tops_a, tops_b, place).mean()),
        ktu=float(tau_by_position(tops_a, tops_b).mean()),
        overlap_10=float(near.mean()),
        overlap_100=float(far.mean()),
        n_queries=int(shared.sum()),
        depth=depth,
        rbo_p=rbo_p,
    )  # fmt: skip


def _tops(runs: Sequence[Run], queries: Bytes, depth: int) -> list[TopDocuments]:
    """Return the first documents of each run for ``queries``, as numbers that order like the ids."""
    selections = []
    for run in runs:
        at = np.minimum(np.searchsorted(run.query_ids, queries), max(len(run) - 1, 0))
        lengths = np.where(run.query_ids[at] == queries, np.minimum(np.diff(run.offsets)[at], depth), 0)
        ranks = np.arange(depth)[None, :]
        filled = ranks < lengths[:, None]
        selections.append(((run.offsets[at][:, None] + ranks)[filled], filled, lengths))
    listed = [run.doc_ids[rows] for run, (rows, _, _) in zip(runs, selections, strict=True)]
    codes = np.unique(np.concatenate(listed), return_inverse=True)[1]
    out, start = [], 0
    for rows, filled, lengths in selections:
        table = np.full(filled.shape, -1, np.int64)
        table[filled] = codes[start : start + len(rows)]
        start += len(rows)
        out.append(TopDocuments(table, lengths))
    return out


def positions(a: TopDocuments, b: TopDocuments) -> Int64s:
    """Return the 0-based rank [q, depth] in ``b`` of each document of ``a``; -1 where it has none."""
    rows = np.arange(len(a.codes))[:, None] * (max(a.codes.max(), b.codes.max()) + 1)
    keys = (rows + b.codes)[b.codes >= 0]
    place = np.broadcast_to(np.arange(b.codes.shape[1]), b.codes.shape)[b.codes >= 0]
    order = np.argsort(keys)
    targets = rows + a.codes
    at = np.minimum(np.searchsorted(keys[order], targets), len(keys) - 1)
    matching = (a.codes >= 0) & (keys[order][at] == targets)
    return np.where(matching, place[order][at], -1)


def overlaps(place: Int64s, depth: int) -> Float64s:
    """Count the documents that the first d of both lists share [q, depth], from `positions`: a document enters at its later rank."""
    later = np.maximum(place, np.arange(place.shape[1])[None, :])
    rows, columns = np.nonzero(place >= 0)
    counts = np.zeros((len(place), depth))
    np.add.at(counts, (rows, later[rows, columns]), 1.0)
    return np.cumsum(counts, axis=1)


def rbo_extrapolated(common: Float64s, length_a: Int64s, length_b: Int64s, p: float) -> Float64s:
    """Compute RBO_ext [q] of Webber, Moffat and Zobel 2010 (ACM TOIS 28(4)), equation 32: lists of different lengths, no ties.

    Args:
        common: [q, depth] from `overlaps`.
        length_a: [q] documents in a's list, at most the depth.
        length_b: [q] in b's.
        p: persistence.
    """
    depth = common.shape[1]
    short, long = np.minimum(length_a, length_b), np.maximum(length_a, length_b)
    rows, d = np.arange(len(common)), np.arange(1, depth + 1)[None, :]
    at_short, at_long = common[rows, short - 1], common[rows, long - 1]
    weights = np.where(d <= long[:, None], p**d, 0.0)
    agreed = (common / d * weights).sum(axis=1)
    beyond = np.where(d > short[:, None], (d - short[:, None]) / (short[:, None] * d), 0.0)
    extrapolated = at_short * (beyond * weights).sum(axis=1)
    tail = ((at_long - at_short) / long + at_short / short) * p**long
    rbo: Float64s = (1 - p) / p * (agreed + extrapolated) + tail
    return rbo


def rbo_truncated(common: Float64s, p: float) -> Float64s:
    """Divide RBO's sum up to the depth [q] by its largest possible value there: repro_eval's (Clarke et al. 2021)."""
    d = np.arange(1, common.shape[1] + 1)
    weights = p ** (d - 1.0)
    rbo: Float64s = (common / d * weights).sum(axis=1) / weights.sum()
    return rbo


def tau_union(a: TopDocuments, b: TopDocuments, place: Int64s) -> Float64s:
    """Compute Kendall's tau-b [q] over all documents of either list; those a list lacks tie for its last place.

    Two documents that only one list has are tied in the other and so say nothing; one that only a has and one that
    only b has are discordant (as in Fagin, Kumar and Sivakumar 2003, with ties in the tau-b manner). 1 for two equal
    lists of one document.
    """
    shared = place >= 0
    c = shared.sum(axis=1)
    only_a, only_b = a.lengths - c, b.lengths - c
    agree = c * (c - 1) / 2 - 2.0 * _inversions(place)
    agree += _around(shared, a.codes >= 0)
    agree += _around(positions(b, a) >= 0, b.codes >= 0) - only_a * only_b
    size = c + only_a + only_b
    pairs = size * (size - 1) / 2
    tied_b, tied_a = only_a * (only_a - 1) / 2, only_b * (only_b - 1) / 2
    scale = np.sqrt((pairs - tied_a) * (pairs - tied_b))
    tau: Float64s = np.where(scale > 0, agree / np.where(scale > 0, scale, 1), np.where(c > 0, 1.0, 0.0))
    return tau


def _inversions(place: Int64s) -> Float64s:
    """Count the pairs of shared documents that the two lists order differently [q]."""
    counts = np.zeros(len(place))
    for j in range(1, place.shape[1]):
        before = place[:, :j]
        counts += ((before > place[:, j : j + 1]) & (place[:, j : j + 1] >= 0)).sum(axis=1)
    return counts


def _around(shared: Bools, filled: Bools) -> Float64s:
    """Sum over the documents only this list has [q]: shared ones before it minus shared ones after it."""
    before = np.cumsum(shared, axis=1)
    after = shared.sum(axis=1)[:, None] - before
    sums: Float64s = np.where(filled & ~shared, before - after, 0).sum(axis=1).astype(np.float64)
    return sums


def tau_by_position(a: TopDocuments, b: TopDocuments) -> Float64s:
    """Compute repro_eval's Kendall's tau Union [q] (KTU; Breuer et al. 2020).

    It pairs the documents that stand at the same rank, each as its number in the sorted union of ids, and correlates
    the numbers. So it depends on how documents are named, and disjoint lists may score high; it is here to be set
    beside published values. Lists of different lengths are cut to the shorter one; 1 for equal lists of one document.
    """
    lengths = np.minimum(a.lengths, b.lengths)
    agree = np.zeros(len(lengths))
    for j in range(1, a.codes.shape[1]):
        same = (a.codes[:, :j] < a.codes[:, j : j + 1]) == (b.codes[:, :j] < b.codes[:, j : j + 1])
        agree += np.where(j < lengths, 2 * same.sum(axis=1) - j, 0)
    pairs = lengths * (lengths - 1) / 2
    single = (a.codes[:, 0] == b.codes[:, 0]).astype(np.float64)
    tau: Float64s = np.where(pairs > 0, agree / np.maximum(pairs, 1), single)
    return tau


def overlap_at(common: Float64s, length_a: Int64s, length_b: Int64s, k: int) -> Float64s:
    """Divide the shared documents of the first k [q] by k, or by the longer list where both are shorter."""
    shares: Float64s = common[:, k - 1] / np.minimum(k, np.maximum(length_a, length_b))
    return shares

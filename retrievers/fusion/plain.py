"""Fusion by numpy, for short runs and where there are no kernels; to the last bit what the kernel gives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from intrex.data.arrays import Array, Float64s, Int64s
from intrex.data.rankings.write import Rankings
from intrex.retrievers.fusion.batches import BELOW, NO_POSITIVE, TWICE, Batch
from intrex.retrievers.fusion.methods import Merge, Source
from intrex.retrievers.fusion.plan import Plan


class _Fault(Exception):
    """A fault of a run, by number."""


def fuse_plainly(batch: Batch, plan: Plan) -> Rankings:
    """Fuse a batch; raises `BadInput` where a query cannot be fused."""
    docs = batch.docs.view(f"S{batch.width}")
    rows: list[Array] = [np.empty(0, np.int32)]
    scores: list[Array] = [np.empty(0, np.float32)]
    for q in range(len(batch.queries)):
        found = _fuse(batch, docs, plan, q)
        rows.append(found[0])
        scores.append(found[1])
    sizes = np.cumsum([len(one) for one in rows])
    return Rankings(
        batch.queries, sizes, batch.docs, batch.width, np.concatenate(rows).astype(np.int32), np.concatenate(scores)
    )  # fmt: skip


def _fuse(batch: Batch, docs: Array, plan: Plan, query: int) -> tuple[Array, Array]:
    """Fuse one query: rows of the best documents, and their scores."""
    bounds = batch.starts[query * plan.runs : (query + 1) * plan.runs + 1]
    spans = [(int(a), min(int(b), int(a) + plan.depth)) for a, b in pairwise(bounds)]
    rows = np.concatenate([np.arange(a, b) for a, b in spans])
    ids, first, code = np.unique(docs[rows], return_index=True, return_inverse=True)
    by_appearance = np.argsort(first)
    number = np.empty(len(ids), np.int64)
    number[by_appearance] = np.arange(len(ids))
    code, first = number[code], rows[first[by_appearance]]
    pieces, at = [], 0
    for run, (low, high) in enumerate(spans):
        mine = code[at : at + high - low]
        at += high - low
        if len(np.unique(mine)) < len(mine):
            batch.refuse(plan, TWICE, query, run)
        pieces.append(mine)
    if plan.merge in (Merge.COPELAND, Merge.CONDORCET):
        total = _compare(pieces, plan, len(ids))
    else:
        values = []
        for run, (low, high) in enumerate(spans):
            try:
                values.append(_values(batch, slice(low, high), int(bounds[run + 1]), plan, run, len(ids)))
            except _Fault as fault:
                batch.refuse(plan, fault.args[0], query, run)
        total = _merge(pieces, values, plan, len(ids))
    with np.errstate(over="ignore"):  # what is beyond float32 is refused by whoever asked
        rounded = total.astype(np.float32) + np.float32(0)
    best = np.lexsort((docs[first], rounded))[::-1][: plan.k]
    return first[best], rounded[best]


def _sum(values: Float64s) -> float:
    """Add one after another, as the kernel does."""
    return float(np.add.accumulate(values)[-1])


def normalise(scores: Float64s, norm: str, infimum: float, candidates: int) -> Float64s:
    """Normalise the scores of one query of one run, best first."""
    n = len(scores)
    low, high, total = float(scores.min()), float(scores.max()), _sum(scores)
    places = np.arange(n, dtype=np.float64)
    shift, scale, constant, flat = 0.0, 1.0, 0.0, high <= low
    if norm == "rank":
        return 1.0 - places / n
    if norm == "borda":
        return 1.0 - places / candidates
    if norm == "none":
        return scores
    if norm == "max":
        if high <= 0:
            raise _Fault(NO_POSITIVE)
        return scores / high
    if norm == "min-max":
        shift, scale, constant = low, high - low, 1.0
    elif norm == "sum":
        shift, scale, constant = low, total - low * n, 1.0 / n
    elif norm == "tmm":
        shift, scale, constant, flat = infimum, high - infimum, 1.0, high <= infimum
        if low < infimum:
            raise _Fault(BELOW)
    else:
        squares = _sum((scores - total / n) ** 2)
        if norm == "zmuv":
            shift, scale = total / n, float(np.sqrt(squares / n))
        else:
            sigma = float(np.sqrt(squares / (n - 1))) if n > 1 else 0.0
            shift, scale, constant = total / n - 3 * sigma, 6 * sigma, 0.5
    return np.full(n, constant) if flat else (scores - shift) / scale


def _values(batch: Batch, rows: slice, end: int, plan: Plan, run: int, candidates: int) -> Float64s:
    """Return what each of one run's documents counts, of which there are more up to ``end``, below the depth."""
    n = rows.stop - rows.start
    if not n:
        return np.zeros(0)
    rank, (k, phi, _, _) = batch.ranks[rows].astype(np.float64), plan.numbers
    if plan.source in (Source.SCORE, Source.RAISED):
        listed = batch.scores[rows.start : end if plan.whole else rows.stop].astype(np.float64)
        score = normalise(listed, plan.norm, plan.infima[run], candidates)[:n]
        return score if plan.source is Source.SCORE else _learned(plan, run, n) * (score + 1.0)
    values: Float64s
    if plan.source is Source.RECIPROCAL:
        values = 1.0 / (k + rank)
    elif plan.source is Source.SQUARE:
        values = 1.0 / (rank * rank)
    elif plan.source is Source.BIASED:
        values = np.array([(1.0 - phi) * float(phi) ** (r - 1.0) for r in rank.tolist()])
    elif plan.source is Source.BORDA:
        values = candidates - np.arange(n, dtype=np.float64)
    else:
        values = _learned(plan, run, n)
    return values


def _learned(plan: Plan, run: int, n: int) -> Float64s:
    """Return what was learned of the places of a ranking of n."""
    table, places = plan.tables[run], np.arange(n)
    found: Float64s
    if plan.source is Source.SEGMENT:
        segment = places // -(-n // len(table))
        found = table[segment] / (segment + 1)
        return found
    if plan.source is Source.WINDOW:
        window = int(plan.numbers[3])
        spans = [(max(p - window, 0), min(p + window, n - 1)) for p in range(n)]
        return np.array([_sum(np.append(0.0, table[a : b + 1])) / (b - a + 1) for a, b in spans])
    found = np.full(n, plan.numbers[2])
    found[: len(table)] = table[:n]
    return found


def _missing(plan: Plan, n: int, candidates: int) -> float:
    """Return what a document counts that a run of n lacks, where such a one counts."""
    if plan.source is Source.BORDA:
        return (candidates - n + 1) / 2.0
    if plan.source is Source.SCORE:
        return 0.5 - (n - 1) / (2.0 * candidates)
    return float(plan.numbers[2])


def _merge(pieces: list[Int64s], values: list[Float64s], plan: Plan, candidates: int) -> Float64s:
    """Put what documents count together, run after run."""
    table = np.full((plan.runs, candidates), np.nan)
    for run, (code, value) in enumerate(zip(pieces, values, strict=True)):
        if len(code) and plan.filled:
            table[run] = _missing(plan, len(code), candidates)
        table[run, code] = value
    there = ~np.isnan(table)
    n = there.sum(axis=0)
    total, weights = np.zeros(candidates), np.zeros(candidates)
    if plan.merge in (Merge.MIN, Merge.MAX):
        total[:] = (np.nanmin if plan.merge is Merge.MIN else np.nanmax)(table, axis=0)
        return total
    if plan.merge is Merge.MED:
        ordered, columns = np.sort(table, axis=0), np.arange(candidates)
        total[:] = (ordered[(n - 1) // 2, columns] + ordered[n // 2, columns]) / 2.0
        return total
    for run in range(plan.runs):
        weight = plan.weights[run]
        counted = table[run] if plan.merge is Merge.WEIGHTS else weight * table[run]
        total = np.where(there[run], total + counted, total)
        weights = np.where(there[run], weights + weight, weights)
    total *= weights if plan.merge is Merge.WEIGHTS else plan.factors[n]
    return total


def _compare(pieces: list[Int64s], plan: Plan, candidates: int) -> Float64s:
    """Return what documents get by Copeland's or Condorcet's method."""
    kept = [run for run, code in enumerate(pieces) if len(code)]
    places = np.empty((len(kept), candidates), np.int64)
    for at, run in enumerate(kept):
        places[at] = len(pieces[run])
        places[at, pieces[run]] = np.arange(len(pieces[run]))
    if plan.merge is Merge.COPELAND:
        total = np.empty(candidates)
        for c in range(candidates):
            lead = np.sign(
                (places[:, c, None] < places).sum(axis=0) - (places[:, c, None] > places).sum(axis=0)
            )
            total[c] = 0.5 * (candidates - 1) + 0.5 * lead.sum()
        return total
    weights = plan.weights[kept].tolist()

    def compare(i: int, j: int) -> int:
        ahead = behind = 0.0
        for one, weight in zip(places, weights, strict=True):
            if one[i] < one[j]:
                ahead += weight
            else:
                behind += weight
        return -1 if ahead >= behind else 1

    total = np.empty(candidates)
    total[_merge_sort(list(range(candidates)), compare)] = np.arange(candidates, 0, -1)
    return total


def _merge_sort(order: list[int], compare: Callable[[int, int], int]) -> list[int]:
    """Sort as the kernel does: where the comparison is no order, the way of sorting counts."""
    width = 1
    while width < len(order):
        merged: list[int] = []
        for low in range(0, len(order), 2 * width):
            left, right = order[low : low + width], order[low + width : low + 2 * width]
            i = j = 0
            while i < len(left) or j < len(right):
                take_left = j >= len(right) or (i < len(left) and compare(right[j], left[i]) > 0)
                merged.append(left[i] if take_left else right[j])
                i, j = (i + 1, j) if take_left else (i, j + 1)
        order, width = merged, 2 * width
    return order

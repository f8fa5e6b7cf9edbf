"""What methods of fusion learn of each run from judged training queries; the estimates are those of ranx."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from intrex.data.arrays import Float64s
from intrex.data.errors import BadInput, UsageError
from intrex.data.packed import PackedRun
from intrex.data.qrels import Qrels
from intrex.retrievers.fusion.options import SEGMENTS, FuseOptions

UNSEEN = {"bayesfuse": math.log(0.001 / 0.999)}
"""What a rank counts of which nothing was learned, by method; 0 elsewhere."""
_ODDS_BOUNDS = (0, 5, 10, 15, 20, 30, 100, 200, 500, 1000)
_SEGMENT_BOUNDS = (0, *(10 * 2**i - 5 for i in range(10)))


def learn(options: FuseOptions, qrels: Qrels, runs: Sequence[PackedRun]) -> Float64s:
    """Estimate what a method needs of each run, [runs, t].

    Args:
        options: the method, and in how many segments it divides a ranking.
        qrels: judgements of the training queries; above 0 is relevant.
        runs: in the order of those that are fused.

    Raises:
        BadInput: a run answers none of the judged queries.
    """
    tables = [_table(options, *_hit_lists(qrels, run, options.depth)) for run in runs]
    longest = max(len(table) for table in tables)
    fill = UNSEEN.get(options.method, 0.0)
    return np.stack([np.pad(table, (0, longest - len(table)), constant_values=fill) for table in tables])


def check_training(paths: Sequence[Path], runs: Sequence[Path]) -> None:
    """Raise `UsageError` unless there is one run of training queries for each run."""
    if paths and len(paths) != len(runs):
        raise UsageError(
            f"{len(paths)} runs of training queries for {len(runs)} runs", "give one for each, in the same order"
        )  # fmt: skip


def _hit_lists(qrels: Qrels, run: PackedRun, depth: int | None) -> tuple[list[Float64s], float]:
    """Return, of each judged query that the run answers, which ranks are relevant (1, else 0), and the mean average precision."""
    found, precision = [], 0.0
    relevant = qrels.grades > 0
    for i, query in enumerate(qrels.query_ids.tolist()):
        place = run.rows(query)
        if place is None:
            continue
        part, low, high = place
        docs = part.docs.reshape(-1, part.width)[low:high].reshape(-1).view(f"S{part.width}")[:depth]
        rows = slice(qrels.offsets[i], qrels.offsets[i + 1])
        hits = np.isin(docs, qrels.doc_ids[rows][relevant[rows]]).astype(np.float64)
        precisions = hits * np.cumsum(hits) / np.arange(1, len(hits) + 1)
        precision += float(precisions.sum()) / max(int(relevant[rows].sum()), 1)
        found.append(hits)
    if not found:
        raise BadInput(
            f"the run {run.tag} answers none of the {len(qrels):,} training queries",
            "name runs of the training queries: --train-runs RUN, once for each run",
        )
    return found, precision / len(qrels)


def _table(options: FuseOptions, hits: list[Float64s], precision: float) -> Float64s:
    method = options.method
    if method == "mapfuse":
        return precision / np.arange(1, max(map(len, hits)) + 1)
    if method == "probfuse":
        return _segment_means(hits, SEGMENTS if options.segments is None else options.segments)
    if method == "segfuse":
        return _bounded(hits, _SEGMENT_BOUNDS)
    if method == "bayesfuse":
        share = _bounded(hits, _ODDS_BOUNDS)
        share = np.where(share == 0, 0.001, share)
        return np.log(share / np.where(share == 1, 0.001, 1 - share))
    return _by_rank(hits)


def _by_rank(hits: list[Float64s]) -> Float64s:
    """Return how many of the rankings that have a rank are relevant there."""
    longest = max(map(len, hits))
    relevant, rankings = np.zeros((2, longest))
    for one in hits:
        relevant[: len(one)] += one
        rankings[: len(one)] += 1
    return relevant / rankings


def _bounded(hits: list[Float64s], bounds: Sequence[int]) -> Float64s:
    """Return for each rank the mean precision in the segment with these bounds that it is in."""
    table = np.zeros(bounds[-1])
    for start, end in pairwise(bounds):
        table[start:end] = np.mean([one[start:end].sum() / (end - start) for one in hits])
    return table


def _segment_means(hits: list[Float64s], segments: int) -> Float64s:
    """Return the mean precision in each of so many segments of equal size; one that a ranking lacks counts 0."""
    total = np.zeros(segments)
    for one in hits:
        size = -(-len(one) // segments)
        for i in range(segments):
            if len(part := one[i * size : (i + 1) * size]):
                total[i] += part.mean()
    return total / len(hits)

"""Values of a measure for each setting and query, and what they choose: the setting, and what it is worth held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.data.numeric.spans import owners_of
from intrex.data.packed import PackedRun
from intrex.data.qrels import Qrels
from intrex.eval.measures import Measure
from intrex.eval.scoring.matching import RunHits
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.score import rankings_of
from intrex.retrievers.fusion.judged import JudgedRanks, rank_judged
from intrex.retrievers.fusion.options import FuseOptions, NormalizeOptions
from intrex.retrievers.fusion.plan import plan_of, plan_of_one

TOLERANCE = 1e-12
"""Means that differ by less are equal."""


def setting_values(
    runs: Sequence[PackedRun], qrels: Qrels, settings: Sequence[FuseOptions], measure: Measure
) -> Float64s:
    """Compute a measure [settings, q] of the fusion by each setting; a query that no run answers counts as it does in `evaluate`."""
    found = rank_judged(runs, qrels, [plan_of(one, len(runs)) for one in settings])
    return _values(found, qrels, measure)


def run_values(runs: Sequence[PackedRun], qrels: Qrels, measure: Measure) -> Float64s:
    """Compute a measure [runs, q] of each run by itself."""
    plan = plan_of_one(NormalizeOptions(norm="none"))
    return np.concatenate([_values(rank_judged([run], qrels, [plan]), qrels, measure) for run in runs])


def _values(found: JudgedRanks, qrels: Qrels, measure: Measure) -> Float64s:
    owner = owners_of(np.diff(qrels.offsets))
    out = np.empty((len(found.ranks), len(qrels)))
    for setting, ranks in enumerate(found.ranks):
        rows = np.flatnonzero(ranks)
        rows = rows[np.lexsort((ranks[rows], owner[rows]))]
        sizes = np.bincount(owner[rows], minlength=len(qrels))
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        hits = RunHits(
            found.retrieved, offsets, ranks[rows].astype(np.int64), rows, found.retrieved > 0, 0, "tuned"
        )
        out[setting] = measure.values(rankings_of(qrels, hits, Rules()))
    return out


def choose(values: Float64s, distances: Float64s) -> int:
    """Return the setting with the highest mean of values [g, q]; of equal ones that nearest to the default, then the first."""
    means = values.mean(axis=1)
    best = np.flatnonzero(means >= means.max() - TOLERANCE)
    return int(best[np.argmin(distances[best])])


def folds_of(queries: Sequence[bytes], folds: int, seed: int) -> Int64s:
    """Assign queries [q] to folds of equal size, in the order of a hash: whatever else is in the set does not matter for it."""
    digests = [hashlib.sha256(str(seed).encode() + b"\n" + query).digest() for query in queries]
    order = sorted(range(len(queries)), key=digests.__getitem__)
    fold = np.empty(len(queries), np.int64)
    fold[order] = np.arange(len(queries)) % folds
    return fold


def held_out(values: Float64s, distances: Float64s, fold: Int64s) -> tuple[Float64s, list[int]]:
    """Return of each query [q] its value by the setting that the other folds choose, and those settings."""
    out, chosen = np.empty(values.shape[1]), []
    for number in range(int(fold.max()) + 1):
        mine = fold == number
        chosen.append(choose(values[:, ~mine], distances))
        out[mine] = values[chosen[-1], mine]
    return out, chosen

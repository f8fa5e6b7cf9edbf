"""Number of candidates that a first stage must hand over: recall at depths, and the depth that reaches a recall.

Both are what MUVERA's figures 3 to 5 and table 1 report (Dhulipala et al. 2024, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float64s, Int64s

NEVER = np.iinfo(np.int64).max
"""Rank of a document that is not among the candidates."""


def ranks_of(
    targets: Sequence[npt.NDArray[np.generic]], candidates: Sequence[npt.NDArray[np.generic]]
) -> list[Int64s]:
    """Return the ranks from 1 of each query's targets among its candidates, `NEVER` for those that are not there.

    Args:
        targets: for each query documents (rows or ids), without repeats.
        candidates: for each query documents of the same kind, best first, without repeats.
    """
    out = []
    for target, listed in zip(targets, candidates, strict=True):
        ranks = np.full(len(target), NEVER, np.int64)
        if len(target) and len(listed):
            order = np.argsort(listed, kind="stable")
            at = np.minimum(np.searchsorted(listed, target, sorter=order), len(listed) - 1)
            hit = listed[order[at]] == target
            ranks[hit] = order[at[hit]] + 1
        out.append(ranks)
    return out


def recall_at(ranks: Sequence[Int64s], depths: Sequence[int]) -> Float64s:
    """Average over queries the share of targets among the first ``depth`` candidates; float64 [depths].

    Queries that want nothing are left out; NaN when none wants anything.
    """
    judged = [places for places in ranks if len(places)]
    if not judged:
        return np.full(len(depths), np.nan)
    return np.array([float(np.mean([(places <= depth).mean() for places in judged])) for depth in depths])


def depth_needed(ranks: Sequence[Int64s], target: float) -> int | None:
    """Return the fewest candidates at which the mean recall is at least ``target``; None if no number is enough.

    Args:
        ranks: as `ranks_of` gives them.
        target: from 0 to 1.
    """
    judged = [places for places in ranks if len(places)]
    if not judged:
        return None
    all_ranks = np.concatenate(judged)
    weights = np.concatenate([np.full(len(places), 1.0 / len(places)) for places in judged]) / len(judged)
    order = np.argsort(all_ranks, kind="stable")
    reached = np.cumsum(weights[order]) >= target - 1e-12
    if not reached.any():
        return None
    rank = int(all_ranks[order[int(np.argmax(reached))]])
    return None if rank == NEVER else rank

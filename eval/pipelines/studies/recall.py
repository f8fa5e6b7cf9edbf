"""How many candidates a first stage must hand over: recall at depths, and the depth that reaches a recall.

Both are what MUVERA's figures 3 to 5 and table 1 report (Dhulipala et al. 2024, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float64s, Int64s

NEVER = np.iinfo(np.int64).max
"""The rank of what is not among the candidates."""


def ranks_of(
    wanted: Sequence[npt.NDArray[np.generic]], candidates: Sequence[npt.NDArray[np.generic]]
) -> list[Int64s]:
    """The ranks from 1 of each query's wanted documents among its candidates, `NEVER` for those that are not there.

    Args:
        wanted: for each query documents (rows or ids), without repeats.
        candidates: for each query documents of the same kind, best first, without repeats.
    """
    found = []
    for want, have in zip(wanted, candidates, strict=True):
        ranks = np.full(len(want), NEVER, np.int64)
        if len(want) and len(have):
            order = np.argsort(have, kind="stable")
            at = np.minimum(np.searchsorted(have, want, sorter=order), len(have) - 1)
            hit = have[order[at]] == want
            ranks[hit] = order[at[hit]] + 1
        found.append(ranks)
    return found


def recall_at(ranks: Sequence[Int64s], depths: Sequence[int]) -> Float64s:
    """Mean over queries of the share of wanted documents among the first ``depth`` candidates; float64 [depths].

    Queries that want nothing are left out; NaN when none wants anything.
    """
    some = [one for one in ranks if len(one)]
    if not some:
        return np.full(len(depths), np.nan)
    return np.array([float(np.mean([(one <= depth).mean() for one in some])) for depth in depths])


def depth_needed(ranks: Sequence[Int64s], target: float) -> int | None:
    """The fewest candidates at which the mean recall is at least ``target``; None if no number is enough.

    Args:
        ranks: as `ranks_of` gives them.
        target: from 0 to 1.
    """
    some = [one for one in ranks if len(one)]
    if not some:
        return None
    all_ranks = np.concatenate(some)
    weights = np.concatenate([np.full(len(one), 1.0 / len(one)) for one in some]) / len(some)
    order = np.argsort(all_ranks, kind="stable")
    reached = np.cumsum(weights[order]) >= target - 1e-12
    if not reached.any():
        return None
    rank = int(all_ranks[order[int(np.argmax(reached))]])
    return None if rank == NEVER else rank

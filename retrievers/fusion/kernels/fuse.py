"""The kernel of fusion, see `intrex.retrievers.fusion.fuse`: it takes one query after another, with its rows in each run."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Int, Int64s, inner, kernel
from intrex.retrievers.fusion.kernels.majority import count_wins, set_places, sort_pairs
from intrex.retrievers.fusion.kernels.rows import Result, Room, Rows, Rule, intern, rank
from intrex.retrievers.fusion.kernels.values import TWICE, missing_value, set_values

SUM, MIN, MAX, MED, WEIGHTS, COPELAND, CONDORCET = range(7)  # as in intrex.retrievers.fusion.methods


@inner
def _add(rule, runs, run, c, v, room):
    """Add what document c counts in a run."""
    weight, merge = rule.weights[run], rule.merge
    n = room.count[c]
    if merge == SUM:
        room.total[c] += weight * v
    elif merge == WEIGHTS:
        room.total[c] += v
        room.weight[c] += weight
    elif n == 0:
        room.total[c] = v
    elif merge == MIN:
        room.total[c] = min(room.total[c], v)
    elif merge == MAX:
        room.total[c] = max(room.total[c], v)
    if merge == MED:
        at = np.int64(c) * runs + n
        while at > np.int64(c) * runs and room.many[at - 1] > v:
            room.many[at] = room.many[at - 1]
            at -= 1
        room.many[at] = v
    room.count[c] = n + 1


@inner
def join(starts, first, runs, base, candidates, rule, room):
    """Put what documents count together, run after run, in ``room.total``."""
    for c in range(candidates):
        room.total[c], room.weight[c], room.count[c], room.stamp[c] = 0.0, 0.0, 0, -1
    for run in range(runs):
        low = starts[first + run]
        n = min(starts[first + run + 1] - low, rule.depth)
        if n == 0:
            continue
        for row in range(low, low + n):
            code = np.int64(room.code[row - base])
            room.stamp[code] = run
            _add(rule, runs, run, code, room.value[row - base], room)
        if rule.filled:
            v = missing_value(rule, n, candidates)
            for c in range(candidates):
                if room.stamp[c] != run:
                    _add(rule, runs, run, c, v, room)
    for c in range(candidates):
        many = np.int64(room.count[c])
        if rule.merge == SUM:
            room.total[c] *= rule.factors[many]
        elif rule.merge == WEIGHTS:
            room.total[c] *= room.weight[c]
        elif rule.merge == MED:
            at = np.int64(c) * runs
            room.total[c] = (room.many[at + (many - 1) // 2] + room.many[at + many // 2]) / 2.0


@inner
def number(rows, starts, first, runs, rule, room, fault):
    """Assign numbers to the documents of a query in the order of the runs: how many they are, -1 with a fault; and the mask of the table."""
    base, candidates, mask = starts[first], 0, np.int64(4)
    while mask < 2 * (starts[first + runs] - base):
        mask *= 2
    mask -= 1
    for slot in range(mask + 1):
        room.slots[slot] = -1
    for run in range(runs):
        low = starts[first + run]
        high = min(starts[first + run + 1], low + rule.depth)
        candidates = intern(rows, low, high, room, mask, run, base, candidates)
        if candidates < 0:
            fault[0], fault[1] = TWICE, run
            return np.int64(-1), mask
    return np.int64(candidates), mask


@inner
def compare(starts, first, runs, candidates, rule, room):
    """Write what documents get by Copeland's or Condorcet's method."""
    kept = set_places(starts, first, runs, starts[first], candidates, rule, room)
    if rule.merge == COPELAND:
        count_wins(candidates, kept, room)
    else:
        sort_pairs(candidates, kept, room)


@inner
def _fuse(rows, starts, first, runs, rule, room, fault):
    """Fuse one query: the number of its documents, whose totals are in ``room``; -1 with a fault."""
    candidates, _ = number(rows, starts, first, runs, rule, room, fault)
    if candidates < 0:
        return candidates
    base = starts[first]
    if rule.merge == COPELAND or rule.merge == CONDORCET:
        compare(starts, first, runs, candidates, rule, room)
        return candidates
    for run in range(runs):
        low = starts[first + run]
        high = min(starts[first + run + 1], low + rule.depth)
        if high > low:
            found = set_values(
                rows, low, high, starts[first + run + 1], base, rule, run, candidates, room.value
            )
            if found:
                fault[0], fault[1] = found, run
                return np.int64(-1)
    join(starts, first, runs, base, candidates, rule, room)
    return candidates


@kernel(
    starts="n_queries * runs + 1", ends="n_queries", fault="2", infima="runs", weights="runs", factors="runs + 1",
    numbers="4", tables="runs * span", bins="256",
)  # fmt: skip
def fuse(
    rows: Rows,
    starts: Int64s,
    n_queries: Int,
    runs: Int,
    rule: Rule,
    room: Room,
    result: Result,
    fault: Int64s,
) -> Int:
    """Fuse queries, of which query q has the rows ``starts[q * runs + r]:starts[q * runs + r + 1]`` in run r, in order.

    Written is ``result``, the ``rule.k`` best documents of each by float32 score and id, descending. Returns
    ``n_queries``, or the first one that cannot be fused: then ``fault`` says what is wrong, and in which run.
    """
    at = 0
    for q in range(n_queries):
        candidates = _fuse(rows, starts, q * runs, runs, rule, room, fault)
        if candidates < 0:
            return q
        rank(rows, room, candidates)
        for i in range(min(candidates, rule.k)):
            c = np.int64(room.order[i])
            result.out_rows[at] = room.first[c]
            result.out_scores[at] = np.float32(room.total[c]) + np.float32(0)
            at += 1
        result.ends[q] = at
    return n_queries

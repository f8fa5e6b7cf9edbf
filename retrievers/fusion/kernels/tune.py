"""The kernel that ranks judged documents under many settings of a method, without sorting the others."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Float32s, Float64s, Int, Int32s, Int64s, inner, kernel, load8
from intrex.retrievers.fusion.kernels.fuse import CONDORCET, COPELAND, SUM, compare, join, number
from intrex.retrievers.fusion.kernels.rows import PRIME, Room, Rows, Rule, later_id
from intrex.retrievers.fusion.kernels.values import missing_value, set_values

_HALF = np.uint64(32)
NUMBERS = 4  # of a rule


@inner
def _find(rows, row, room, mask):
    """Find the number of a row's document among those of the query, or -1."""
    at, h = row * rows.width, np.uint64(0)
    words = rows.width // 8
    for w in range(words):
        h = (h ^ load8(rows.docs, at + 8 * w)) * PRIME
        h ^= h >> _HALF
    slot = np.int64(h & np.uint64(mask))
    while room.slots[slot] >= 0:
        c = np.int64(room.slots[slot])
        other, same = np.int64(room.first[c]) * rows.width, True
        for w in range(words):
            same = same and load8(rows.docs, at + 8 * w) == load8(rows.docs, other + 8 * w)
        if same:
            return c
        slot = (slot + 1) & mask
    return np.int64(-1)


@inner
def _spread_values(rows, starts, first, runs, base, candidates, rule, room, dense, fault):
    """Write what each document counts in each run; in ``dense`` [runs, candidates] too, 0 where it counts nothing."""
    for c in range(candidates):
        room.count[c] = 0
    for run in range(runs):
        low = starts[first + run]
        high = min(starts[first + run + 1], low + rule.depth)
        at = run * candidates
        blank = missing_value(rule, high - low, candidates) if rule.filled and high > low else 0.0
        for c in range(candidates):
            dense[at + c] = blank
            room.count[c] += np.int32(1 if rule.filled and high > low else 0)
        if high == low:
            continue
        found = set_values(rows, low, high, starts[first + run + 1], base, rule, run, candidates, room.value)
        if found:
            fault[0], fault[1] = found, run
            return False
        for row in range(low, high):
            code = np.int64(room.code[row - base])
            dense[at + code] = room.value[row - base]
            room.count[code] += np.int32(0 if rule.filled else 1)
    return True


@inner
def _add_dense(candidates, runs, rule, room, dense):
    """Write each document's weighted sum, run after run, times its factor."""
    for c in range(candidates):
        room.total[c] = 0.0
    for run in range(runs):
        weight, at = rule.weights[run], run * candidates
        for c in range(candidates):
            room.total[c] += weight * dense[at + c]
    for c in range(candidates):
        room.total[c] *= rule.factors[room.count[c]]


@inner
def _rank_of(rows, room, single, candidates, c, most):
    """Find a document's rank by float32 score and id; 0 where it is beyond ``most``."""
    mine, ahead, tied = single[c], np.int64(0), np.int64(0)
    for other in range(candidates):
        ahead += np.int64(single[other] > mine)
        tied += np.int64(single[other] == mine)
    if ahead >= most:
        return np.int64(0)
    if tied > 1:
        for other in range(candidates):
            if single[other] == mine and other != c:
                ahead += np.int64(later_id((rows.docs, rows.width, room.first), other, c))
    return ahead + 1 if ahead < most else np.int64(0)


@inner
def _set(rule, runs, setting, weights, factors, numbers):
    """Take the weights, factors and numbers of a setting."""
    for run in range(runs):
        rule.weights[run] = weights[setting * runs + run]
    for n in range(runs + 1):
        rule.factors[n] = factors[setting * (runs + 1) + n]
    for i in range(NUMBERS):
        rule.numbers[i] = numbers[setting * NUMBERS + i]


@inner
def _total(rows, starts, first, runs, candidates, rule, fresh, room, dense, fault):
    """Write what each document gets; where that is ``fresh``, what it counts in each run first. Tells whether there was no fault."""
    if rule.merge == COPELAND or rule.merge == CONDORCET:
        compare(starts, first, runs, candidates, rule, room)
        return True
    base = starts[first]
    if fresh and not _spread_values(rows, starts, first, runs, base, candidates, rule, room, dense, fault):
        return False
    if rule.merge == SUM:
        _add_dense(candidates, runs, rule, room, dense)
    else:
        join(starts, first, runs, base, candidates, rule, room)
    return True


@kernel(
    starts="n_queries * (runs + 1) + 1", weights_of="settings * runs", factors_of="settings * (runs + 1)",
    numbers_of="settings * 4", ranks_of="settings * judgements", retrieved="n_queries", fault="2", infima="runs",
    weights="runs", factors="runs + 1", numbers="4", bins="256",
)  # fmt: skip
def tune(
    rows: Rows, starts: Int64s, n_queries: Int, runs: Int, rule: Rule, settings: Int, varied: Int, weights_of: Float64s,
    factors_of: Float64s, numbers_of: Float64s, room: Room, dense: Float64s, single: Float32s, found: Int32s,
    judgements: Int, retrieved: Int64s, ranks_of: Int32s, fault: Int64s,
) -> Int:  # fmt: skip
    """Rank the judged documents of each query under each setting.

    Query q has the rows ``starts[q * (runs + 1) + r]`` on in run r, and its judged documents as those of one more. Written
    are ``retrieved`` [n_queries] and ``ranks_of`` [settings, judgements], 0 where a document is not among the ``rule.k`` best. With
    ``varied`` a setting changes what documents count, without it weights and factors alone. Returns as `fuse` does.
    """
    at = 0
    for q in range(n_queries):
        first = q * (runs + 1)
        candidates, mask = number(rows, starts, first, runs, rule, room, fault)
        if candidates < 0:
            return q
        last = starts[first + runs]
        judged = starts[first + runs + 1] - last
        for j in range(judged):
            found[j] = _find(rows, last + j, room, mask)
        retrieved[q] = min(candidates, rule.k)
        for setting in range(settings):
            _set(rule, runs, setting, weights_of, factors_of, numbers_of)
            fresh = setting == 0 or varied
            if not _total(rows, starts, first, runs, candidates, rule, fresh, room, dense, fault):
                return q
            for c in range(candidates):
                single[c] = np.float32(room.total[c])
            for j in range(judged):
                document, rank = np.int64(found[j]), np.int64(0)
                if document >= 0:
                    rank = _rank_of(rows, room, single, candidates, document, rule.k)
                ranks_of[setting * judgements + at + j] = rank
        at += judged
    return n_queries

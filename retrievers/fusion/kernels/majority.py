"""Copeland's and Condorcet's methods, for the kernel of fusion: documents are compared in pairs over all runs."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import inner
from intrex.data.numeric.kernels import merge_sort


@inner
def set_places(starts, first, runs, base, candidates, rule, room):
    """Write the place of each document in each run that answers the query, one run after another; how many such runs.

    Documents that a run lacks are all behind those it has. The weights of those runs go to ``room.weight``.
    """
    kept = 0
    for run in range(runs):
        low = starts[first + run]
        n = min(starts[first + run + 1] - low, rule.depth)
        if n == 0:
            continue
        at = kept * candidates
        for c in range(candidates):
            room.places[at + c] = n
        for row in range(low, low + n):
            room.places[at + np.int64(room.code[row - base])] = row - low
        room.weight[kept] = rule.weights[run]
        kept += 1
    return kept


@inner
def _nearer(items, i, j):
    """Tell which of two documents stands nearer to the end of the first run that is worked from."""
    places, sign = items
    return places[i] > places[j] if sign > 0 else places[i] < places[j]


@inner
def _seat(places, candidates, document, sign):
    """Compute where a document's place in the second run is counted, from the end or from the beginning of that run."""
    second = np.int64(places[candidates + np.int64(document)])
    return (candidates - second if sign > 0 else second) + 1


@inner
def _dominate(candidates, room, sign):
    """Add, of two runs, to each document's total half of how many it is in neither run behind, or take what is so to it.

    Documents are taken by their places in the first run, from the last (``sign`` 1) or the first (-1) on; a tree of
    counts has the places in the second run of those before. Those that the first run lacks share a place there, and no
    two documents share a place in both. So wins less losses, halved, count what wins and half the ties do, but for a
    number that is the same for all.
    """
    tree, places, size = room.tree, room.places, candidates + 1
    for at in range(size + 1):
        tree[at] = 0
    for c in range(candidates):
        room.order[c] = c
    merge_sort(_nearer, (places, sign), room.order, room.spare, candidates)
    done = 0
    while done < candidates:
        end, place = done, places[room.order[done]]
        while end < candidates and places[room.order[end]] == place:
            at = _seat(places, candidates, room.order[end], sign)
            while at <= size:
                tree[at] += 1
                at = at + (at & -at)
            end += 1
        for i in range(done, end):
            document = room.order[i]
            at, found = _seat(places, candidates, document, sign), 0
            while at > 0:
                found += tree[at]
                at = at - (at & -at)
            room.total[document] += 0.5 * sign * (found - 1)
        done = end


@inner
def _compare_all(candidates, kept, room):
    """Add half of a win, and take half of a loss, for every pair of documents that a majority of the runs decides."""
    places = room.places
    for x in range(candidates):
        for y in range(x + 1, candidates):
            room.tree[y] = 0
        for run in range(kept):
            at = run * candidates
            mine = places[at + x]
            for y in range(x + 1, candidates):
                room.tree[y] += np.int32(mine < places[at + y]) - np.int32(mine > places[at + y])
        lead = np.int32(0)
        for y in range(x + 1, candidates):
            won = np.int32(room.tree[y] > 0) - np.int32(room.tree[y] < 0)
            lead += won
            room.total[y] -= 0.5 * won
        room.total[x] += 0.5 * lead


@inner
def count_wins(candidates, kept, room):
    """Write of each document the pairs that it wins by a majority of the runs, and half of those that are tied."""
    for c in range(candidates):
        room.total[c] = 0.5 * (candidates - 1)
    if kept == 2:
        _dominate(candidates, room, 1)
        _dominate(candidates, room, -1)
    else:
        _compare_all(candidates, kept, room)


@inner
def _preferred(items, i, j):
    """Tell whether the runs that have one document before another weigh as much as the others, as ranx compares them."""
    places, weights, candidates, kept = items
    ahead, behind = 0.0, 0.0
    for run in range(kept):
        at = run * candidates
        if places[at + i] < places[at + j]:
            ahead += weights[run]
        else:
            behind += weights[run]
    return ahead >= behind


@inner
def sort_pairs(candidates, kept, room):
    """Sort documents, as they come, by `_preferred`, which is no order; the first of n gets n, the last 1."""
    for c in range(candidates):
        room.order[c] = c
    items = (room.places, room.weight, np.int64(candidates), np.int64(kept))
    merge_sort(_preferred, items, room.order, room.spare, candidates)
    for i in range(candidates):
        room.total[room.order[i]] = candidates - i

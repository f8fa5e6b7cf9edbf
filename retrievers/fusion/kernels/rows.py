"""What the kernels of fusion share: rows, rules, space, and the documents of a query as numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from intrex.data.native.jit import Float32s, Float64s, Int, Int32s, Int64s, Uint8s, Uint64s, inner, load8
from intrex.data.numeric.kernels import merge_sort

PRIME = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


class Rows(NamedTuple):
    """Documents as zero-padded ids of ``width`` bytes, a multiple of 8; their scores; their ranks, from 1."""

    docs: Uint8s
    width: Int
    scores: Float32s
    ranks: Int32s


class Rule(NamedTuple):
    """How runs are fused: see `intrex.retrievers.fusion.plan.Plan`."""

    source: Int
    norm: Int
    merge: Int
    filled: Int
    whole: Int
    depth: Int
    k: Int
    span: Int
    numbers: Float64s
    infima: Float64s
    weights: Float64s
    factors: Float64s
    tables: Float64s


class Room(NamedTuple):
    """Space for the query with the most rows; of ``slots`` twice as many, rounded up to a power of two."""

    slots: Int32s
    code: Int32s
    first: Int32s
    value: Float64s
    total: Float64s
    count: Int32s
    weight: Float64s
    stamp: Int32s
    many: Float64s
    places: Int32s
    order: Int32s
    spare: Int32s
    tree: Int32s
    keys: Uint64s
    more: Uint64s
    bins: Int64s


class Result(NamedTuple):
    """Of each place in the rankings the row of its document and its score; where each query's end."""

    out_rows: Int32s
    out_scores: Float32s
    ends: Int64s


@inner
def intern(rows, low, high, room, mask, run, base, n):
    """Assign numbers to the documents of one run's rows among those of the query, of which there are n; -1 if one is there twice."""
    words = rows.width // 8
    for row in range(low, high):
        at, h = row * rows.width, np.uint64(0)
        for w in range(words):
            h = (h ^ load8(rows.docs, at + 8 * w)) * PRIME
            h ^= h >> _HALF
        slot = np.int64(h & np.uint64(mask))
        while True:
            c = np.int64(room.slots[slot])
            if c < 0:
                room.slots[slot], room.first[n], room.stamp[n] = n, row, run
                room.code[row - base] = n
                n += 1
                break
            other, same = np.int64(room.first[c]) * rows.width, True
            for w in range(words):
                same = same and load8(rows.docs, at + 8 * w) == load8(rows.docs, other + 8 * w)
            if same:
                if room.stamp[c] == run:
                    return np.int64(-1)
                room.stamp[c], room.code[row - base] = run, c
                break
            slot = (slot + 1) & mask
    return n


@inner
def later_id(docs, i, j):
    """Tell whether the id of one of two rows comes after the other's in byte order."""
    ids, width, first = docs
    a, b = np.int64(first[i]) * width, np.int64(first[j]) * width
    for w in range(0, width, 8):
        if load8(ids, a + w) != load8(ids, b + w):
            for p in range(w, w + 8):
                if ids[a + p] != ids[b + p]:
                    return ids[a + p] > ids[b + p]
    return False


@inner
def _sort_keys(keys, more, bins, n):
    """Sort numbers by their upper 32 bits, highest first; equal ones stay in order. Returns which of both has them."""
    turned = False
    for shift in range(32, 64, 8):
        for b in range(256):
            bins[b] = 0
        for i in range(n):
            bins[np.int64((keys[i] >> np.uint64(shift)) & np.uint64(255))] += 1
        at, whole = 0, False
        for b in range(255, -1, -1):
            count = bins[b]
            whole = whole or count == n
            bins[b] = at
            at = at + count
        if whole:
            continue
        for i in range(n):
            byte = np.int64((keys[i] >> np.uint64(shift)) & np.uint64(255))
            more[bins[byte]] = keys[i]
            bins[byte] += 1
        keys, more = more, keys
        turned = not turned
    return turned


@inner
def rank(rows, room, candidates):
    """Put the numbers of a query's documents in order of their float32 scores and ids, descending, in ``room.order``."""
    for c in range(candidates):
        bits = np.int64(np.float32(np.float32(room.total[c]) + np.float32(0)).view(np.uint32))
        high = (0xFFFFFFFF ^ bits) if bits >> 31 else (bits | 0x80000000)
        room.keys[c] = (np.uint64(high) << _HALF) | np.uint64(c)
    keys = room.more if _sort_keys(room.keys, room.more, room.bins, candidates) else room.keys
    start = 0
    while start < candidates:
        end = start + 1
        while end < candidates and keys[end] >> _HALF == keys[start] >> _HALF:
            end += 1
        for i in range(start, end):
            room.places[i - start] = np.int64(keys[i] & np.uint64(0xFFFFFFFF))
        if end - start > 1:
            merge_sort(later_id, (rows.docs, rows.width, room.first), room.places, room.spare, end - start)
        for i in range(start, end):
            room.order[i] = room.places[i - start]
        start = end

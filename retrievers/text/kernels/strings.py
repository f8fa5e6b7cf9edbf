"""Strings of bytes by number, for numba: what `intrex.retrievers.text.batch` keeps its forms and terms in.

String i is ``arena[ends[i]:ends[i + 1] - 1]``, and a line feed, which none may hold, stands behind it. ``table`` is for
open addressing: two uint64 a slot, a key, and the string's place above its number + 1, or 0 where the slot is free.
The key of up to seven bytes is these bytes and their count, so most strings are known by it alone. Buffers of bytes have
eight to spare.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from intrex.data.native.jit import Int, Int64s, Uint8s, Uint64s, inner, kernel, load8

PRIME = np.uint64(0x9E3779B97F4A7C15)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
TOP = np.uint64(56)
LONG = np.uint64(8)
NEWLINE = 0x0A


class Strings(NamedTuple):
    """Strings and their table of ``mask`` + 1 slots; see the module's text."""

    arena: Uint8s
    ends: Int64s
    table: Uint64s
    mask: Int


@inner
def key_of(buf, at, size):
    """Return the key of a string, see the module's text."""
    if size == 0:
        return np.uint64(0)
    if size < 8:
        return load8(buf, at) & (~np.uint64(0) >> np.uint64(64 - 8 * size)) | np.uint64(size) << TOP
    h = np.uint64(size)
    while size > 8:
        h = (h ^ load8(buf, at)) * PRIME
        h ^= h >> HALF
        at, size = at + 8, size - 8
    h = (h ^ (load8(buf, at) & (~np.uint64(0) >> np.uint64(64 - 8 * size)))) * PRIME
    return (h ^ h >> HALF) >> LONG | LONG << TOP


@inner
def slot_of(key, mask):
    """Where to look for a key first."""
    return np.int64(key * PRIME >> HALF) & mask


@inner
def equal(a, i, b, j, size):
    """Whether two strings of bytes are; size is not 0."""
    while size > 8:
        if load8(a, i) != load8(b, j):
            return False
        i, j, size = i + 8, j + 8, size - 8
    return (load8(a, i) ^ load8(b, j)) << np.uint64(64 - 8 * size) == 0


@inner
def intern(key, buf, at, size, strings, count):
    """Return the number of a string, which is ``count`` for a new one: that is written down."""
    arena, ends, table, mask = strings
    slot = slot_of(key, mask)
    while table[2 * slot + 1] != 0:
        if table[2 * slot] == key:
            place = np.int64(table[2 * slot + 1] >> HALF)
            if size < 8 or (equal(arena, place, buf, at, size) and arena[place + size] == NEWLINE):
                return np.int64(table[2 * slot + 1] & LOW) - 1
        slot = (slot + 1) & mask
    begin = ends[count]
    for i in range(size):
        arena[begin + i] = buf[at + i]
    arena[begin + size] = NEWLINE
    ends[count + 1] = begin + size + 1
    table[2 * slot] = key
    table[2 * slot + 1] = np.uint64(begin) << HALF | np.uint64(count + 1)
    return count


@kernel(old="2 * size", table="2 * (mask + 1)")
def refill(old: Uint64s, size: Int, table: Uint64s, mask: Int) -> Int:
    """Fill an empty table of ``mask`` + 1 slots with what stands in another one of ``size``."""
    for i in range(size):
        if old[2 * i + 1] != 0:
            slot = slot_of(old[2 * i], mask)
            while table[2 * slot + 1] != 0:
                slot = (slot + 1) & mask
            table[2 * slot], table[2 * slot + 1] = old[2 * i], old[2 * i + 1]
    return 0

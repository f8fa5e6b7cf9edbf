"""What the kernels that read runs share.

Each works on one piece of the file: whole lines, whole queries, ``buf[end - 1]`` a line feed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from intrex.data.native.jit import Float32s, Int, Int32s, Uint8s, Uint32s, inner, kernel
from intrex.data.numeric.kernels import merge_sort

# Kinds of bytes: others are parts of fields.
BLANK, NEWLINE, CONTROL = 1, 2, 3
PRIME = np.uint64(0x9E3779B97F4A7C15)
MASK = np.uint64(0xFFFFFFFF)


class Lines(NamedTuple):
    """The lines of a piece: where in ``buf`` the document of each is, its `hash_id`, its score."""

    buf: Uint8s
    pos: Int32s
    size: Int32s
    hashes: Uint32s
    score: Float32s


class Queries(NamedTuple):
    """The queries of a piece: the first line of each, with the number of lines at the end, and where in ``buf`` its id is."""

    query_line: Int32s
    query_pos: Int32s
    query_size: Int32s


@inner
def hash_id(buf, at, size):
    """Hash an id to 32 bits; equal hashes are always followed by a look at the bytes."""
    h = np.uint64(0)
    for i in range(at, at + size):
        h = (h ^ np.uint64(buf[i])) * PRIME
    return np.int64((h ^ (h >> np.uint64(32))) & MASK)


@inner
def same(a, at, b, bt, size):
    """Tell whether two spans of bytes are equal."""
    for i in range(size):  # noqa: SIM110 - a loop is what numba compiles best
        if a[at + i] != b[bt + i]:
            return False
    return True


@inner
def id_width(ids, at, width):
    """Measure a zero-padded id."""
    size = 0
    while size < width and ids[at + size] != 0:
        size += 1
    return size


@inner
def greater(buf, at, size, bt, other):
    """Tell whether one id comes after another in byte order."""
    for i in range(min(size, other)):
        if buf[at + i] != buf[bt + i]:
            return buf[at + i] > buf[bt + i]
    return size > other


@inner
def before(lines, i, j):
    """Tell whether line i is ranked above line j: score descending, then id descending."""
    if lines.score[i] != lines.score[j]:
        return lines.score[i] > lines.score[j]
    return greater(lines.buf, lines.pos[i], lines.size[i], lines.pos[j], lines.size[j])


@inner
def order_lines(lines, first, n, order, spare):
    """Put the lines of one query in canonical order; nothing is sorted where the file is in order."""
    ordered = True
    for i in range(n):
        order[i] = first + i
        ordered = ordered and (i == 0 or before(lines, first + i - 1, first + i))
    if not ordered:
        merge_sort(before, lines, order, spare, n)


@inner
def fill(lines, first, n, slots, mask):
    """Index the documents of one query by line; 1 if one is there twice."""
    buf, pos, size, hashes = lines.buf, lines.pos, lines.size, lines.hashes
    for slot in range(mask + 1):
        slots[slot] = -1
    for i in range(first, first + n):
        slot = np.int64(hashes[i]) & mask
        while slots[slot] >= 0:
            j = slots[slot]
            if hashes[i] == hashes[j] and size[i] == size[j] and same(buf, pos[i], buf, pos[j], size[i]):
                return 1
            slot = (slot + 1) & mask
        slots[slot] = i
    return 0


@kernel(buf="end", kinds="256")
def cut(buf: Uint8s, end: Int, kinds: Uint8s) -> Int:
    """Find where the last query of ``buf[:end]`` begins, which may go on after it; 0 if there is only one."""
    at = end
    while at > 0 and buf[at - 1] != 10:
        at -= 1
    start, name, size = at, 0, -1  # lines from start on are the last query's
    while at > 0:
        line = at - 1
        while line > 0 and buf[line - 1] != 10:
            line -= 1
        first = line
        while kinds[buf[first]] == BLANK:
            first += 1
        last = first
        while kinds[buf[last]] == 0:
            last += 1
        if last > first:
            if size >= 0 and (last - first != size or not same(buf, first, buf, name, size)):
                return start
            name, size, start = first, last - first, line
        at = line
    return 0


@kernel(ids="count * width", table="mask + 1")
def index(ids: Uint8s, count: Int, width: Int, table: Int32s, mask: Int) -> Int:
    """Fill a hash table [mask + 1] of -1 with the rows of zero-padded ids [count, width]."""
    for row in range(count):
        slot = hash_id(ids, row * width, id_width(ids, row * width, width)) & mask
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = row
    return 0


@inner
def find_row(buf, at, size, ids, width, table, mask):
    """Find the row of an id in an indexed table, or -1."""
    slot = hash_id(buf, at, size) & mask
    while table[slot] >= 0:
        row = table[slot]
        if (
            size <= width
            and same(buf, at, ids, row * width, size)
            and (size == width or ids[row * width + size] == 0)
        ):
            return row
        slot = (slot + 1) & mask
    return -1

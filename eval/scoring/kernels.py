"""The kernel that ranks the queries of a piece and finds their judged documents; see `intrex.data.rankings.kernels.lines`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from intrex.data.native.jit import Int, Int32s, Int64s, Uint8s, inner, kernel
from intrex.data.rankings.kernels.lines import (
    Lines,
    Queries,
    fill,
    find_row,
    hash_id,
    id_width,
    order_lines,
    same,
)


@inner
def _find_line(lines, slots, mask, text, at, length):
    """Find the line of a document in the table of `fill`, or -1."""
    slot = hash_id(text, at, length) & mask
    while slots[slot] >= 0:
        i = slots[slot]
        if lines.size[i] == length and same(lines.buf, lines.pos[i], text, at, length):
            return i
        slot = (slot + 1) & mask
    return -1


@inner
def _emit(lines, order, n, blob, at):
    """Write what the digest of a query is of: its ids, each with a line feed, then its scores."""
    for k in range(n):
        i = order[k]
        for c in range(lines.size[i]):
            blob[at + c] = lines.buf[lines.pos[i] + c]
        at += lines.size[i]
        blob[at] = 10
        at += 1
    for k in range(n):
        word = np.float32(lines.score[order[k]]).view(np.uint32)
        for c in range(4):
            blob[at + c] = (word >> np.uint32(8 * c)) & np.uint32(255)
        at += 4
    return at


@inner
def _hits(lines, first, n, qrels, row, room, mask, skip, found, at):
    """Store rank and row of each judged document of one query; ``skip`` is a line that does not count, or -1."""
    docs, width, marks = qrels.docs, qrels.docs_width, room.marks
    for i in range(n):
        marks[i] = -1
    left = 0
    for judged in range(qrels.offsets[row], qrels.offsets[row + 1]):
        place = judged * width
        line = _find_line(lines, room.slots, mask, docs, place, id_width(docs, place, width))
        if line >= 0 and line != skip:
            marks[line - first] = judged
            left += 1
    rank, k = 0, 0
    while left > 0:
        line = room.order[k]
        k += 1
        if line == skip:
            continue
        rank += 1
        judged = marks[line - first]
        if judged >= 0:
            found.ranks[at], found.rows[at] = rank, judged
            at += 1
            left -= 1
    return at


class Qrels(NamedTuple):
    """The queries, zero-padded, with their `index`; the documents of the one in row q are ``offsets[q]:offsets[q + 1]``."""

    ids: Uint8s
    width: Int
    table: Int32s
    table_mask: Int
    offsets: Int64s
    docs: Uint8s
    docs_width: Int


class Room(NamedTuple):
    """Space for the longest query's lines; of ``slots`` twice as many, rounded up to a power of two."""

    slots: Int32s
    order: Int32s
    spare: Int32s
    marks: Int32s


class Found(NamedTuple):
    """Of each query its row in the qrels or -1, the documents retrieved and how many hits; of each hit its rank and row."""

    row_of: Int32s
    retrieved: Int32s
    hits: Int32s
    ranks: Int32s
    rows: Int32s


@kernel(
    table="table_mask + 1", query_line="count + 1", row_of="count", retrieved="count", hits="count",
    blob_end="count * digest",
)  # fmt: skip
def rank(
    qrels: Qrels, lines: Lines, queries: Queries, count: Int, drop_self: Int, digest: Int, room: Room, found: Found,
    blob: Uint8s, blob_end: Int64s,
) -> Int:  # fmt: skip
    """Rank the ``count`` queries of a parsed piece and find their judged documents; 0, or 1 if one is there twice.

    With ``drop_self`` a document whose id is the query's is left out. Written are ``found`` and, for ``digest``, ``blob``,
    what the digests are of, with the end of each query's in ``blob_end``.
    """
    at, end = 0, 0
    for q in range(count):
        first = queries.query_line[q]
        n = queries.query_line[q + 1] - first
        mask = 4
        while mask < 2 * n:
            mask *= 2
        mask -= 1
        if fill(lines, first, n, room.slots, mask):
            return 1
        name, size = queries.query_pos[q], queries.query_size[q]
        row = find_row(lines.buf, name, size, qrels.ids, qrels.width, qrels.table, qrels.table_mask)
        found.row_of[q], found.retrieved[q], found.hits[q] = row, n, 0
        if row < 0 and not digest:
            continue
        order_lines(lines, first, n, room.order, room.spare)
        if digest:
            end = _emit(lines, room.order, n, blob, end)
            blob_end[q] = end
        if row < 0:
            continue
        skip = _find_line(lines, room.slots, mask, lines.buf, name, size) if drop_self else -1
        if skip >= 0:
            found.retrieved[q] = n - 1
        before = at
        at = _hits(lines, first, n, qrels, row, room, mask, skip, found, at)
        found.hits[q] = at - before
    return 0

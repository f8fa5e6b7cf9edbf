"""The kernel that ranks the queries of a piece and finds their judged documents; see `intrex.eval.scoring.kernels.lines`."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import F4, I4, I8, U1, U4, N, entry, inner
from intrex.eval.scoring.kernels.lines import find_row, hash_id, id_width, same


@inner
def _greater(buf, at, size, bt, other):  # type: ignore[no-untyped-def]
    """Whether one id comes after another in byte order."""
    for i in range(min(size, other)):
        if buf[at + i] != buf[bt + i]:
            return buf[at + i] > buf[bt + i]
    return size > other


@inner
def _before(buf, pos, size, score, i, j):  # type: ignore[no-untyped-def]
    """Whether line i is ranked above line j: score descending, then id descending."""
    if score[i] != score[j]:
        return score[i] > score[j]
    return _greater(buf, pos[i], size[i], pos[j], size[j])


@inner
def _merge_sort(buf, pos, size, score, order, spare, n):  # type: ignore[no-untyped-def]
    step = 1
    while step < n:
        for low in range(0, n, 2 * step):
            mid, high = min(low + step, n), min(low + 2 * step, n)
            i, j = low, mid
            for k in range(low, high):
                if j >= high or (i < mid and not _before(buf, pos, size, score, order[j], order[i])):
                    spare[k] = order[i]
                    i += 1
                else:
                    spare[k] = order[j]
                    j += 1
        for k in range(n):
            order[k] = spare[k]
        step *= 2


@inner
def _fill(buf, pos, size, hashes, first, n, slots, mask):  # type: ignore[no-untyped-def]
    """Index the documents of one query by line; 1 if one is there twice."""
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


@inner
def _find_line(buf, pos, size, slots, mask, text, at, length):  # type: ignore[no-untyped-def]
    """The line of a document in the table of `_fill`, or -1."""
    slot = hash_id(text, at, length) & mask
    while slots[slot] >= 0:
        i = slots[slot]
        if size[i] == length and same(buf, pos[i], text, at, length):
            return i
        slot = (slot + 1) & mask
    return -1


@inner
def _order(buf, pos, size, score, first, n, order, spare):  # type: ignore[no-untyped-def]
    """The lines of one query in canonical order; nothing is sorted where the file is in order."""
    sorted_ = True
    for i in range(n):
        order[i] = first + i
        if i > 0 and sorted_ and not _before(buf, pos, size, score, first + i - 1, first + i):
            sorted_ = False
    if not sorted_:
        _merge_sort(buf, pos, size, score, order, spare, n)


@inner
def _emit(buf, pos, size, bits, order, n, blob, at):  # type: ignore[no-untyped-def]
    """Write what the digest of a query is of: its ids, each with a line feed, then its scores."""
    for k in range(n):
        i = order[k]
        for c in range(size[i]):
            blob[at + c] = buf[pos[i] + c]
        at += size[i]
        blob[at] = 10
        at += 1
    for k in range(n):
        word = bits[order[k]]
        for c in range(4):
            blob[at + c] = (word >> np.uint32(8 * c)) & np.uint32(255)
        at += 4
    return at


@inner
def _hits(buf, pos, size, first, n, order, slots, mask, docs, width, low, high, marks, skip, ranks, rows, at):  # type: ignore[no-untyped-def]
    """Store rank and row of each judged document of one query; ``skip`` is a line that does not count, or -1."""
    for i in range(n):
        marks[i] = -1
    found = 0
    for row in range(low, high):
        line = _find_line(buf, pos, size, slots, mask, docs, row * width, id_width(docs, row * width, width))
        if line >= 0 and line != skip:
            marks[line - first] = row
            found += 1
    place, k = 0, 0
    while found > 0:
        line = order[k]
        k += 1
        if line == skip:
            continue
        place += 1
        row = marks[line - first]
        if row >= 0:
            ranks[at] = place
            rows[at] = row
            at += 1
            found -= 1
    return at


@entry(
    *(U1, N, I4, N, I8, U1, N),
    *(U1, I4, I4, U4, F4, U4, I4, I4, I4, N),
    *(N, N),
    *(I4, I4, I4, I4),
    *(I4, I4, I4, I4, I4, U1, I8),
)
def rank(  # type: ignore[no-untyped-def]
    ids,
    width,
    table,
    table_mask,
    offsets,
    docs,
    docs_width,
    buf,
    pos,
    size,
    hashes,
    score,
    bits,
    query_line,
    query_pos,
    query_size,
    queries,
    drop_self,
    digest,
    slots,
    order,
    spare,
    marks,
    row_of,
    retrieved,
    hits,
    ranks,
    rows,
    blob,
    blob_end,
):
    """Rank the queries of a parsed piece and find their judged documents.

    Arguments, in groups:
        ids, width, table, table_mask: the queries of the qrels, zero-padded, and their `index`.
        offsets, docs, docs_width: the documents of the qrels.
        buf, pos, size, hashes, score: from `parse`; bits: the scores again.
        query_line, query_pos, query_size: from `parse`, query_line with the number of lines at its end.
        queries: how many. drop_self: leave out a document whose id is the query's. digest: fill the blob.
        slots: space for twice the longest query's lines, rounded up to a power of two. order, spare, marks: space
            for the longest query's lines.
        row_of, retrieved, hits: out, [queries] row in the qrels or -1, documents retrieved, hits.
        ranks, rows: out, [hits] rank from 1 and row in the qrels.
        blob, blob_end: out, what the digests are of, [queries] where each one ends.

    Returns:
        0, or 1 if a document is there twice.
    """
    found, end = 0, 0
    for q in range(queries):
        first = query_line[q]
        n = query_line[q + 1] - first
        mask = 4
        while mask < 2 * n:
            mask *= 2
        mask -= 1
        if _fill(buf, pos, size, hashes, first, n, slots, mask):
            return 1
        row = find_row(buf, query_pos[q], query_size[q], ids, width, table, table_mask)
        row_of[q] = row
        retrieved[q] = n
        hits[q] = 0
        if row < 0 and not digest:
            continue
        _order(buf, pos, size, score, first, n, order, spare)
        if digest:
            end = _emit(buf, pos, size, bits, order, n, blob, end)
            blob_end[q] = end
        if row < 0:
            continue
        skip = -1
        if drop_self:
            skip = _find_line(buf, pos, size, slots, mask, buf, query_pos[q], query_size[q])
            if skip >= 0:
                retrieved[q] = n - 1
        before = found
        found = _hits(
            *(buf, pos, size, first, n, order, slots, mask, docs, docs_width),
            *(offsets[row], offsets[row + 1], marks, skip, ranks, rows, found),
        )
        hits[q] = found - before
    return 0

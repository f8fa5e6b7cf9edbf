"""The kernel that keeps what counts of a piece of a run file; see `intrex.data.packed`."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Float32s, Int, Int32s, Uint8s, inner, kernel
from intrex.data.numeric.kernels import merge_sort
from intrex.data.rankings.kernels.lines import BLANK, Lines, Queries, fill, order_lines

MOST_RANK = 2**30


@inner
def _rank(lines, line, kinds):
    """Read the rank of a line, which follows its document; -1 if it is no whole number of 0 or more."""
    buf, p = lines.buf, np.int64(lines.pos[line] + lines.size[line])
    while kinds[buf[p]] == BLANK:
        p += 1
    number, start = np.int64(0), p
    while 48 <= buf[p] <= 57:
        number = min(number * 10 + (buf[p] - 48), np.int64(MOST_RANK))
        p += 1
    return number if p > start and kinds[buf[p]] == BLANK else np.int64(-1)


@inner
def _earlier(ranks, i, j):
    return ranks[i] < ranks[j]


@kernel(kinds="256", query_line="count + 1")
def pack(
    lines: Lines, queries: Queries, count: Int, kinds: Uint8s, ranked: Int, unique: Int, slots: Int32s, width: Int, order: Int32s, spare: Int32s,
    numbers: Int32s, docs: Uint8s, scores: Float32s, ranks: Int32s,
) -> Int:  # fmt: skip
    """Keep the lines of ``count`` queries in order; 0, or 1 where a rank is none or, if it shall be ``unique``, a document is there twice.

    In order of score and document, or with ``ranked`` in that of the rank column, whose numbers are then kept. Written
    are ``docs`` [lines, width], zero-padded, ``scores`` and ``ranks``; ``order`` and ``spare`` have room for the longest
    query's lines, ``slots`` for twice as many, rounded up to a power of two, ``numbers`` for all lines.
    """
    at = 0
    for q in range(count):
        first = np.int64(queries.query_line[q])
        n = np.int64(queries.query_line[q + 1]) - first
        if unique:
            mask = np.int64(4)
            while mask < 2 * n:
                mask *= 2
            if fill(lines, first, n, slots, mask - 1):
                return 1
        if ranked:
            for i in range(n):
                order[i] = first + i
                rank = _rank(lines, first + i, kinds)
                if rank < 0:
                    return 1
                numbers[first + i] = rank
            merge_sort(_earlier, numbers, order, spare, n)
        else:
            order_lines(lines, first, n, order, spare)
        for i in range(n):
            line = np.int64(order[i])
            start, size, place = np.int64(lines.pos[line]), np.int64(lines.size[line]), at * width
            for c in range(size):
                docs[place + c] = lines.buf[start + c]
            for c in range(size, width):
                docs[place + c] = 0
            scores[at] = lines.score[line]
            if ranked:
                ranks[at] = numbers[line]
            at += 1
    return 0

"""The kernel that writes lines of a run file, each score in the shortest form that reads back as the same float32.

The digits are found as R. Giulietti's Schubfach does ("The Schubfach way to render doubles", 2020), whose products fit
64 bits for float32; they are laid out as numpy 2.4 lays them out, with powers of ten below 0.0001 and from a million on.
"""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Float32s, Int, Int32s, Int64s, Uint8s, Uint64s, inner, kernel, stage

LEAST_POWER, MOST_POWER = -31, 45
"""Powers of ten in the table that `write_lines` is given."""
NUMBER = 32
"""Bytes that are enough for any number."""
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


@inner
def _round_to_odd(g, cp):
    """Multiply a power of ten in 64 bits by 32 bits; the upper 32 bits, the last of which says whether there was more."""
    low = ((g & _LOW) * cp) >> _32
    high = (g >> _32) * cp + low
    return (high >> _32) | np.uint64((high & _LOW) > np.uint64(1))


@inner
def _shortest(bits, powers):
    """Find the shortest digits and their power of ten of a float32 above 0, which is given as its bits."""
    fraction, exponent = bits & 0x7FFFFF, bits >> 23
    c, q = (fraction | 0x800000, exponent - 150) if exponent != 0 else (fraction, np.int64(-149))
    if 0 <= -q < 24 and c & ((1 << -q) - 1) == 0:
        return c >> -q, np.int64(0)
    closer = fraction == 0 and exponent > 1  # the number below is half as far away
    odd = c & 1
    k = (q * 1262611 - (524031 if closer else 0)) >> 22
    h = np.uint64(q + ((-k * 1741647) >> 19) + 1)
    g = powers[-k - LEAST_POWER]
    lower = np.int64(_round_to_odd(g, np.uint64(4 * c - 2 + (1 if closer else 0)) << h)) + odd
    v = np.int64(_round_to_odd(g, np.uint64(4 * c) << h))
    upper = np.int64(_round_to_odd(g, np.uint64(4 * c + 2) << h)) - odd
    s = v >> 2
    if s >= 10:
        tens = s // 10
        down, up = lower <= 40 * tens, 40 * tens + 40 <= upper
        if down != up:
            return tens + (1 if up else 0), k + 1
    down, up = lower <= 4 * s, 4 * s + 4 <= upper
    if down != up:
        return s + (1 if up else 0), k
    middle = 4 * s + 2
    return s + (1 if v > middle or (v == middle and s & 1) else 0), k


@inner
def _whole(out, at, number):
    """Write a whole number of 0 or more; returns the place after it."""
    size, rest = 1, number // 10
    while rest > 0:
        size += 1
        rest //= 10
    for place in range(at + size - 1, at - 1, -1):
        out[place] = 48 + number % 10
        number //= 10
    return at + size


@inner
def _zeros(out, at, count):
    for place in range(at, at + count):
        out[place] = 48
    return at + count


@inner
def _point(out, at, digits, size, before):
    """Write digits with a point behind the first ``before`` of them, or 0 behind it where there are no more."""
    _whole(out, at, digits)
    if before >= size:
        at = _zeros(out, at + size, before - size)
        out[at], out[at + 1] = 46, 48
        return at + 2
    for place in range(at + size, at + before, -1):
        out[place] = out[place - 1]
    out[at + before] = 46
    return at + size + 1


@inner
def _scientific(out, at, digits, size, exponent):
    """Write digits with a point behind the first, and a power of ten."""
    at = _point(out, at, digits, size, 1) if size > 1 else _whole(out, at, digits)
    out[at], out[at + 1] = 101, 45 if exponent < 0 else 43
    exponent = abs(exponent)
    at += 2
    if exponent < 10:
        at = _zeros(out, at, 1)
    return _whole(out, at, exponent)


@stage
def _number(out, at, value, powers):
    """Write a finite float32 as numpy does; returns the place after it."""
    bits = np.int64(np.float32(value).view(np.uint32))
    if bits >> 31:
        out[at] = 45
        at += 1
        bits &= 0x7FFFFFFF
    if bits == 0:
        out[at], out[at + 1], out[at + 2] = 48, 46, 48
        return at + 3
    digits, power = _shortest(bits, powers)
    while digits % 10 == 0:
        digits //= 10
        power += 1
    size, rest = 1, digits // 10
    while rest > 0:
        size += 1
        rest //= 10
    exponent = power + size - 1
    size_of = abs(np.float64(value))
    if size_of < 1e-4 or size_of >= 1e6:
        return _scientific(out, at, digits, size, exponent)
    if exponent >= 0:
        return _point(out, at, digits, size, exponent + 1)
    out[at], out[at + 1] = 48, 46
    at = _zeros(out, at + 2, -exponent - 1)
    return _whole(out, at, digits)


@inner
def _copy(out, at, text, start, most):
    """Copy a zero-padded text; returns the place after it."""
    size = 0
    while size < most and text[start + size] != 0:
        out[at + size] = text[start + size]
        size += 1
    return at + size


@kernel(
    starts="n_queries + 1", queries="n_queries * query_width", tail="tail_size",
    powers=f"{MOST_POWER - LEAST_POWER + 1}",
)  # fmt: skip
def write_lines(
    docs: Uint8s, width: Int, rows: Int32s, scores: Float32s, starts: Int64s, queries: Uint8s, query_width: Int,
    n_queries: Int, tail: Uint8s, tail_size: Int, powers: Uint64s, out: Uint8s,
) -> Int:  # fmt: skip
    """Write the ranking of each query as TREC's six columns; the number of bytes.

    Query q has the places ``starts[q]:starts[q + 1]`` of ``rows``, which say where in the zero-padded ``docs`` [., width]
    a document is, and of ``scores``. ``tail`` ends each line: a blank, the tag, a line feed. ``out`` has room for query,
    document, tail, a number of `NUMBER` bytes and 18 more of each line.
    """
    at = 0
    for q in range(n_queries):
        head = at
        at = _copy(out, at, queries, q * query_width, query_width)
        out[at], out[at + 1], out[at + 2], out[at + 3] = 32, 81, 48, 32
        size = at + 4 - head
        at = head
        for i in range(starts[q], starts[q + 1]):
            for place in range(size):
                out[at + place] = out[head + place]
            at = _copy(out, at + size, docs, np.int64(rows[i]) * width, width)
            out[at] = 32
            at = _whole(out, at + 1, np.int64(i - starts[q] + 1))
            out[at] = 32
            at = _number(out, at + 1, scores[i], powers)
            for place in range(tail_size):
                out[at + place] = tail[place]
            at += tail_size
    return at

"""The kernel that cuts a piece of a run file into lines; see `intrex.data.rankings.kernels.lines`."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Float64s, Int, Int32s, Int64s, Uint8s, inner, kernel, stage
from intrex.data.rankings.kernels.lines import BLANK, MASK, PRIME, Lines, Queries, same

NEWLINE_BYTE, COMMENT, PLUS, MINUS, POINT, JSON = (ord(byte) for byte in "\n#+-.{")
LINES, QUERIES, SLOW, TAG, TAG_SIZE = range(5)  # what `parse` says in its last argument
MAX_FIELD = 512  # as intrex.data.ids.MAX_BYTES; a constant for the compiler
MAX_POWER = 80
_LIMIT = 10**17
_EXACT = 2**53
BEYOND = 3.5e38  # no float32
_DOWN, _UP = 1.0 - 2.0**-50, 1.0 + 2.0**-50


@inner
def _blanks(buf, p, kinds):
    """Pass the blanks."""
    while kinds[buf[p]] == BLANK:
        p += 1
    return p


@inner
def _field(buf, p, kinds):
    """Pass a field and the blanks after it; -1 if there is no field, none after it, or it is too long."""
    start = p
    while kinds[buf[p]] == 0:
        p += 1
    if kinds[buf[p]] != BLANK or p - start > MAX_FIELD:
        return -1
    return _blanks(buf, p, kinds)


@inner
def _digits(buf, p, mantissa):
    """Pass some digits: position, mantissa, how many digits found no room in it, whether one of those is not 0."""
    over, lost = 0, False
    while 48 <= buf[p] <= 57:
        if mantissa < _LIMIT:
            mantissa = mantissa * 10 + (buf[p] - 48)
        else:
            over += 1
            lost = lost or buf[p] != 48
        p += 1
    return p, mantissa, over, lost


@inner
def _number(buf, p):
    """Pass a decimal number without its sign: position after it or -1, mantissa, exponent, whether digits are lost."""
    start = p
    p, mantissa, exponent, lost = _digits(buf, p, 0)
    count = p - start
    if buf[p] == POINT:
        start = p + 1
        p, mantissa, over, more = _digits(buf, start, mantissa)
        exponent -= p - start - over
        count += p - start
        lost = lost or more
    if count == 0:
        return -1, mantissa, exponent, lost
    if buf[p] == 101 or buf[p] == 69:
        p += 1
        minus = buf[p] == MINUS
        if minus or buf[p] == PLUS:
            p += 1
        start, power = p, 0
        while 48 <= buf[p] <= 57:
            if power < 10_000:
                power = power * 10 + (buf[p] - 48)
            p += 1
        if p == start:
            return -1, mantissa, exponent, lost
        exponent += -power if minus else power
    return p, mantissa, exponent, lost


@inner
def _single(mantissa, exponent, lost, powers):
    """Round a number to the nearest double and then to float32, and tell whether Python has to say what that is.

    Exact operands and one rounding give the nearest double. Otherwise the error is below 2 ** -50 of the value: where
    both ends of that range round to one float32, so does all that lies between.
    """
    if mantissa == 0:
        return np.float32(0), False
    if exponent < -MAX_POWER or exponent > MAX_POWER:
        return np.float32(0), True
    value = float(mantissa)
    if exponent < 0:
        value /= powers[-exponent]
    else:
        value *= powers[exponent]
    if lost or mantissa > _EXACT or exponent < -22 or exponent > 22:
        return np.float32(value), np.float32(value * _DOWN) != np.float32(value * _UP)
    return np.float32(value), False


@stage
def _query(buf, p, kinds, known, size):
    """Pass a query, mostly the one of the line before, whose ``size`` bytes are at ``known``: position or -1, place, size."""
    if size > 0 and same(buf, p, buf, known, size) and kinds[buf[p + size]] == BLANK:
        return p + size, known, size
    start = p
    while kinds[buf[p]] == 0:
        p += 1
    if kinds[buf[p]] != BLANK or p - start > MAX_FIELD or buf[start] == COMMENT or buf[start] == JSON:
        return -1, start, size
    return p, start, p - start


@stage
def _document(buf, p, kinds):
    """Pass a document: position or -1, and what `hash_id` makes of it."""
    start = p
    h = np.uint64(0)
    while kinds[buf[p]] == 0:
        h = (h ^ np.uint64(buf[p])) * PRIME
        p += 1
    if kinds[buf[p]] != BLANK or p - start > MAX_FIELD:
        return -1, h
    return p, (h ^ (h >> np.uint64(32))) & MASK


@stage
def _score(buf, p, kinds, powers):
    """Pass a score: position or -1, the score, and whether Python has to round it."""
    start = p
    negative = buf[p] == MINUS
    if negative or buf[p] == PLUS:
        p += 1
    p, mantissa, exponent, lost = _number(buf, p)
    if p < 0 or kinds[buf[p]] != BLANK or p - start > MAX_FIELD:
        return -1, np.float32(0), False
    value, hard = _single(mantissa, exponent, lost, powers)
    if not hard and value > BEYOND:
        return -1, value, hard
    return p, -value if negative and value != 0 else value, hard


@stage
def _tag(buf, p, kinds):
    """Pass a tag: position or -1."""
    start = p
    while kinds[buf[p]] == 0:
        p += 1
    return p if start < p <= start + MAX_FIELD else -1


@kernel(buf="end", kinds="256", powers=f"{MAX_POWER + 1}", out="5")
def parse(
    lines: Lines, end: Int, kinds: Uint8s, powers: Float64s, queries: Queries, slow_line: Int32s, slow_pos: Int32s,
    out: Int64s,
) -> Int:  # fmt: skip
    """Cut the piece ``lines.buf[:end]`` into lines; 0, or 1 if anything is out of the ordinary.

    ``kinds`` has the kind of each byte, ``powers`` the powers of ten. Written are ``lines``, ``queries``, one for each run
    of lines with equal query ids, ``slow_line`` and ``slow_pos``, lines whose score Python has to round and where it is,
    and ``out``: lines, queries, slow scores, position and size of the last tag.
    """
    buf = lines.buf
    p, n, n_queries, n_slow, at, size = 0, 0, 0, 0, 0, 0
    while p < end:
        p = _blanks(buf, p, kinds)
        if buf[p] == NEWLINE_BYTE:
            p += 1
            continue
        start = p
        p, at, size = _query(buf, p, kinds, at, size)
        if p < 0:
            return 1
        if at == start:
            queries.query_line[n_queries], queries.query_pos[n_queries] = n, at
            queries.query_size[n_queries] = size
            n_queries += 1
        # A column that nobody reads, the document, and the rank, which nobody reads.
        start = _field(buf, _blanks(buf, p, kinds), kinds)
        if start < 0:
            return 1
        p, h = _document(buf, start, kinds)
        if p < 0:
            return 1
        lines.pos[n], lines.size[n], lines.hashes[n] = start, p - start, h
        start = _field(buf, _blanks(buf, p, kinds), kinds)
        if start < 0:
            return 1
        p, lines.score[n], hard = _score(buf, start, kinds, powers)
        if p < 0:
            return 1
        if hard:
            slow_line[n_slow], slow_pos[n_slow] = n, start
            n_slow += 1
        # The tag, of which the last one counts.
        start = _blanks(buf, p, kinds)
        p = _tag(buf, start, kinds)
        if p < 0 or buf[_blanks(buf, p, kinds)] != NEWLINE_BYTE:
            return 1
        out[TAG], out[TAG_SIZE] = start, p - start
        p = _blanks(buf, p, kinds) + 1
        n += 1
    queries.query_line[n_queries] = n
    out[LINES], out[QUERIES], out[SLOW] = n, n_queries, n_slow
    return 0

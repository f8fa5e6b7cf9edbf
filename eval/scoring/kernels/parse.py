"""The kernel that cuts a piece of a run file into lines; see `intrex.eval.scoring.kernels.lines`."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import F4, F8, I4, I8, U1, U4, N, entry, inner
from intrex.eval.scoring.kernels.lines import BLANK, MASK, PRIME, same

MAX_FIELD = 512  # as intrex.data.ids.MAX_BYTES; a constant for the compiler
MAX_POWER = 80
_LIMIT = 100_000_000_000_000_000
_EXACT = 2**53
_DOWN, _UP = 1.0 - 2.0**-50, 1.0 + 2.0**-50


@inner
def _blanks(buf, p, kinds):  # type: ignore[no-untyped-def]
    """Past the blanks."""
    while kinds[buf[p]] == BLANK:
        p += 1
    return p


@inner
def _field(buf, p, kinds):  # type: ignore[no-untyped-def]
    """Past a field and the blanks after it; -1 if there is no field, none after it, or it is too long."""
    start = p
    while kinds[buf[p]] == 0:
        p += 1
    if kinds[buf[p]] != BLANK or p - start > MAX_FIELD:
        return -1
    return _blanks(buf, p, kinds)


@inner
def _digits(buf, p, mantissa):  # type: ignore[no-untyped-def]
    """Past some digits: position, mantissa, how many digits found no room in it, whether one of those is not 0."""
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
def _number(buf, p):  # type: ignore[no-untyped-def]
    """A decimal number without its sign: position after it or -1, mantissa, exponent, whether digits are lost."""
    start = p
    p, mantissa, exponent, lost = _digits(buf, p, 0)
    count = p - start
    if buf[p] == 46:
        start = p + 1
        p, mantissa, over, more = _digits(buf, start, mantissa)
        exponent -= p - start - over
        count += p - start
        lost = lost or more
    if count == 0:
        return -1, mantissa, exponent, lost
    if buf[p] == 101 or buf[p] == 69:
        p += 1
        minus = buf[p] == 45
        if minus or buf[p] == 43:
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
def _single(mantissa, exponent, lost, powers):  # type: ignore[no-untyped-def]
    """float32 of the double nearest to a number, and whether Python has to say what that is.

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


@entry(*(U1, N, U1, F8), *(I4, I4, U4, F4), *(I4, I4, I4), *(I4, I4, I8))
def parse(  # type: ignore[no-untyped-def]  # noqa: C901 - one loop over the bytes
    buf,
    end,
    kinds,
    powers,
    pos,
    size,
    hashes,
    score,
    query_line,
    query_pos,
    query_size,
    slow_line,
    slow_pos,
    out,
):
    """Cut a piece into lines.

    Arguments, in groups:
        buf: the bytes; end: how many. kinds: [256] kind of each byte.
        powers: [MAX_POWER + 1] powers of ten.
        pos, size, hashes, score: out, [lines] the document and its score.
        query_line, query_pos, query_size: out, [queries + 1] the first line of each run of equal query ids, and the
            id; query_line ends with the number of lines.
        slow_line, slow_pos: out, lines whose score needs correct rounding by Python.
        out: out, lines, queries, slow scores, position and size of the last tag.

    Returns:
        0, or 1 if anything is out of the ordinary.
    """
    p, lines, queries, slow, q_pos, q_size = 0, 0, 0, 0, 0, 0
    while p < end:
        p = _blanks(buf, p, kinds)
        if buf[p] == 10:
            p += 1
            continue
        # The query, mostly the one of the line before; then a column that nobody reads.
        start = p
        if q_size > 0 and same(buf, p, buf, q_pos, q_size) and kinds[buf[p + q_size]] == BLANK:
            p = _blanks(buf, p + q_size, kinds)
        else:
            while kinds[buf[p]] == 0:
                p += 1
            q_pos, q_size = start, p - start
            if kinds[buf[p]] != BLANK or q_size > MAX_FIELD or buf[start] == 35 or buf[start] == 123:
                return 1  # also where it begins as a comment (#) or as JSON ({)
            query_line[queries], query_pos[queries], query_size[queries] = lines, q_pos, q_size
            queries += 1
            p = _blanks(buf, p, kinds)
        p = _field(buf, p, kinds)
        if p < 0:
            return 1
        # The document, hashed as by `hash_id` of the other kernels; then the rank, which nobody reads.
        start = p
        h = np.uint64(0)
        while kinds[buf[p]] == 0:
            h = (h ^ np.uint64(buf[p])) * PRIME
            p += 1
        if kinds[buf[p]] != BLANK or p - start > MAX_FIELD:
            return 1
        pos[lines], size[lines] = start, p - start
        hashes[lines] = (h ^ (h >> np.uint64(32))) & MASK
        p = _field(buf, _blanks(buf, p, kinds), kinds)
        if p < 0:
            return 1
        start = p
        negative = buf[p] == 45
        if negative or buf[p] == 43:
            p += 1
        p, mantissa, exponent, lost = _number(buf, p)
        if p < 0 or kinds[buf[p]] != BLANK or p - start > MAX_FIELD:
            return 1
        value, hard = _single(mantissa, exponent, lost, powers)
        if hard:
            slow_line[slow], slow_pos[slow] = lines, start
            slow += 1
        elif value > 3.5e38:
            return 1
        score[lines] = -value if negative and value != 0 else value
        start = _blanks(buf, p, kinds)
        p = start
        while kinds[buf[p]] == 0:
            p += 1
        if p == start or p - start > MAX_FIELD:
            return 1
        out[3], out[4] = start, p - start
        p = _blanks(buf, p, kinds)
        if buf[p] != 10:
            return 1
        p += 1
        lines += 1
    query_line[queries] = lines
    out[0], out[1], out[2] = lines, queries, slow
    return 0

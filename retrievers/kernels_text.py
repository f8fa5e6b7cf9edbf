"""The inner loop of `intrex.retrievers.batch`, for numba; see `intrex.data.native` for the rules it follows."""

from __future__ import annotations

import numpy as np

from intrex.data.jit import I2, I4, I8, U1, N, entry, inner

PRIME = np.uint64(0x9E3779B97F4A7C15)
MASK = np.uint64(0xFFFFFFFF)


@inner
def hash_form(buf, at, end):  # type: ignore[no-untyped-def]
    """32 bits of a hash of some bytes; equal hashes are always followed by a look at the bytes."""
    h = np.uint64(0)
    for i in range(at, end):
        h = (h ^ np.uint64(buf[i])) * PRIME
    return np.int64((h ^ (h >> np.uint64(32))) & MASK)


@entry(I8, N, I4, N)
def refill(hashes, count, table, mask):  # type: ignore[no-untyped-def]
    """Fill an empty table [mask + 1] of -1 with forms by their hashes."""
    for form in range(count):
        slot = hashes[form] & mask
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = form
    return 0


@inner
def intern(buf, at, end, arena, ends, hashes, table, mask, count):  # type: ignore[no-untyped-def]
    """The number of a form, which is ``count`` for a new one: that is written down."""
    h = hash_form(buf, at, end)
    slot = h & mask
    while table[slot] >= 0:
        form = table[slot]
        begin = ends[form]
        if hashes[form] == h and ends[form + 1] - begin == end - at:
            i = 0
            while i < end - at and arena[begin + i] == buf[at + i]:
                i += 1
            if i == end - at:
                return np.int64(form)
        slot = (slot + 1) & mask
    begin = ends[count]
    for i in range(end - at):
        arena[begin + i] = buf[at + i]
    ends[count + 1] = begin + end - at
    hashes[count] = h
    table[slot] = count
    return np.int64(count)


@entry(U1, I8, N, N, U1, I2, U1, U1, I8, I8, I4, N, I4, I8, I8)
def tokens(  # type: ignore[no-untyped-def]  # noqa: C901 - a call costs what inlining saves
    buf,
    starts,
    first,
    last,
    classes,
    steps,
    accepts,
    arena,
    ends,
    hashes,
    table,
    mask,
    out,
    out_ends,
    state,
):
    """Cut texts into tokens and number their surface forms in the order in which they first come.

    Args:
        buf: UTF-8; text t is ``buf[starts[t]:starts[t + 1]]``.
        starts: see ``buf``.
        first: the first text to cut.
        last: the text to stop before.
        classes: [0x110000] class of each code point.
        steps: [states, 32] next state, -1 for none.
        accepts: [states] whether a token may end.
        arena: the forms' bytes, one after the other.
        ends: [forms + 1] where they end, the first being 0.
        hashes: [forms] their hashes.
        table: [mask + 1] open addressing, form numbers, -1 for free.
        mask: see ``table``.
        out: form numbers of all tokens.
        out_ends: [texts] where each text's tokens end in ``out``.
        state: forms so far, tokens so far, room for forms, for bytes of forms, for tokens.

    Returns:
        The first text that was not cut, for want of room.
    """
    forms, done = state[0], state[1]
    for text in range(first, last):
        at, stop = starts[text], starts[text + 1]
        most = (stop - at) // 2 + 1  # two tokens without a blank are never both one byte long
        full = forms + most > state[2] or ends[forms] + stop - at > state[3]
        if full or done + most > state[4] or 2 * (forms + most) > mask + 1:
            state[0], state[1] = forms, done
            return text
        while at < stop:
            here, end, units, now, width = at, at, 0, np.int64(0), 1
            while here < stop:
                c = np.int64(buf[here])
                step, size = 1, 1
                if c >= 0x80:
                    if c < 0xE0:
                        c = (c & 31) << 6 | buf[here + 1] & 63
                        step = 2
                    elif c < 0xF0:
                        c = (c & 15) << 12 | (buf[here + 1] & 63) << 6 | buf[here + 2] & 63
                        step = 3
                    else:
                        c = (c & 7) << 18 | (buf[here + 1] & 63) << 12 | (buf[here + 2] & 63) << 6
                        c |= buf[here + 3] & 63
                        step, size = 4, 2
                if here == at:
                    width = step
                units += size
                if units > 255:
                    break
                now = np.int64(steps[(now << 5) + classes[c]])
                if now < 0:
                    break
                here += step
                if accepts[now] != 0:
                    end = here
            if end == at:
                at += width
                continue
            form = intern(buf, at, end, arena, ends, hashes, table, mask, forms)
            forms += form == forms
            out[done] = form
            done += 1
            at = end
        out_ends[text] = done
    state[0], state[1] = forms, done
    return last

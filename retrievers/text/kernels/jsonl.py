"""Reading the lines that `intrex.data.writer` writes, for numba."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Int, Int64s, Uint8s, inner, kernel, load8, store8

QUOTE, BACKSLASH, NEWLINE, BLANK = 0x22, 0x5C, 0x0A, 0x20
ESCAPES = (QUOTE, QUOTE, BACKSLASH, BACKSLASH, 0x2F, 0x2F, 0x6E, 10, 0x74, 9, 0x72, 13, 0x62, 8, 0x66, 12)
LOWS, HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
QUOTES, BACKSLASHES = LOWS * np.uint64(QUOTE), LOWS * np.uint64(BACKSLASH)
SPACES = LOWS * np.uint64(BLANK)
AT, DOCUMENTS, OUT_END, ID_END = range(4)  # of the state of `scan`
SPARE = 16  # zero bytes behind what is read


@inner
def sound(buf, at):
    """How many bytes the character of UTF-8 takes that begins here, 0 if it is none."""
    c, d = buf[at], buf[at + 1]
    if c < 0xC2 or c > 0xF4 or d & 0xC0 != 0x80:
        return 0
    if c < 0xE0:
        return 2
    if buf[at + 2] & 0xC0 != 0x80:
        return 0
    if c < 0xF0:
        return 0 if (c == 0xE0 and d < 0xA0) or (c == 0xED and d >= 0xA0) else 3
    if buf[at + 3] & 0xC0 != 0x80 or (c == 0xF0 and d < 0x90) or (c == 0xF4 and d >= 0x90):
        return 0
    return 4


@inner
def escaped(buf, at):
    """Return the character of an escape that begins at a backslash, if it is ASCII; or else -1."""
    c = buf[at + 1]
    for i in range(0, len(ESCAPES), 2):
        if c == ESCAPES[i]:
            return np.int64(ESCAPES[i + 1])
    if c != 0x75 or buf[at + 2] != 0x30 or buf[at + 3] != 0x30 or buf[at + 4] < 0x30 or buf[at + 4] > 0x37:
        return np.int64(-1)
    low = np.int64(buf[at + 5])
    low = low - 0x30 if 0x30 <= low <= 0x39 else (low | 0x20) - 0x57
    return np.int64(buf[at + 4] - 0x30) << 4 | low if 0 <= low < 16 else np.int64(-1)


@inner
def string(buf, at, out, end):
    """Copy a JSON string from behind its opening quote on; where it and its copy end. The first is -1 for anything odd.

    A zero byte must stand behind what is read: it ends every string, and is odd.
    """
    while True:
        word = load8(buf, at)
        a, b = word ^ QUOTES, word ^ BACKSLASHES
        # The high bit of a byte is set where it is a quote, a backslash, a control character or not ASCII.
        odd = ((a - LOWS) & ~a) | ((b - LOWS) & ~b) | (word - SPACES) | word
        store8(out, end, word)
        if odd & HIGHS == 0:
            at, end = at + 8, end + 8
            continue
        c = buf[at]
        while c >= 0x20 and c < 0x80 and c != QUOTE and c != BACKSLASH:
            out[end] = c
            at, end = at + 1, end + 1
            c = buf[at]
        if c == QUOTE:
            return at + 1, end
        if c == BACKSLASH:
            plain = escaped(buf, at)
            if plain < 0:
                return np.int64(-1), end
            out[end] = plain
            at += 6 if buf[at + 1] == 0x75 else 2
            end += 1
        else:
            size = sound(buf, at)
            if size == 0:
                return np.int64(-1), end
            for i in range(size):
                out[end + i] = buf[at + i]
            at, end = at + size, end + size


@inner
def follows(buf, at, keys, key):
    """Return the place behind a key if it stands here, or else -1; keys have their size before them."""
    for i in range(keys[key]):
        if buf[at + i] != keys[key + 1 + i]:
            return np.int64(-1)
    return at + keys[key]


@inner
def field(buf, at, keys, key, wanted, out, start, end):
    """Append a string that is wanted to what began at ``start``, behind a blank; where it and its copy end."""
    here = follows(buf, at, keys, key) if at >= 0 else at
    if here < 0:
        return here, end
    first = end
    if end > start:
        out[end] = BLANK
        first += 1
    here, stopped = string(buf, here, out, first)
    return here, stopped if stopped > first and wanted != 0 else end


@inner
def line_end(buf, at, stop, keys, key):
    """Return the place behind a line that ends here or goes on with what nobody reads; or -1."""
    here = follows(buf, at, keys, key) if at >= 0 else at
    if here >= 0 or at < 0:
        return here
    here = follows(buf, at, keys, key + 1 + np.int64(keys[key]))
    if here < 0:
        return here
    while here < stop and buf[here] != NEWLINE:
        here += 1
    return here + 1 if here < stop else np.int64(-1)


@kernel(buf=f"stop + {SPARE}", out=f"stop + {SPARE}", ids=f"stop + {SPARE}", state="4")
def scan(
    buf: Uint8s, stop: Int, keys: Uint8s, wanted: Int, out: Uint8s, ends: Int64s, ids: Uint8s, state: Int64s
) -> Int:  # fmt: skip
    """Take apart lines of ``corpus.jsonl`` up to one that the writer did not write so; 1 when all is done, 0 at such a line.

    ``buf`` has whole lines up to ``stop``, and `SPARE` zero bytes behind them; ``keys`` what stands before the id, the
    title, the text, the end and other keys. ``out`` gets the titles if ``wanted`` is 1, the texts for 2, both with a blank
    between them for 3; ``ends`` where each document ends there, ``ids`` the ids, a line each. ``state``, where to go on in
    ``buf``, the documents so far, where ``out`` and ``ids`` end, moves on.
    """
    at, n, end, id_end = state[AT], state[DOCUMENTS], state[OUT_END], state[ID_END]
    first = np.int64(0)
    title = 1 + np.int64(keys[first])
    text = title + 1 + np.int64(keys[title])
    key = text + 1 + np.int64(keys[text])
    while at < stop:
        new, new_id = end, id_end
        here = follows(buf, at, keys, first)
        if here >= 0:
            here, new_id = string(buf, here, ids, id_end)
        here, new = field(buf, here, keys, title, wanted & 1, out, end, new)
        here, new = field(buf, here, keys, text, wanted & 2, out, end, new)
        here = line_end(buf, here, stop, keys, key)
        if here < 0:
            break
        ids[new_id] = NEWLINE
        at, end, id_end = here, new, new_id + 1
        ends[n] = end
        n += 1
    state[AT], state[DOCUMENTS], state[OUT_END], state[ID_END] = at, n, end, id_end
    return np.int64(at == stop)

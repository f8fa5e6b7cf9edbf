"""The inner loops of `intrex.retrievers.text.batch`, for numba; see `intrex.data.native.library` for the rules they follow."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import I2, I4, I8, U1, U8, N, entry, inner
from intrex.retrievers.text.kernels.porter import porter
from intrex.retrievers.text.kernels.strings import HALF, intern, key_of, slot_of

LIMIT = 255  # as intrex.retrievers.text.tokenizer.MAX_TOKEN
LONGEST = 3 * LIMIT  # bytes of a token in UTF-8
SIZE_BITS = 10
SIZE = (1 << SIZE_BITS) - 1
GROUP = 64  # tokens whose places in memory are looked at together


@inner
def decode(buf, at):  # type: ignore[no-untyped-def]
    """A code point of UTF-8, and how many bytes it takes."""
    c = np.int64(buf[at])
    if c < 0x80:
        return c, 1
    if c < 0xE0:
        return (c & 31) << 6 | buf[at + 1] & 63, 2
    if c < 0xF0:
        return (c & 15) << 12 | (buf[at + 1] & 63) << 6 | buf[at + 2] & 63, 3
    return (c & 7) << 18 | (buf[at + 1] & 63) << 12 | (buf[at + 2] & 63) << 6 | buf[at + 3] & 63, 4


@entry(U1, I8, N, U1, I2, U1, I2, I8, N, I8, I8)
def cut(  # type: ignore[no-untyped-def]  # noqa: C901 - a call costs what inlining saves
    buf, starts, last, classes, steps, accepts, runs, out, room, out_ends, state
):  # fmt: skip
    """Cut texts into tokens.

    Args:
        buf: sound UTF-8; text t is ``buf[starts[t]:starts[t + 1]]``.
        starts: see ``buf``.
        last: the text to stop before.
        classes: [0x110000] class of each code point.
        steps: [states, 32] next state, -1 for none.
        accepts: [states] whether a token may end.
        runs: [32] the state where any number of characters of a class lead, if each ends a token; else -1.
        out: [room] where each token begins, times 1024, plus its size.
        room: see ``out``.
        out_ends: [texts] how many tokens came before each text's end, from the first text on.
        state: the text and the place to go on from, tokens so far in all. All move on.

    Returns:
        How many tokens were cut; as many as there is room for if there are more.
    """
    text, at, done = state[0], state[1], np.int64(0)
    while text < last:
        stop = starts[text + 1]
        here, units, now = at, 0, np.int64(0)
        while at < stop:
            end = at
            if here <= at:
                here, units, now = at, 0, np.int64(0)
                if buf[at] < 0x80:
                    kind = np.int64(classes[buf[at]])
                    if steps[kind] < 0:
                        at += 1
                        continue
                    if runs[kind] >= 0:
                        most = min(stop, at + LIMIT)
                        here = at + 1
                        while here < most and buf[here] < 0x80 and np.int64(classes[buf[here]]) == kind:
                            here += 1
                        end, units = here, here - at
                        now = np.int64(steps[kind] if units == 1 else runs[kind])
            while now >= 0 and here < stop:
                c, size = decode(buf, here)
                wide = 1 + size // 4
                if units + wide > LIMIT:
                    break
                now = np.int64(steps[(now << 5) + classes[c]])
                here += size
                units += wide
                if now >= 0 and accepts[now] != 0:
                    end = here
            if end > at:
                if done == room:
                    state[0], state[1], state[2] = text, at, state[2] + done
                    return done
                out[done] = at << SIZE_BITS | (end - at)
                done += 1
                at = here = end
                continue
            # No token begins here. One that begins at the next character may take the same way, and then goes on from
            # its end: else a long run of joiners would be read 255 times.
            c, size = decode(buf, at)
            before = np.int64(steps[classes[c]])
            at += size
            units -= 1 + size // 4
            if here > at:
                c, size = decode(buf, at)
                if before < 0 or steps[(before << 5) + classes[c]] != steps[classes[c]]:
                    here = at
        out_ends[text] = state[2] + done
        text += 1
        at = stop
    state[0], state[1], state[2] = text, at, state[2] + done
    return done


@entry(U1, I8, N, U1, I8, U8, N, U8, I4, I8)
def recognise(  # type: ignore[no-untyped-def]
    buf, tokens, last, arena, ends, table, mask, keys, out, state
):  # fmt: skip
    """Number the forms of tokens in the order in which they first come.

    Most of the time would be spent on waiting for memory, so the slots of some tokens are looked at together before
    any of them is needed, and then what they point to.

    Args:
        buf: what the tokens were cut from.
        tokens: as `cut` writes them.
        last: the token to stop before.
        arena: the forms, see `intrex.retrievers.text.kernels.strings`.
        ends: see ``arena``.
        table: see ``arena``.
        mask: see ``arena``.
        keys: [GROUP] to work in.
        out: form numbers of the tokens.
        state: the token to go on from, forms so far; room for forms and for their bytes. The first two move on.

    Returns:
        1 when all is done, 0 when there is no more room.
    """
    token, forms = state[0], state[1]
    while token < last:
        group = min(last - token, GROUP)
        if forms + group > state[2] or ends[forms] + group * (LONGEST + 1) > state[3]:
            break
        seen = np.uint64(0)
        for i in range(group):
            span = tokens[token + i]
            keys[i] = key_of(buf, span >> SIZE_BITS, span & SIZE)
        for i in range(group):
            seen |= table[2 * slot_of(keys[i], mask) + 1]
        for i in range(group):
            if tokens[token + i] & SIZE > 7:
                seen |= np.uint64(arena[np.int64(table[2 * slot_of(keys[i], mask) + 1] >> HALF)])
        keys[GROUP] = seen  # or the compiler would leave the loops out
        for i in range(group):
            span = tokens[token + i]
            at, size = span >> SIZE_BITS, span & SIZE
            form = intern(keys[i], buf, at, size, arena, ends, table, mask, forms)
            forms += form == forms
            out[token + i] = form
        token += group
    state[0], state[1] = token, forms
    return np.int64(token == last)


@entry(I4, I8, N, I4, I4, I8)
def translate(forms, ends, texts, terms, out, out_ends):  # type: ignore[no-untyped-def]
    """Put the terms of forms in their place and leave out those that have none (-1).

    Args:
        forms: [ends[texts - 1]] form numbers of some texts.
        ends: [texts] where each text's end.
        texts: how many there are.
        terms: term number by form number.
        out: term numbers; may be ``forms`` itself.
        out_ends: [texts] where each text's end in ``out``; may be ``ends`` itself.

    Returns:
        How many there are.
    """
    start = at = np.int64(0)
    for text in range(texts):
        stop = ends[text]
        for i in range(start, stop):
            term = terms[forms[i]]
            out[at] = term
            at += term >= 0
        out_ends[text] = at
        start = stop
    return at


@inner
def english(form, at, size, rules, stops, word):  # type: ignore[no-untyped-def]
    """Write the term of an ASCII form to ``word``; its size, -1 for a stop word, -2 where it is not ASCII."""
    for i in range(size):
        c = form[at + i]
        if c >= 0x80:
            return np.int64(-2)
        word[i] = c | 0x20 if 0x41 <= c <= 0x5A else c
    if size > 1 and word[size - 1] == 0x73 and word[size - 2] == 0x27:  # 's
        size -= 2
    p = np.int64(0)
    while stops[p] != 0:
        i = 0
        if stops[p] == size:
            while i < size and word[i] == stops[p + 1 + i]:
                i += 1
            if i == size:
                return np.int64(-1)
        p += 1 + np.int64(stops[p])
    return porter(word, size, rules)


@entry(U1, I8, N, N, U1, U1, U1, I4, I4, U1, I8, U8, N, U1, I8)
def number(  # type: ignore[no-untyped-def]
    forms, form_ends, last, native, rules, stops, given, sizes, terms, arena, ends, table, mask, word, state
):  # fmt: skip
    """Make terms of forms and number them in the order in which they first come.

    Args:
        forms: the forms' bytes; form f is ``forms[form_ends[f]:form_ends[f + 1] - 1]``.
        form_ends: see ``forms``.
        last: the form to stop before.
        native: 1 to make the English terms of ASCII forms here, 0 where all terms are given.
        rules: see `porter`.
        stops: the stop words, each behind a byte that says how long it is; then a 0.
        given: the bytes of the terms of the other forms, in order.
        sizes: how many bytes each has, -1 where there is no term.
        terms: the term number of each form, -1 for none.
        arena: the terms, see `intrex.retrievers.text.kernels.strings`.
        ends: see ``arena``.
        table: see ``arena``.
        mask: see ``arena``.
        word: room for the longest term, and eight bytes to spare.
        state: the form to go on from, given terms used, bytes of them used, terms so far; room for terms and for bytes
            of them. The first four move on.

    Returns:
        1 when all is done, 0 when there is no more room.
    """
    form, used, place, count = state[0], state[1], state[2], state[3]
    begin = np.int64(0)  # of a plain 0 numba would compile everything again
    while form < last:
        size = np.int64(-2)
        if native != 0:
            size = english(
                forms, form_ends[form], form_ends[form + 1] - form_ends[form] - 1, rules, stops, word
            )
        here = sizes[used] if size == -2 else 0
        most = max(size, here)
        if count >= state[4] or ends[count] + most + 1 > state[5]:
            break
        if size == -2:
            size = np.int64(here)
            used += 1
            for i in range(size):
                word[i] = given[place + i]
            place += max(size, 0)
        term = np.int64(-1)
        if size >= 0:
            term = intern(key_of(word, begin, size), word, begin, size, arena, ends, table, mask, count)
            count += term == count
        terms[form] = term
        form += 1
    state[0], state[1], state[2], state[3] = form, used, place, count
    return np.int64(form == last)

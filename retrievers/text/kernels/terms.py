"""The inner loops of `intrex.retrievers.text.batch`, for numba."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from intrex.data.native.jit import Int, Int16s, Int32s, Int64s, Uint8s, Uint64s, inner, kernel
from intrex.retrievers.text.kernels.porter import porter
from intrex.retrievers.text.kernels.strings import HALF, Strings, intern, key_of, slot_of

LIMIT = 255  # as intrex.retrievers.text.tokenizer.MAX_TOKEN
LONGEST = 3 * LIMIT  # bytes of a token in UTF-8
SIZE_BITS = 10
SIZE = (1 << SIZE_BITS) - 1
GROUP = 64  # tokens whose places in memory are looked at together
# Of the states of `cut`, `recognise` and `number`.
TEXT, PLACE, TOKENS = range(3)
TOKEN, FORMS, FORMS_ROOM, BYTES_ROOM = range(4)
FORM, GIVEN, GIVEN_BYTES, TERMS, TERMS_ROOM, TERM_BYTES_ROOM = range(6)


@inner
def decode(buf, at):
    """Read a code point of UTF-8; return it and how many bytes it takes."""
    c = np.int64(buf[at])
    if c < 0x80:
        return c, 1
    if c < 0xE0:
        return (c & 31) << 6 | buf[at + 1] & 63, 2
    if c < 0xF0:
        return (c & 15) << 12 | (buf[at + 1] & 63) << 6 | buf[at + 2] & 63, 3
    return (c & 7) << 18 | (buf[at + 1] & 63) << 12 | (buf[at + 2] & 63) << 6 | buf[at + 3] & 63, 4


class Machine(NamedTuple):
    """The machine that finds word breaks, see `intrex.retrievers.text.tokenizer`."""

    classes: Uint8s  # [0x110000] of each code point
    steps: Int16s  # [states, 32] the next state, -1 for none
    accepts: Uint8s  # [states] whether a token may end
    runs: (
        Int16s  # [32] the state where any number of characters of a class lead, if each ends a token; else -1
    )


@inner
def start(machine, buf, at, stop):
    """Begin a token with a run of ASCII characters of one class: where it ends, the state there; -1 where none begins."""
    kind = np.int64(machine.classes[buf[at]])
    state = np.int64(machine.steps[kind])
    if state < 0 or machine.runs[kind] < 0:
        return at, min(state, np.int64(0))
    most, here = min(stop, at + LIMIT), at + 1
    while here < most and buf[here] < 0x80 and np.int64(machine.classes[buf[here]]) == kind:
        here += 1
    return here, state if here == at + 1 else np.int64(machine.runs[kind])


@inner
def extend(machine, buf, here, units, state, stop, end):
    """Go on with a token as far as the machine does: there, its units, the state; and the last place where it may end."""
    while state >= 0 and here < stop:
        c, size = decode(buf, here)
        wide = 1 + size // 4
        if units + wide > LIMIT:
            break
        state = np.int64(machine.steps[(state << 5) + machine.classes[c]])
        here += size
        units += wide
        if state >= 0 and machine.accepts[state] != 0:
            end = here
    return here, units, state, end


@inner
def skip(machine, buf, at, here, units):
    """Pass a character where no token begins: the next one, and from where on and with how many units to go on there.

    One that begins at the next character may take the same way, and then goes on from its end: else a long run of
    joiners would be read 255 times.
    """
    c, size = decode(buf, at)
    before = np.int64(machine.steps[machine.classes[c]])
    at += size
    if here > at:
        c, _ = decode(buf, at)
        once = machine.steps[machine.classes[c]]
        if before < 0 or machine.steps[(before << 5) + machine.classes[c]] != once:
            here = at
    return at, here, units - 1 - size // 4


@kernel(starts="last + 1", classes="0x110000", runs="32", out="room", state="3")
def cut(
    buf: Uint8s, starts: Int64s, last: Int, machine: Machine, out: Int64s, room: Int, out_ends: Int64s,
    state: Int64s,
) -> Int:  # fmt: skip
    """Cut the texts ``buf[starts[t]:starts[t + 1]]``, sound UTF-8, up to ``last``, into tokens.

    ``out`` [room] gets where each token begins, times 1024, plus its size; ``out_ends`` [texts] how many came before each
    text's end, from the first text on. ``state``, the text and the place to go on from and the tokens so far in all, moves
    on. Returns how many tokens were cut; as many as there is room for if there are more.
    """
    text, at, done = state[TEXT], state[PLACE], np.int64(0)
    while text < last:
        stop = starts[text + 1]
        here, units, now = at, 0, np.int64(0)
        while at < stop:
            end = at
            if here <= at:  # nothing is known of what begins here
                here, now = at, np.int64(0)
                if buf[at] < 0x80:
                    here, now = start(machine, buf, at, stop)
                    if now < 0:
                        at += 1
                        continue
                    end = here
                units = here - at
            here, units, now, end = extend(machine, buf, here, units, now, stop, end)
            if end > at:
                if done == room:
                    state[TEXT], state[PLACE], state[TOKENS] = text, at, state[TOKENS] + done
                    return done
                out[done] = at << SIZE_BITS | (end - at)
                done += 1
                at = here = end
            else:
                at, here, units = skip(machine, buf, at, here, units)
        out_ends[text] = state[TOKENS] + done
        text += 1
        at = stop
    state[TEXT], state[PLACE], state[TOKENS] = text, at, state[TOKENS] + done
    return done


@kernel(tokens="last", table="2 * (mask + 1)", keys=f"{GROUP + 1}", out="last", state="4")
def recognise(
    buf: Uint8s, tokens: Int64s, last: Int, strings: Strings, keys: Uint64s, out: Int32s, state: Int64s
) -> Int:  # fmt: skip
    """Give numbers to the forms of tokens in the order in which they first come.

    Most of the time would be spent on waiting for memory, so the slots of some tokens are looked at together before
    any of them is needed, and then what they point to.

    ``tokens`` are what `cut` wrote of ``buf``, ``strings`` the forms, ``keys`` is to work in; ``out`` gets form numbers.
    ``state`` has the token to go on from and the forms so far, which move on, room for forms and for their bytes.
    Returns 1 when all is done up to ``last``, 0 when there is no more room.
    """
    arena, ends, table, mask = strings
    token, forms = state[TOKEN], state[FORMS]
    while token < last:
        group = min(last - token, GROUP)
        if forms + group > state[FORMS_ROOM] or ends[forms] + group * (LONGEST + 1) > state[BYTES_ROOM]:
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
            form = intern(keys[i], buf, at, size, strings, forms)
            forms += form == forms
            out[token + i] = form
        token += group
    state[TOKEN], state[FORMS] = token, forms
    return np.int64(token == last)


@kernel(ends="texts", out_ends="texts")
def translate(forms: Int32s, ends: Int64s, texts: Int, terms: Int32s, out: Int32s, out_ends: Int64s) -> Int:
    """Put the terms of forms in their place and leave out those that have none (-1); how many there are.

    Texts have the ``forms`` up to ``ends``; ``terms`` has the number of each form's. ``out`` may be ``forms`` itself, and
    ``out_ends`` ``ends`` itself.
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
def english(form, at, size, rules, stops, word):
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


@kernel(form_ends="last + 1", terms="last", table="2 * (mask + 1)", state="6")
def number(
    forms: Uint8s, form_ends: Int64s, last: Int, native: Int, rules: Uint8s, stops: Uint8s, given: Uint8s,
    sizes: Int32s, terms: Int32s, strings: Strings, word: Uint8s, state: Int64s,
) -> Int:  # fmt: skip
    """Make terms of forms and number them in the order in which they first come.

    Form f is ``forms[form_ends[f]:form_ends[f + 1] - 1]``. English terms of ASCII forms are made here if ``native`` says
    so, by the ``rules`` of `porter` and ``stops``, the stop words, each behind its size, then a 0. The terms of all others
    are ``given``, in order, with their ``sizes``, -1 where there is none. ``terms`` gets the number of each form's, -1 for
    none, and ``strings`` the terms; ``word`` has room for the longest, and eight bytes to spare. ``state`` has the form to
    go on from, given terms and their bytes used, terms so far, which move on, room for terms and for their bytes.
    Returns 1 when all is done up to ``last``, 0 when there is no more room.
    """
    form, used, place, count = state[FORM], state[GIVEN], state[GIVEN_BYTES], state[TERMS]
    begin = np.int64(0)  # of a plain 0 numba would compile everything again
    while form < last:
        size = np.int64(-2)
        if native != 0:
            size = english(
                forms, form_ends[form], form_ends[form + 1] - form_ends[form] - 1, rules, stops, word
            )
        here = sizes[used] if size == -2 else 0
        most = max(size, here)
        if count >= state[TERMS_ROOM] or strings.ends[count] + most + 1 > state[TERM_BYTES_ROOM]:
            break
        if size == -2:
            size = np.int64(here)
            used += 1
            for i in range(size):
                word[i] = given[place + i]
            place += max(size, 0)
        term = np.int64(-1)
        if size >= 0:
            term = intern(key_of(word, begin, size), word, begin, size, strings, count)
            count += term == count
        terms[form] = term
        form += 1
    state[FORM], state[GIVEN], state[GIVEN_BYTES], state[TERMS] = form, used, place, count
    return np.int64(form == last)

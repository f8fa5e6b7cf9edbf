"""The Porter stemmer over bytes, for numba: `intrex.retrievers.text.porter` says what it does and equals it by test."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import inner

A, B, D, E, G, I, L, N, O, S, T, W, X, Y, Z = (ord(letter) for letter in "abdegilnostwxyz")  # noqa: E741
VOWELS = sum(1 << ord(letter) - A for letter in "aeiou")
VOWEL = 1 << 3


@inner
def shape(word, size):
    """Porter's m times 16; plus 8 if there is a vowel; plus a bit for each of the last three, 1 for a vowel."""
    m, seen, bits = np.int64(0), np.int64(0), np.int64(0)
    for i in range(size):
        c = word[i]
        last = bits & 1
        vowel = VOWELS >> np.int64(c - A) & 1 if c >= A else np.int64(0)
        if c == Y:
            vowel = np.int64(i > 0) & (last ^ 1)
        m += last & (vowel ^ 1)
        seen |= vowel
        bits = (bits << 1 | vowel) & 7
    return m << 4 | seen << 3 | bits


@inner
def short(word, size):
    """Porter's condition *o: consonant, vowel, consonant, and the last is not w, x or y."""
    if size < 3 or word[size - 1] == W or word[size - 1] == X or word[size - 1] == Y:
        return False
    return shape(word, size) & 7 == 2


@inner
def plurals(word, size):
    """Step 1a."""
    if word[size - 1] != S:
        return size
    if size >= 3 and word[size - 2] == E and word[size - 3] == I:
        return size - 2
    if size >= 4 and word[size - 2] == E and word[size - 3] == S and word[size - 4] == S:
        return size - 2
    return size - 1 if size < 2 or word[size - 2] != S else size


@inner
def past(word, size):
    """Step 1b."""
    cut = size
    if size >= 2 and word[size - 1] == D and word[size - 2] == E:
        if size >= 3 and word[size - 3] == E:
            return size - 1 if shape(word, size - 3) >> 4 > 0 else size
        cut = size - 2
    elif size >= 3 and word[size - 1] == G and word[size - 2] == N and word[size - 3] == I:
        cut = size - 3
    found = shape(word, cut)
    if cut == size or found & VOWEL == 0:
        return size
    last, before = word[cut - 1], word[cut - 2] if cut > 1 else np.uint8(0)
    if (last == T and before == A) or (last == L and before == B) or (last == Z and before == I):
        word[cut] = E
        return cut + 1
    if last == before and found & 1 == 0:
        return cut if last in (L, S, Z) else cut - 1
    if found >> 4 == 1 and short(word, cut):
        word[cut] = E
        return cut + 1
    return cut


@inner
def stands(word, size, rules, p, cut):
    """Whether a word ends in a rule's suffix; ion needs an s or t before it."""
    rest = size - cut
    if rest < 0:
        return False
    for i in range(cut):
        if rules[p + i] != word[rest + i]:
            return False
    if cut == 3 and word[rest] == I and word[rest + 1] == O:
        return rest > 0 and word[rest - 1] in (S, T)
    return True


@inner
def porter(word, size, rules):
    """Stem a lower-cased ASCII word where it stands; returns how long the stem is.

    ``rules`` has steps 2, 3 and 4, each ended by a 0: the longest suffix first, its size, that of what replaces it,
    above what m of the rest it is replaced, and both strings.
    """
    if size < 3:
        return size
    size = past(word, plurals(word, size))
    if word[size - 1] == Y and shape(word, size - 1) & VOWEL != 0:
        word[size - 1] = I
    p = np.int64(0)
    for _ in range(3):
        found = False
        while rules[p] != 0:
            cut, new, above = np.int64(rules[p]), np.int64(rules[p + 1]), np.int64(rules[p + 2])
            p += 3
            if not found and stands(word, size, rules, p, cut):
                found = True
                if shape(word, size - cut) >> 4 > above:
                    for j in range(new):
                        word[size - cut + j] = rules[p + cut + j]
                    size += new - cut
            p += cut + new
        p += 1
    if size > 0 and word[size - 1] == E:
        m = shape(word, size) >> 4
        if m > 1 or (m == 1 and not short(word, size - 1)):
            size -= 1
    if size > 1 and word[size - 1] == L and word[size - 2] == L and shape(word, size) >> 4 > 1:
        size -= 1
    return size

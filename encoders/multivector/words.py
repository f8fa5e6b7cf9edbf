"""Words of a text, by the tokens that belong to them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from intrex.data.arrays import Int64s

_WORD = re.compile("w+|p")
_ALONE = ((0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9D), (0x20000, 0x3FFFF))
"""Ideographs and kana: written without blanks."""


class _Shapes(dict[int, str]):
    """Shape of a code point: ``w`` (of a word), ``p`` (a word of its own) or a blank."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char.isspace() or unicodedata.category(char) in ("Cc", "Zs"):
            shape = " "
        elif any(first <= code <= last for first, last in _ALONE) or _punctuation(char):
            shape = "p"
        else:
            shape = "w"
        self[code] = shape
        return shape


def _punctuation(char: str) -> bool:
    """Tell whether a character is punctuation to BERT: all ASCII but letters, digits and blanks, and Unicode's category P."""
    return not char.isalnum() if char.isascii() else unicodedata.category(char).startswith("P")


_SHAPES = _Shapes()


def word_ids(text: str, spans: Iterable[tuple[int, int]]) -> Int64s:
    """Find the number of the word that each token of a text belongs to.

    A word is what stands between blanks and punctuation; a punctuation mark, an ideograph and a kana are words of
    their own. Words are equal if their lower case is, and are numbered as they first occur. ColBERTer (Hofstätter et
    al. 2022) splits so, ideographs and kana aside; its stemming is left out, as in its released tokenizer's default.

    Args:
        text: the text as the tokenizer saw it.
        spans: first and last + 1 character of each token in ``text``.

    Returns:
        [tokens] from 0; -1 for a token without a character that belongs to a word (special tokens).
    """
    owner = np.full(len(text) + 1, -1, np.int64)
    numbers: dict[str, int] = {}
    for match in _WORD.finditer(text.translate(_SHAPES)):
        start, stop = match.span()
        owner[start:stop] = numbers.setdefault(text[start:stop].lower(), len(numbers))
    pairs = np.array(list(spans), np.int64).reshape(-1, 2)
    ids = np.full(len(pairs), -1, np.int64)
    first, last = pairs.T
    at = first.copy()
    while (unknown := (ids < 0) & (at < last)).any():  # a token may begin with blanks
        ids[unknown] = owner[at[unknown]]
        at += 1
    return ids

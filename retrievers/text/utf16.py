"""Strings as Java sees them: a character above U+FFFF is two."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps


def in_utf16(stem: Callable[[str], str]) -> Callable[[str], str]:
    """Let a stemmer see surrogate pairs as two characters."""

    @wraps(stem)
    def stem_units(word: str) -> str:
        if max(word, default="") <= "\uffff":
            return stem(word)
        raw = word.encode("utf-16-be", "surrogatepass")
        units = "".join(chr(int.from_bytes(raw[i : i + 2], "big")) for i in range(0, len(raw), 2))
        return stem(units).encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")

    return stem_units

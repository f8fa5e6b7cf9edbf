"""Words and sentences of a text, as spans of characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

Spans: TypeAlias = list[tuple[int, int]]

_LONE = "\u2e80-\u2fdf\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters and kana, which are written without blanks."""
_HAS_LONE = re.compile(f"[{_LONE}]")
_BEHIND = "\u3001\u3002\uff0c\uff0e\uff01\uff1f\uff1b\uff1a\uff09\u300d\u300f\u3011\u3009\u300b\u2026\u201d\u2019\uff61\uff64"
"""Punctuation that stays with the character before it."""
_WORD = re.compile(rf"[{_LONE}][{_BEHIND}]*|[^\s{_LONE}]+")
_RUN = re.compile(r"\S+")

_CLOSERS = "\"')\\]}\u00bb\u201d\u2019\u203a\u300d\u300f\u3011\u3009\u300b\uff09"
_SPACED = ".!?\u2026\u203c\u203d\u2047-\u2049"
_UNSPACED = "\u0589\u061f\u06d4\u0964\u0965\u1362\u17d4\u17d5\u3002\uff01\uff0e\uff1f\uff61"
_END = re.compile(
    rf"(?<![{_SPACED}])[{_SPACED}]++[{_CLOSERS}]*+(?=\s)|[{_UNSPACED}][{_CLOSERS}]*+|\n[^\S\n]*+\n|\u2029"
)
"""Candidates for the end of a sentence. Possessive, and not begun inside a row of stops: linear in the text's length."""
_BEFORE = re.compile(r"\w+(?:\.\w+)*$")
_ABBREVIATIONS = frozenset(
    re.split(
        " ",
        "mr mrs ms dr prof st jr sr vs no nos vol fig figs eq eqs ref refs sec ch pp cf al ca approx e.g i.e",
    )
)


def words(text: str) -> Spans:
    """Return the words: what stands between white space; each Chinese character and each kana is a word of its own."""
    pattern = _RUN if text.isascii() or not _HAS_LONE.search(text) else _WORD
    return [match.span() for match in pattern.finditer(text)]


def count_words(text: str) -> int:
    """Count the words of a text, as `words` has them."""
    return len(text.split()) if text.isascii() or not _HAS_LONE.search(text) else len(_WORD.findall(text))


def sentences(text: str) -> Spans:
    """Return the sentences of a text without the white space around them: a short form of UAX #29's rules.

    A sentence ends at a stop (``. ! ?`` ...), with the closing quotes and brackets behind it, before white space; at a stop
    of a script that puts no blank there (``。``); and at an empty line. A full stop ends none after a single capital letter
    (an initial) or one of a few abbreviations, nor before a lower-case letter, unless the text has no capitals at all.
    """
    spans: Spans = []
    plain = text.islower()
    start = 0
    for match in _END.finditer(text):
        if match[0][0] != "." or _ends(text, match, plain):
            _add(spans, text, start, match.end())
            start = match.end()
    _add(spans, text, start, len(text))
    return spans


def _ends(text: str, match: re.Match[str], plain: bool) -> bool:
    """Tell whether a full stop ends a sentence; ``plain``: of a text without capitals."""
    after = next((c for c in text[match.end() : match.end() + 80] if not c.isspace()), "")
    if after.islower() and not plain:
        return False
    if match[0] != ".":
        return True
    before = _BEFORE.search(text, max(0, match.start() - 16), match.start())
    word = before[0] if before else ""
    return not (len(word) == 1 and word.isupper()) and word.lower() not in _ABBREVIATIONS


def _add(spans: Spans, text: str, start: int, end: int) -> None:
    piece = text[start:end]
    if stripped := piece.strip():
        begin = start + len(piece) - len(piece.lstrip())
        spans.append((begin, begin + len(stripped)))


def windows(spans: Sequence[tuple[int, int]], size: int, stride: int) -> Spans:
    """Return the spans of windows of ``size`` units, one beginning every ``stride`` units, up to the first that has the last unit."""
    found: Spans = []
    for first in range(0, len(spans), stride):
        found.append((spans[first][0], spans[min(first + size, len(spans)) - 1][1]))
        if first + size >= len(spans):
            break
    return found

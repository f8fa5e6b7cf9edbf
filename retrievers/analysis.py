"""Text to terms: Lucene's English analysis, as Anserini's DefaultEnglishAnalyzer puts it together.

StandardTokenizer (Unicode word breaks, UAX #29), possessive ``'s`` removed, lower case, 33 stop words removed,
Porter stemmer. Source: the grammar StandardTokenizerImpl.jflex of Lucene 9 and 10 (Unicode 12.1), written anew
for the ``regex`` module, and the filters' documentation. Characters assigned after Unicode 12.1 get the class
that ``regex`` knows for them; those whose class changed since keep the old one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Any

import regex

from intrex.data.errors import UsageError, nearest
from intrex.retrievers.porter import stem

MAX_TOKEN = 255
"""Longest token in UTF-16 units; what is longer comes in pieces."""

CACHED = 1 << 20
"""How many surface forms an analyzer remembers."""

_STOP = """
a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to
was will with
"""
STOP_WORDS = frozenset(_STOP.split())
"""Lucene's 33 English stop words."""

# Extended_Pictographic of emoji-data.txt, Unicode 12 to 15; later versions keep only what became an emoji.
_PICTOGRAPHIC = """
A9 AE 203C 2049 2122 2139 2194-2199 21A9-21AA 231A-231B 2328 2388 23CF 23E9-23F3 23F8-23FA 24C2 25AA-25AB 25B6
25C0 25FB-25FE 2600-2605 2607-2612 2614-2685 2690-2705 2708-2712 2714 2716 271D 2721 2728 2733-2734 2744 2747
274C 274E 2753-2755 2757 2763-2767 2795-2797 27A1 27B0 27BF 2934-2935 2B05-2B07 2B1B-2B1C 2B50 2B55 3030 303D
3297 3299 1F000-1F0FF 1F10D-1F10F 1F12F 1F16C-1F171 1F17E-1F17F 1F18E 1F191-1F19A 1F1AD-1F1E5 1F201-1F20F 1F21A
1F22F 1F232-1F23A 1F23C-1F23F 1F249-1F3FA 1F400-1F53D 1F546-1F64F 1F680-1F6FF 1F774-1F77F 1F7D5-1F7FF
1F80C-1F80F 1F848-1F84F 1F85A-1F85F 1F888-1F88F 1F8AE-1F8FF 1F90C-1F93A 1F93C-1F945 1F947-1FAFF 1FC00-1FFFD
"""


# How many joiners a match may begin with: without a limit, a long run of them takes quadratic time. More need not
# be seen, as `_tokenize_long` takes over where a token may pass the limit.
LEADING = f"{{0,{MAX_TOKEN}}}+"


def _ranges(text: str) -> str:
    """Code points in hexadecimal, alone or as ``first-last``, as the inside of a character class."""
    return "".join("-".join(f"\\U{int(end, 16):08X}" for end in span.split("-")) for span in text.split())


# A character takes the marks that follow it (UAX #29, WB4). Emoji modifiers are tokens of their own in Lucene.
_MODIFIER = r"[\U0001F3FB-\U0001F3FF]"
_CHANGED = r"\u0600-\u0605\u06DD\u070F\u08E2\U000110BD\U000110CD"  # Format in Unicode 12.1, not now
_MARK = rf"[[\p{{WB=Extend}}\p{{WB=Format}}\u200D{_CHANGED}]--{_MODIFIER}]"
_EMOJI_MARK = rf"[{_MARK}--[\uFE0E\uFE0F]]"

_LETTER = rf"(?:[\p{{WB=ALetter}}--[\u00B8\u02E5-\u02EB\u055A\u058A\uA708-\uA716{_CHANGED}]]{_MARK}*+)"
_HEBREW = rf"(?:\p{{WB=Hebrew_Letter}}{_MARK}*+)"
_NUMBER = rf"(?:[\p{{WB=Numeric}}\uFF10-\uFF19--[{_CHANGED}]]{_MARK}*+)"
_KATAKANA = rf"(?:\p{{WB=Katakana}}{_MARK}*+)"
_JOINER = rf"(?:\p{{WB=ExtendNumLet}}{_MARK}*+)"
_MID_LETTER = rf"(?:['\p{{WB=MidNumLet}}\p{{WB=MidLetter}}--[\u055F]]{_MARK}*+)"
_MID_NUMBER = rf"(?:['\p{{WB=MidNumLet}}\p{{WB=MidNum}}\uFE10\uFE14]{_MARK}*+)"


def _word() -> str:
    """The grammar's ALPHANUM rule, which spans what NUM, HANGUL and KATAKANA match.

    The grammar means the longest match and ``regex`` takes the first, hence the look-ahead: a run of letters
    leaves a Hebrew letter before a quote to the alternative that takes the quote too.
    """
    quoted = f"""{_HEBREW}(?:'{_MARK}*+|"{_MARK}*+{_HEBREW})"""
    numbers = f"{_NUMBER}(?:{_MID_NUMBER}?{_NUMBER})*+"
    plain = f"(?:{_LETTER}|(?!{quoted}){_HEBREW})"
    letters = f"{plain}(?:{plain}|{_MID_LETTER}(?:{_LETTER}|{_HEBREW}))*+"
    group = f"(?:{_KATAKANA}++|(?:{letters}|{quoted}|{numbers})++)"
    return f"{_JOINER}{LEADING}{group}(?:{_JOINER}++{group})*+{_JOINER}*+"


def _emoji() -> str:
    """The grammar's EMOJI rule, but for what begins with a digit or a letter: the word rule takes as much.

    A zero-width joiner (U+200D) is itself a mark, so a sequence goes on after one that was just taken.
    """
    toned = rf"(?:\u200D{LEADING}\p{{Emoji_Modifier_Base}}{_EMOJI_MARK}*+)?{_MODIFIER}{_EMOJI_MARK}*+"
    plain = rf"\u200D{LEADING}[{_ranges(_PICTOGRAPHIC)}]{_EMOJI_MARK}*+\uFE0F?"
    element = f"(?:{toned}|{plain})"
    flag_tags = r"(?<=\uFE0F)[\U000E0020-\U000E007E]++\U000E007F"
    keycap = rf"[#*]{_EMOJI_MARK}*\uFE0F?\u20E3{_EMOJI_MARK}*+"
    flag = rf"(?:\p{{Regional_Indicator}}{_MARK}*+){{2}}"
    return rf"{element}(?:{flag_tags}|(?:(?:(?<=\u200D)|\u200D){element})*+)|{keycap}|{flag}"


# The grammar's other rules: South-East Asian scripts are kept in one piece, Chinese characters and hiragana
# are one token each.
_OTHERS = rf"(?:\p{{LB=SA}}{_MARK}*+)++|[\p{{Script=Han}}\p{{Script=Hiragana}}]{_MARK}*+"

_TOKEN = regex.compile(f"{_word()}|{_emoji()}|{_OTHERS}", regex.V1)

# A window on nothing but these has no token.
_IDLE = regex.compile(rf"[[\p{{WB=ExtendNumLet}}{_MARK}]--\p{{LB=SA}}]*+", regex.V1)

# The same for ASCII, by the quicker `re`; most tokens are letters that nothing joins to what follows.
_ASCII_GROUP = "(?:[0-9]++(?:[,;.'][0-9]++)*+|[A-Za-z]++(?:[:.'][A-Za-z]++)*+)++"
_ASCII_TOKEN = re.compile(f"[A-Za-z]++(?![:.'0-9_])|_{LEADING}{_ASCII_GROUP}(?:_++{_ASCII_GROUP})*+_*+")
_NOT_ASCII = re.compile(r"[^\x00-\x7F]")


def tokenize(text: str) -> list[str]:
    """The tokens that Lucene's StandardTokenizer makes of a text, in order."""
    tokens: list[str] = []
    at = 0
    while found := _NOT_ASCII.search(text, at):
        # No token spans a blank, so only the words around other characters need the full pattern.
        start = max(text.rfind(" ", at, found.start()), at)
        end = text.find(" ", found.end())
        end = len(text) if end < 0 else end
        tokens += _ASCII_TOKEN.findall(text, at, start)
        tokens += _TOKEN.findall(text, start, end)
        at = end
    tokens += _ASCII_TOKEN.findall(text, at)
    return tokens if max(map(len, tokens), default=0) <= MAX_TOKEN // 2 else list(_tokenize_long(text))


def _tokenize_long(text: str) -> Iterator[str]:
    """The same where a token may pass the limit: Lucene sees no further than the limit from where a token starts."""
    pattern, at = _ASCII_TOKEN if text.isascii() else _TOKEN, 0
    while found := pattern.search(text, at):
        at = found.start()
        while at < found.end():
            piece = pattern.match(text, at, _window(text, at))
            if piece:
                yield piece[0]
                at = piece.end()
            else:
                at = max(at + 1, _IDLE.match(text, at).end() - MAX_TOKEN)


def _window(text: str, start: int) -> int:
    """Where the longest piece from ``start`` ends that has at most `MAX_TOKEN` UTF-16 units."""
    ahead = text[start : start + MAX_TOKEN]
    if max(ahead) <= "\uffff":
        return start + len(ahead)
    units = list(accumulate(2 if c > "\uffff" else 1 for c in ahead))
    return start + bisect_right(units, MAX_TOKEN)


def english_term(token: str) -> str:
    """The term of a token, or an empty string for a stop word."""
    if token[-1:] in ("s", "S") and token[-2:-1] in ("'", "\u2019", "\uff07"):
        token = token[:-2]
    # Java lower-cases each code point for itself: no final sigma, and U+0130 becomes a plain i.
    token = token.lower() if token.isascii() else "".join(c.lower()[:1] for c in token)
    return "" if token in STOP_WORDS else stem(token)


ANALYZERS: Mapping[str, Callable[[str], str]] = {"english": english_term}
"""Analyzers by name: each makes a term of a token, or an empty string of one that is left out."""


class _Terms(dict[str, str]):
    """Surface form to term, filled on demand up to a limit."""

    def __init__(self, make: Callable[[str], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, token: str) -> str:
        term = self._make(token)
        if len(self) < CACHED:
            self[token] = term
        return term


class Analyzer:
    """Makes the terms of a text; raises `UsageError` for a name that is not in `ANALYZERS`.

    Safe to share between threads.
    """

    def __init__(self, name: str = "english") -> None:
        if name not in ANALYZERS:
            raise UsageError(f"unknown analyzer {name!r}", nearest(name, ANALYZERS))
        self.name = name
        self._terms = _Terms(ANALYZERS[name])

    def __call__(self, text: str) -> list[str]:
        """The terms in text order, repeats kept."""
        return [term for term in map(self._terms.__getitem__, tokenize(text)) if term]

    def spec(self) -> dict[str, Any]:
        """What it does, for the manifest of an index: equal specs make equal terms."""
        return {
            "name": self.name,
            "tokenizer": "lucene-standard",
            "max_token_length": MAX_TOKEN,
            "filters": ["english-possessive", "lowercase", "stop-33", "porter"],
        }

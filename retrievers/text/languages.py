"""Analyzers of languages other than English: each is the class that Anserini's AnalyzerMap names for it.

All but Chinese and Korean cut with StandardTokenizer and make each term of one token. Stop words (``stop.txt``) are the
default sets of Lucene's analyzers. Languages whose Lucene analyzer is not made here are in `analyzer.ONLY_LUCENE`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from intrex.data.errors import MissingExtra
from intrex.retrievers.text import light
from intrex.retrievers.text import tokenizer as breaks
from intrex.retrievers.text.tokenizer import lower

Change = Callable[[str], str]


@dataclass(frozen=True)
class AnalyzerRecipe:
    """Steps of an analyzer.

    Attributes:
        filters: names of the steps after the tokenizer, for the manifest.
        term: returns the term of a token, which may be empty, or None of one that is left out. Where a term takes more
            than a token, there is no such function.
        stream: returns the terms of a text, where ``term`` is None.
        before: changes a text before it is cut.
    """

    filters: tuple[str, ...]
    term: Callable[[str], str | None] | None = None
    stream: Callable[[str], list[str]] | None = None
    before: Change | None = None


SNOWBALL = {"hu": "hungarian", "nl": "dutch_porter", "ru": "russian", "tr": "turkish"}
"""Languages whose analyzer stems by a Snowball algorithm, with its name in PyStemmer 3.

Danish, Finnish, Norwegian and Swedish changed since the version that Lucene 9 has.
"""
_FRENCH = "l m t qu n s j d c jusqu quoiqu lorsqu puisqu"
_ITALIAN = "c l all dall dell nell sull coll pell gl agl dagl degl negl sugl un m t s v d"
_ELIDED = {"fr": frozenset(_FRENCH.split()), "it": frozenset(_ITALIAN.split())}
_APOSTROPHE = re.compile("['\u2019]")
_OVERRIDDEN = {"fiets": "fiets", "bromfiets": "bromfiets", "ei": "eier", "kind": "kinder"}
"""Stems of Lucene's Dutch analyzer by a list."""


@cache
def stop_words(name: str) -> frozenset[str]:
    """Read the stop words of a language."""
    for line in files("intrex.retrievers.text").joinpath("stop.txt").read_text("utf-8").splitlines():
        language, *words = line.split(" ")
        if language == name:
            return frozenset(words)
    return frozenset()


def _elide(articles: frozenset[str]) -> Change:
    def change(token: str) -> str:
        """Take off the article before the first apostrophe."""
        article, *word = _APOSTROPHE.split(token, maxsplit=1)
        return word[0] if word and lower(article) in articles else token

    return change


def _ascii_digits(token: str) -> str:
    """Write decimal digits of any script as ASCII ones."""
    if token.isascii():
        return token
    return "".join(
        str(unicodedata.decimal(c)) if c > "\x7f" and unicodedata.category(c) == "Nd" else c for c in token
    )


def _snowball(language: str) -> Change:
    try:
        import Stemmer
    except ImportError as error:
        raise MissingExtra("PyStemmer", "languages", f"stemming for --language {language}") from error
    stemmer = Stemmer.Stemmer(SNOWBALL[language], 0)
    if language == "nl":
        return lambda word: _OVERRIDDEN.get(word) or str(stemmer.stemWord(word))
    return lambda word: str(stemmer.stemWord(word))


def _turkish_lower(token: str) -> str:
    """Make Turkish lower case, after the token is cut at its first apostrophe: I is ı and İ is i."""
    token = _APOSTROPHE.split(token, maxsplit=1)[0]
    return lower(token.replace("I\u0307", "i").replace("İ", "i").replace("I", "ı"))


def _chain(stops: str, before: tuple[Change, ...], after: tuple[Change, ...]) -> Callable[[str], str | None]:
    words = stop_words(stops)

    def term(token: str) -> str | None:
        for change in before:
            token = change(token)
        if token in words:
            return None
        for change in after:
            token = change(token)
        return token

    return term


def recipe(language: str) -> AnalyzerRecipe:
    """Make the recipe of a language of `intrex.retrievers.text.analyzer.ANALYZERS`; raises `MissingExtra`."""
    if language in ("zh", "ko", "bigrams"):
        return BIGRAMS
    stop, light_stem = f"stop-{language}", f"light-{language}"
    if language in SNOWBALL:
        turkish = language == "tr"
        change = _turkish_lower if turkish else lower
        lowercase = ("apostrophe", "turkish-lowercase") if turkish else ("lowercase",)
        term = _chain(language, (change,), (_snowball(language),))
        return AnalyzerRecipe((*lowercase, stop, f"snowball-{SNOWBALL[language]}"), term)
    if language in _ELIDED:
        stem = light.french if language == "fr" else light.italian
        term = _chain(language, (_elide(_ELIDED[language]), lower), (stem,))
        return AnalyzerRecipe(("elision", "lowercase", stop, light_stem), term)
    if language == "ar":
        term = _chain("ar", (lower, _ascii_digits), (light.normalize_arabic, light.arabic))
        return AnalyzerRecipe(("lowercase", "decimal-digits", stop, "arabic-normalization", light_stem), term)
    if language == "fa":
        changes = (lower, _ascii_digits, light.normalize_arabic, light.normalize_persian)
        names = ("lowercase", "decimal-digits", "arabic-normalization", "persian-normalization", stop)
        term = _chain("fa", changes, ())
        return AnalyzerRecipe(names, term, before=lambda text: text.replace("\u200c", " "))
    stems = {"de": (light.normalize_german, light.german), "es": (light.spanish,), "pt": (light.portuguese,)}
    normalization = ("german-normalization",) if language == "de" else ()
    term = _chain(language, (lower,), stems[language])
    return AnalyzerRecipe(("lowercase", stop, *normalization, light_stem), term)


_MARKED = {"\uff9e": "\u3099", "\uff9f": "\u309a"}


def _width(token: str) -> str:
    """Write full-width ASCII as ASCII and half-width katakana as katakana, with their voiced marks."""
    out: list[str] = []
    for c in token:
        if "\uff01" <= c <= "\uff5e":
            out.append(chr(ord(c) - 0xFEE0))
        elif c in _MARKED:
            joined = unicodedata.normalize("NFC", out[-1] + _MARKED[c]) if out else ""
            if len(joined) == 1 and "\u30a0" <= joined <= "\u30ff":
                out[-1] = joined
            else:
                out.append(_MARKED[c])
        elif "\uff65" <= c <= "\uff9d":
            out.append(unicodedata.normalize("NFKC", c))
        else:
            out.append(c)
    return "".join(out)


_CJK = frozenset(breaks.TYPES.index(name) for name in ("IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "HANGUL"))


def bigrams(text: str) -> list[str]:
    """Return pairs of neighbouring characters of Chinese, Japanese and Korean, and other words as they are.

    Characters are neighbours where no other character stands between their tokens. One without a neighbour is a
    term alone. Stop words of Lucene's CJKAnalyzer are left out.
    """
    terms: list[str] = []
    run, last = "", -1

    def close() -> None:
        terms.extend(map("".join, pairwise(run)) if len(run) > 1 else [run] * len(run))

    for start, end, kind in breaks.tokens(text):
        term = lower(_width(text[start:end]))
        if kind not in _CJK or start != last:
            close()
            run = ""
        if kind in _CJK:
            run += term
            last = end
        else:
            terms.append(term)
    close()
    stops = stop_words("cjk")
    return [term for term in terms if term not in stops]


BIGRAMS = AnalyzerRecipe(("cjk-width", "lowercase", "cjk-bigram", "stop-cjk"), stream=bigrams)

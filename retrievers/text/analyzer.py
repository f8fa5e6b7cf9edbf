"""Text to terms: Lucene's English analysis, as Anserini's DefaultEnglishAnalyzer puts it together.

StandardTokenizer (`intrex.retrievers.text.tokenizer`), possessive ``'s`` removed, lower case, 33 stop words removed, Porter
stemming. Sources: the filters' documentation, and Anserini's analyzer itself, to which `tests/differential` compares
every term.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from intrex.data.errors import UsageError, nearest_name
from intrex.retrievers.text import tokenizer as breaks
from intrex.retrievers.text.languages import AnalyzerRecipe, recipe
from intrex.retrievers.text.porter import stem
from intrex.retrievers.text.tokenizer import MAX_TOKEN, lower

CACHED = 1 << 20
"""Surface forms that an analyzer remembers."""

_STOP = """
a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to
was will with
"""
STOP_WORDS = frozenset(_STOP.split())
"""Lucene's 33 English stop words."""

# Most of most texts is ASCII, where the quick `re` finds the same tokens; most are letters that nothing joins to what
# follows. How many joiners a match may begin with is limited: a long run of them would take quadratic time.
_ASCII_GROUP = "(?:[0-9]++(?:[,;.'][0-9]++)*+|[A-Za-z]++(?:[:.'][A-Za-z]++)*+)++"
_ASCII_TOKEN = re.compile(
    f"[A-Za-z]++(?![:.'0-9_])|_{{0,{MAX_TOKEN}}}+{_ASCII_GROUP}(?:_++{_ASCII_GROUP})*+_*+"
)
_NOT_ASCII = re.compile(r"[^\x00-\x7F]")


def tokenize(text: str) -> list[str]:
    """Cut a text into the tokens of Lucene's StandardTokenizer, in order."""
    if len(text) <= MAX_TOKEN // 2 and text.isascii():  # most queries
        return _ASCII_TOKEN.findall(text)
    tokens: list[str] = []
    position = 0
    while character := _NOT_ASCII.search(text, position):
        # No token spans a blank, so only the words around other characters need the whole grammar.
        start = max(text.rfind(" ", position, character.start()), position)
        end = text.find(" ", character.end())
        end = len(text) if end < 0 else end
        tokens += _ASCII_TOKEN.findall(text, position, start)
        tokens += [text[token.start : token.end] for token in breaks.tokens(text, start, end)]
        position = end
    tokens += _ASCII_TOKEN.findall(text, position)
    if max(map(len, tokens), default=0) <= MAX_TOKEN // 2:
        return tokens
    # The ASCII pattern knows no limit.
    return [text[token.start : token.end] for token in breaks.tokens(text)]


def english_term(token: str) -> str | None:
    """Return the term of a token, or None for a stop word."""
    if token[-1:] in ("s", "S") and token[-2:-1] in ("'", "\u2019", "\uff07"):
        token = token[:-2]
    token = lower(token)
    return None if token in STOP_WORDS else stem(token)


ENGLISH = AnalyzerRecipe(("english-possessive", "lowercase", "stop-33", "porter"), english_term)
_OTHERS = ("ar", "de", "es", "fa", "fr", "hu", "it", "ko", "nl", "pt", "ru", "tr", "zh", "bigrams")
ANALYZERS = ("english", "en", *_OTHERS)
"""Names of analyzers, most the ISO 639-1 code of a language."""
ONLY_LUCENE = frozenset(["bn", "da", "fi", "hi", "id", "ja", "no", "pl", "sv", "te", "th", "uk"])
"""Languages that Anserini analyses and this package does not."""


class _Terms(dict[str, str | None]):
    """Surface form to term, filled on demand up to a limit."""

    def __init__(self, make: Callable[[str], str | None]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, token: str) -> str | None:
        term = self._make(token)
        if len(self) < CACHED:
            self[token] = term
        return term


class Analyzer:
    """A function from a text to its terms; raises `UsageError` for a name that is not in `ANALYZERS`.

    Safe to share between threads.
    """

    def __init__(self, name: str = "english") -> None:
        if name in ONLY_LUCENE:
            hint = "--language bigrams takes pairs of characters" if name == "ja" else None
            raise UsageError(f"the language {name!r} is analysed by --engine lucene only", hint)
        if name not in ANALYZERS:
            raise UsageError(f"unknown analyzer {name!r}", nearest_name(name, ANALYZERS))
        self.name = "english" if name == "en" else name
        self._recipe = ENGLISH if self.name == "english" else recipe(name)
        self.term, self.before = self._recipe.term, self._recipe.before
        self._terms = _Terms(self.term) if self.term else None

    def __call__(self, text: str) -> list[str]:
        """Return the terms in text order, repeats kept."""
        if self.before:
            text = self.before(text)
        if self._recipe.stream:
            return self._recipe.stream(text)
        assert self._terms is not None  # noqa: S101 - a recipe has one of the two
        return [term for term in map(self._terms.__getitem__, tokenize(text)) if term is not None]

    def spec(self) -> dict[str, Any]:
        """Return the steps, for the manifest of an index: equal specs make equal terms."""
        return {
            "name": self.name,
            "tokenizer": "lucene-9-standard",
            "max_token_length": MAX_TOKEN,
            "filters": list(self._recipe.filters),
        }


def analyzer_of(spec: Mapping[str, Any]) -> Analyzer:
    """Make the analyzer that a manifest names, English if it is none of ours: the caller compares the specs."""
    name = spec.get("name")
    return Analyzer(name if isinstance(name, str) and name in ANALYZERS else "english")

"""Filters of documents by their metadata: ``year >= 2020 and (lang = en or not peer_reviewed = true)``, parsed and asked.

A field is a key of a document's ``metadata``; ``author.name`` is the key ``name`` of the object ``author``, unless a key
has that name with its dot. Numbers are compared with numbers, strings with strings (so ISO dates are in order), truth
values with truth values. Of a list some item has to match. A document without the field, or with null in it, matches
no comparison.
"""

from __future__ import annotations

import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from intrex.data.errors import UsageError, json_type, shorten_words

Value = str | float | bool
DEPTH = 50
"""Parentheses and ``not`` inside one another."""
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>!=|<=|>=|==|[=<>(),])|(?P<word>[^\s()=!<>,'"]+))""",
    re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?\d{1,300}(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORDS = ("and", "or", "not", "in")
HINT = "field = value, or != < <= > >=, or field in (a, b); joined by and, or, not, parentheses; quote what has blanks"


class Condition(ABC):
    """What a document's metadata must be."""

    @abstractmethod
    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Tell whether a document with these metadata is meant."""

    @abstractmethod
    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparisons in it, in order."""


@dataclass
class Comparison(Condition):
    """Comparison of a field with values, of which one has to fit.

    Attributes:
        name: the field.
        sign: ``=``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``; ``in`` is ``=`` with several values.
        values: at least one.
        present: documents that have the field, of those asked so far.
        comparable: those of them with something of a type that one of the values has.
        example: a value of a document with nothing of such a type.
    """

    name: str
    sign: str
    values: tuple[Value, ...]
    present: int = field(default=0, init=False)
    comparable: int = field(default=0, init=False)
    example: Any = field(default=None, init=False)

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """See `Condition.matches`."""
        found = look_up(metadata, self.name)
        if found is None:
            return False
        self.present += 1
        items = found if isinstance(found, list) else [found]
        pairs = [(item, value) for value in self.values for item in items if _type(item) == _type(value)]
        if pairs:
            self.comparable += 1
        else:
            self.example = found
        if self.sign in _ORDERED:
            return any(_ORDERED[self.sign](item, value) for item, value in pairs)
        return any(item == value for item, value in pairs) == (self.sign == "=")

    def comparisons(self) -> Iterator[Comparison]:
        """See `Condition.comparisons`."""
        yield self

    @property
    def mistyped(self) -> str | None:
        """What is wrong where no document's value can be compared with this one, for a message."""
        if not self.present or self.comparable:
            return None
        types = " or ".join(dict.fromkeys(json_type(value) for value in self.values))
        return f"{self.name} is compared with {types}, the documents have {json_type(self.example)} ({self.example!r})"


@dataclass
class Combination(Condition):
    """Conditions joined by ``and``, or by ``or``."""

    parts: list[Condition]
    join: Callable[[list[bool]], bool]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """See `Condition.matches`."""
        return self.join([part.matches(metadata) for part in self.parts])  # all of them: each one counts

    def comparisons(self) -> Iterator[Comparison]:
        """See `Condition.comparisons`."""
        for part in self.parts:
            yield from part.comparisons()


@dataclass
class Negation(Condition):
    """What another condition does not match, documents without the field among it."""

    part: Condition

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """See `Condition.matches`."""
        return not self.part.matches(metadata)

    def comparisons(self) -> Iterator[Comparison]:
        """See `Condition.comparisons`."""
        return self.part.comparisons()


def look_up(metadata: Mapping[str, Any], name: str) -> Any:
    """Return the value of a field, None where there is none."""
    if name in metadata:
        return metadata[name]
    head, _, rest = name.partition(".")
    inner = metadata.get(head)
    return look_up(inner, rest) if rest and isinstance(inner, dict) else None


def field_names(metadata: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Yield the names of the fields of a document, those inside objects with dots."""
    for key, value in metadata.items():
        if isinstance(value, dict):
            yield from field_names(value, f"{before}{key}.")
        else:
            yield before + key


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse_filter(text: str) -> Condition:
    """Parse a filter.

    Raises:
        UsageError: it is none; the message names the character.
    """
    parser = _Parser(text)
    condition = parser.alternatives(0)
    if parser.token.kind != "end":
        raise parser.error("and, or, or the end is needed")
    return condition


class _Parser:
    """Parser by recursive descent: ``or`` binds less than ``and``, that less than ``not``."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._next = 0

    def _split(self) -> Iterator[_Token]:
        at, end = 0, len(self._text.rstrip())
        while at < end:
            match = _TOKEN.match(self._text, at)
            if match is None:
                at += len(self._text[at:]) - len(self._text[at:].lstrip())
                what = "a quote has no end" if self._text[at] in "'\"" else "this means nothing"
                raise self._error(what, _Token("", self._text[at:end], at))
            kind = str(match.lastgroup)
            yield _Token(kind, match[kind], match.start(kind))
            at = match.end()
        yield _Token("end", "", end)

    @property
    def token(self) -> _Token:
        """Next token."""
        return self._tokens[self._next]

    def error(self, what: str) -> UsageError:
        """Make the error of the next token."""
        return self._error(what, self.token)

    def _error(self, what: str, token: _Token) -> UsageError:
        place = f"before {token.text[:40]!r}" if token.text else "at the end"
        return UsageError(
            f"{what} at character {token.at + 1}, {place} (filter: {shorten_words(self._text)})", HINT
        )

    def _takes(self, *spellings: str) -> str:
        """Go on behind the next token if it is one of these words or signs; return it, or nothing."""
        kind, text, _ = self.token
        if kind in ("word", "sign") and text.lower() in spellings:
            self._next += 1
            return text.lower()
        return ""

    def alternatives(self, depth: int) -> Condition:
        """Parse conditions joined by ``or``."""
        parts = [self._conjunction(depth)]
        while self._takes("or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else Combination(parts, any)

    def _conjunction(self, depth: int) -> Condition:
        parts = [self._single(depth)]
        while self._takes("and"):
            parts.append(self._single(depth))
        return parts[0] if len(parts) == 1 else Combination(parts, all)

    def _single(self, depth: int) -> Condition:
        if depth > DEPTH:
            raise self.error(f"more than {DEPTH} parentheses or nots inside one another")
        if self._takes("not"):
            return Negation(self._single(depth + 1))
        if self._takes("("):
            inner = self.alternatives(depth + 1)
            if not self._takes(")"):
                raise self.error("and, or, or ) is needed")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        kind, name, _ = self.token
        if kind not in ("word", "quoted") or (kind == "word" and name.lower() in _WORDS):
            raise self.error("the name of a field is needed")
        self._next += 1
        name = _unquoted(name) if kind == "quoted" else name
        if self._takes("in"):
            return Comparison(name, "=", self._list())
        if self._takes("not"):
            if not self._takes("in"):
                raise self.error("in is needed")
            return Comparison(name, "!=", self._list())
        sign = self._takes("=", "==", "!=", *_ORDERED)
        if not sign:
            raise self.error("one of = != < <= > >= in is needed")
        if sign in _ORDERED and self.token.kind == "word" and self.token.text.lower() in ("true", "false"):
            raise self.error(f"truth values have no order, so there is no {sign}")
        return Comparison(name, sign.replace("==", "="), (self._value(),))

    def _list(self) -> tuple[Value, ...]:
        if not self._takes("("):
            raise self.error("( is needed")
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        if not self._takes(")"):
            raise self.error(", or ) is needed")
        return tuple(values)

    def _value(self) -> Value:
        kind, text, _ = self.token
        if kind not in ("word", "quoted") or (kind == "word" and text.lower() in _WORDS):
            raise self.error("a value is needed")
        self._next += 1
        if kind == "quoted":
            return _unquoted(text)
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        if _NUMBER.fullmatch(text):
            return float(text) if re.search(r"[.eE]", text) else int(text)
        return text


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)

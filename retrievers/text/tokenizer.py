"""Word breaks as Lucene's StandardTokenizer makes them: a state machine over classes of characters.

The grammar is that of StandardTokenizerImpl.jflex in Lucene 9 (UAX #29 of Unicode 12.1 with Lucene's own rules for
emoji, Chinese characters, hiragana and South-East Asian scripts), written anew. Which class a character has is asked
of the live tokenizer (`tests/differential/make_breaks.py`) and kept in ``breaks.txt``, so that neither Python's nor
the ``regex`` module's version of Unicode changes a token. The same table drives `intrex.retrievers.text.analyzer` and the
compiled kernel.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterator
from importlib.resources import files
from itertools import accumulate
from typing import NamedTuple

CLASSES = ".ABHhNDK_'\"MLCP#RTZEFkgGXSsIi"
"""One letter a class, in the order of their numbers; ``.`` breaks words. ``.`` anything else; ``A`` letter; ``B`` letter that
is an emoji; ``H`` Hebrew letter; ``h`` Hangul; ``N`` digit; ``D`` ASCII digit; ``K`` katakana; ``_`` joins words:
underscore and its like; ``'`` apostrophe; ``"`` quotation mark; ``M`` joins letters and digits: full stop; ``L`` joins
letters: colon; ``C`` joins digits: comma; ``P`` emoji; ``#`` number sign and asterisk; ``R`` regional indicator; ``T``
emoji modifier; ``Z`` zero-width joiner; ``E`` variation selector 15; ``F`` variation selector 16; ``k`` combining enclosing
keycap; ``g`` tag; ``G`` cancel tag; ``X`` any other mark; ``S`` South-East Asian letter; ``s`` South-East Asian mark; ``I``
Chinese character; ``i`` hiragana."""
TYPES = ("", "EMOJI", "NUM", "HANGUL", "KATAKANA", "ALPHANUM", "SOUTHEAST_ASIAN", "IDEOGRAPHIC", "HIRAGANA")
"""Token types; where two rules match equally much, the one that stands first here wins."""


MAX_TOKEN = 255
"""Longest token in UTF-16 units; a longer one comes in pieces."""


class _Nfa:
    """A non-deterministic machine: states are numbers, `steps` are on classes, `free` steps on nothing."""

    def __init__(self) -> None:
        self.steps: list[dict[str, set[int]]] = []
        self.free: list[set[int]] = []
        self.accept: dict[int, int] = {}

    def state(self) -> int:
        """Make a state; return its number."""
        self.steps.append({})
        self.free.append(set())
        return len(self.free) - 1

    def add(self, start: int, rule: _Rule) -> int:
        """Add the steps of a rule from a state on; return the state where it ends."""
        if isinstance(rule, str):
            end = self.state()
            for letter in rule:
                self.steps[start].setdefault(letter, set()).add(end)
            return end
        kind, parts = rule
        if kind == "then":
            for part in parts:
                start = self.add(start, part)
            return start
        first, last = self.state(), self.state()
        self.free[start].add(first)
        for part in parts:
            self.free[self.add(first, part)].add(last)
        if kind in ("any", "many"):
            self.free[last].add(first)
        end = self.state()
        self.free[last].add(end)
        if kind in ("any", "maybe"):
            self.free[first].add(end)
        return end

    def closure(self, states: set[int]) -> frozenset[int]:
        """Return the states and all that are reached from them on nothing."""
        closed, todo = set(states), list(states)
        while todo:
            new = self.free[todo.pop()] - closed
            closed |= new
            todo += new
        return frozenset(closed)


_Rule = str | tuple[str, tuple["_Rule", ...]]


def _then(*parts: _Rule) -> _Rule:
    return "then", parts


def _or(*parts: _Rule) -> _Rule:
    return "or", parts


def _any(*parts: _Rule) -> _Rule:
    return "any", (_then(*parts),)


def _repeat(*parts: _Rule) -> _Rule:
    return "many", (_then(*parts),)


def _maybe(*parts: _Rule) -> _Rule:
    return "maybe", (_then(*parts),)


_MARKS = _any("XZTEFkgGs")
_EMOJI_MARKS = _any("XZTkgGs")
"""Variation selectors have places of their own in an emoji."""


def _words() -> list[tuple[str, _Rule]]:
    hebrew = _then("H", _MARKS)
    plain = _then("ABHh", _MARKS)
    digit, katakana, joiner = _then("ND", _MARKS), _then("K", _MARKS), _then("_", _MARKS)
    mid_letter, mid_digit = _then("'ML", _MARKS), _then("'MC", _MARKS)
    quote, double = _then("'", _MARKS), _then('"', _MARKS)
    joiners = _any(joiner)
    number = _then(digit, _any(_maybe(mid_digit), digit))
    letters = _then(plain, _any(_maybe(mid_letter), plain))
    group = _or(
        _repeat(katakana),
        _repeat(_or(_then(hebrew, _or(quote, _then(double, hebrew))), number, letters)),
    )
    word = _then(joiners, group, _any(_repeat(joiner), group), joiners)
    numeric = _then(joiners, digit, _any(_or(joiners, mid_digit), digit), joiners)
    return [
        ("NUM", numeric),
        ("HANGUL", _repeat("h", _MARKS)),
        ("KATAKANA", _repeat(katakana)),
        ("ALPHANUM", word),
    ]


def _emoji() -> _Rule:
    joined = _any("Z")
    toned = _then(_maybe(joined, "PB", _EMOJI_MARKS), "T", _EMOJI_MARKS)
    plain = _then(joined, "PB", _EMOJI_MARKS, _maybe("F"))
    element = _or(toned, plain)
    sequence = _then(element, _any("Z", element))
    flag_of_tags = _then(joined, "PB", _EMOJI_MARKS, "F", _repeat("g"), "G")
    keycap = _then("#D", _EMOJI_MARKS, _maybe("F"), "k", _EMOJI_MARKS)
    flag = _then("R", _MARKS, "R", _MARKS)
    return _or(sequence, flag_of_tags, keycap, flag)


def _rules() -> list[tuple[str, _Rule]]:
    return [
        *_words(),
        ("SOUTHEAST_ASIAN", _repeat("Ss", _MARKS)),
        ("IDEOGRAPHIC", _then("I", _MARKS)),
        ("HIRAGANA", _then("i", _MARKS)),
        ("EMOJI", _emoji()),
    ]


class Machine(NamedTuple):
    """A state machine: tokens start at state 0, and no token goes on from -1."""

    steps: list[list[int]]
    """Next state, [states][classes]."""
    accepts: list[int]
    """Number of the token's type, [states]; 0 where no token ends."""


@functools.cache
def machine() -> Machine:
    """Make the machine of the grammar, by the subset construction."""
    nfa = _Nfa()
    start = nfa.state()
    for name, rule in _rules():
        nfa.accept[nfa.add(start, rule)] = TYPES.index(name)
    first = nfa.closure({start})
    numbers, todo, steps, accepts = {first: 0}, [first], [], []
    for states in todo:
        row = []
        for letter in CLASSES:
            after = nfa.closure(set().union(*(nfa.steps[s].get(letter, ()) for s in states)))
            if after and after not in numbers:
                numbers[after] = len(todo)
                todo.append(after)
            row.append(numbers[after] if after else -1)
        steps.append(row)
        accepts.append(min((nfa.accept[s] for s in states if s in nfa.accept), default=0))
    return Machine(steps, accepts)


def _spans(letter: str) -> Iterator[tuple[int, int, int]]:
    """Yield the spans of a line of ``breaks.txt``: first and last code point, and their distance to lower case."""
    for line in files("intrex.retrievers.text").joinpath("breaks.txt").read_text("utf-8").splitlines():
        name, *spans = line.split(" ")
        if name == letter:
            for span in spans:
                ends, _, delta = span.partition("=")
                first, _, last = ends.partition("-")
                yield int(first, 16), int(last or first, 16), int(delta or 0)


@functools.cache
def classes() -> bytes:
    """Return the class number of each code point up to U+10FFFF."""
    out = bytearray(0x110000)
    for number, letter in enumerate(CLASSES[1:], 1):
        for first, last, _ in _spans(letter):
            out[first : last + 1] = bytes([number]) * (last + 1 - first)
    return bytes(out)


@functools.cache
def lower_case() -> dict[int, int]:
    """Return the lower case of each code point that has one, as Java 21 has it, for `str.translate`."""
    return {c: c + delta for first, last, delta in _spans("lower") for c in range(first, last + 1)}


def lower(text: str) -> str:
    """Make lower case as Java does, each code point for itself: no final sigma, and U+0130 becomes a plain i."""
    return text.lower() if text.isascii() else text.translate(lower_case())


class _Row(NamedTuple):
    """A state of the machine for Python's loop: the next state by class, and the number of the token's type."""

    steps: list[_Row | None]
    type: int


@functools.cache
def _rows() -> _Row:
    steps, accepts = machine()
    rows = [_Row([], type_) for type_ in accepts]
    for row, after in zip(rows, steps, strict=True):
        row.steps.extend(None if s < 0 else rows[s] for s in after)
    return rows[0]


def _window(text: str, start: int) -> int:
    """Find the end of the longest piece from ``start`` that has at most `MAX_TOKEN` UTF-16 units."""
    ahead = text[start : start + MAX_TOKEN]
    if max(ahead) <= "\uffff":
        return start + len(ahead)
    units = list(accumulate(2 if c > "\uffff" else 1 for c in ahead))
    return start + bisect_right(units, MAX_TOKEN)


class Token(NamedTuple):
    """Place of a token in the text and the number of its type in `TYPES`."""

    start: int
    end: int
    type: int


def tokens(text: str, start: int = 0, stop: int | None = None) -> Iterator[Token]:
    """Yield the tokens that Lucene's StandardTokenizer makes of a part of a text that no token enters or leaves.

    The longest match wins, and Lucene sees no further than `MAX_TOKEN` UTF-16 units from where a token starts.
    """
    begin, stop = start, len(text) if stop is None else stop
    class_of, first = classes(), _rows().steps
    kinds = [class_of[ord(c)] for c in text[start:stop]]
    row, position = None, begin
    while begin < stop:
        if position <= begin:
            row, position = first[kinds[begin - start]], begin + 1
        end, type_, window = begin, 0, 0
        while row is not None:
            if row.type:
                end, type_ = position, row.type
            if position - begin >= MAX_TOKEN // 2:
                window = window or min(_window(text, begin), stop)
                if position >= window:
                    break
            if position >= stop:
                break
            row = row.steps[kinds[position - start]]
            position += 1
        if type_:
            yield Token(begin, end, type_)
            begin = position = end
            continue
        begin += 1
        if position > begin and not _meets(first, kinds, begin - start):
            position = begin


def _meets(first: list[_Row | None], kinds: list[int], at: int) -> bool:
    """Tell whether a token that starts here takes the way of one that starts a place before, and so may go on from its end.

    Without that, a long run of joiners, which never becomes a token, would be read 255 times.
    """
    before = first[kinds[at - 1]]
    return before is not None and before.steps[kinds[at]] is first[kinds[at]]

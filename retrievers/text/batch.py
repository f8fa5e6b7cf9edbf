"""Terms of many texts as numbers, for building indexes: equal to `Analyzer` by test, many times as fast.

Compiled kernels cut the texts by the machine of `intrex.retrievers.text.tokenizer`, number the surface forms, and make the
English terms of ASCII ones; Python makes a term of each other form once. Where there is little text, or no kernel,
`Analyzer` does all.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int32s, Int64s, Uint8s, Uint64s
from intrex.data.native.kernel import Kernels
from intrex.retrievers.inverted.native import kernels_for
from intrex.retrievers.inverted.vocabulary import Names, Numbers
from intrex.retrievers.text import tokenizer as breaks
from intrex.retrievers.text.analyzer import STOP_WORDS, Analyzer, english_term
from intrex.retrievers.text.porter import STEP_2, STEP_3, STEP_4

FORMS = 1 << 19
"""Surface forms that are remembered, in some 100 bytes each; beyond that all are forgotten."""
SPARE = 16
"""Bytes that the kernels may read behind a text."""
LONGEST = 3 * breaks.MAX_TOKEN
"""Bytes of the longest form."""
SPANS = 1 << 18
"""Tokens that are cut before they are numbered."""
GROUP = 64
"""As in `intrex.retrievers.text.kernels.terms`."""


class BatchAnalyzer:
    """A numbering of the terms of texts, from 0 in the order in which they first come.

    Args:
        analyzer: makes the terms.
        expected: about the bytes of text to come; decides whether the kernels are worth their while.
    """

    def __init__(self, analyzer: Analyzer, expected: int = 0) -> None:
        self.analyzer = analyzer
        kernels = kernels_for(expected) if analyzer.term else None
        self._native = _Native(kernels, analyzer) if kernels and analyzer.term else None
        self._numbers = Numbers()

    @property
    def reads_bytes(self) -> bool:
        """True where `add_bytes` may be called."""
        return self._native is not None and self.analyzer.before is None

    def names(self) -> Names:
        """Return the term of each number; they grow with every call of `add`."""
        return self._native.terms.names() if self._native else Names.of(self._numbers)

    def add(self, texts: Sequence[str]) -> tuple[Int32s, Int64s]:
        """Return the terms of texts as numbers.

        Returns:
            Term numbers, int32 [t], and the offsets of each text's, int64 [texts + 1].
        """
        if self._native is None:
            return self._number([self.analyzer(text) for text in texts])
        if before := self.analyzer.before:
            texts = list(map(before, texts))
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        starts = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return self._native.add(np.frombuffer(b"".join(encoded) + bytes(SPARE), np.uint8), starts)

    def add_bytes(self, text: Uint8s, starts: Int64s) -> tuple[Int32s, Int64s]:
        """Return as numbers the terms of the texts ``text[starts[i]:starts[i + 1]]``, sound UTF-8 with `SPARE` bytes behind it."""
        assert self._native is not None  # noqa: S101 - see reads_bytes
        return self._native.add(text, starts)

    def _number(self, lists: list[list[str]]) -> tuple[Int32s, Int64s]:
        offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
        numbers = map(self._numbers.__getitem__, chain.from_iterable(lists))
        return np.fromiter(numbers, np.int32, int(offsets[-1])), offsets


class _Native:
    """Arrays that the kernels read and write: surface forms, terms, and the term of each form."""

    def __init__(self, kernels: Kernels, analyzer: Analyzer) -> None:
        assert analyzer.term is not None  # noqa: S101 - for the type checker
        self._kernels, self._term = kernels, analyzer.term
        self._english = analyzer.term is english_term
        self._machine = _machine()
        self._rules, self._stops = _rules(), _stops()
        self.terms, self._forms = _Strings(kernels), _Strings(kernels)
        self._of_form, self._forms_done = np.empty(0, np.int32), 0
        self._spans, self._keys = np.empty(SPANS, np.int64), np.zeros(GROUP + 1, np.uint64)

    def add(self, text: Uint8s, starts: Int64s) -> tuple[Int32s, Int64s]:
        """See `BatchAnalyzer.add_bytes`."""
        if self._forms.count > FORMS:
            self._forms, self._forms_done = _Strings(self._kernels), 0
        texts, offsets = len(starts) - 1, np.zeros(len(starts), np.int64)
        source = (text, starts, texts, *self._machine)
        state, parts, spans = np.array([0, starts[0], 0]), [np.empty(0, np.int32)], self._spans
        while state[0] < texts:
            cut = self._kernels["cut"](*source, spans, len(spans), offsets[1:], state)
            parts.append(self._recognise(text, cut))
        self._learn()
        forms = np.concatenate(parts)
        ends = offsets[1:]
        n = self._kernels["translate"](forms, ends, texts, self._of_form, forms, ends)
        return forms[:n].copy(), offsets

    def _recognise(self, text: Uint8s, tokens: int) -> Int32s:
        """Return the form numbers of tokens that were cut."""
        forms, out = self._forms, np.empty(tokens, np.int32)
        state, whole = np.array([0, forms.count, 0, 0]), 0
        while not whole:
            state[2:] = forms.room(GROUP, GROUP * LONGEST)
            source = (text, self._spans, tokens, *forms.arguments())
            whole = self._kernels["recognise"](*source, self._keys, out, state)
            forms.count = int(state[1])
        return out

    def _learn(self) -> None:
        """Make terms of the forms that are new."""
        forms, first = self._forms, self._forms_done
        if len(self._of_form) < forms.count:
            self._of_form = np.concatenate(
                [self._of_form[:first], np.empty(2 * forms.count - first, np.int32)]
            )
        terms = [self._term(form) for form in forms.after(first, foreign=self._english)]
        encoded = [b"" if term is None else term.encode("utf-8", "surrogatepass") for term in terms]
        text = np.frombuffer(b"".join(encoded) + bytes(SPARE), np.uint8)
        sizes = [-1 if term is None else len(raw) for term, raw in zip(terms, encoded, strict=True)]
        longest = max(LONGEST, *sizes, 0)
        lengths, word = np.array([*sizes, 0], np.int32), np.zeros(longest + SPARE, np.uint8)
        state, whole = np.array([first, 0, 0, self.terms.count, 0, 0]), 0
        while not whole:
            state[4:] = self.terms.room(1, longest)
            whole = self._kernels["number"](
                *(*forms.arguments()[:2], forms.count, self._english, self._rules, self._stops),
                *(text, lengths, self._of_form, *self.terms.arguments(), word, state),
            )
            self.terms.count = int(state[3])
        self._forms_done = forms.count


class _Strings:
    """Different strings by number, in arrays that the kernels read and write: see `intrex.retrievers.text.kernels.strings`."""

    def __init__(self, kernels: Kernels) -> None:
        self._refill = kernels["refill"]
        self._arena = np.empty(1 << 16, np.uint8)
        self._ends = np.zeros((1 << 12) + 1, np.int64)
        self._table = np.zeros((1 << 13, 2), np.uint64)
        self.count = 0

    def arguments(self) -> tuple[Uint8s, Int64s, Uint64s, int]:
        """Return the strings as arguments of a kernel."""
        return self._arena, self._ends, self._table, len(self._table) - 1

    def names(self) -> Names:
        """Return all strings."""
        ends = self._ends[: self.count + 1]
        return Names(self._arena[: ends[-1]], ends)

    def after(self, first: int, foreign: bool) -> list[str]:
        """Return the strings from a number on; with ``foreign`` those that are not ASCII."""
        ends = self._ends[first : self.count + 1]
        if len(ends) < 2:
            return []
        raw, cuts = self._arena[ends[0] : ends[-1]], ends - ends[0]
        numbers = np.arange(len(cuts) - 1)
        if foreign:
            numbers = np.flatnonzero(np.maximum.reduceat(raw, cuts[:-1]) >= 0x80)
        text = raw.tobytes()
        pairs = zip(cuts[numbers].tolist(), cuts[numbers + 1].tolist(), strict=True)
        return [text[a : b - 1].decode("utf-8", "surrogatepass") for a, b in pairs]

    def room(self, more: int, size: int) -> tuple[int, int]:
        """Make room for ``more`` strings of ``size`` bytes together; return the numbers of strings and bytes that fit then."""
        while self.count + more > len(self._ends) - 1:
            self._ends = np.concatenate([self._ends, np.empty(len(self._ends) - 1, np.int64)])
        if 2 * (len(self._ends) - 1) > len(self._table):
            old, self._table = self._table, np.zeros((2 * (len(self._ends) - 1), 2), np.uint64)
            self._refill(old, len(old), self._table, len(self._table) - 1)
        while self._ends[self.count] + size + more + SPARE > len(self._arena):
            self._arena = np.concatenate([self._arena, np.empty_like(self._arena)])
        return len(self._ends) - 1, len(self._arena) - SPARE


def _machine() -> tuple[npt.NDArray[Any], ...]:
    """Return classes, steps, accepts and runs, as the kernel takes them."""
    table, accepts = breaks.machine()
    steps = np.full((len(table), 32), -1, np.int16)
    steps[:, : len(breaks.CLASSES)] = table
    runs = np.full(32, -1, np.int16)
    for kind in range(len(breaks.CLASSES)):
        once = steps[0, kind]
        twice = steps[once, kind] if once >= 0 else -1
        if twice >= 0 and steps[twice, kind] == twice and accepts[once] and accepts[twice]:
            runs[kind] = twice
    return np.frombuffer(breaks.classes(), np.uint8), steps, np.array(accepts, np.uint8), runs


def _rules() -> Uint8s:
    """Return Porter's steps 2 to 4 as the kernel takes them."""
    out = bytearray()
    for rules, above in ((STEP_2, 0), (STEP_3, 0), (STEP_4, 1)):
        for suffix, new in sorted(rules.items(), key=lambda rule: -len(rule[0])):
            out += bytes([len(suffix), len(new), above]) + (suffix + new).encode("ascii")
        out.append(0)
    return np.frombuffer(bytes(out), np.uint8)


def _stops() -> Uint8s:
    words = [bytes([len(word)]) + word.encode("ascii") for word in sorted(STOP_WORDS)]
    return np.frombuffer(b"".join(words) + b"\0", np.uint8)

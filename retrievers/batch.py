"""The terms of many texts as numbers, for building indexes: equal to `Analyzer` by test, many times as fast.

A compiled kernel cuts the texts by the machine of `intrex.retrievers.breaks` and numbers the surface forms; Python
makes a term of each form once. Where there is little text, or no kernel, `Analyzer` does all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.retrievers import breaks, textnative
from intrex.retrievers.analysis import Analyzer

Ids = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]

WORTH_COMPILING = 8 << 20
"""Characters from which on the kernel is compiled if it is not (some seconds, once on a machine)."""
WORTH_LOADING = 1 << 18
"""Characters from which on a compiled kernel is loaded."""


class BatchAnalyzer:
    """Numbers the terms of texts, from 0 in the order in which they first come.

    Attributes:
        terms: The term of each number; grows with every call of `add`.
    """

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.terms: list[str] = []
        self._numbers: dict[str, int] = {}
        self._seen = 0
        self._forms: _Forms | None = None
        self._of_form = np.empty(0, np.int32)

    def add(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        """The terms of some texts.

        Returns:
            Term numbers, int32 [t], and where each text's begin and end, int64 [texts + 1].
        """
        self._seen += sum(map(len, texts))
        if self.analyzer.term is None or not self._compiled():
            return self._plain([self.analyzer(text) for text in texts])
        assert self._forms is not None  # noqa: S101 - for the type checker
        if before := self.analyzer.before:
            texts = list(map(before, texts))
        forms, offsets = self._forms.cut(texts)
        self._learn()
        ids = self._of_form[forms]
        kept = ids >= 0
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
        return ids[kept], sums[offsets]

    def _compiled(self) -> bool:
        """Whether the kernel is at hand; loads or compiles it when enough text has come."""
        if self._forms is None and self._seen >= WORTH_LOADING:
            calls = textnative.kernels() if self._seen >= WORTH_COMPILING or textnative.ready() else None
            self._forms = _Forms(calls) if calls else None
        return self._forms is not None

    def _number(self, term: str) -> int:
        number = self._numbers.setdefault(term, len(self.terms))
        if number == len(self.terms):
            self.terms.append(term)
        return number

    def _plain(self, lists: list[list[str]]) -> tuple[Ids, Offsets]:
        offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
        ids = np.fromiter(map(self._number, chain.from_iterable(lists)), np.int32, int(offsets[-1]))
        return ids, offsets

    def _learn(self) -> None:
        """Make terms of the forms that are new."""
        assert self._forms is not None and self.analyzer.term is not None  # noqa: S101 - for the type checker
        term, new = self.analyzer.term, self._forms.after(len(self._of_form))
        numbers = [self._number(made) if (made := term(form)) is not None else -1 for form in new]
        self._of_form = np.concatenate([self._of_form, np.array(numbers, np.int32)])


class _Forms:
    """The surface forms met so far, in arrays that the kernel reads and writes."""

    def __init__(self, calls: Mapping[str, Any]) -> None:
        self._calls = calls
        steps, accepts = breaks.machine()
        self._steps = np.full((len(steps), 32), -1, np.int16)
        self._steps[:, : len(breaks.CLASSES)] = steps
        self._accepts = np.array(accepts, np.uint8)
        self._classes = np.frombuffer(breaks.classes(), np.uint8)
        self._arena = np.empty(1 << 16, np.uint8)
        self._ends = np.zeros((1 << 12) + 1, np.int64)
        self._hashes = np.empty(1 << 12, np.int64)
        self._table = np.full(1 << 13, -1, np.int32)
        self.count = 0

    def after(self, first: int) -> list[str]:
        """The forms from a number on."""
        ends = self._ends[first : self.count + 1].tolist()
        raw = self._arena[ends[0] : ends[-1]].tobytes()
        cuts = [end - ends[0] for end in ends]
        return [raw[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(cuts)]

    def cut(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        """Form numbers of all tokens, and where each text's begin and end."""
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        starts = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        buf = np.frombuffer(b"".join(encoded) + b"\0", np.uint8)
        out = np.empty(len(buf) // 2 + len(texts) + 1, np.int32)
        offsets = np.zeros(len(texts) + 1, np.int64)
        state, done = np.zeros(5, np.int64), 0
        while done < len(texts):
            self._make_room(int(starts[done + 1] - starts[done]))
            state[0] = self.count
            state[2:] = len(self._hashes), len(self._arena), len(out)
            done = self._calls["tokens"](
                buf.ctypes.data,
                starts.ctypes.data,
                done,
                len(texts),
                self._classes.ctypes.data,
                self._steps.ctypes.data,
                self._accepts.ctypes.data,
                self._arena.ctypes.data,
                self._ends.ctypes.data,
                self._hashes.ctypes.data,
                self._table.ctypes.data,
                len(self._table) - 1,
                out.ctypes.data,
                offsets[1:].ctypes.data,
                state.ctypes.data,
            )
            self.count = int(state[0])
        return out[: state[1]], offsets

    def _make_room(self, size: int) -> None:
        """Room for the forms of a text of so many bytes, whatever they are."""
        most = size // 2 + 1
        while self.count + most > len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.empty_like(self._hashes)])
            self._ends = np.concatenate([self._ends, np.empty(len(self._ends) - 1, np.int64)])
        while self._ends[self.count] + size > len(self._arena):
            self._arena = np.concatenate([self._arena, np.empty_like(self._arena)])
        if 2 * (self.count + most) > len(self._table):
            wanted = len(self._table)
            while 2 * (self.count + most) > wanted:
                wanted *= 2
            self._table = np.full(wanted, -1, np.int32)
            self._calls["refill"](self._hashes.ctypes.data, self.count, self._table.ctypes.data, wanted - 1)

"""Terms of an inverted index on disk, by name and by number.

Files: ``terms.txt`` (UTF-8, one term a line, in byte order) with ``terms.offsets.npy`` int64 [v + 1] and
``terms.ids.npy`` int32 [v], the number of each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from intrex.data.arrays import Int32s, Int64s, Uint8s
from intrex.data.errors import BadInput
from intrex.data.npy import check_offsets, check_rows, open_array
from intrex.retrievers.inverted.native import SEARCH, kernels_for

WRITTEN = 1 << 16
"""Terms that are written at a time."""


class Vocabulary:
    """Terms of an index; their offsets and numbers are checked when they are opened.

    Raises:
        BadInput: a file is missing, or does not fit the others.
    """

    def __init__(self, folder: Path) -> None:
        empty = not (folder / "terms.txt").stat().st_size  # an empty file cannot be mapped
        self.text = np.zeros(0, np.uint8) if empty else np.memmap(folder / "terms.txt", np.uint8, "r")
        self.ends: Int64s = open_array(folder / "terms.offsets.npy", np.int64, (None,))
        self.ids: Int32s = open_array(folder / "terms.ids.npy", np.int32, (len(self.ends) - 1,))
        check_offsets(self.ends, len(self.text), folder / "terms.offsets.npy", least=1)
        check_rows(self.ids, len(self.ids), folder / "terms.ids.npy")

    def __len__(self) -> int:
        return len(self.ids)

    def term(self, place: int) -> bytes:
        """Return the term at a place in byte order, in UTF-8."""
        return self.text[self.ends[place] : self.ends[place + 1] - 1].tobytes()

    def spellings(self, numbers: Int64s) -> list[bytes]:
        """Return terms by number, in UTF-8."""
        return [self.term(place) for place in self._places[numbers].tolist()]

    def names(self, numbers: Int64s) -> list[str]:
        """Return terms by number; raises `BadInput` where one is not UTF-8."""
        try:
            return [term.decode("utf-8") for term in self.spellings(numbers)]
        except UnicodeDecodeError as error:
            raise BadInput("damaged: a term that is not UTF-8", "rebuild the index") from error

    @cached_property
    def _places(self) -> Int64s:
        places = np.full(len(self), -1, np.int64)
        places[self.ids] = np.arange(len(self))
        if (places < 0).any():
            raise BadInput("damaged: two terms have one number", "rebuild the index")
        return places

    def find(self, terms: Sequence[str]) -> Int64s:
        """Return the number of each term, -1 for one that no document has; int64 [len(terms)]."""
        raw = [term.encode("utf-8", "surrogatepass") for term in terms]
        places = np.full(len(raw), -1)
        kernels = SEARCH.kernels()
        if kernels is None:
            for i, term in enumerate(raw):
                place = bisect_left(range(len(self)), term, key=self.term)
                if place < len(self) and self.term(place) == term:
                    places[i] = place
        else:
            cuts = np.cumsum([0, *map(len, raw)], dtype=np.int64)
            text = np.frombuffer(b"".join(raw) + b"\n", np.uint8)
            kernels["find"](self.text, self.ends, len(self), text, cuts, len(raw), places)
        return np.where(places >= 0, self.ids[places], -1) if len(self) else places


class Numbers(dict[str, int]):
    """Term to number, in the order in which terms are first looked up."""

    def __missing__(self, term: str) -> int:
        self[term] = number = len(self)
        return number


class Names(NamedTuple):
    """Different terms by number: term i is the line ``text[ends[i]:ends[i + 1] - 1]``, in UTF-8."""

    text: Uint8s
    ends: Int64s

    @classmethod
    def of(cls, terms: Iterable[str]) -> Self:
        """Give numbers to terms in order."""
        raw = [term.encode("utf-8") + b"\n" for term in terms]
        return cls(np.frombuffer(b"".join(raw), np.uint8), np.cumsum([0, *map(len, raw)], dtype=np.int64))

    def to_list(self) -> list[str]:
        """Return the terms in order."""
        return [raw.decode("utf-8") for raw in self._raw()]

    def _raw(self) -> list[bytes]:
        return self.text.tobytes().split(b"\n")[:-1]

    def order(self) -> Int32s:
        """Return the numbers in byte order of the terms."""
        n, kernels = len(self.ends) - 1, kernels_for(len(self.text))
        order = np.arange(n, dtype=np.int32)
        if kernels is None:
            raw = self._raw()
            return np.array(sorted(range(n), key=raw.__getitem__), np.int32)
        kernels["order"](self.text, self.ends, n, order, np.empty(n, np.int32))
        return order


def write_terms(folder: Path, names: Names) -> None:
    """Write the files of a vocabulary."""
    order, sizes = names.order(), np.diff(names.ends)
    np.save(folder / "terms.ids.npy", order)
    np.save(folder / "terms.offsets.npy", np.append(0, np.cumsum(sizes[order])))
    with (folder / "terms.txt").open("wb") as stream:
        for low in range(0, len(order), WRITTEN):
            terms = order[low : low + WRITTEN]
            spans = zip(names.ends[terms].tolist(), names.ends[terms + 1].tolist(), strict=True)
            stream.write(b"".join([names.text[a:b].tobytes() for a, b in spans]))

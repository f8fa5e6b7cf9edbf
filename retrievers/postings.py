"""An inverted index on disk: written in one pass over the documents, read through memory maps.

Files: ``terms.txt`` (UTF-8, one term a line, in byte order) with ``terms.offsets.npy`` int64 [v + 1], and
``postings.offsets.npy`` int64 [v + 1], which cuts ``postings.docs.npy`` int32 [p] (rows, ascending within a term)
and ``postings.tfs.npy`` [p] (counts, in the narrowest unsigned type that holds the largest).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
Counts = npt.NDArray[np.unsignedinteger[Any]]

BLOCK = 1 << 22
"""Postings collected before they are packed."""


class _Block(NamedTuple):
    """Postings of consecutive rows: provisional term ids, counts, and how many each row has."""

    terms: Rows
    tfs: Counts
    sizes: Rows


class PostingsWriter:
    """Collects the terms of documents, row after row, at about five bytes a posting, then writes the files.

    Equal documents in equal order give equal bytes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.n_postings = 0
        self._vocabulary: defaultdict[str, int] = defaultdict()
        self._vocabulary.default_factory = self._vocabulary.__len__  # a new term gets the next number
        self._blocks: list[_Block] = []
        self._terms, self._tfs, self._sizes = array("i"), array("I"), array("i")

    @property
    def n_terms(self) -> int:
        """How many different terms there were."""
        return len(self._vocabulary)

    def add(self, counts: Mapping[str, int]) -> None:
        """Add the next row: how often each term occurs in it; no term at all is allowed."""
        self._terms.extend(map(self._vocabulary.__getitem__, counts))
        self._tfs.extend(counts.values())
        self._sizes.append(len(counts))
        self.n_postings += len(counts)
        if len(self._terms) >= BLOCK:
            self._pack()

    def _pack(self) -> None:
        tfs = np.array(self._tfs, np.uint32)
        self._blocks.append(
            _Block(np.array(self._terms, np.int32), _narrow(tfs), np.array(self._sizes, np.int32))
        )
        self._terms, self._tfs, self._sizes = array("i"), array("I"), array("i")

    def close(self) -> None:
        """Number the terms in byte order and write all files."""
        self._pack()
        names = sorted(self._vocabulary)  # the order of code points is the order of UTF-8 bytes
        place = np.empty(len(names), np.int32)
        place[np.fromiter(map(self._vocabulary.__getitem__, names), np.int32, len(names))] = np.arange(
            len(names)
        )
        _write_terms(self.folder, names)
        frequencies = np.zeros(len(names), np.int64)
        for block in self._blocks:
            frequencies += np.bincount(place[block.terms], minlength=len(names))
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(frequencies)])
        np.save(self.folder / "postings.offsets.npy", offsets)
        self._scatter(place, offsets[:-1].copy())

    def _scatter(self, place: Rows, free: Ints) -> None:
        """Put each block's postings where their terms have room; ``free`` is each term's next free place."""
        widest = np.result_type(np.uint8, *(block.tfs.dtype for block in self._blocks))
        docs = _create(self.folder / "postings.docs.npy", np.dtype(np.int32), self.n_postings)
        tfs = _create(self.folder / "postings.tfs.npy", widest, self.n_postings)
        row = 0
        for block in self._blocks:
            terms = place[block.terms]
            order = np.argsort(terms, kind="stable")
            sizes = np.bincount(terms, minlength=len(free))
            begins = np.cumsum(sizes) - sizes
            terms = terms[order]
            at = np.arange(len(terms)) + (free - begins)[terms]
            rows = np.repeat(np.arange(row, row + len(block.sizes), dtype=np.int32), block.sizes)
            docs[at], tfs[at] = rows[order], block.tfs[order]
            free += sizes
            row += len(block.sizes)
        docs.flush()
        tfs.flush()


def _narrow(counts: npt.NDArray[np.uint32]) -> Counts:
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


def _create(path: Path, dtype: np.dtype[Any], size: int) -> np.memmap[Any, Any]:
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(size,))


def _write_terms(folder: Path, names: list[str]) -> None:
    lengths = np.zeros(len(names) + 1, np.int64)
    with (folder / "terms.txt").open("wb") as stream:
        for i, name in enumerate(names, 1):
            lengths[i] = stream.write(name.encode("utf-8") + b"\n")
    np.save(folder / "terms.offsets.npy", np.cumsum(lengths))


class Postings:
    """The postings of an index, opened without reading them; terms are numbered in byte order."""

    def __init__(self, folder: Path) -> None:
        empty = not (folder / "terms.txt").stat().st_size  # an empty file cannot be mapped
        text = np.empty(0, np.uint8) if empty else np.memmap(folder / "terms.txt", np.uint8, "r")
        # Single items of a view cost a third of those of an array, and binary search reads single items.
        self._text, self._ends = text.data, _load(folder / "terms.offsets.npy").data
        self._offsets = _load(folder / "postings.offsets.npy").data
        self._docs: Rows = _load(folder / "postings.docs.npy")
        self._tfs: Counts = _load(folder / "postings.tfs.npy")

    def __len__(self) -> int:
        return len(self._ends) - 1

    def term(self, number: int) -> bytes:
        """The term of a number, in UTF-8."""
        return self._text[self._ends[number] : self._ends[number + 1] - 1].tobytes()

    def find(self, term: str) -> int | None:
        """The number of a term, or None if no document has it."""
        wanted = term.encode("utf-8", "surrogatepass")
        at = bisect_left(range(len(self)), wanted, key=self.term)
        return at if at < len(self) and self.term(at) == wanted else None

    def of(self, number: int) -> tuple[Rows, Counts]:
        """The rows that have a term, ascending, and how often each has it."""
        here = slice(self._offsets[number], self._offsets[number + 1])
        return self._docs[here], self._tfs[here]

    def __iter__(self) -> Iterator[bytes]:
        return map(self.term, range(len(self)))


def _load(path: Path) -> npt.NDArray[Any]:
    """A mapped array as a plain one: slices of `numpy.memmap` cost more."""
    return np.asarray(np.load(path, mmap_mode="r"))

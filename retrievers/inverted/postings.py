"""An inverted index on disk, read through memory maps; `intrex.retrievers.inverted.build` writes it.

Files: those of `intrex.retrievers.inverted.vocabulary`, whose numbers are here called ids: they count the terms as they first
occur. ``postings.offsets.npy`` int64 [v + 1] cuts by id ``postings.docs.npy`` int32 [p] (rows, ascending within a term)
and ``postings.tfs.npy`` uint8 [p] (counts; 255 stands for the one in ``postings.big.npy`` uint32 whose place is in
``postings.big_at.npy`` int64).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Int32s, Int64s, Uint8s
from intrex.retrievers.inverted.vocabulary import Vocabulary

BOUND_BLOCK = 128
"""Postings that share an upper bound of what they can score."""
MERGED = 1 << 20
"""Postings that are read or merged at a time."""
BIG = 255


class Postings(Vocabulary):
    """The postings of an index, opened without reading them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__(folder)
        self.offsets: Int64s = _load(folder / "postings.offsets.npy")
        self.docs: Int32s = _load(folder / "postings.docs.npy")
        self.tfs: Uint8s = _load(folder / "postings.tfs.npy")
        self.big_at: Int64s = _load(folder / "postings.big_at.npy")
        self.big: npt.NDArray[np.uint32] = _load(folder / "postings.big.npy")

    def of(self, number: int) -> tuple[Int32s, npt.NDArray[np.uint32]]:
        """The rows that have the term with an id, ascending, and how often each has it."""
        low, high = int(self.offsets[number]), int(self.offsets[number + 1])
        tfs = self.tfs[low:high].astype(np.uint32)
        first, last = np.searchsorted(self.big_at, [low, high])
        tfs[self.big_at[first:last] - low] = self.big[first:last]
        return self.docs[low:high], tfs

    def vectors(self, rows: Int64s, n: int) -> dict[int, dict[str, int]]:
        """How often each term occurs in some of ``n`` rows, by row.

        One pass over all postings serves any number of rows, so that no second copy by document need be kept.
        """
        wanted = np.zeros(n, np.bool_)
        wanted[rows] = True
        owners, numbers, counts = self.occurrences(wanted)
        terms, which = np.unique(numbers, return_inverse=True)
        names = [term.decode("utf-8") for term in self.spelled(terms)]
        found: dict[int, dict[str, int]] = {row: {} for row in rows.tolist()}
        for row, term, count in zip(owners.tolist(), which.tolist(), counts.tolist(), strict=True):
            found[row][names[term]] = count
        return found

    def occurrences(self, wanted: npt.NDArray[np.bool_]) -> tuple[Int32s, Int64s, Int64s]:
        """The postings of the rows that are ``wanted``: their rows, the ids of their terms, their counts."""
        parts = [
            np.flatnonzero(wanted.take(self.docs[low : low + MERGED])) + low
            for low in range(0, len(self.docs), MERGED)
        ]
        at = np.concatenate([np.empty(0, np.int64), *parts])
        counts = self.tfs[at].astype(np.int64)
        large = np.flatnonzero(counts == BIG)
        counts[large] = self.big[np.searchsorted(self.big_at, at[large])]
        return self.docs[at], np.searchsorted(self.offsets, at, side="right") - 1, counts

    def bounds(self, norms: Uint8s, inverse: Float32s, fields: Uint8s | None = None) -> Float32s:
        """The largest count over norm of each `BOUND_BLOCK` postings; float32.

        Args:
            norms: [fields, n], the length byte of each row.
            inverse: [fields, 256], 1 / norm by length byte.
            fields: [terms], the field of each term by id; None if there is one field.
        """
        out = np.zeros(-(-len(self.docs) // BOUND_BLOCK), np.float32)
        for low in range(0, len(self.docs), MERGED):
            high = min(low + MERGED, len(self.docs))
            # Mapped anew each time: pages of a mapping that stays would count as memory.
            docs, tfs = (_load(self._folder / f"postings.{name}.npy")[low:high] for name in ("docs", "tfs"))
            first, last = np.searchsorted(self.big_at, [low, high])
            counts = tfs.astype(np.float32)
            counts[self.big_at[first:last] - low] = self.big[first:last]
            if fields is None:
                values = counts * inverse[0][norms[0][docs]]
            else:
                field = fields[np.searchsorted(self.offsets, np.arange(low, high), side="right") - 1]
                values = counts * inverse[field, norms[field, docs]]
            starts = np.arange(0, len(values), BOUND_BLOCK)
            best = np.maximum.reduceat(values, starts)
            out[low // BOUND_BLOCK : low // BOUND_BLOCK + len(best)] = best
        return out


def _load(path: Path) -> npt.NDArray[Any]:
    """A mapped array as a plain one: slices of `numpy.memmap` cost more."""
    return np.asarray(np.load(path, mmap_mode="r"))

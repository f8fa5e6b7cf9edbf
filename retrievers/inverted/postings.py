"""An inverted index on disk, read through memory maps; `intrex.retrievers.inverted.build` writes it.

Files: those of `intrex.retrievers.inverted.vocabulary`, whose numbers count the terms as they first occur. ``postings.offsets.npy`` int64 [v + 1] cuts by number ``postings.docs.npy`` int32 [p] (rows, ascending within a term)
and ``postings.tfs.npy`` uint8 [p] (counts; 255 stands for the one in ``postings.big.npy`` uint32 whose place is in
``postings.big_at.npy`` int64).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Float32s, Int32s, Int64s, Uint8s, Uint32s
from intrex.data.errors import BadInput
from intrex.data.npy import AT_ONCE, check_offsets, check_spans, open_array
from intrex.retrievers.inverted.vocabulary import Vocabulary

BOUND_BLOCK = 128
"""Postings that share an upper bound of their scores."""
MERGED = 1 << 20
"""Postings that are read or merged at a time."""
BIG = 255


class Postings(Vocabulary):
    """Postings of an index.

    Args:
        folder: of the files.
        rows: how many rows there are; what is an address is then checked, in one pass over the postings. None for files
            that this process has written itself.

    Raises:
        BadInput: a file is missing, or does not fit the others.
    """

    def __init__(self, folder: Path, rows: int | None = None) -> None:
        self._folder = folder
        super().__init__(folder)
        self.offsets: Int64s = open_array(self._file("offsets"), np.int64, (len(self) + 1,))
        self.docs: Int32s = open_array(self._file("docs"), np.int32, (None,))
        self.tfs: Uint8s = open_array(self._file("tfs"), np.uint8, self.docs.shape)
        self.big_at: Int64s = open_array(self._file("big_at"), np.int64, (None,))
        self.big: Uint32s = open_array(self._file("big"), np.uint32, self.big_at.shape)
        if rows is not None:
            check_offsets(self.offsets, len(self.docs), self._file("offsets"))
            check_spans(self.docs, self.offsets, rows, self._file("docs"))
            check_spans(self.big_at, np.array([0, len(self.big)]), len(self.docs), self._file("big_at"))
            self._check_big()

    def _check_big(self) -> None:
        """Raise `BadInput` unless the counts that stand elsewhere are those that say so."""
        parts = range(0, len(self.tfs), AT_ONCE)
        count = sum(np.count_nonzero(self.tfs[low : low + AT_ONCE] == BIG) for low in parts)
        if count != len(self.big_at) or not (self.tfs[self.big_at] == BIG).all():
            raise BadInput(
                f"damaged: counts above 254 are not there ({self._file('tfs')})", "rebuild the index"
            )

    def _file(self, name: str) -> Path:
        return self._folder / f"postings.{name}.npy"

    def of(self, number: int) -> tuple[Int32s, Uint32s]:
        """Return the rows that have a term, by its number, ascending, and how often each has it."""
        low, high = int(self.offsets[number]), int(self.offsets[number + 1])
        tfs = self.tfs[low:high].astype(np.uint32)
        first, last = np.searchsorted(self.big_at, [low, high])
        tfs[self.big_at[first:last] - low] = self.big[first:last]
        return self.docs[low:high], tfs

    def vectors(self, rows: Int64s, n: int) -> dict[int, dict[str, int]]:
        """Count the terms of rows out of ``n``, by row.

        One pass over all postings serves any number of rows, so that no second copy by document need be kept.
        """
        mask = np.zeros(n, np.bool_)
        mask[rows] = True
        owners, numbers, counts = self.occurrences(mask)
        terms, places = np.unique(numbers, return_inverse=True)
        names = self.names(terms)
        vectors: dict[int, dict[str, int]] = {row: {} for row in rows.tolist()}
        for row, term, count in zip(owners.tolist(), places.tolist(), counts.tolist(), strict=True):
            vectors[row][names[term]] = count
        return vectors

    def occurrences(self, mask: Bools) -> tuple[Int32s, Int64s, Int64s]:
        """Return the postings of the rows where ``mask`` [rows] is set: rows, numbers of terms, counts."""
        parts = [
            np.flatnonzero(mask.take(self.docs[low : low + MERGED])) + low
            for low in range(0, len(self.docs), MERGED)
        ]
        places = np.concatenate([np.empty(0, np.int64), *parts])
        counts = self.tfs[places].astype(np.int64)
        large = np.flatnonzero(counts == BIG)
        counts[large] = self.big[np.searchsorted(self.big_at, places[large])]
        return self.docs[places], np.searchsorted(self.offsets, places, side="right") - 1, counts

    def bounds(self, norms: Uint8s, inverse: Float32s, fields: Uint8s | None = None) -> Float32s:
        """Return the largest count over norm of each `BOUND_BLOCK` postings; float32.

        Args:
            norms: [fields, n], the length byte of each row.
            inverse: [fields, 256], 1 / norm by length byte.
            fields: [terms], the field of each term by number; None if there is one field.
        """
        out = np.zeros(-(-len(self.docs) // BOUND_BLOCK), np.float32)
        for low in range(0, len(self.docs), MERGED):
            high = min(low + MERGED, len(self.docs))
            # Mapped anew each time: pages of a mapping that stays would count as memory.
            docs, tfs = (open_array(self._file(name))[low:high] for name in ("docs", "tfs"))
            first, last = np.searchsorted(self.big_at, [low, high])
            counts = tfs.astype(np.float32)
            counts[self.big_at[first:last] - low] = self.big[first:last]
            if fields is None:
                values = counts * inverse[0][norms[0][docs]]
            else:
                field = fields[np.searchsorted(self.offsets, np.arange(low, high), side="right") - 1]
                values = counts * inverse[field, norms[field, docs]]
            best = np.maximum.reduceat(values, np.arange(0, len(values), BOUND_BLOCK))
            out[low // BOUND_BLOCK : low // BOUND_BLOCK + len(best)] = best
        return out

"""Term weights by document to postings by term, in files: in the smallest exact type, or quantised."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Int32s, Rows
from intrex.data.io.files import fsync_file
from intrex.data.numeric.spans import cuts, offsets_of, ranges
from intrex.data.store.artifact import Build
from intrex.data.store.vectors import RowWriter, SparseVectors
from intrex.retrievers.encoded import Sink
from intrex.retrievers.inverted.postings import BOUND_BLOCK
from intrex.retrievers.inverted.vocabulary import Names, write_terms
from intrex.retrievers.sparse.options import BITS

PIECE = 1 << 22
"""Weights that are sorted at a time: memory of about 200 MB."""
_FORWARD = "weights-by-document"


class Storage(NamedTuple):
    """Form of stored weights: multiples of ``scale``, a power of two, in a type of numpy's."""

    dtype: str
    scale: float

    def stored(self, weights: Float32s) -> npt.NDArray[np.generic]:
        """Return the numbers to store for weights, rounded to the nearest (half to even); float32 as they are."""
        if self.dtype == "float32":
            return weights
        return np.rint(weights.astype(np.float64) / self.scale).astype(self.dtype)


def choose_storage(weights: SparseVectors, bits: int | None) -> Storage:
    """Choose how to store weights: exactly, in the smallest type that can, or quantised to ``bits`` bits if that is less.

    Integers below 2**8 or 2**16 are stored as such. Others are float32, or with ``bits`` rounded to multiples of the
    smallest power of two with which the largest weight does not exceed 2**bits - 1 steps.
    """
    largest, whole = 0.0, True
    for low in range(0, len(weights.weights), PIECE):
        part = weights.weights[low : low + PIECE]
        largest = max(largest, float(part.max()))
        whole = whole and bool((part == np.rint(part)).all())
    exact = next((b for b in BITS if whole and largest < 1 << b), 32)
    if bits is None or exact <= bits:
        return Storage("float32" if exact == 32 else f"uint{exact}", 1.0)
    scale = math.ldexp(1.0, math.frexp(largest)[1] - bits)  # largest / scale is below 2**bits
    fits = np.rint(largest / scale) < 1 << bits
    return Storage(f"uint{bits}", scale if fits else 2 * scale)


class ForwardWriter(Sink[SparseVectors]):
    """Files of the weights of documents, for `finish`; the weights of a text may be in any order.

    Args:
        folder: where the files go.
        texts: documents that an earlier, killed run wrote durably.
        entries: weights that it wrote.
    """

    def __init__(self, folder: Path, texts: int = 0, entries: int = 0) -> None:
        self._terms = RowWriter(folder / f"{_FORWARD}.terms.npy", (None,), np.int32, entries)
        self._weights = RowWriter(folder / f"{_FORWARD}.weights.npy", (None,), np.float32, entries)
        self._offsets = RowWriter(folder / f"{_FORWARD}.offsets.npy", (None,), np.int64, texts and texts + 1)
        self.writers = (self._terms, self._weights, self._offsets)
        if not texts:
            self._offsets.append(np.zeros(1, np.int64))

    @property
    def texts(self) -> int:
        """Number of documents written."""
        return self._offsets.rows - 1

    @property
    def entries(self) -> int:
        """Number of weights written."""
        return self._terms.rows

    @property
    def state(self) -> dict[str, Any]:
        """See `Sink.state`."""
        return {"entries": self.entries}

    def append(self, encoded: SparseVectors, names: Sequence[str] = ()) -> None:
        """Append documents."""
        self._offsets.append(encoded.offsets[1:] + self.entries)
        self._terms.append(encoded.terms)
        self._weights.append(encoded.weights)


def remove_forward(folder: Path) -> None:
    """Remove the files of a `ForwardWriter`."""
    for file in folder.glob(f"{_FORWARD}.*"):
        file.unlink()


def finish(folder: Path, terms: Sequence[str], bits: int | None, order: Rows | None = None) -> dict[str, Any]:
    """Make postings and vocabulary of the files of a `ForwardWriter`; return their counts for the manifest.

    Args:
        folder: where the weights are, and where to write.
        terms: the term of each dimension.
        bits: see `choose_storage`.
        order: [rows] the text of each row; None if they are the same.
    """
    files = [folder / f"{_FORWARD}.{name}.npy" for name in ("offsets", "terms", "weights")]
    forward = SparseVectors(*(np.load(file, mmap_mode="r") for file in files))
    storage = choose_storage(forward, bits)
    total = write_postings(folder, forward, len(terms), storage, order)
    write_terms(folder, Names.of(terms))
    return {"terms": len(terms), "postings": total, "weights": storage.dtype, "scale": storage.scale}


def settle(build: Build, params: dict[str, Any]) -> None:
    """Record durably that only the manifest is missing, with the parameters for it: documents are not needed again."""
    for file in sorted(p for p in build.path.rglob("*") if p.is_file()):
        fsync_file(file)
    build.save_state(params=params)


def write_postings(
    folder: Path,
    forward: SparseVectors,
    n_terms: int,
    storage: Storage,
    order: Rows | None = None,
) -> int:
    """Write ``postings.*.npy`` and ``bounds.npy``; return the number of postings.

    Args:
        folder: where to write.
        forward: the weights of each text.
        n_terms: number of terms.
        storage: how the weights are stored; those that become 0 are left out.
        order: [rows] the text of each row; None if they are the same.
    """
    counts = np.zeros(n_terms, np.int64)
    for _, terms, _ in _pieces(forward, storage, order):
        counts += np.bincount(terms, minlength=n_terms)
    offsets = offsets_of(counts)
    np.save(folder / "postings.offsets.npy", offsets)
    total, free = int(offsets[-1]), offsets[:-1].copy()
    create = np.lib.format.open_memmap
    docs = create(folder / "postings.docs.npy", "w+", np.dtype(np.int32), (total,))
    impacts = create(folder / "postings.impacts.npy", "w+", np.dtype(storage.dtype), (total,))
    for rows, terms, values in _pieces(forward, storage, order):
        by_term = np.argsort(terms, kind="stable")  # rows stay ascending within a term
        sizes = np.bincount(terms, minlength=n_terms)
        places = ranges(free, sizes)
        docs[places], impacts[places] = rows[by_term], values[by_term]
        free += sizes
    np.save(folder / "bounds.npy", _bounds(impacts))
    return total


def _pieces(
    forward: SparseVectors, storage: Storage, order: Rows | None
) -> Iterator[tuple[Int32s, Int32s, npt.NDArray[np.generic]]]:
    """Yield the rows, terms and stored weights that are not 0, in the order of the rows, a piece at a time."""
    texts = np.arange(len(forward.offsets) - 1) if order is None else order
    starts, sizes = forward.offsets[:-1][texts], np.diff(forward.offsets)[texts]
    for low, high in cuts(offsets_of(sizes), PIECE):
        counts = sizes[low:high]
        places = ranges(starts[low:high], counts)
        values = storage.stored(forward.weights[places])
        mask = values != 0
        rows = np.repeat(np.arange(low, high, dtype=np.int32), counts)
        yield rows[mask], forward.terms[places][mask], values[mask]


def _bounds(impacts: npt.NDArray[np.generic]) -> Float32s:
    """Return the largest of every `BOUND_BLOCK` numbers."""
    step = PIECE // BOUND_BLOCK * BOUND_BLOCK
    parts = [
        np.maximum.reduceat(part, np.arange(0, len(part), BOUND_BLOCK)).astype(np.float32)
        for part in (impacts[low : low + step] for low in range(0, len(impacts), step))
    ]
    return np.concatenate([np.empty(0, np.float32), *parts])

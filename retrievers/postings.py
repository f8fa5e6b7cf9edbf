"""An inverted index on disk: written from term ids in bounded memory, read through memory maps.

Files: those of `intrex.retrievers.vocabulary`, whose numbers are here called ids: they count the terms as they first
occur. ``postings.offsets.npy`` int64 [v + 1] cuts by id ``postings.docs.npy`` int32 [p] (rows, ascending within a term)
and ``postings.tfs.npy`` uint8 [p] (counts; 255 stands for the one in ``postings.big.npy`` uint32 whose place is in
``postings.big_at.npy`` int64).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.retrievers.native import address, kernels
from intrex.retrievers.vocabulary import Names, Vocabulary, write_terms

Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int32]
Counts = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

BOUND_BLOCK = 128
"""Postings that share an upper bound of what they can score."""
RUN = 1 << 24
"""Tokens that are inverted at a time, unless memory is limited."""
TOKEN_BYTES, BASE_BYTES, LEAST_RUN = 16, 160 << 20, 1 << 16
"""Memory for each token of a run; memory that does not depend on it; the shortest run."""
MERGED = 1 << 22
"""Postings that are merged at a time."""
BIG = 255


def run_length(max_memory: int | None) -> int:
    """How many tokens may be inverted at a time with ``max_memory`` bytes."""
    return RUN if max_memory is None else min(RUN, max(LEAST_RUN, (max_memory - BASE_BYTES) // TOKEN_BYTES))


class Inverted(NamedTuple):
    """Postings by term id: ``offsets`` [v + 1] cuts ``docs`` and ``tfs``; the places and values of counts over 254.

    The two may be files instead, set aside until they are merged.
    """

    offsets: Ints
    docs: Ids | Path
    tfs: Counts | Path
    big_at: Ints
    big: npt.NDArray[np.uint32]


def invert(tokens: Ids, offsets: Ints, first_row: int, n_terms: int) -> Inverted:
    """Postings of documents ``tokens[offsets[i]:offsets[i + 1]]``, whose rows count from ``first_row``."""
    calls = kernels()
    if calls is None:
        return _plain_invert(tokens, offsets, first_row, n_terms)
    free, last = np.zeros(n_terms + 1, np.int64), np.zeros(n_terms, np.int32)
    docs, tfs = np.empty(len(tokens), np.int32), np.empty(len(tokens), np.uint8)
    big_at, big = np.empty(len(tokens) // BIG, np.int64), np.empty(len(tokens) // BIG, np.uint32)
    arrays = [address(a) for a in (free, last, docs, tfs, big_at, big)]
    n_big = calls["invert"](address(tokens), address(offsets), len(offsets) - 1, first_row, n_terms, *arrays)
    ends = np.concatenate([[0], free[:-1]])
    return _in_order(ends, docs[: ends[-1]], tfs[: ends[-1]], big_at[:n_big], big[:n_big])


def _plain_invert(tokens: Ids, offsets: Ints, first_row: int, n_terms: int) -> Inverted:
    rows = np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))
    pairs, counts = np.unique(tokens.astype(np.int64) * max(len(offsets) - 1, 1) + rows, return_counts=True)
    terms, rows = np.divmod(pairs, max(len(offsets) - 1, 1))
    big_at = np.flatnonzero(counts >= BIG)
    ends = np.concatenate([[0], np.cumsum(np.bincount(terms, minlength=n_terms))])
    docs, tfs = (rows + first_row).astype(np.int32), np.minimum(counts, BIG).astype(np.uint8)
    return _in_order(ends, docs, tfs, big_at, counts[big_at].astype(np.uint32))


def _in_order(ends: Ints, docs: Ids, tfs: Counts, at: Ints, big: npt.NDArray[np.uint32]) -> Inverted:
    order = np.argsort(at)
    return Inverted(ends, docs, tfs, at[order], big[order])


class PostingsWriter:
    """Collects the term ids of documents, row after row, then writes the files.

    What has been collected is inverted and set aside on disk whenever it is ``run`` tokens, so memory does not grow
    with the number of documents. Equal documents in equal order give equal bytes, whatever ``run`` is.
    """

    def __init__(self, folder: Path, run: int = RUN) -> None:
        self.folder = folder
        self.n_postings = self.n_rows = 0
        self._run, self._waiting = run, 0
        self._tokens: list[Ids] = []
        self._sizes: list[Ints] = []
        self._runs: list[Inverted] = []

    def add(self, tokens: Ids, offsets: Ints) -> None:
        """Add rows: ``tokens[offsets[i]:offsets[i + 1]]`` are the term ids of one, repeats kept; it may have none.

        Args:
            tokens: [t] int32.
            offsets: [rows + 1] int64, from 0 to t.
        """
        self._tokens.append(tokens)
        self._sizes.append(np.diff(offsets))
        self._waiting += len(tokens)
        if self._waiting >= self._run:
            self._invert()
            self._set_aside()

    def _invert(self) -> None:
        sizes = np.concatenate([np.empty(0, np.int64), *self._sizes])
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        tokens = np.concatenate([np.empty(0, np.int32), *self._tokens])
        self._tokens, self._sizes, self._waiting = [], [], 0
        run = invert(tokens, offsets, self.n_rows, int(tokens.max(initial=-1)) + 1)
        self.n_rows += len(sizes)
        self.n_postings += int(run.offsets[-1])
        self._runs.append(run)

    def _set_aside(self) -> None:
        """Put the last run's postings on disk."""
        run = self._runs[-1]
        files = [self.folder / f".run-{len(self._runs)}.{name}" for name in ("docs", "tfs")]
        for file, array in zip(files, (run.docs, run.tfs), strict=True):
            with file.open("wb") as stream:
                stream.write(memoryview(array))  # type: ignore[arg-type]
        self._runs[-1] = run._replace(docs=files[0], tfs=files[1])

    def close(self, names: Names) -> None:
        """Merge the runs and write all files."""
        if self._sizes or not self._runs:
            self._invert()
        frequencies = np.zeros(len(names.ends) - 1, np.int64)
        for run in self._runs:
            frequencies[: len(run.offsets) - 1] += np.diff(run.offsets)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(frequencies)])
        np.save(self.folder / "postings.offsets.npy", offsets)
        self._merge(offsets)
        self._runs.clear()
        for left in self.folder.glob(".run-*"):
            left.unlink()
        write_terms(self.folder, names)

    def _merge(self, offsets: Ints) -> None:
        """Write the postings of every term: those of the first run, of the second, and so on."""
        free = offsets[:-1].copy()
        big: list[tuple[Ints, npt.NDArray[np.uint32]]] = []
        for run in self._runs:
            terms = np.searchsorted(run.offsets, run.big_at, side="right") - 1
            big.append((run.big_at - run.offsets[terms] + free[terms], run.big))
            free[: len(run.offsets) - 1] += np.diff(run.offsets)
        places, values = (np.concatenate(parts) for parts in zip(*big, strict=True))
        order = np.argsort(places)
        np.save(self.folder / "postings.big_at.npy", places[order])
        np.save(self.folder / "postings.big.npy", values[order])
        low = 0
        with (
            _saving(self.folder / "postings.docs.npy", np.dtype(np.int32), self.n_postings) as docs,
            _saving(self.folder / "postings.tfs.npy", np.dtype(np.uint8), self.n_postings) as tfs,
        ):
            while low < len(offsets) - 1:
                high = max(low + 1, int(np.searchsorted(offsets, offsets[low] + MERGED, side="right")) - 1)
                for stream, part in zip((docs, tfs), self._merged(offsets, low, high), strict=True):
                    stream.write(memoryview(part))  # type: ignore[arg-type]
                low = high

    def _merged(self, offsets: Ints, low: int, high: int) -> tuple[Ids, Counts]:
        """The postings of the terms ``low:high``."""
        size = int(offsets[high] - offsets[low])
        docs, tfs = np.empty(size, np.int32), np.empty(size, np.uint8)
        places, calls = offsets[low:high] - offsets[low], kernels()
        for run in self._runs:
            known = run.offsets[low : high + 1]
            if len(known) < 2:
                continue
            here = slice(int(known[0]), int(known[-1]))
            from_docs, from_tfs = _read(run.docs, here, np.int32), _read(run.tfs, here, np.uint8)
            begins, sizes = known[:-1] - known[0], np.diff(known)
            if calls is None:
                at = np.arange(len(from_docs)) + np.repeat(places[: len(sizes)] - begins, sizes)
                docs[at], tfs[at] = from_docs, from_tfs
                places[: len(sizes)] += sizes
                continue
            arrays = [address(a) for a in (from_docs, from_tfs, docs, tfs)]
            calls["merge"](address(begins), address(sizes), address(places), len(sizes), *arrays)
        return docs, tfs


def _read(array: npt.NDArray[Any] | Path, here: slice, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A part of an array in memory, or of one in a file of nothing else."""
    if not isinstance(array, Path):
        return array[here]
    size = np.dtype(dtype).itemsize
    return np.fromfile(array, dtype, here.stop - here.start, offset=here.start * size)


@contextlib.contextmanager
def _saving(path: Path, dtype: np.dtype[Any], size: int) -> Iterator[IO[bytes]]:
    """A stream to write an ``.npy`` file of ``size`` numbers to: unlike a mapped file, it takes no memory."""
    with path.open("wb") as stream:
        head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (size,)}
        np.lib.format.write_array_header_1_0(stream, head)
        yield stream


class Postings(Vocabulary):
    """The postings of an index, opened without reading them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__(folder)
        self.offsets: Ints = _load(folder / "postings.offsets.npy")
        self.docs: Ids = _load(folder / "postings.docs.npy")
        self.tfs: Counts = _load(folder / "postings.tfs.npy")
        self.big_at: Ints = _load(folder / "postings.big_at.npy")
        self.big: npt.NDArray[np.uint32] = _load(folder / "postings.big.npy")

    def of(self, number: int) -> tuple[Ids, npt.NDArray[np.uint32]]:
        """The rows that have the term with an id, ascending, and how often each has it."""
        low, high = int(self.offsets[number]), int(self.offsets[number + 1])
        tfs = self.tfs[low:high].astype(np.uint32)
        first, last = np.searchsorted(self.big_at, [low, high])
        tfs[self.big_at[first:last] - low] = self.big[first:last]
        return self.docs[low:high], tfs

    def vectors(self, rows: Ints, n: int) -> dict[int, dict[str, int]]:
        """How often each term occurs in some of ``n`` rows, by row.

        One pass over all postings serves any number of rows, so that no second copy by document need be kept.
        """
        wanted = np.zeros(n, np.bool_)
        wanted[rows] = True
        parts = [
            np.flatnonzero(wanted.take(self.docs[low : low + MERGED])) + low
            for low in range(0, len(self.docs), MERGED)
        ]
        at = np.concatenate([np.empty(0, np.int64), *parts])
        owners, counts = self.docs[at], self.tfs[at].astype(np.int64)
        large = np.flatnonzero(counts == BIG)
        counts[large] = self.big[np.searchsorted(self.big_at, at[large])]
        terms, which = np.unique(np.searchsorted(self.offsets, at, side="right") - 1, return_inverse=True)
        place = np.empty(len(self), np.int64)
        place[self.ids] = np.arange(len(self))
        names = [self.term(i).decode("utf-8") for i in place[terms].tolist()]
        found: dict[int, dict[str, int]] = {row: {} for row in rows.tolist()}
        for row, term, count in zip(owners.tolist(), which.tolist(), counts.tolist(), strict=True):
            found[row][names[term]] = count
        return found

    def bounds(self, norms: Counts, inverse: Floats, fields: Counts | None = None) -> Floats:
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

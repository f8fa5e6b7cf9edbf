"""Writing an inverted index from term ids in bounded memory: see `intrex.retrievers.inverted.postings`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int32s, Int64s, Uint8s
from intrex.data.errors import UsageError
from intrex.data.numeric.spans import cuts, offsets_of, ranges
from intrex.data.store.vectors import RowWriter
from intrex.retrievers.inverted.native import kernels_for
from intrex.retrievers.inverted.postings import BIG, MERGED
from intrex.retrievers.inverted.vocabulary import Names, write_terms

RUN = 1 << 24
"""Tokens that are inverted at a time, unless memory is limited."""
WORTH = 4
"""Bytes of text that count as much as a posting in the choice between kernels and numpy."""
TOKEN_BYTES, TERM_BYTES, FIELD_TERM_BYTES, LEAST_RUN = 16, 160, 400, 1 << 16
"""Memory for each token of a run, for each term, for each term where there are several fields; the shortest run."""
BASE_BYTES, MOST_BASE_BYTES = 104 << 20, 224 << 20
"""Memory of the process before it reads; the most that depends on neither tokens nor terms: buffers and the cache of forms."""
BUFFERED, UNSEEN, MOST_UNSEEN_BYTES = 3, 2, 64 << 20
"""Bytes for each byte of text, while there is little of it: of buffers and cache, and of terms that were not read yet."""


class Memory(NamedTuple):
    """Memory that a build may take.

    Attributes:
        limit: bytes of the process; None is no limit.
        text_bytes: of the whole corpus, which buffers do not outgrow; None counts them in full.
        term_bytes: for each term.
    """

    limit: int | None = None
    text_bytes: int | None = None
    term_bytes: int = TERM_BYTES

    def run_length(self, terms: int = 0) -> int:
        """Return the number of tokens to invert at a time when there are so many terms.

        Raises:
            UsageError: the limit is too low for these terms.
        """
        if self.limit is None:
            return RUN
        base, unseen = MOST_BASE_BYTES, MOST_UNSEEN_BYTES
        if self.text_bytes is not None:
            base = min(base, BASE_BYTES + BUFFERED * self.text_bytes)
            unseen = min(unseen, UNSEEN * self.text_bytes * self.term_bytes // TERM_BYTES)
        left = self.limit - base - self.term_bytes * terms
        if left < TOKEN_BYTES * LEAST_RUN:
            least = self.limit - left + TOKEN_BYTES * LEAST_RUN + unseen
            raise UsageError(
                f"{self.limit >> 20:,} MB are too little to index a vocabulary of {terms:,} terms",
                f"--max-memory {-(-least >> 20)}M or more",
            )
        return min(RUN, left // TOKEN_BYTES)


class Inverted(NamedTuple):
    """Postings by term: ``offsets`` [v + 1] cuts ``docs`` and ``tfs``; the places and values of counts over 254.

    The first three may be files instead, set aside until they are merged.
    """

    offsets: Int64s | Path
    docs: Int32s | Path
    tfs: Uint8s | Path
    big_at: Int64s
    big: npt.NDArray[np.uint32]


def invert(tokens: Int32s, offsets: Int64s, first_row: int, n_terms: int) -> Inverted:
    """Invert documents ``tokens[offsets[i]:offsets[i + 1]]``, whose rows count from ``first_row``."""
    kernels = kernels_for(WORTH * len(tokens))
    if kernels is None:
        return _invert_plainly(tokens, offsets, first_row, n_terms)
    free, last = np.zeros(n_terms + 1, np.int64), np.zeros(n_terms, np.int32)
    docs, tfs = np.empty(len(tokens), np.int32), np.empty(len(tokens), np.uint8)
    big_at, big = np.empty(len(tokens) // BIG, np.int64), np.empty(len(tokens) // BIG, np.uint32)
    documents = (tokens, offsets, len(offsets) - 1, first_row, n_terms)
    n_big = kernels["invert"](*documents, free, last, docs, tfs, big_at, big)
    ends = np.concatenate([[0], free[:-1]])
    order = np.argsort(big_at[:n_big])
    return Inverted(ends, docs[: ends[-1]], tfs[: ends[-1]], big_at[order], big[order])


def _invert_plainly(tokens: Int32s, offsets: Int64s, first_row: int, n_terms: int) -> Inverted:
    rows = np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))
    pairs, counts = np.unique(tokens.astype(np.int64) * max(len(offsets) - 1, 1) + rows, return_counts=True)
    terms, rows = np.divmod(pairs, max(len(offsets) - 1, 1))
    big_at = np.flatnonzero(counts >= BIG)
    ends = offsets_of(np.bincount(terms, minlength=n_terms))
    docs, tfs = (rows + first_row).astype(np.int32), np.minimum(counts, BIG).astype(np.uint8)
    return Inverted(ends, docs, tfs, big_at, counts[big_at].astype(np.uint32))


class PostingsWriter:
    """A writer of the files of postings, which takes the term numbers of documents, row after row.

    Tokens are collected, inverted and set aside on disk from time to time, so memory does not grow with the number
    of documents, but with that of terms. Equal documents in equal order give equal bytes, whatever ``memory`` is.

    Raises:
        UsageError: the limit of ``memory`` is too low.
    """

    def __init__(self, folder: Path, memory: Memory | None = None) -> None:
        self.folder = folder
        self.n_postings = self.n_rows = 0
        self._memory = memory or Memory()
        self._run = self._memory.run_length()
        self._waiting = self._n_terms = 0
        self._tokens: list[Int32s] = []
        self._sizes: list[Int64s] = []
        self._runs: list[Inverted] = []

    def add(self, tokens: Int32s, offsets: Int64s) -> None:
        """Add rows: ``tokens[offsets[i]:offsets[i + 1]]`` are the term numbers of one, repeats kept; it may have none.

        Args:
            tokens: [t] int32.
            offsets: [rows + 1] int64, from 0 to t.
        """
        self._tokens.append(tokens)
        self._sizes.append(np.diff(offsets))
        self._waiting += len(tokens)
        if (terms := int(tokens.max(initial=-1)) + 1) > self._n_terms:
            self._n_terms, self._run = terms, self._memory.run_length(terms)
        if self._waiting >= self._run:
            self._runs.append(self._set_aside(self._invert()))

    def _invert(self) -> Inverted:
        sizes = np.concatenate([np.empty(0, np.int64), *self._sizes])
        offsets = offsets_of(sizes)
        tokens = np.concatenate([np.empty(0, np.int32), *self._tokens])
        self._tokens, self._sizes, self._waiting = [], [], 0
        run = invert(tokens, offsets, self.n_rows, int(tokens.max(initial=-1)) + 1)
        self.n_rows += len(sizes)
        self.n_postings += len(run.docs)  # type: ignore[arg-type]
        return run

    def _set_aside(self, run: Inverted) -> Inverted:
        """Write a run to disk."""
        files = [self.folder / f".run-{len(self._runs)}.{name}" for name in ("offsets", "docs", "tfs")]
        for file, array in zip(files, run, strict=False):
            with file.open("wb") as stream:
                stream.write(memoryview(array))  # type: ignore[arg-type]
        return run._replace(offsets=files[0], docs=files[1], tfs=files[2])

    def take(self, run: Inverted, rows: int, postings: int) -> None:
        """Add rows whose postings are ready, in files of this folder named ``.run-...``; they go on from row `n_rows`."""
        self.n_rows += rows
        self.n_postings += postings
        self._runs.append(run)

    def close(self, names: Names) -> None:
        """Merge the runs and write all files."""
        if self._sizes or not self._runs:
            self._runs.append(self._invert())
        offsets = self._places(len(names.ends) - 1)
        np.save(self.folder / "postings.offsets.npy", offsets)
        self._merge(offsets)
        self._runs.clear()
        for file in self.folder.glob(".run-*"):
            file.unlink()
        write_terms(self.folder, names)

    def _places(self, terms: int) -> Int64s:
        """Return the offsets of each term's postings in the whole; write the places of the counts over 254."""
        offsets = np.zeros(terms + 1, np.int64)
        for run in self._runs:
            local = _read(run.offsets, slice(0, None), np.int64)
            offsets[1 : len(local)] += np.diff(local)
        np.cumsum(offsets, out=offsets)
        free, places = offsets[:-1].copy(), [np.empty(0, np.int64)]
        for run in self._runs:
            local = _read(run.offsets, slice(0, None), np.int64)
            owners = np.searchsorted(local, run.big_at, side="right") - 1
            places.append(run.big_at - local[owners] + free[owners])
            free[: len(local) - 1] += np.diff(local)
        joined = np.concatenate(places)
        order = np.argsort(joined)
        np.save(self.folder / "postings.big_at.npy", joined[order])
        np.save(self.folder / "postings.big.npy", np.concatenate([run.big for run in self._runs])[order])
        return offsets

    def _merge(self, offsets: Int64s) -> None:
        """Write the postings of every term: those of the first run, of the second, and so on."""
        docs = RowWriter(self.folder / "postings.docs.npy", (self.n_postings,), np.int32)
        tfs = RowWriter(self.folder / "postings.tfs.npy", (self.n_postings,), np.uint8)
        for low, high in cuts(offsets, MERGED):
            long = offsets[high] - offsets[low] > MERGED
            for rows, counts in self._pieces(low) if long else [self._merge_terms(offsets, low, high)]:
                docs.append(rows)
                tfs.append(counts)
        docs.close()
        tfs.close()

    def _pieces(self, term: int) -> Iterator[tuple[Int32s, Uint8s]]:
        """Yield the postings of one term, a piece at a time."""
        for run in self._runs:
            begin, end = [*_read(run.offsets, slice(term, term + 2), np.int64).tolist(), 0, 0][:2]
            for low in range(begin, end, MERGED):
                span = slice(low, min(low + MERGED, end))
                yield _read(run.docs, span, np.int32), _read(run.tfs, span, np.uint8)

    def _merge_terms(self, offsets: Int64s, low: int, high: int) -> tuple[Int32s, Uint8s]:
        """Return the postings of the terms ``low:high``."""
        size = int(offsets[high] - offsets[low])
        docs, tfs = np.empty(size, np.int32), np.empty(size, np.uint8)
        places, kernels = offsets[low:high] - offsets[low], kernels_for(WORTH * size)
        for run in self._runs:
            local = _read(run.offsets, slice(low, high + 1), np.int64)
            if len(local) < 2:
                continue
            span = slice(int(local[0]), int(local[-1]))
            from_docs, from_tfs = _read(run.docs, span, np.int32), _read(run.tfs, span, np.uint8)
            begins, sizes = local[:-1] - local[0], np.diff(local)
            if kernels is None:
                at = ranges(places[: len(sizes)], sizes)
                docs[at], tfs[at] = from_docs, from_tfs
                places[: len(sizes)] += sizes
                continue
            kernels["merge"](begins, sizes, places, len(sizes), from_docs, from_tfs, docs, tfs)
        return docs, tfs


def _read(array: npt.NDArray[Any] | Path, span: slice, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """Return a part of an array in memory, or of one in a file of nothing else; less where it ends before."""
    if not isinstance(array, Path):
        return array[span]
    count = -1 if span.stop is None else span.stop - span.start
    return np.fromfile(array, dtype, count, offset=span.start * np.dtype(dtype).itemsize)

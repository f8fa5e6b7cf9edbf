"""Merging segments: the rows that were not removed, in order, with the terms that they have, as one new segment.

A term keeps its number in the first segment; those that only later ones have follow in their order. So segments from
which nothing was removed give the bytes of a segment that was built of all their documents at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int32s, Int64s, Uint8s
from intrex.retrievers.bm25.segment import Draft, FieldCounts, SegmentRecord, fields_of
from intrex.retrievers.inverted import postings
from intrex.retrievers.inverted.build import WORTH, Inverted, PostingsWriter
from intrex.retrievers.inverted.native import kernels_for
from intrex.retrievers.inverted.postings import BIG, Postings
from intrex.retrievers.inverted.vocabulary import Names

LOOKED_UP = 1 << 16
"""Terms that are looked up at a time."""


class Source(NamedTuple):
    """A segment to be merged.

    Attributes:
        record: what is known of it, removed rows not counted.
        postings: its postings, of all rows.
        norms: uint8 [fields, rows].
        df: int64 [terms], in how many rows that stay each term is.
        stays: bool [rows], the rows that were not removed.
    """

    record: SegmentRecord
    postings: Postings
    norms: Uint8s
    df: Int64s
    stays: npt.NDArray[np.bool_]


def merge_segments(folder: Path, sources: Sequence[Source]) -> Draft:
    """Write the postings of a new segment in ``folder``, which must not be there."""
    folder.mkdir()
    numbers, names = _union([(one.postings, one.df > 0) for one in sources])
    writer = PostingsWriter(folder)
    for i, (one, own) in enumerate(zip(sources, numbers, strict=True)):
        run = _run(folder / f".run-{i}", one, own, writer.n_rows)
        writer.take(run, int(one.stays.sum()), int(one.df.sum()))
    writer.close(names)
    fields = list(sources[0].record.fields)
    # By row, whatever order numpy would choose.
    norms = np.ascontiguousarray(np.concatenate([one.norms[:, one.stays] for one in sources], axis=1))
    counts = {name: _sum([one.record.fields[name] for one in sources]) for name in fields}
    record = SegmentRecord(norms.shape[1], 0, len(names.ends) - 1, writer.n_postings, counts)
    return Draft(folder, record, norms, fields_of(names, fields))


def _sum(counts: Sequence[FieldCounts]) -> FieldCounts:
    documents, tokens = sum(one.documents for one in counts), sum(one.tokens for one in counts)
    return FieldCounts(documents, tokens, max(one.longest for one in counts))


def _union(sources: Sequence[tuple[Postings, npt.NDArray[np.bool_]]]) -> tuple[list[Int64s], Names]:
    """The number that each term of each source gets, -1 if it is in no row that stays; and the terms by these numbers."""
    numbers: list[Int64s] = []
    text: list[bytes] = []
    for at, (own, used) in enumerate(sources):
        new = np.full(len(own), -1, np.int64)
        for terms in np.array_split(np.flatnonzero(used), max(1, int(used.sum()) // LOOKED_UP)):
            raw = own.spelled(terms)
            found = np.full(len(terms), -1, np.int64)
            names = [one.decode("utf-8") for one in raw] if at else []
            for (other, _), known in zip(sources[:at], numbers, strict=True):
                there = other.find(names)
                found = np.where((found < 0) & (there >= 0), known[there] if len(known) else -1, found)
            fresh = np.flatnonzero(found < 0)
            found[fresh] = np.arange(len(fresh)) + len(text)
            text += [raw[i] for i in fresh.tolist()]
            new[terms] = found
        numbers.append(new)
    ends = np.cumsum([0, *(len(one) + 1 for one in text)], dtype=np.int64)
    return numbers, Names(np.frombuffer(b"".join(one + b"\n" for one in text), np.uint8), ends)


def _run(stem: Path, source: Source, numbers: Int64s, first_row: int) -> Inverted:
    """A source's postings by the new numbers, with the rows that they get, in files."""
    known = np.flatnonzero(numbers >= 0)
    local = np.full(int(numbers.max(initial=-1)) + 1, -1, np.int64)
    local[numbers[known]] = known
    rows = np.where(source.stays, np.cumsum(source.stays) - 1 + first_row, -1).astype(np.int32)
    files = [stem.with_name(f"{stem.name}.{kind}") for kind in ("docs", "tfs")]
    sizes, big_at, big, done = [np.zeros(1, np.int64)], [], [], 0
    with files[0].open("wb") as docs_file, files[1].open("wb") as tfs_file:
        for terms in _pieces(source.postings, local):
            docs, tfs, owners, shift = _gather(source.postings, terms)
            new = rows[docs]
            stay = np.flatnonzero(new >= 0)
            large = np.flatnonzero(tfs[stay] == BIG)
            big_at.append(large + done)
            places = stay[large] + shift[owners[stay[large]]]
            big.append(source.postings.big[np.searchsorted(source.postings.big_at, places)])
            done += len(stay)
            sizes.append(np.bincount(owners[stay], minlength=len(terms)))
            docs_file.write(new[stay].tobytes())
            tfs_file.write(tfs[stay].tobytes())
    offsets = np.cumsum(np.concatenate(sizes))
    none = np.empty(0, np.int64), np.empty(0, np.uint32)
    large_at, values = np.concatenate([none[0], *big_at]), np.concatenate([none[1], *big])
    return Inverted(offsets, files[0], files[1], large_at, values)


def _pieces(source: Postings, local: Int64s) -> Iterator[Int64s]:
    """Terms in the order of their new numbers, as many at a time as may be merged."""
    sizes = (
        np.where(local >= 0, source.offsets[local + 1] - source.offsets[local], 0)
        if len(source)
        else local * 0
    )
    ends, low = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]), 0
    while low < len(local):
        high = max(low + 1, int(np.searchsorted(ends, ends[low] + postings.MERGED, side="right")) - 1)
        yield local[low:high]
        low = high


def _gather(source: Postings, terms: Int64s) -> tuple[Int32s, Uint8s, Int64s, Int64s]:
    """The postings of some terms one after another: rows, counts, which of the terms each is of, and how far it moved."""
    if not len(source):
        return (
            np.empty(0, np.int32),
            np.empty(0, np.uint8),
            np.empty(0, np.int64),
            np.zeros(len(terms), np.int64),
        )
    begins = np.where(terms >= 0, source.offsets[terms], 0)
    sizes = np.where(terms >= 0, source.offsets[terms + 1] - begins, 0)
    ends = np.cumsum(sizes)
    places, owners = ends - sizes, np.repeat(np.arange(len(terms)), sizes)
    shift, kernels = begins - places, kernels_for(WORTH * len(owners))
    if kernels is None:
        at = np.arange(len(owners)) + shift[owners]
        return source.docs[at], source.tfs[at], owners, shift
    docs, tfs = np.empty(len(owners), np.int32), np.empty(len(owners), np.uint8)
    kernels["merge"](begins, sizes, places, len(terms), source.docs, source.tfs, docs, tfs)
    return docs, tfs, owners, shift

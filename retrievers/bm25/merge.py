"""Merging segments: the rows that were not removed, in order, with the terms that they have, as one new segment.

A term keeps its number in the first segment; those that only later ones have follow in their order. So segments from
which nothing was removed give the bytes of a segment that was built of all their documents at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from intrex.data.arrays import Bools, Int32s, Int64s, Uint8s
from intrex.data.errors import BadInput
from intrex.data.numeric.spans import cuts, offsets_of, owners_of
from intrex.retrievers.bm25.segment import NewSegment, SegmentRecord, fields_of, statistics
from intrex.retrievers.inverted.build import WORTH, Inverted, PostingsWriter
from intrex.retrievers.inverted.native import kernels_for
from intrex.retrievers.inverted.postings import BIG, MERGED, Postings
from intrex.retrievers.inverted.vocabulary import Names

LOOKED_UP = 1 << 16
"""Terms that are looked up at a time."""


class Source(NamedTuple):
    """A segment to be merged.

    Attributes:
        record: its entry of the manifest, removed rows not counted.
        postings: its postings, of all rows.
        norms: uint8 [fields, rows].
        df: int64 [terms], the number of live rows that have each term.
        live: bool [rows], the rows that were not removed.
    """

    record: SegmentRecord
    postings: Postings
    norms: Uint8s
    df: Int64s
    live: Bools


def merge_segments(folder: Path, sources: Sequence[Source]) -> NewSegment:
    """Write the postings of a new segment in ``folder``, which must not be there.

    Raises:
        BadInput: the counts of documents of a segment are not those of its postings.
    """
    for source in sources:
        _check_counts(source)
    folder.mkdir()
    numbers, names = _union([(source.postings, source.df > 0) for source in sources])
    writer = PostingsWriter(folder)
    for i, (source, new) in enumerate(zip(sources, numbers, strict=True)):
        run = _run(folder / f".run-{i}", source, new, writer.n_rows)
        writer.take(run, int(source.live.sum()), int(source.df.sum()))
    writer.close(names)
    # By row, whatever order numpy would choose.
    norms = np.ascontiguousarray(np.concatenate([s.norms[:, s.live] for s in sources], axis=1))
    counts = statistics([source.record for source in sources])
    record = SegmentRecord(norms.shape[1], 0, len(names.ends) - 1, writer.n_postings, counts)
    return NewSegment(folder, record, norms, fields_of(names, list(counts)))


def _check_counts(source: Source) -> None:
    """Count the live rows of each term: opening compares the counts on disk with what they can be, not with what they are."""
    offsets, docs = source.postings.offsets, source.postings.docs
    for low, high in cuts(offsets, MERGED) if not source.live.all() else ():
        before = np.concatenate([[0], np.cumsum(source.live[docs[offsets[low] : offsets[high]]])])
        if (np.diff(before[offsets[low : high + 1] - offsets[low]]) != source.df[low:high]).any():
            raise BadInput("damaged: counts of documents are not those of the postings", "rebuild the index")


def _union(sources: Sequence[tuple[Postings, Bools]]) -> tuple[list[Int64s], Names]:
    """Return the number of each term of each source in the whole, -1 if no live row has it; and the terms by number."""
    numbers: list[Int64s] = []
    text: list[bytes] = []
    for i, (postings, live) in enumerate(sources):
        new = np.full(len(postings), -1, np.int64)
        for terms in np.array_split(np.flatnonzero(live), max(1, int(live.sum()) // LOOKED_UP)):
            names = postings.names(terms)
            union = np.full(len(terms), -1, np.int64)
            for (before, _), numbers_before in zip(sources[:i], numbers, strict=True):
                local = before.find(names)
                shared = numbers_before[local] if len(numbers_before) else -1
                union = np.where((union < 0) & (local >= 0), shared, union)
            unseen = np.flatnonzero(union < 0)
            union[unseen] = np.arange(len(unseen)) + len(text)
            text += [names[term].encode("utf-8") for term in unseen.tolist()]
            new[terms] = union
        numbers.append(new)
    ends = offsets_of([len(term) + 1 for term in text])
    return numbers, Names(np.frombuffer(b"".join(term + b"\n" for term in text), np.uint8), ends)


def _run(stem: Path, source: Source, numbers: Int64s, first_row: int) -> Inverted:
    """Write a source's postings by the new numbers, with their new rows, to files."""
    terms = np.flatnonzero(numbers >= 0)
    local = np.full(int(numbers.max(initial=-1)) + 1, -1, np.int64)
    local[numbers[terms]] = terms
    rows = np.where(source.live, np.cumsum(source.live) - 1 + first_row, -1).astype(np.int32)
    files = [stem.with_name(f"{stem.name}.{kind}") for kind in ("docs", "tfs")]
    sizes, big_at, big, total = [np.zeros(1, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.uint32)], 0
    with files[0].open("wb") as docs_file, files[1].open("wb") as tfs_file:
        for terms in _pieces(source.postings, local):
            docs, tfs, owners, shift = _gather(source.postings, terms)
            new = rows[docs]
            live = np.flatnonzero(new >= 0)
            large = np.flatnonzero(tfs[live] == BIG)
            big_at.append(large + total)
            places = live[large] + shift[owners[live[large]]]
            big.append(source.postings.big[np.searchsorted(source.postings.big_at, places)])
            total += len(live)
            sizes.append(np.bincount(owners[live], minlength=len(terms)))
            docs_file.write(new[live].tobytes())
            tfs_file.write(tfs[live].tobytes())
    offsets, large_at = np.cumsum(np.concatenate(sizes)), np.concatenate(big_at)
    return Inverted(offsets, files[0], files[1], large_at, np.concatenate(big))


def _pieces(source: Postings, local: Int64s) -> Iterator[Int64s]:
    """Return the terms in the order of their new numbers, as many at a time as may be merged."""
    sizes = np.where(local >= 0, source.offsets[local + 1] - source.offsets[local], 0)
    return (local[low:high] for low, high in cuts(offsets_of(sizes), MERGED))


def _gather(source: Postings, terms: Int64s) -> tuple[Int32s, Uint8s, Int64s, Int64s]:
    """Return the postings of terms one after another: rows, counts, the place of each one's term, and the terms' shifts."""
    begins = np.where(terms >= 0, source.offsets[terms], 0)
    sizes = np.where(terms >= 0, source.offsets[terms + 1] - begins, 0)
    ends = np.cumsum(sizes)
    places, owners = ends - sizes, owners_of(sizes)
    shift, kernels = begins - places, kernels_for(WORTH * len(owners))
    if kernels is None:
        postings = np.arange(len(owners)) + shift[owners]
        return source.docs[postings], source.tfs[postings], owners, shift
    docs, tfs = np.empty(len(owners), np.int32), np.empty(len(owners), np.uint8)
    kernels["merge"](begins, sizes, places, len(terms), source.docs, source.tfs, docs, tfs)
    return docs, tfs, owners, shift

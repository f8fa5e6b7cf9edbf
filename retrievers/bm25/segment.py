"""Segments: the rows of a lexical index are cut into runs, each with postings of its own that never change.

Files of a segment's folder: those of `intrex.retrievers.inverted.postings`, whose rows count from the segment's first;
``norms.npy`` uint8 [fields, rows] (document lengths, see `intrex.retrievers.bm25.similarity`; in ``contents`` 1 also for a
document with text and no term, which no posting names, so that 0 says that it has no text); ``bounds.npy`` float32 (the
largest count over norm of every 128 postings); and, where documents were removed, ``df.npy`` int32 [terms], in how many
of the others each term is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int64s, Scores
from intrex.data.ids import IdWriter
from intrex.retrievers.bm25.multifield import field_of
from intrex.retrievers.bm25.similarity import encode_lengths, inverse_tables
from intrex.retrievers.inverted.build import PostingsWriter
from intrex.retrievers.inverted.postings import Postings
from intrex.retrievers.inverted.vocabulary import Names
from intrex.retrievers.text.terms import Terms

DF = "df.npy"
SLACK = np.float32(1 + 2.0**-20)
"""More than float32 rounds a bound by when it is scaled."""


@dataclass(frozen=True)
class FieldCounts:
    """Of one field in a segment.

    Attributes:
        documents: how many have a term in it, removed ones not counted.
        tokens: their terms, repeats counted.
        longest: the most terms of a document, removed ones included.
        avgdl: the mean length that the bounds were computed with.
    """

    documents: int = 0
    tokens: int = 0
    longest: int = 0
    avgdl: float = 0.0


@dataclass(frozen=True)
class SegmentRecord:
    """What the manifest says of a segment: rows, how many of them were removed, terms, postings, and the fields."""

    rows: int
    removed: int
    terms: int
    postings: int
    fields: dict[str, FieldCounts]

    @property
    def documents(self) -> int:
        """Rows that were not removed."""
        return self.rows - self.removed

    def to_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """From the manifest."""
        fields = {name: FieldCounts(**one) for name, one in raw["fields"].items()}
        return cls(**{**raw, "fields": fields})


class FieldStatistics(NamedTuple):
    """Of a field in an index: documents with a term, their terms, and the mean, rounded to float32 as Lucene does."""

    documents: int
    tokens: int

    @property
    def avgdl(self) -> float:
        """Tokens by document; 0 if there is none."""
        return float(np.float32(self.tokens / self.documents)) if self.documents else 0.0


def statistics(records: Sequence[SegmentRecord]) -> dict[str, FieldStatistics]:
    """The fields of an index, over all its segments, of which there is at least one."""
    counts = {name: [record.fields[name] for record in records] for name in records[0].fields}
    return {
        name: FieldStatistics(sum(one.documents for one in all_), sum(one.tokens for one in all_))
        for name, all_ in counts.items()
    }


class Segment:
    """An opened segment; nothing of it is read.

    Attributes:
        first: the row of the index that its first row is.
    """

    def __init__(self, folder: Path, record: SegmentRecord, first: int) -> None:
        self.record, self.first = record, first
        self.postings = Postings(folder)
        # Plain arrays: slices of `numpy.memmap` cost more.
        self.norms, self._bounds = (
            np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in ("norms", "bounds")
        )
        self._df = np.asarray(np.load(folder / DF, mmap_mode="r")) if record.removed else None

    def df(self, terms: Int64s) -> Int64s:
        """In how many documents each term is that the segment has a number for; 0 for -1."""
        if not len(self.postings):
            return np.zeros(len(terms), np.int64)
        offsets = self.postings.offsets
        found = offsets[terms + 1] - offsets[terms] if self._df is None else self._df[terms]
        return np.where(terms >= 0, found, 0).astype(np.int64)

    def all_df(self) -> Int64s:
        """In how many documents each term is."""
        return np.diff(self.postings.offsets) if self._df is None else self._df.astype(np.int64)

    def bounds(self, k1: float, b: float, inverse: Scores) -> Scores:
        """Bounds for tables [fields, 256] of 1 / norm.

        Those on disk are for the mean lengths that there once were. A document of length l scores higher now by a factor
        that depends on l alone, so that the largest of these factors makes bounds of them.
        """
        before = inverse_tables(k1, b, [one.avgdl for one in self.record.fields.values()])
        if np.array_equal(inverse, before):
            return self._bounds
        return self._bounds * np.float32((inverse / before).max() * SLACK)

    def without(self, gone: npt.NDArray[np.bool_]) -> tuple[SegmentRecord, Int64s]:
        """The record and `all_df` once more rows are removed, those where ``gone`` [rows] is set."""
        rows, terms, counts = self.postings.occurrences(gone)
        df = self.all_df() - np.bincount(terms, minlength=len(self.postings))
        used, places = np.unique(terms, return_inverse=True)
        of = np.array([field_of(term.decode("utf-8")) for term in self.postings.spelled(used)], np.str_)
        fields = {}
        for name, one in self.record.fields.items():
            own = of[places] == name
            documents = one.documents - len(np.unique(rows[own]))
            fields[name] = replace(one, documents=documents, tokens=one.tokens - int(counts[own].sum()))
        removed = self.record.removed + int(np.count_nonzero(gone))
        return replace(self.record, removed=removed, fields=fields), df


class Draft(NamedTuple):
    """A segment whose postings are written; its bounds need the mean lengths of the whole index.

    Attributes:
        folder: where it is.
        record: what is known of it.
        norms: uint8 [fields, rows], the documents' lengths, as in the file.
        fields: uint8 [terms], the field of each term; None if there is one field.
    """

    folder: Path
    record: SegmentRecord
    norms: npt.NDArray[np.uint8]
    fields: npt.NDArray[np.uint8] | None

    def finish(self, k1: float, b: float, avgdls: Sequence[float]) -> SegmentRecord:
        """Write the norms and the bounds."""
        inverse = inverse_tables(k1, b, avgdls)
        np.save(self.folder / "norms.npy", self.norms)
        np.save(self.folder / "bounds.npy", Postings(self.folder).bounds(self.norms, inverse, self.fields))
        fields = zip(self.record.fields.items(), avgdls, strict=True)
        return replace(self.record, fields={name: replace(one, avgdl=avgdl) for (name, one), avgdl in fields})


def write_segment(
    folder: Path,
    ids: IdWriter,
    batches: Iterable[Terms],
    names: Callable[[], Names],
    fields: Sequence[str],
    max_memory: int | None = None,
) -> Draft:
    """Write the postings of documents whose terms are numbered.

    Args:
        folder: the segment's; it must not be there.
        ids: takes the documents' ids.
        batches: the documents, in the order of their rows.
        names: gives the terms by number; asked after ``batches``.
        fields: the fields of the index.
        max_memory: bytes that this may take.
    """
    folder.mkdir()
    postings, parts = PostingsWriter(folder, max_memory), [np.empty((len(fields), 0), np.int64)]
    wordless, rows = list[int](), 0
    for batch in batches:
        wordless += [rows + i for i in batch.wordless]
        rows += len(batch.ids)
        ids.extend(batch.ids)
        postings.add(batch.tokens, batch.offsets)
        parts.append(np.diff(batch.offsets)[None] if batch.lengths is None else batch.lengths)
    terms, lengths = names(), np.concatenate(parts, axis=1)
    postings.close(terms)
    counts = {
        name: FieldCounts(int(np.count_nonzero(own)), int(own.sum()), int(own.max(initial=0)))
        for name, own in zip(fields, lengths, strict=True)
    }
    record = SegmentRecord(lengths.shape[1], 0, len(terms.ends) - 1, postings.n_postings, counts)
    norms = encode_lengths(lengths)
    norms[0, wordless] = 1
    return Draft(folder, record, norms, fields_of(terms, fields))


def fields_of(terms: Names, fields: Sequence[str]) -> npt.NDArray[np.uint8] | None:
    """The number of each term's field; None if there is one field."""
    if len(fields) == 1:
        return None
    return np.array([fields.index(field_of(term)) for term in terms.to_list()], np.uint8)

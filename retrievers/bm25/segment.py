"""Segments: the rows of a lexical index are cut into runs, each with postings of its own that never change.

Files of a segment's folder: those of `intrex.retrievers.inverted.postings`, whose rows count from the segment's first;
``norms.npy`` uint8 [fields, rows] (document lengths, see `intrex.retrievers.bm25.similarity`; in ``contents`` 1 also for a
document with text and no term, which no posting names, so that 0 says that it has no text); ``bounds.npy`` float32 (the
largest count over norm of every 128 postings); and, where documents were removed, ``df.npy`` int32 [terms], in how many
of the others each term is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from intrex.data.arrays import Bools, Int32s, Int64s, Scores, Uint8s
from intrex.data.collection import Collection
from intrex.data.errors import BadInput
from intrex.data.ids import IdWriter
from intrex.data.npy import open_array
from intrex.data.progress import Progress
from intrex.retrievers.bm25.multifield import analyse, field_of
from intrex.retrievers.bm25.similarity import encode_lengths, inverse_tables
from intrex.retrievers.inverted.build import FIELD_TERM_BYTES, TERM_BYTES, Memory, PostingsWriter
from intrex.retrievers.inverted.postings import BOUND_BLOCK, Postings
from intrex.retrievers.inverted.vocabulary import Names
from intrex.retrievers.text.analyzer import Analyzer

DF = "df.npy"
SLACK = np.float32(1 + 2.0**-20)
"""More than float32 rounds a bound by when it is scaled."""


@dataclass(frozen=True)
class FieldCounts:
    """Statistics of one field in a segment or in an index.

    Attributes:
        documents: how many have a term in it, removed ones not counted.
        tokens: their terms, repeats counted.
        longest: the most terms of a document, removed ones included.
        avgdl: the mean length, rounded to float32 as Lucene does; in a segment's record the one of its bounds.
    """

    documents: int
    tokens: int
    longest: int
    avgdl: float = 0.0


@dataclass(frozen=True)
class SegmentRecord:
    """Entry of a segment in the manifest: numbers of rows, of removed ones, of terms and postings, and the fields."""

    rows: int
    removed: int
    terms: int
    postings: int
    fields: dict[str, FieldCounts]

    @property
    def documents(self) -> int:
        """Number of rows that were not removed."""
        return self.rows - self.removed

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read the entry of a manifest."""
        fields = {name: FieldCounts(**counts) for name, counts in raw["fields"].items()}
        return cls(**{**raw, "fields": fields})


def statistics(records: Sequence[SegmentRecord]) -> dict[str, FieldCounts]:
    """Add up the fields of an index over all its segments, of which there is at least one."""
    return {name: _total([record.fields[name] for record in records]) for name in records[0].fields}


def _total(counts: Sequence[FieldCounts]) -> FieldCounts:
    documents, tokens = sum(c.documents for c in counts), sum(c.tokens for c in counts)
    avgdl = float(np.float32(tokens / documents)) if documents else 0.0
    return FieldCounts(documents, tokens, max(c.longest for c in counts), avgdl)


class Segment:
    """An opened segment.

    Attributes:
        first: the row of the index that its first row is.

    Raises:
        BadInput: a file is missing, or does not fit the others or the record.
    """

    def __init__(self, folder: Path, record: SegmentRecord, first: int) -> None:
        self.record, self.first = record, first
        self.postings = Postings(folder, record.rows)
        blocks = -(-len(self.postings.docs) // BOUND_BLOCK)
        self.norms = open_array(folder / "norms.npy", np.uint8, (len(record.fields), record.rows))
        self._bounds = open_array(folder / "bounds.npy", np.float32, (blocks,))
        self._df = self._open_df(folder / DF) if record.removed else None

    def _open_df(self, path: Path) -> Int32s:
        """Open the documents of each term: all that have it, but for those removed."""
        df: Int32s = open_array(path, np.int32, (len(self.postings),))
        sizes = np.diff(self.postings.offsets)
        if not ((df <= sizes) & (df >= np.maximum(sizes - self.record.removed, 0))).all():
            raise BadInput(
                f"damaged: counts of documents do not fit the postings ({path})", "rebuild the index"
            )
        return df

    def df(self, terms: Int64s) -> Int64s:
        """Count the documents of each term, by its number in the segment; 0 for -1."""
        if not len(self.postings):
            return np.zeros(len(terms), np.int64)
        offsets = self.postings.offsets
        counts = offsets[terms + 1] - offsets[terms] if self._df is None else self._df[terms]
        return np.where(terms >= 0, counts, 0).astype(np.int64)

    def all_df(self) -> Int64s:
        """Count the documents of every term."""
        return np.diff(self.postings.offsets) if self._df is None else self._df.astype(np.int64)

    def bounds(self, k1: float, b: float, inverse: Scores) -> Scores:
        """Return bounds for tables [fields, 256] of 1 / norm.

        The bounds on disk are for the mean lengths that there once were. A document of length l scores higher now by a factor
        that depends on l alone, so that the largest of these factors makes bounds of them.
        """
        before = inverse_tables(k1, b, [counts.avgdl for counts in self.record.fields.values()])
        if np.array_equal(inverse, before):
            return self._bounds
        return self._bounds * np.float32((inverse / before).max() * SLACK)

    def without(self, removed: Bools) -> tuple[SegmentRecord, Int64s]:
        """Return the record and `all_df` as they are once more rows are removed, where ``removed`` [rows] is set."""
        rows, numbers, tfs = self.postings.occurrences(removed)
        df = self.all_df() - np.bincount(numbers, minlength=len(self.postings))
        terms, places = np.unique(numbers, return_inverse=True)
        names = np.array([field_of(term) for term in self.postings.names(terms)], np.str_)
        fields = {}
        for name, counts in self.record.fields.items():
            mask = names[places] == name
            documents = counts.documents - len(np.unique(rows[mask]))
            fields[name] = replace(counts, documents=documents, tokens=counts.tokens - int(tfs[mask].sum()))
        total = self.record.removed + int(np.count_nonzero(removed))
        return replace(self.record, removed=total, fields=fields), df


class NewSegment(NamedTuple):
    """A segment whose postings are written; its bounds need the mean lengths of the whole index.

    Attributes:
        folder: where it is.
        record: its entry of the manifest, but for the mean lengths.
        norms: uint8 [fields, rows], the documents' lengths, as in the file.
        fields: uint8 [terms], the field of each term; None if there is one field.
    """

    folder: Path
    record: SegmentRecord
    norms: Uint8s
    fields: Uint8s | None

    def finish(self, k1: float, b: float, avgdls: Sequence[float]) -> SegmentRecord:
        """Write the norms and the bounds; return the whole record."""
        inverse = inverse_tables(k1, b, avgdls)
        np.save(self.folder / "norms.npy", self.norms)
        np.save(self.folder / "bounds.npy", Postings(self.folder).bounds(self.norms, inverse, self.fields))
        pairs = zip(self.record.fields.items(), avgdls, strict=True)
        fields = {name: replace(counts, avgdl=avgdl) for (name, counts), avgdl in pairs}
        return replace(self.record, fields=fields)


def write_segment(
    folder: Path, collection: Collection, analyzer: Analyzer, fields: Sequence[str], progress: Progress,
    max_memory: int | None = None,
) -> NewSegment:  # fmt: skip
    """Write the postings of a collection's documents, in the order of their rows, and their ids beside the segment.

    Args:
        folder: the segment's; it must not be there.
        collection: the documents.
        analyzer: makes their terms.
        fields: the fields of the index.
        progress: called after every batch of documents.
        max_memory: bytes that this may take.
    """
    folder.mkdir()
    ids, (batches, names) = IdWriter(folder.parent), analyse(collection, analyzer, fields)
    term_bytes = TERM_BYTES if len(fields) == 1 else FIELD_TERM_BYTES
    postings = PostingsWriter(folder, Memory(max_memory, int(collection.offsets[-1]), term_bytes))
    parts = [np.empty((len(fields), 0), np.int64)]
    without_terms, rows = list[int](), 0
    for batch in batches:
        without_terms += [rows + i for i in batch.without_terms]
        rows += len(batch.ids)
        ids.extend(batch.ids)
        postings.add(batch.tokens, batch.offsets)
        parts.append(np.diff(batch.offsets)[None] if batch.lengths is None else batch.lengths)
        progress(len(batch.ids))
    terms, lengths = names(), np.concatenate(parts, axis=1)
    postings.close(terms)
    counts = {
        name: FieldCounts(int(np.count_nonzero(sizes)), int(sizes.sum()), int(sizes.max(initial=0)))
        for name, sizes in zip(fields, lengths, strict=True)
    }
    record = SegmentRecord(lengths.shape[1], 0, len(terms.ends) - 1, postings.n_postings, counts)
    norms = encode_lengths(lengths)
    norms[0, without_terms] = 1
    ids.close()
    return NewSegment(folder, record, norms, fields_of(terms, fields))


def fields_of(terms: Names, fields: Sequence[str]) -> Uint8s | None:
    """Return the number of each term's field; None if there is one field."""
    if len(fields) == 1:
        return None
    return np.array([fields.index(field_of(term)) for term in terms.to_list()], np.uint8)

"""Changing a BM25 index: documents are added as a new segment, removed by their rank, and segments are merged.

Every change makes a new version of the folder beside the old one, from links to the files that stay as they are, and
exchanges the two (see `intrex.data.store.artifact`). What is found, and the scores, are those of an index that was built of
the documents that are left, in their order.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int64s
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, Problems, UsageError
from intrex.data.ids import GONE, IdTable, IdWriter, as_bytes, write_ids
from intrex.data.io.files import fingerprint
from intrex.data.progress import Progress, no_progress
from intrex.data.store.artifact import Build, Manifest, build_artifact, read_manifest
from intrex.retrievers.bm25.build import bm25_manifest, watched
from intrex.retrievers.bm25.index import KIND, REBUILD, BM25Index
from intrex.retrievers.bm25.merge import Source, merge_segments
from intrex.retrievers.bm25.multifield import analyse
from intrex.retrievers.bm25.segment import DF, Draft, Segment, SegmentRecord, write_segment
from intrex.retrievers.inverted.postings import Postings

ADDED = ".added"
"""Folder of the new documents' segment, until it is known where it goes."""
TOO_MANY = 0.25
"""A segment of whose rows a larger part was removed is written anew."""


def add(
    path: Path, collection: Collection, *, replace_old: bool = False, progress: Progress = no_progress
) -> BM25Index:
    """Add a collection's documents to an index, after those that it has.

    Args:
        path: the index.
        collection: the documents; they are analysed as those of the index were.
        replace_old: where the index has a document of the same id, remove that one; else it is an error.
        progress: told of every finished batch of documents.

    Raises:
        BadInput: not a BM25 index, the collection is empty, or an id is there already.
        IntrexError: another process changes the index, or it cannot be written.
    """
    index = _open(path)
    ids = [document.id for document in collection.documents()]
    if not ids:
        raise BadInput(f"the collection {collection.path} has no document to add")
    rows = index.ids.find(as_bytes(ids))
    there = np.flatnonzero(rows >= 0)
    if len(there) and not replace_old:
        problems = Problems(
            str(collection.path), "--replace puts the new documents in place of those of the index"
        )
        for i in there.tolist():
            problems.add(f"corpus.jsonl:{i + 1}", f"the index has a document {ids[i]!r} already")
        problems.raise_if_any()

    def write(folder: Path) -> Draft:
        batches, names = analyse(collection, index.analyzer, index.fields)
        writer = IdWriter(folder)
        draft = write_segment(folder / "segment", writer, watched(batches, progress), names, index.fields)
        writer.close()
        return draft

    what = ["add", collection.corpus_fingerprint]
    return _Change(index, path, what, rows[there], write, collection.corpus_fingerprint).make()


def remove(path: Path, ids: Sequence[str]) -> BM25Index:
    """Remove documents from an index.

    Raises:
        BadInput: not a BM25 index, or it has no document of some id; all of these are counted.
        UsageError: no id is given.
        IntrexError: another process changes the index, or it cannot be written.
    """
    index = _open(path)
    names = list(dict.fromkeys(ids))
    if not names:
        raise UsageError("no document is named", "intrex index remove INDEX ID..., or --ids FILE")
    rows = index.ids.find(as_bytes(names))
    problems = Problems(str(path), "ids are compared as they are, byte for byte")
    for i in np.flatnonzero(rows < 0).tolist():
        problems.add(str(path), f"the index has no document {names[i]!r}")
    problems.raise_if_any()
    return _Change(index, path, ["remove", *sorted(names)], rows).make()


def merge(path: Path) -> BM25Index:
    """Make one segment of all, without the documents that were removed; an index that is one already stays as it is.

    Raises:
        BadInput: not a BM25 index.
        IntrexError: another process changes the index, or it cannot be written.
    """
    index = _open(path)
    if len(index.segments) == 1 and not index.segments[0].record.removed:
        return index
    return _Change(index, path, ["merge"], np.empty(0, np.int64), whole=True).make()


def plan(sizes: Sequence[int], removed: Sequence[int], whole: bool = False) -> list[tuple[list[int], bool]]:
    """Which segments become one, and whether one is written anew that could stay as it is.

    A segment is merged with the one before it while that has at most twice its documents. So there are never more
    segments than the logarithm of the documents, and adding writes each of them again that often at most.
    Segments without documents are left out, unless there is nothing else.

    Args:
        sizes: documents of each segment, removed ones not counted.
        removed: removed documents of each.
        whole: make one segment of all.
    """
    groups: list[list[int]] = []
    for i in range(len(sizes)):
        groups.append([i])
        while len(groups) > 1:
            before, last = (sum(sizes[one] for one in group) for group in groups[-2:])
            if not whole and before > 2 * last:
                break
            groups[-2:] = [groups[-2] + groups[-1]]
    filled = [group for group in groups if any(sizes[i] for i in group)] or groups[:1]

    def anew(i: int) -> bool:
        return whole or removed[i] > TOO_MANY * (sizes[i] + removed[i])

    return [(group, len(group) > 1 or anew(group[0])) for group in filled]


def _open(path: Path) -> BM25Index:
    """The index to be changed."""
    kind = read_manifest(path, rebuild=REBUILD).kind
    if kind != KIND:
        raise BadInput(
            f"{path} holds an artifact of kind {kind}; only bm25 indexes can be changed",
            "build the index again from a collection of the documents that it should hold",
        )
    return BM25Index.open(path)


@dataclass
class _Unit:
    """A segment of the old index, or the new one, and what becomes of its rows.

    Attributes:
        record: the segment's, after what is removed.
        at: its number in the old index; None of the new one.
        postings: its postings.
        norms: uint8 [fields, rows].
        stays: bool [rows], what is not removed.
        df: int64 [terms], where that is not the one on disk.
        draft: the new segment.
    """

    record: SegmentRecord
    at: int | None
    postings: Postings
    norms: npt.NDArray[np.uint8]
    stays: npt.NDArray[np.bool_]
    df: Callable[[], Int64s]
    fresh_df: bool = False
    draft: Draft | None = None

    @property
    def source(self) -> Source:
        """For a merge."""
        return Source(self.record, self.postings, self.norms, self.df(), self.stays)


@dataclass
class _Change:
    """One change of an index.

    Attributes:
        index: the old version, opened.
        path: where it is.
        what: what names the change.
        gone: rows that are removed.
        write: writes a segment of new documents, ids beside it, into a folder.
        source: fingerprint of the collection they are of.
        whole: merge all.
    """

    index: BM25Index
    path: Path
    what: list[str]
    gone: Int64s
    write: Callable[[Path], Draft] | None = None
    source: str | None = None
    whole: bool = False

    def make(self) -> BM25Index:
        """Make it; returns the new version."""
        base = self.index.manifest
        inputs = fingerprint([base.fingerprint, self.what])
        build_artifact(self.path, inputs, self._build, base=base)
        return BM25Index.open(self.path)

    def _build(self, build: Build) -> Manifest:
        units = [self._unit(i, segment) for i, segment in enumerate(self.index.segments)]
        added = build.path / ADDED
        if self.write is not None:
            added.mkdir()
            draft = self.write(added)
            postings = Postings(draft.folder)
            stays = np.ones(draft.record.rows, np.bool_)
            df = partial(np.diff, postings.offsets)
            units.append(_Unit(draft.record, None, postings, draft.norms, stays, df, draft=draft))
        groups = plan([u.record.documents for u in units], [u.record.removed for u in units], self.whole)
        segments: list[Draft | SegmentRecord] = []
        kept = [np.zeros(len(unit.stays), np.bool_) for unit in units]
        for number, (group, anew) in enumerate(groups):
            folder = build.path / str(number)
            if anew:
                segments.append(merge_segments(folder, [units[i].source for i in group]))
            else:
                segments.append(self._place(build, units[group[0]], folder))
            for i in group:
                kept[i] = units[i].stays if anew else np.ones_like(units[i].stays)
        self._write_ids(build, added if self.write is not None else None, np.concatenate(kept))
        if self.write is not None:
            shutil.rmtree(added)
        return self._manifest(segments)

    def _unit(self, at: int, segment: Segment) -> _Unit:
        rows, first = segment.record.rows, segment.first
        gone = np.zeros(rows, np.bool_)
        gone[self.gone[(self.gone >= first) & (self.gone < first + rows)] - first] = True
        stays = (np.asarray(self.index.ids.rank[first : first + rows]) != GONE) & ~gone
        if not gone.any():
            return _Unit(segment.record, at, segment.postings, segment.norms, stays, segment.all_df)
        record, df = segment.without(gone)
        return _Unit(record, at, segment.postings, segment.norms, stays, lambda: df, fresh_df=True)

    def _place(self, build: Build, unit: _Unit, folder: Path) -> Draft | SegmentRecord:
        """Put a segment that is not merged in its place."""
        if unit.draft is not None:
            unit.draft.folder.rename(folder)
            return unit.draft._replace(folder=folder)
        folder.mkdir()
        for name, entry in self.index.manifest.files.items():
            owner, _, file = name.partition("/")
            if owner == str(unit.at) and not (unit.fresh_df and file == DF):
                build.take_over(self.path / name, entry, f"{folder.name}/{file}")
        if unit.fresh_df:
            np.save(folder / DF, unit.df().astype(np.int32))
        return unit.record

    def _write_ids(self, build: Build, added: Path | None, kept: npt.NDArray[np.bool_]) -> None:
        """Write the ids and ranks of the rows that are kept."""
        old, new = self.index.ids, IdTable(added) if added is not None else None
        rank = old.updated_ranks(self.gone, as_bytes([]) if new is None else new.all())
        if new is None and kept.all():
            for name in ("ids.txt", "ids.offsets.npy"):
                build.take_over(self.path / name, self.index.manifest.files[name], name)
            np.save(build.path / "ids.rank.npy", rank)
            return
        tables = [old] if new is None else [old, new]
        text = np.concatenate([one.text for one in tables])
        lengths = np.concatenate([np.diff(one.offsets) for one in tables])
        write_ids(build.path, text[np.repeat(kept, lengths)], lengths[kept], rank[kept])

    def _manifest(self, segments: Sequence[Draft | SegmentRecord]) -> Manifest:
        base = self.index.manifest
        sources = [*base.params["sources"], *([self.source] if self.source else [])]
        params = {name: base.params[name] for name in ("k1", "b", "fields", "analyzer")}
        # What was merged is of the same documents.
        collection = base.collection if self.whole else fingerprint([base.collection, *self.what])
        return bm25_manifest(collection, {**params, "sources": list(dict.fromkeys(sources))}, segments)

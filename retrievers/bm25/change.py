"""Changing a BM25 index: documents are added as a new segment, removed by their rank, and segments are merged.

Every change makes a new version of the folder beside the old one, from links to the files that stay as they are, and
exchanges the two (see `intrex.data.store.artifact`). What is found, and the scores, are those of an index that was built of
the documents that are left, in their order.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Int64s
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, Problems, UsageError
from intrex.data.ids import GONE, IdTable, as_bytes, write_ids
from intrex.data.io.files import fingerprint
from intrex.data.progress import Progress, no_progress
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest, read_manifest, verify_files
from intrex.retrievers.bm25.build import bm25_manifest
from intrex.retrievers.bm25.index import KIND, REBUILD, BM25Index
from intrex.retrievers.bm25.merge import Source, merge_segments
from intrex.retrievers.bm25.segment import DF, NewSegment, SegmentRecord, write_segment
from intrex.retrievers.inverted.postings import Postings

ADDED = ".added"
"""Folder of the new documents' segment, until its place is known."""
TOO_MANY = 0.25
"""A segment of whose rows a larger part was removed is written anew."""


def add(
    path: Path, collection: Collection, *, replace_old: bool = False, progress: Progress = no_progress
) -> BM25Index:
    """Add a collection's documents to an index, after those that it has.

    Args:
        path: the index.
        collection: the documents; they are analysed as those of the index were.
        replace_old: remove a document of the same id from the index; else it is an error.
        progress: called after every batch of documents.

    Raises:
        BadInput: not a BM25 index, the collection is empty, or the index has an id already.
        IntrexError: another process changes the index, or it cannot be written.
    """
    index = _open(path)
    ids = [document.id for document in collection.documents()]
    if not ids:
        raise BadInput(f"the collection {collection.path} has no document to add")
    rows = index.ids.find(as_bytes(ids))
    present = np.flatnonzero(rows >= 0)
    if len(present) and not replace_old:
        hint = "--replace puts the new documents in place of those of the index"
        problems = Problems(str(collection.path), hint)
        for i in present.tolist():
            problems.add(f"corpus.jsonl:{i + 1}", f"the index has a document {ids[i]!r} already")
        problems.raise_if_any()

    def write(folder: Path) -> NewSegment:
        return write_segment(folder / "segment", collection, index.analyzer, index.fields, progress)

    label = ["add", collection.corpus_fingerprint]
    return _Change(index, path, label, rows[present], write, collection.corpus_fingerprint).make()


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
    """Group the segments that become one, and tell of each group whether it is written anew.

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
            before, last = (sum(sizes[segment] for segment in group) for group in groups[-2:])
            if not whole and before > 2 * last:
                break
            groups[-2:] = [groups[-2] + groups[-1]]
    filled = [group for group in groups if any(sizes[i] for i in group)] or groups[:1]

    def sparse(i: int) -> bool:
        return removed[i] > TOO_MANY * (sizes[i] + removed[i])

    return [(group, whole or len(group) > 1 or sparse(group[0])) for group in filled]


def _open(path: Path) -> BM25Index:
    """Open the index to be changed."""
    kind = read_manifest(path, rebuild=REBUILD).kind
    if kind != KIND:
        raise BadInput(
            f"{path} holds an artifact of kind {kind}; only bm25 indexes can be changed",
            "build the index again from a collection of the documents that it should hold",
        )
    return BM25Index.open(path)


@dataclass
class _Unit:
    """A segment of the old index, or the new one, and the rows that it keeps.

    Attributes:
        source: the segment as a merge takes it, after the removal.
        number: its number in the old index; None of the new one.
        new_df: its document frequencies are not those on disk.
        new: the new segment.
    """

    source: Source
    number: int | None = None
    new_df: bool = False
    new: NewSegment | None = None


@dataclass
class _Change:
    """A change of an index.

    Attributes:
        index: the old version, opened.
        path: its folder.
        label: the name of the change.
        removed: rows to remove.
        write: writes a segment of new documents, ids beside it, into a folder.
        added: fingerprint of the collection of the new documents.
        whole: merge all.
    """

    index: BM25Index
    path: Path
    label: list[str]
    removed: Int64s
    write: Callable[[Path], NewSegment] | None = None
    added: str | None = None
    whole: bool = False

    def make(self) -> BM25Index:
        """Make the change; return the new version."""
        base = self.index.manifest
        inputs = fingerprint([base.fingerprint, self.label])
        build_artifact(self.path, inputs, self._build, base=base)
        return BM25Index.open(self.path)

    def _verify(self, segments: set[int]) -> None:
        """Compare the files whose content gets new hashes with their old ones; what is linked keeps those that it has."""
        files = self.index.manifest.files
        read = [name for name in files if "/" not in name or int(name.partition("/")[0]) in segments]
        verify_files(self.path, self.index.manifest, read, REBUILD)

    def _build(self, build: Build) -> Manifest:
        units, tables = [self._unit(i) for i in range(len(self.index.segments))], [self.index.ids]
        folder = build.path / ADDED
        if self.write is not None:
            folder.mkdir()
            new = self.write(folder)
            postings, live = Postings(new.folder), np.ones(new.record.rows, np.bool_)
            df = np.diff(postings.offsets)
            units.append(_Unit(Source(new.record, postings, new.norms, df, live), new=new))
            tables.append(IdTable(folder))
        records = [unit.source.record for unit in units]
        groups = plan([r.documents for r in records], [r.removed for r in records], self.whole)
        self._verify({i for group, rewrite in groups for i in group if rewrite or units[i].new_df})
        segments: list[NewSegment | SegmentRecord] = []
        rows = [np.zeros(len(unit.source.live), np.bool_) for unit in units]
        for number, (group, rewrite) in enumerate(groups):
            target = build.path / str(number)
            if rewrite:
                segments.append(merge_segments(target, [units[i].source for i in group]))
            else:
                segments.append(self._place(build, units[group[0]], target))
            for i in group:
                rows[i] = units[i].source.live if rewrite else np.ones_like(rows[i])
        self._write_ids(build, tables, np.concatenate(rows))
        if self.write is not None:
            shutil.rmtree(folder)
        return self._manifest(segments)

    def _unit(self, number: int) -> _Unit:
        segment = self.index.segments[number]
        size, first = segment.record.rows, segment.first
        removed = np.zeros(size, np.bool_)
        removed[self.removed[(self.removed >= first) & (self.removed < first + size)] - first] = True
        live = (np.asarray(self.index.ids.rank[first : first + size]) != GONE) & ~removed
        new_df = bool(removed.any())
        record, df = segment.without(removed) if new_df else (segment.record, segment.all_df())
        return _Unit(Source(record, segment.postings, segment.norms, df, live), number, new_df)

    def _place(self, build: Build, unit: _Unit, folder: Path) -> NewSegment | SegmentRecord:
        """Put a segment that is not merged in its place."""
        if unit.new is not None:
            unit.new.folder.rename(folder)
            return unit.new._replace(folder=folder)
        folder.mkdir()
        for name, entry in self.index.manifest.files.items():
            owner, _, file = name.partition("/")
            if owner == str(unit.number) and not (unit.new_df and file == DF):
                build.take_over(self.path / name, entry, f"{folder.name}/{file}")
        if unit.new_df:
            np.save(folder / DF, unit.source.df.astype(np.int32))
        return unit.source.record

    def _write_ids(self, build: Build, tables: Sequence[IdTable], rows: Bools) -> None:
        """Write the ids and ranks of the rows that stay, of the index and of the new documents."""
        new_ids = tables[1].all() if len(tables) > 1 else as_bytes([])
        rank = tables[0].updated_ranks(self.removed, new_ids)
        if len(tables) == 1 and rows.all():
            for name in ("ids.txt", "ids.offsets.npy"):
                build.take_over(self.path / name, self.index.manifest.files[name], name)
            np.save(build.path / "ids.rank.npy", rank)
            return
        text = np.concatenate([table.text for table in tables])
        lengths = np.concatenate([np.diff(table.offsets) for table in tables])
        write_ids(build.path, text[np.repeat(rows, lengths)], lengths[rows], rank[rows])

    def _manifest(self, segments: Sequence[NewSegment | SegmentRecord]) -> Manifest:
        base = self.index.manifest
        sources = [*base.params["sources"], *([self.added] if self.added else [])]
        params = {name: base.params[name] for name in ("k1", "b", "fields", "analyzer")}
        # An index that was merged is of the same documents.
        collection = base.collection if self.whole else fingerprint([base.collection, *self.label])
        return bm25_manifest(collection, {**params, "sources": list(dict.fromkeys(sources))}, segments)

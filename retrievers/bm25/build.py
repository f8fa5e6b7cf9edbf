"""Building a BM25 index in one pass."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from intrex.data.collection import Collection
from intrex.data.io.files import fingerprint
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest
from intrex.retrievers.bm25.fields import CONTENTS, extra_fields
from intrex.retrievers.bm25.index import KIND, LAYOUT, BM25Index
from intrex.retrievers.bm25.multifield import note_untitled
from intrex.retrievers.bm25.options import DEFAULTS, Bm25Build
from intrex.retrievers.bm25.segment import NewSegment, SegmentRecord, statistics, write_segment
from intrex.retrievers.options import BuildTask
from intrex.retrievers.text.analyzer import Analyzer


def build_bm25(collection: Collection, task: BuildTask, options: Bm25Build = DEFAULTS) -> BM25Index:
    """Build a BM25 index of a collection's documents in one pass.

    Args:
        collection: what to index. A document without terms keeps its row, is never found, and does not count in
            the statistics; with fields beside ``contents``, a document without text is left out.
        task: where the index is made, and how.
        options: k1, b, language, fields, memory; the last changes no byte of the index.

    Raises:
        UsageError: the language is unknown.
        IntrexError: the output exists, or cannot be written.
    """
    extra = extra_fields(options.fields)
    analyzer, fields = Analyzer(options.language), (CONTENTS, *extra)
    corpus = collection.corpus_fingerprint
    params = {
        "k1": float(options.k1), "b": float(options.b), "fields": list(extra), "analyzer": analyzer.spec()
    }  # fmt: skip
    note_untitled(collection, extra)
    progress = task.stage("indexing", collection.n_documents)

    def make(build: Build) -> Manifest:
        segment = write_segment(build.path / "0", collection, analyzer, fields, progress, options.memory)
        return bm25_manifest(corpus, {**params, "sources": [corpus]}, [segment])

    build_artifact(task.out, fingerprint([KIND, corpus, params]), make, overwrite=task.overwrite)
    return BM25Index.open(task.out)


def bm25_manifest(
    collection: str, params: Mapping[str, Any], segments: Sequence[NewSegment | SegmentRecord]
) -> Manifest:
    """Finish the new segments by the statistics of all; return the manifest without ``files``.

    Args:
        collection: see `Manifest`.
        params: k1, b, fields, analyzer, sources.
        segments: the new ones, and the records of those that stay as they are.
    """
    records = [segment.record if isinstance(segment, NewSegment) else segment for segment in segments]
    k1, b = float(params["k1"]), float(params["b"])
    avgdls = [counts.avgdl for counts in statistics(records).values()]
    finished = [
        segment.finish(k1, b, avgdls) if isinstance(segment, NewSegment) else segment for segment in segments
    ]
    full = {"layout": LAYOUT, **params, "segments": [asdict(record) for record in finished]}
    return Manifest(KIND, collection, params=full, versions={"unicode": unicodedata.unidata_version})


def build(source: Path, task: BuildTask, options: Bm25Build) -> int:
    """Build as ``intrex index bm25`` does; return the number of documents. Raises as `build_bm25`."""
    collection = Collection.open(source)
    build_bm25(collection, task, options)
    return collection.n_documents

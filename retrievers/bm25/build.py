"""Building a BM25 index in one pass."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from intrex.data.collection import Collection
from intrex.data.ids import IdWriter
from intrex.data.io.files import fingerprint
from intrex.data.progress import Progress, no_progress
from intrex.data.store.artifact import Build, Manifest, build_artifact
from intrex.retrievers.bm25.fields import CONTENTS, extra_fields
from intrex.retrievers.bm25.index import KIND, LAYOUT, BM25Index
from intrex.retrievers.bm25.multifield import analyse
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.bm25.segment import Draft, SegmentRecord, statistics, write_segment
from intrex.retrievers.bm25.similarity import check_bm25
from intrex.retrievers.options import Stage, no_stage
from intrex.retrievers.text.analyzer import Analyzer
from intrex.retrievers.text.terms import Terms


def build_bm25(
    collection: Collection,
    out: Path,
    *,
    k1: float = 0.9,
    b: float = 0.4,
    language: str = "en",
    fields: Sequence[str] = (),
    max_memory: int | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> BM25Index:
    """Build a BM25 index of a collection's documents in one pass.

    Args:
        collection: what to index. A document without terms keeps its row, is never found, and does not count in
            the statistics.
        out: the folder to make.
        k1: how slowly repeats of a term stop counting; 0 ignores them.
        b: how much the document's length counts, from 0 to 1.
        language: whose analysis the texts get, a key of `intrex.retrievers.text.analyzer.ANALYZERS`.
        fields: what becomes a field of its own, see `intrex.retrievers.bm25.fields`; a document without text is left out then.
        max_memory: bytes that the build may take; changes no byte of the index.
        overwrite: replace an existing index.
        progress: told of every finished batch of documents.

    Raises:
        UsageError: k1 or b is out of range, or the language is unknown.
        IntrexError: the output exists, or cannot be written.
    """
    check_bm25(k1, b)
    analyzer, names = Analyzer(language), (CONTENTS, *fields)
    corpus = collection.corpus_fingerprint
    params = {"k1": float(k1), "b": float(b), "fields": list(fields), "analyzer": analyzer.spec()}

    def make(build: Build) -> Manifest:
        ids = IdWriter(build.path)
        batches, terms = analyse(collection, analyzer, names)
        given = watched(batches, progress), terms, names, max_memory
        draft = write_segment(build.path / "0", ids, *given)
        ids.close()
        return bm25_manifest(corpus, {**params, "sources": [corpus]}, [draft])

    build_artifact(out, fingerprint([KIND, corpus, params]), make, overwrite=overwrite)
    return BM25Index.open(out)


def bm25_manifest(
    collection: str, params: Mapping[str, Any], segments: Sequence[Draft | SegmentRecord]
) -> Manifest:
    """Write what of new segments needs the statistics of all; returns the manifest without ``files``.

    Args:
        collection: see `Manifest`.
        params: k1, b, fields, analyzer, sources.
        segments: the new ones, and the records of those that stay as they are.
    """
    records = [one.record if isinstance(one, Draft) else one for one in segments]
    k1, b = float(params["k1"]), float(params["b"])
    avgdls = [one.avgdl for one in statistics(records).values()]
    done = [one.finish(k1, b, avgdls) if isinstance(one, Draft) else one for one in segments]
    full = {"layout": LAYOUT, **params, "segments": [one.to_dict() for one in done]}
    return Manifest(KIND, collection, params=full, versions={"unicode": unicodedata.unidata_version})


def watched(batches: Iterable[Terms], progress: Progress) -> Iterator[Terms]:
    """The same batches; each is told of when the next one is asked for."""
    for batch in batches:
        yield batch
        progress(len(batch.ids))


def build(
    source: Path, out: Path, options: Bm25Build, *, overwrite: bool = False, stage: Stage = no_stage
) -> int:
    """Build as ``intrex index bm25`` does; return the number of documents. Raises as `build_bm25`."""
    collection = Collection.open(source)
    build_bm25(
        collection, out, k1=options.k1, b=options.b, language=options.language, fields=extra_fields(options.fields),
        max_memory=options.memory, overwrite=overwrite, progress=stage("indexing", collection.n_documents),
    )  # fmt: skip
    return collection.n_documents

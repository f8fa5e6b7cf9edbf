"""Building a Lucene index with Anserini's IndexCollection, inside an artifact of ours."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from intrex.data.artifact import Build, Manifest, build_artifact
from intrex.data.collection import Collection
from intrex.data.errors import IntrexError
from intrex.data.files import fingerprint
from intrex.retrievers.base import Progress, cores, no_progress
from intrex.retrievers.lucene import jvm
from intrex.retrievers.lucene.index import K1, KIND, B, LuceneIndex
from intrex.retrievers.similarity import check_bm25

COLLECTION = "BeirFlatCollection"
"""Anserini's reader of BEIR's lines: what is indexed is the title, a new line and the text."""

POLL = 0.02
PIECE = 1 << 20
SHARDS_A_THREAD = 4
SMALL = 10_000
"""Documents below which one thread indexes: the JVM takes longer to start than it takes to index them."""


@dataclass(frozen=True)
class Stored:
    """What an index keeps beside the postings; Anserini's RM3 and Rocchio need ``docvectors``."""

    positions: bool = False
    docvectors: bool = False
    raw: bool = False


def build_lucene(
    collection: Collection,
    out: Path,
    *,
    k1: float = K1,
    b: float = B,
    threads: int | None = None,
    stored: Stored | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> LuceneIndex:
    """Build a Lucene index of a collection's documents, as Anserini builds BEIR's flat indexes.

    Args:
        collection: what to index. Documents without any text are left out, as Anserini does.
        out: the folder to make; Lucene's files are directly in it.
        k1: the default when it is searched; a Lucene index itself does not depend on it.
        b: the same.
        threads: how many index; all cores by default. They change the order of documents inside, and no ranking.
        stored: what to keep beside the postings.
        overwrite: replace an existing index.
        progress: told of indexed documents.

    Raises:
        MissingExtra: pyserini is not installed.
        IntrexError: no Java; the output exists or cannot be written; Anserini did not index every document.
    """
    check_bm25(k1, b)
    keep = stored or Stored()
    versions = jvm.versions()
    params = {"k1": float(k1), "b": float(b), "stored": asdict(keep)}
    workers = 1 if collection.n_documents < SMALL else max(1, threads or cores())

    def make(build: Build) -> Manifest:
        counted = _index(build.path, collection, workers, keep, progress)
        full = {**params, **counted, **LuceneIndex.open_foreign(build.path).statistics()}
        return Manifest(KIND, collection.corpus_fingerprint, params=full, versions=versions)

    inputs = fingerprint([KIND, collection.corpus_fingerprint, params, versions])
    build_artifact(out, inputs, make, overwrite=overwrite)
    return LuceneIndex.open(out)


def _index(
    folder: Path, collection: Collection, threads: int, keep: Stored, progress: Progress
) -> dict[str, int]:
    """Run IndexCollection into ``folder``; returns what it counted."""
    shards = folder / "shards"
    _write_shards(collection, shards, 1 if threads == 1 else threads * SHARDS_A_THREAD)
    counters = _run(_arguments(shards, folder, threads, keep), progress)
    shutil.rmtree(shards)
    (folder / "write.lock").unlink(missing_ok=True)
    found = {
        name: int(getattr(counters, name).get())
        for name in ("indexed", "empty", "errors", "skipped", "unindexable")
    }
    if found["indexed"] + found["empty"] != collection.n_documents or found["errors"]:
        raise IntrexError(
            f"Anserini indexed {found['indexed']:,} of {collection.n_documents:,} documents: {found}",
            "the same command with --debug shows its log; is the disk full?",
        )
    return {"documents": found["indexed"], "empty_documents_left_out": found["empty"]}


def _write_shards(collection: Collection, folder: Path, wanted: int) -> None:
    """Cut ``corpus.jsonl`` into files of whole lines: Anserini gives each thread a file at a time."""
    folder.mkdir()
    total = (collection.path / "corpus.jsonl").stat().st_size
    with (collection.path / "corpus.jsonl").open("rb") as corpus:
        for number in range(1, wanted + 1):
            with (folder / f"{number:04d}.jsonl").open("wb") as shard:
                end = total * number // wanted
                while corpus.tell() < end and (piece := corpus.read(min(PIECE, end - corpus.tell()))):
                    shard.write(piece)
                    if corpus.tell() >= end and not piece.endswith(b"\n"):
                        shard.write(corpus.readline())


def _arguments(shards: Path, folder: Path, threads: int, keep: Stored) -> Any:
    autoclass = jvm.start()
    arguments = autoclass("io.anserini.index.IndexCollection$Args")()
    arguments.collectionClass = COLLECTION
    arguments.generatorClass = "DefaultLuceneDocumentGenerator"
    arguments.input = str(shards.resolve())
    arguments.index = str(folder.resolve())
    arguments.threads = threads
    arguments.quiet = not jvm.debugging()  # it sets the level of the log itself
    arguments.optimize = True  # one segment: its number of distinct terms is known, and it is searched faster
    arguments.storePositions = keep.positions
    arguments.storeDocvectors = keep.docvectors
    arguments.storeRaw = keep.raw
    heap = int(autoclass("java.lang.Runtime").getRuntime().maxMemory()) >> 20
    arguments.memoryBuffer = max(16, min(4096, heap // 4))  # its default may be more than the JVM's heap
    return arguments


def _run(arguments: Any, progress: Progress) -> Any:
    """Run the indexer in a thread of Java, so that Ctrl-C and the progress bar work; returns its counters."""
    import jnius

    autoclass = jvm.start()
    try:
        indexer = autoclass("io.anserini.index.IndexCollection")(arguments)
        counters = indexer.getCounters()
        task = autoclass("java.util.concurrent.CompletableFuture").runAsync(indexer)
        done = 0
        while not task.isDone():
            time.sleep(POLL)
            now = int(counters.indexed.get())
            progress(now - done)
            done = now
        task.get()
    except jnius.JavaException as error:
        raise IntrexError(
            f"Anserini failed: {error.innermessage or error.classname}",
            "the same command with --debug shows its log; is the disk full?",
        ) from error
    return counters

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
from intrex.retrievers.lucene.bridge import ENGLISH, analyzer
from intrex.retrievers.lucene.index import K1, KIND, B, LuceneIndex
from intrex.retrievers.similarity import check_bm25

FLAT, MULTIFIELD = "BeirFlatCollection", "BeirMultifieldCollection"
"""Anserini's readers of BEIR's lines: ``contents`` is the title, a new line and the text; or the text alone."""

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


@dataclass(frozen=True)
class _Recipe:
    """What is asked of the indexer; ``fields`` are those beside ``contents``."""

    language: str
    fields: tuple[str, ...]
    stored: Stored
    threads: int


def build_lucene(
    collection: Collection,
    out: Path,
    *,
    k1: float = K1,
    b: float = B,
    language: str = ENGLISH,
    fields: tuple[str, ...] = (),
    threads: int | None = None,
    stored: Stored | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> LuceneIndex:
    """Build a Lucene index of a collection's documents, as Anserini builds BEIR's flat indexes.

    Args:
        collection: what to index. Documents without any text are left out, as Anserini does; with ``fields``, those
            without text beside the title.
        out: the folder to make; Lucene's files are directly in it.
        k1: the default when it is searched; a Lucene index itself does not depend on it.
        b: the same.
        language: whose analyzer of Anserini's cuts documents and queries into terms.
        fields: what becomes a field of its own, see `intrex.retrievers.fields`.
        threads: how many index; all cores by default. They change the order of documents inside, and no ranking.
        stored: what to keep beside the postings.
        overwrite: replace an existing index.
        progress: told of indexed documents.

    Raises:
        MissingExtra: pyserini is not installed.
        UsageError: k1 or b is out of range, or Anserini has no analyzer for the language.
        IntrexError: no Java; the output exists or cannot be written; Anserini did not index every document.
    """
    check_bm25(k1, b)
    keep = stored or Stored()
    versions = jvm.versions()
    cut = str(analyzer(language).getClass().getName())
    params = {
        "k1": float(k1), "b": float(b), "language": language, "analyzer": cut, "fields": list(fields), "stored": asdict(keep)
    }  # fmt: skip
    workers = 1 if collection.n_documents < SMALL else max(1, threads or cores())
    recipe = _Recipe(language, fields, keep, workers)

    def make(build: Build) -> Manifest:
        counted = _index(build.path, collection, recipe, progress)
        full = {**params, **counted, **LuceneIndex.open_foreign(build.path).statistics()}
        return Manifest(KIND, collection.corpus_fingerprint, params=full, versions=versions)

    inputs = fingerprint([KIND, collection.corpus_fingerprint, params, versions])
    build_artifact(out, inputs, make, overwrite=overwrite)
    return LuceneIndex.open(out)


def _index(folder: Path, collection: Collection, recipe: _Recipe, progress: Progress) -> dict[str, int]:
    """Run IndexCollection into ``folder``; returns what it counted."""
    shards = folder / "shards"
    _write_shards(collection, shards, 1 if recipe.threads == 1 else recipe.threads * SHARDS_A_THREAD)
    counters = _run(_arguments(shards, folder, recipe), progress)
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


def _arguments(shards: Path, folder: Path, recipe: _Recipe) -> Any:
    """What Anserini's own command line would be."""
    autoclass = jvm.start()
    heap = int(autoclass("java.lang.Runtime").getRuntime().maxMemory()) >> 20
    given = [
        *("-collection", MULTIFIELD if recipe.fields else FLAT),
        *("-generator", "DefaultLuceneDocumentGenerator"),
        *("-input", str(shards.resolve())),
        *("-index", str(folder.resolve())),
        *("-threads", str(recipe.threads)),
        *("-language", recipe.language),
        *("-memoryBuffer", str(max(16, min(4096, heap // 4)))),  # its default may be more than the JVM's heap
        "-optimize",  # one segment: its number of distinct terms is known, and it is searched faster
        *([] if jvm.debugging() else ["-quiet"]),  # it sets the level of the log itself
        *(["-fields", *recipe.fields] if recipe.fields else []),
        *(f"-store{name.title()}" for name, kept in asdict(recipe.stored).items() if kept),
    ]
    arguments = autoclass("io.anserini.index.IndexCollection$Args")()
    autoclass("org.kohsuke.args4j.CmdLineParser")(arguments).parseArgument(*given)
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

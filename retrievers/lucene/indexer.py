"""Anserini's IndexCollection, run on a collection."""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from intrex.data.collection import Collection
from intrex.data.errors import IntrexError
from intrex.data.progress import Progress
from intrex.retrievers.lucene import jvm

FLAT, MULTIFIELD = "BeirFlatCollection", "BeirMultifieldCollection"
"""Anserini's readers of BEIR's lines: ``contents`` is the title, a new line and the text; or the text alone."""

POLL = 0.02
PIECE = 1 << 20
SHARDS_A_THREAD = 4


@dataclass(frozen=True)
class Stored:
    """What an index keeps beside the postings; feedback needs ``docvectors``."""

    positions: bool = False
    docvectors: bool = False
    raw: bool = False


@dataclass(frozen=True)
class Recipe:
    """What is asked of the indexer; ``fields`` are those beside ``contents``."""

    language: str
    fields: tuple[str, ...]
    stored: Stored
    threads: int


def run_indexer(collection: Collection, folder: Path, recipe: Recipe, progress: Progress) -> dict[str, int]:
    """Index a collection's documents into ``folder``; returns how many are in the index and were left out.

    Raises:
        OSError: the disk is full.
        IntrexError: Anserini failed, or did not index every document.
    """
    shards = folder / "shards"
    _write_shards(collection, shards, 1 if recipe.threads == 1 else recipe.threads * SHARDS_A_THREAD)
    counters, said = _run(_arguments(shards, folder, recipe), progress)
    shutil.rmtree(shards)
    (folder / "write.lock").unlink(missing_ok=True)
    names = ("indexed", "empty", "errors", "skipped", "unindexable")
    found = {name: int(getattr(counters, name).get()) for name in names}
    if said or found["indexed"] + found["empty"] != collection.n_documents or found["errors"]:
        raise _failure(f"Anserini indexed {found['indexed']:,} of {collection.n_documents:,} documents", said)
    return {"documents": found["indexed"], "empty_documents_left_out": found["empty"]}


def _failure(what: str, said: str) -> Exception:
    """The error for what Anserini wrote to stderr, of which the innermost cause is told."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        if os.strerror(number) in said:
            return OSError(number, os.strerror(number))
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("\t")]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    cause = (causes or lines or [""])[-1 if causes else 0]
    if "OutOfMemoryError" in said:
        return IntrexError(f"{what}: {cause}", "JAVA_TOOL_OPTIONS=-Xmx8g gives Java 8 GB, for example")
    return IntrexError(f"{what}: {cause}".removesuffix(": "), "the same command with --debug shows its log")


def _write_shards(collection: Collection, folder: Path, wanted: int) -> None:
    """Cut ``corpus.jsonl`` into files of whole lines: Anserini gives each thread a file at a time."""
    folder.mkdir()
    if wanted == 1:
        (folder / "1.jsonl").symlink_to((collection.path / "corpus.jsonl").resolve())
        return
    total = (collection.path / "corpus.jsonl").stat().st_size
    with (collection.path / "corpus.jsonl").open("rb") as corpus:
        for number in range(1, wanted + 1):
            with (folder / f"{number:04d}.jsonl").open("wb") as shard:
                end = total * number // wanted
                while corpus.tell() < end and (piece := corpus.read(min(PIECE, end - corpus.tell()))):
                    shard.write(piece)
                    if corpus.tell() >= end and not piece.endswith(b"\n"):
                        shard.write(corpus.readline())


def _arguments(shards: Path, folder: Path, recipe: Recipe) -> Any:
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


def _run(arguments: Any, progress: Progress) -> tuple[Any, str]:
    """Run the indexer in a thread of Java, so that Ctrl-C and the progress bar work.

    Returns its counters, and what it wrote to stderr: it goes on after any error, also when nothing can be written.
    """
    import jnius

    autoclass = jvm.start()
    complaints = None if jvm.debugging() else autoclass("intrex.lucene.Complaints")()
    try:
        # A JSON library refuses texts of more than 20 million characters unless told otherwise.
        limits = autoclass("com.fasterxml.jackson.core.StreamReadConstraints")
        limits.overrideDefaultStreamReadConstraints(limits.builder().maxStringLength(2**31 - 1).build())
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
        return counters, "" if complaints is None else str(complaints.text())
    except jnius.JavaException as error:
        said = "" if complaints is None else str(complaints.text())
        raise _failure("Anserini failed", f"{error.innermessage or error.classname}\n{said}") from error
    finally:
        if complaints is not None:
            complaints.close()

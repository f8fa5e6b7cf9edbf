"""Anserini's IndexCollection, run on a collection."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path
from typing import Any

from intrex.data.collection import Collection
from intrex.data.errors import IntrexError
from intrex.data.progress import Progress
from intrex.data.store.manifest import verify_files
from intrex.retrievers.bm25.fields import extra_fields
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.lucene import jvm

FLAT, MULTIFIELD = "BeirFlatCollection", "BeirMultifieldCollection"
"""Anserini's readers of BEIR's lines: ``contents`` is the title, a new line and the text; or the text alone."""

POLL = 0.02
PIECE = 1 << 20
SHARDS_A_THREAD = 4


def stored(options: Bm25Build) -> dict[str, bool]:
    """Return what an index keeps beside the postings, by Anserini's name; feedback needs ``docvectors``."""
    return {name: getattr(options, f"store_{name}") for name in ("positions", "docvectors", "raw")}


def run_indexer(
    collection: Collection, folder: Path, options: Bm25Build, threads: int, progress: Progress
) -> dict[str, int]:
    """Index a collection's documents into ``folder``; return how many are in the index and were left out.

    Raises:
        OSError: the disk is full.
        IntrexError: Anserini failed, or did not index every document.
    """
    shards = folder / "shards"
    _write_shards(collection, shards, 1 if threads == 1 else threads * SHARDS_A_THREAD)
    counters, errors = _run(_arguments(shards, folder, options, threads), progress)
    shutil.rmtree(shards)
    (folder / "write.lock").unlink(missing_ok=True)
    names = ("indexed", "empty", "errors", "skipped", "unindexable")
    counts = {name: int(getattr(counters, name).get()) for name in names}
    if errors or counts["indexed"] + counts["empty"] != collection.n_documents or counts["errors"]:
        message = f"Anserini indexed {counts['indexed']:,} of {collection.n_documents:,} documents"
        raise _failure(message, errors)
    return {"documents": counts["indexed"], "empty_documents_left_out": counts["empty"]}


def _failure(message: str, errors: str) -> Exception:
    """Make the exception of Anserini's errors on stderr; it tells the innermost cause."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        if os.strerror(number) in errors:
            return OSError(number, os.strerror(number))
    lines = [line.strip() for line in errors.splitlines() if line.strip() and not line.startswith("\t")]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    cause = (causes or lines or [""])[-1 if causes else 0]
    if "OutOfMemoryError" in errors:
        return IntrexError(f"{message}: {cause}", "JAVA_TOOL_OPTIONS=-Xmx8g gives Java 8 GB, for example")
    return IntrexError(
        f"{message}: {cause}".removesuffix(": "), "the same command with --debug shows its log"
    )


def _write_shards(collection: Collection, folder: Path, count: int) -> None:
    """Cut ``corpus.jsonl`` into files of whole lines: Anserini gives each thread a file at a time."""
    folder.mkdir()
    verify_files(
        collection.path, collection.manifest, ["corpus.jsonl"], f"intrex collection verify {collection.path}"
    )
    if count == 1:
        (folder / "1.jsonl").symlink_to((collection.path / "corpus.jsonl").resolve())
        return
    total = (collection.path / "corpus.jsonl").stat().st_size
    with (collection.path / "corpus.jsonl").open("rb") as corpus:
        for number in range(1, count + 1):
            with (folder / f"{number:04d}.jsonl").open("wb") as shard:
                end = total * number // count
                while corpus.tell() < end and (piece := corpus.read(min(PIECE, end - corpus.tell()))):
                    shard.write(piece)
                    if corpus.tell() >= end and not piece.endswith(b"\n"):
                        shard.write(corpus.readline())


def _arguments(shards: Path, folder: Path, options: Bm25Build, threads: int) -> Any:
    """Make the arguments of Anserini's own command line."""
    autoclass = jvm.start()
    heap = int(autoclass("java.lang.Runtime").getRuntime().maxMemory()) >> 20
    fields = extra_fields(options.fields)
    words = [
        *("-collection", MULTIFIELD if fields else FLAT),
        *("-generator", "DefaultLuceneDocumentGenerator"),
        *("-input", str(shards.resolve())),
        *("-index", str(folder.resolve())),
        *("-threads", str(threads)),
        *("-language", options.language),
        *("-memoryBuffer", str(max(16, min(4096, heap // 4)))),  # its default may be more than the JVM's heap
        "-optimize",  # one segment: its number of distinct terms is known, and it is searched faster
        *([] if jvm.debugging() else ["-quiet"]),  # it sets the level of the log itself
        *(["-fields", *fields] if fields else []),
        *(f"-store{name.title()}" for name, keep in stored(options).items() if keep),
    ]
    arguments = autoclass("io.anserini.index.IndexCollection$Args")()
    autoclass("org.kohsuke.args4j.CmdLineParser")(arguments).parseArgument(*words)
    return arguments


def _run(arguments: Any, progress: Progress) -> tuple[Any, str]:
    """Run the indexer in a thread of Java, so that Ctrl-C and the progress bar work.

    Returns its counters, and its text on stderr: it goes on after any error, also when nothing can be written.
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
        total = 0
        while not task.isDone():
            time.sleep(POLL)
            count = int(counters.indexed.get())
            progress(count - total)
            total = count
        task.get()
        return counters, "" if complaints is None else str(complaints.text())
    except jnius.JavaException as error:
        text = "" if complaints is None else str(complaints.text())
        raise _failure("Anserini failed", f"{error.innermessage or error.classname}\n{text}") from error
    finally:
        if complaints is not None:
            complaints.close()

"""Building a Lucene index with Anserini's IndexCollection, inside an artifact of ours."""

from __future__ import annotations

from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.errors import IntrexError
from intrex.data.io.files import fingerprint
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest
from intrex.data.system.threads import cores
from intrex.retrievers.bm25.fields import extra_fields
from intrex.retrievers.bm25.multifield import note_untitled
from intrex.retrievers.bm25.options import DEFAULTS, Bm25Build
from intrex.retrievers.lucene import jvm
from intrex.retrievers.lucene.bridge import analyzer
from intrex.retrievers.lucene.index import KIND, LuceneIndex
from intrex.retrievers.lucene.indexer import run_indexer, stored
from intrex.retrievers.options import BuildTask

SMALL = 10_000
"""Documents below which one thread indexes: the JVM takes longer to start than it takes to index them."""


def build_lucene(collection: Collection, task: BuildTask, options: Bm25Build = DEFAULTS) -> LuceneIndex:
    """Build a Lucene index of a collection's documents, as Anserini builds BEIR's flat indexes.

    Args:
        collection: what to index. Documents without any text are left out, as Anserini does; with ``fields``, those
            without text beside the title.
        out: the folder to make; Lucene's files are directly in it.
        task: where the index is made, and how.
        options: k1 and b are the defaults of a search, the files do not depend on them; ``language`` names an analyzer
            of Anserini's; threads change the order of documents inside, and no ranking.

    Raises:
        MissingExtra: pyserini is not installed.
        UsageError: Anserini has no analyzer for the language.
        IntrexError: no Java; the output exists or cannot be written; Anserini did not index every document.
    """
    versions, corpus = jvm.versions(), collection.corpus_fingerprint
    class_name = str(analyzer(options.language).getClass().getName())
    params = {
        "k1": float(options.k1), "b": float(options.b), "language": options.language, "analyzer": class_name,
        "fields": list(extra_fields(options.fields)), "stored": stored(options),
    }  # fmt: skip
    threads = 1 if collection.n_documents < SMALL else max(1, options.threads or cores())
    note_untitled(collection, extra_fields(options.fields))
    progress = task.stage("indexing", collection.n_documents)

    def make(build: Build) -> Manifest:
        counts = run_indexer(collection, build.path, options, threads, progress)
        index = LuceneIndex.open_foreign(build.path)
        if len(index.ids) != counts["documents"]:
            raise IntrexError(f"of {counts['documents']:,} documents {len(index.ids):,} are in the index")
        return Manifest(KIND, corpus, params={**params, **counts, **index.statistics()}, versions=versions)

    build_artifact(task.out, fingerprint([KIND, corpus, params, versions]), make, overwrite=task.overwrite)
    return LuceneIndex.open(task.out)


def build(source: Path, task: BuildTask, options: Bm25Build) -> int:
    """Build as ``intrex index bm25 --engine lucene`` does; return the number of documents. Raises as `build_lucene`."""
    collection = Collection.open(source)
    build_lucene(collection, task, options)
    return collection.n_documents

"""Building a Lucene index with Anserini's IndexCollection, inside an artifact of ours."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.errors import IntrexError
from intrex.data.io.files import fingerprint
from intrex.data.progress import Progress, no_progress
from intrex.data.store.artifact import Build, Manifest, build_artifact
from intrex.data.system.threads import cores
from intrex.retrievers.bm25.fields import extra_fields
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.bm25.similarity import check_bm25
from intrex.retrievers.lucene import jvm
from intrex.retrievers.lucene.bridge import ENGLISH, analyzer
from intrex.retrievers.lucene.index import K1, KIND, B, LuceneIndex
from intrex.retrievers.lucene.indexer import Recipe, Stored, run_indexer
from intrex.retrievers.options import Stage, no_stage

SMALL = 10_000
"""Documents below which one thread indexes: the JVM takes longer to start than it takes to index them."""


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
        fields: what becomes a field of its own, see `intrex.retrievers.bm25.fields`.
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
    recipe = Recipe(language, fields, keep, workers)

    def make(build: Build) -> Manifest:
        counted = run_indexer(collection, build.path, recipe, progress)
        made = LuceneIndex.open_foreign(build.path)
        if len(made.ids) != counted["documents"]:
            raise IntrexError(f"of {counted['documents']:,} documents {len(made.ids):,} are in the index")
        full = {**params, **counted, **made.statistics()}
        return Manifest(KIND, collection.corpus_fingerprint, params=full, versions=versions)

    inputs = fingerprint([KIND, collection.corpus_fingerprint, params, versions])
    build_artifact(out, inputs, make, overwrite=overwrite)
    return LuceneIndex.open(out)


def build(
    source: Path, out: Path, options: Bm25Build, *, overwrite: bool = False, stage: Stage = no_stage
) -> int:
    """Build as ``intrex index bm25 --engine lucene`` does; return the number of documents. Raises as `build_lucene`."""
    collection = Collection.open(source)
    stored = Stored(options.store_positions, options.store_docvectors, options.store_raw)
    build_lucene(
        collection, out, k1=options.k1, b=options.b, language=options.language, fields=extra_fields(options.fields),
        threads=options.threads, stored=stored, overwrite=overwrite,
        progress=stage("indexing", collection.n_documents),
    )  # fmt: skip
    return collection.n_documents

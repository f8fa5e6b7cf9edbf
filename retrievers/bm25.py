"""BM25 as Lucene's BM25Similarity computes it: an index on disk, and search with exact float32 scores.

The formula is in `intrex.retrievers.similarity`. Files: those of `intrex.retrievers.postings`, ``norms.npy`` uint8 [n]
(document lengths, see `LENGTHS` there), ``bounds.npy`` float32 (the largest count over norm of every 128 postings), and the
ids as `IdWriter` writes them.
"""

from __future__ import annotations

import logging
import unicodedata
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from intrex.data.artifact import Build, Manifest, build_artifact, read_manifest
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.files import fingerprint
from intrex.data.ids import IdTable, IdWriter
from intrex.data.run import Run
from intrex.retrievers.analysis import Analyzer, analyzer_of
from intrex.retrievers.base import Progress, RunBuilder, SearchOptions, no_progress, tie_rank
from intrex.retrievers.batch import BatchAnalyzer
from intrex.retrievers.lexical import Hits, Searcher, Weighted
from intrex.retrievers.native import gather
from intrex.retrievers.postings import RUN, Postings, PostingsWriter, run_length
from intrex.retrievers.prf_lexical import Corpus, Expansion, Feedback
from intrex.retrievers.similarity import Idfs, check_bm25, encode_lengths, inverse_norms
from intrex.retrievers.terms import Terms, analysed
from intrex.retrievers.vocabulary import Names

KIND = "bm25"
REBUILD = "intrex index bm25 COLLECTION OUT --overwrite"
BATCH = 1024
LAYOUT = 2
"""Version of the index's files."""

_log = logging.getLogger(__name__)


def build_bm25(
    collection: Collection,
    out: Path,
    *,
    k1: float = 0.9,
    b: float = 0.4,
    language: str = "en",
    max_memory: int | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> BM25Index:
    """Build a BM25 index of a collection's documents (title and text) in one pass.

    Args:
        collection: what to index. A document without terms keeps its row, is never found, and does not count in
            the statistics.
        out: the folder to make.
        k1: how slowly repeats of a term stop counting; 0 ignores them.
        b: how much the document's length counts, from 0 to 1.
        language: whose analysis the texts get, a key of `intrex.retrievers.analysis.ANALYZERS`.
        max_memory: bytes that the build may take; changes no byte of the index.
        overwrite: replace an existing index.
        progress: told of every finished batch of documents.

    Raises:
        UsageError: k1 or b is out of range, or the language is unknown.
        IntrexError: the output exists, or cannot be written.
    """
    check_bm25(k1, b)
    analyzer = Analyzer(language)
    params = {"k1": float(k1), "b": float(b)}

    def make(build: Build) -> Manifest:
        terms = BatchAnalyzer(analyzer, int(collection.manifest.files["corpus.jsonl"]["bytes"]))
        batches = _watched(analysed(collection, terms), progress)
        counts = write_files(build.path, batches, terms.names, k1, b, run_length(max_memory))
        versions = {"unicode": unicodedata.unidata_version}
        full = {"layout": LAYOUT, **params, **counts, "analyzer": analyzer.spec()}
        return Manifest(KIND, collection.corpus_fingerprint, params=full, versions=versions)

    inputs = fingerprint([KIND, collection.corpus_fingerprint, params, analyzer.spec()])
    build_artifact(out, inputs, make, overwrite=overwrite)
    return BM25Index.open(out)


def _watched(batches: Iterable[Terms], progress: Progress) -> Iterator[Terms]:
    for batch in batches:
        yield batch
        progress(len(batch.ids))


def write_files(
    folder: Path, batches: Iterable[Terms], names: Callable[[], Names], k1: float, b: float, run: int = RUN
) -> dict[str, Any]:
    """Write an index's files of documents whose terms are numbered.

    Args:
        folder: where to.
        batches: the documents, in the order of their rows.
        names: gives the terms; asked after ``batches``.
        k1: see `build_bm25`.
        b: see `build_bm25`.
        run: tokens that are inverted at a time.

    Returns:
        The corpus statistics for the manifest.
    """
    ids, postings, lengths = IdWriter(folder), PostingsWriter(folder, run), array("q")
    for batch in batches:
        ids.extend(batch.ids)
        postings.add(batch.tokens, batch.offsets)
        lengths.frombytes(np.diff(batch.offsets).tobytes())
    ids.close()
    terms = names()
    postings.close(terms)
    all_lengths = np.array(lengths, np.int64)
    norms = encode_lengths(all_lengths)
    n, tokens = int(np.count_nonzero(all_lengths)), int(all_lengths.sum())
    avgdl = float(np.float32(tokens / n)) if n else 0.0
    np.save(folder / "norms.npy", norms)
    np.save(folder / "bounds.npy", Postings(folder).bounds(norms[None], inverse_norms(k1, b, avgdl)[None]))
    return {
        "documents_with_terms": n,
        "tokens": tokens,
        "terms": len(terms.ends) - 1,
        "postings": postings.n_postings,
        "longest": int(all_lengths.max(initial=0)),
        "avgdl": avgdl,
    }


class BM25Index:
    """A BM25 index on disk; see `build_bm25` and the module's text."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self.ids = IdTable(path)
        self._analyzer = analyzer_of(manifest.params["analyzer"])
        if self._analyzer.spec() != manifest.params["analyzer"]:
            raise BadInput(
                f"the index was made with another text analysis than this intrex has ({path})", REBUILD
            )
        if manifest.params.get("layout") != LAYOUT:
            raise BadInput(f"the index has files of another layout than this intrex reads ({path})", REBUILD)
        self.postings = Postings(path)
        self.expansion: Expansion | None = None
        """Feedback that `search` uses."""
        self._n = int(manifest.params["documents_with_terms"])
        self._idf = Idfs(self._n)
        inverse = inverse_norms(*(manifest.params[name] for name in ("k1", "b", "avgdl")))
        longest = inverse[encode_lengths(np.array([manifest.params["longest"]]))][0]
        norms, bounds = (
            np.asarray(np.load(path / f"{name}.npy", mmap_mode="r")) for name in ("norms", "bounds")
        )
        rank = np.asarray(self.ids.rank)
        self._searcher = Searcher(
            self.postings, norms[None], rank, inverse[None], bounds, np.array([longest])
        )

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open through memory maps; raises `BadInput` when the index is missing, damaged or of another kind."""
        return cls(path, read_manifest(path, (KIND,), REBUILD))

    def search(self, queries: Queries, options: SearchOptions) -> Run:
        """The ``k`` best documents that share a term with each query.

        A term that occurs twice in a query counts twice. A query whose terms are all unknown, or that consists of
        stop words only, has no line in the run; the latter are counted in one message at level INFO. Threads and
        batch size change nothing in the result.

        Raises:
            UsageError: k is less than 1.
        """
        if options.k < 1:
            raise UsageError(f"k must be at least 1, not {options.k}")
        found, blank = RunBuilder(self.ids, KIND), 0
        for start in range(0, len(queries), BATCH):
            here = slice(start, start + BATCH)
            counts = [Counter(self._analyzer(text)) for text in queries.texts[here]]
            blank += sum(not one for one in counts)
            hits = self._search(counts, options)
            found.extend(queries.ids[here], hits.sizes, gather(self.ids, hits.rows), hits.scores)
            options.progress(len(counts))
        if blank:
            _log.info(
                "%d of %d queries have no term left: they are empty or stop words only", blank, len(queries)
            )
        return found.run()

    def _search(self, queries: Sequence[Mapping[str, int]], options: SearchOptions) -> Hits:
        """Search, and if there is a method of feedback search again for what it makes of the queries."""
        method, searcher = self.expansion, self._searcher
        searcher = replace(searcher, rank=tie_rank(searcher.rank, options.ties))
        if method is None:
            return searcher.search(self._weigh(queries), options.k, options.threads)
        hits = searcher.search(self._weigh(queries), method.depth or options.k, options.threads)
        first, last = method.ends
        ends = np.cumsum(hits.sizes)
        place = np.arange(len(hits.rows)) - np.repeat(ends - hits.sizes, hits.sizes)
        seen = (place < first) | (place >= np.repeat(hits.sizes, hits.sizes) - last)
        vectors = self.postings.vectors(np.unique(hits.rows[seen]).astype(np.int64), len(self.ids))
        found = [
            Feedback(vectors.get(row, {}), score)
            for row, score in zip(hits.rows.tolist(), hits.scores.tolist(), strict=True)
        ]
        corpus, boosts = Corpus(self._n, self._df), []
        for query, size, end in zip(queries, hits.sizes.tolist(), ends.tolist(), strict=True):
            boosts.append(method.expand(query, found[end - size : end], corpus) if size else {})
        with_idf = method.similarity is None
        if method.similarity is not None:
            inverse = inverse_norms(*method.similarity, self.manifest.params["avgdl"])
            searcher = replace(searcher, inverse=inverse[None], bounds=None)
        return searcher.search(self._weigh(boosts, with_idf), options.k, options.threads)

    @cache  # noqa: B019 - an index lives as long as its process
    def _df(self, term: str) -> int:
        number = int(self.postings.find([term])[0])
        return 0 if number < 0 else int(self.postings.offsets[number + 1] - self.postings.offsets[number])

    def _weigh(self, queries: Sequence[Mapping[str, float]], with_idf: bool = True) -> Weighted:
        """The terms of queries that the index knows, each with its count (or boost), times its idf."""
        terms: dict[str, int] = {}
        places = [terms.setdefault(term, len(terms)) for query in queries for term in query]
        ids = self.postings.find(list(terms))
        offsets = self.postings.offsets
        df = np.where(ids >= 0, offsets[ids + 1] - offsets[ids], 0) if len(self.postings) else ids * 0
        idfs = np.array([self._idf[one] if with_idf else 1.0 for one in df.tolist()], np.float32)
        at = np.array(places, np.int64)
        counts = np.array([count for query in queries for count in query.values()], np.float32)
        owners = np.repeat(np.arange(len(queries)), [len(query) for query in queries])
        known = ids[at] >= 0
        sizes = np.bincount(owners[known], minlength=len(queries))
        cuts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        return Weighted(cuts, ids[at[known]], (counts * idfs[at])[known])

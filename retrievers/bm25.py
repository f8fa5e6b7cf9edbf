"""BM25 as Lucene's BM25Similarity computes it: an index on disk, and search with exact float32 scores.

Sources: S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", Foundations and
Trends in Information Retrieval 3(4), 2009; Lucene's variant since version 8: no factor k1 + 1, document lengths
in one byte, each term's score in float32, their sum in float64 rounded to float32.

Files: those of `intrex.retrievers.postings`, ``norms.npy`` uint8 [n] (document lengths, see `LENGTHS`), and the
ids as `IdWriter` writes them.
"""

from __future__ import annotations

import logging
import math
import unicodedata
from array import array
from collections import Counter, deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import regex

from intrex.data.artifact import Build, Manifest, build_artifact, read_manifest
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.files import fingerprint
from intrex.data.ids import IdTable, IdWriter
from intrex.data.run import Run
from intrex.retrievers.analysis import Analyzer
from intrex.retrievers.base import (
    Progress,
    Rows,
    RunBuilder,
    Scores,
    SearchOptions,
    no_progress,
    tie_rank,
    top_k,
)
from intrex.retrievers.postings import Postings, PostingsWriter

KIND = "bm25"
REBUILD = "intrex index bm25 COLLECTION OUT --overwrite"
BATCH = 1024
EXACT = 24
THREADED = 100_000
"""Documents from which on threads help: with fewer, they wait for Python's lock more than they compute."""
UNTOUCHED = -0.0
"""What a row's sum is before a term adds to it: a sum of scores is never -0, so a score of 0 is still a match."""

_log = logging.getLogger(__name__)


def _decoded_length(code: int) -> int:
    """The document length that a byte stands for: exact below 40, then four significant bits of what is above 24."""
    if code < EXACT:
        return code
    mantissa, exponent = (code - EXACT) & 7, (code - EXACT) >> 3
    return EXACT + (mantissa if exponent == 0 else (mantissa | 8) << (exponent - 1))


LENGTHS: npt.NDArray[np.int64] = np.array([_decoded_length(code) for code in range(256)])
"""Document length by its byte, int64 [256], ascending: the table of Lucene's SmallFloat.byte4ToInt."""


def encode_lengths(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """The byte of each length, rounded down to the next one in `LENGTHS`; int64 [n] to uint8 [n]."""
    return (np.searchsorted(LENGTHS, lengths, side="right") - 1).astype(np.uint8)


def idf(df: int, n: int) -> np.float32:
    """log(1 + (n - df + 0.5) / (df + 0.5)) of a term in ``df`` of ``n`` documents."""
    return np.float32(math.log(1 + (n - df + 0.5) / (df + 0.5)))


def inverse_norms(k1: float, b: float, avgdl: float) -> Scores:
    """1 / (k1 * (1 - b + b * length / avgdl)) for each length byte; float32 [256], infinite where k1 is 0."""
    k, w, one = np.float32(k1), np.float32(b), np.float32(1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return one / (k * ((one - w) + w * LENGTHS.astype(np.float32) / np.float32(avgdl)))


def term_scores(weight: np.float32, tfs: npt.NDArray[Any], inverse: Scores) -> Scores:
    """What a term adds: weight * tf / (tf + norm), in Lucene's order of operations.

    Args:
        weight: idf times the term's count in the query.
        tfs: [n] counts in the documents.
        inverse: [n] float32, 1 / norm of the documents.
    """
    return weight - weight / (np.float32(1) + tfs.astype(np.float32) * inverse)


def check_bm25(k1: float, b: float) -> None:
    """Raise `UsageError` unless k1 and b are in range."""
    if not 0 <= k1 <= float(np.finfo(np.float32).max):
        raise UsageError(
            f"k1 must be a finite number that is not negative, not {k1}", "the default is --k1 0.9"
        )
    if not 0 <= b <= 1:
        raise UsageError(f"b must be between 0 and 1, not {b}", "the default is --b 0.4")


def build_bm25(
    collection: Collection,
    out: Path,
    *,
    k1: float = 0.9,
    b: float = 0.4,
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
        overwrite: replace an existing index.
        progress: told of every finished batch of documents.

    Raises:
        UsageError: k1 or b is out of range.
        IntrexError: the output exists, or cannot be written.
    """
    check_bm25(k1, b)
    analyzer = Analyzer()
    params = {"k1": float(k1), "b": float(b)}

    def make(build: Build) -> Manifest:
        counts = _write(build.path, collection, analyzer, progress)
        versions = {"regex": str(regex.__version__), "unicode": unicodedata.unidata_version}
        full = {**params, **counts, "analyzer": analyzer.spec()}
        return Manifest(KIND, collection.corpus_fingerprint, params=full, versions=versions)

    inputs = fingerprint([KIND, collection.corpus_fingerprint, params, analyzer.spec()])
    build_artifact(out, inputs, make, overwrite=overwrite)
    return BM25Index.open(out)


def _write(folder: Path, collection: Collection, analyzer: Analyzer, progress: Progress) -> dict[str, Any]:
    """Write the index's files; returns the corpus statistics for the manifest."""
    ids, postings, lengths = IdWriter(folder), PostingsWriter(folder), array("q")
    documents = collection.documents()
    while batch := list(islice(documents, BATCH)):
        ids.extend([document.id for document in batch])
        for document in batch:
            terms = analyzer(document.contents)
            postings.add(Counter(terms))
            lengths.append(len(terms))
        progress(len(batch))
    ids.close()
    postings.close()
    all_lengths = np.array(lengths, np.int64)
    np.save(folder / "norms.npy", encode_lengths(all_lengths))
    n, tokens = int(np.count_nonzero(all_lengths)), int(all_lengths.sum())
    counts = {
        "documents_with_terms": n,
        "tokens": tokens,
        "terms": postings.n_terms,
        "postings": postings.n_postings,
    }
    return {**counts, "avgdl": float(np.float32(tokens / n)) if n else 0.0}


class _Hits(NamedTuple):
    """A query's ranking; ``blank`` says that no term was left of its text."""

    rows: Rows
    scores: Scores
    blank: bool = False


class BM25Index:
    """A BM25 index on disk; see `build_bm25` and the module's text."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self.ids = IdTable(path)
        self._analyzer = Analyzer()
        if self._analyzer.spec() != manifest.params["analyzer"]:
            raise BadInput(
                f"the index was made with another text analysis than this intrex has ({path})", REBUILD
            )
        self._postings = Postings(path)
        self._rank = np.asarray(self.ids.rank)
        self._norms: npt.NDArray[np.uint8] = np.asarray(np.load(path / "norms.npy", mmap_mode="r"))
        self._n = int(manifest.params["documents_with_terms"])
        self._inverse = inverse_norms(*(manifest.params[name] for name in ("k1", "b", "avgdl")))

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
        threads = max(options.threads, 1) if len(self.ids) >= THREADED else 1
        size = max(1, min(options.batch_size, math.ceil(len(queries) / threads)))
        batches = [slice(start, start + size) for start in range(0, len(queries), size)]
        sums: deque[npt.NDArray[np.float64]] = deque()

        rank = tie_rank(self._rank, options.ties)

        def work(batch: slice) -> list[_Hits]:
            return self._search_batch(queries.texts[batch], options.k, rank, sums)

        found, blank = RunBuilder(self.ids, KIND), 0
        with ThreadPoolExecutor(threads) as pool:
            done = map(work, batches) if threads == 1 else pool.map(work, batches)
            for batch, hits in zip(batches, done, strict=True):
                for query, hit in zip(queries.ids[batch], hits, strict=True):
                    found.add(query, hit.rows, hit.scores)
                    blank += hit.blank
                options.progress(len(hits))
        if blank:
            _log.info(
                "%d of %d queries have no term left: they are empty or stop words only", blank, len(queries)
            )
        return found.run()

    def _search_batch(
        self, texts: Iterable[str], k: int, rank: npt.NDArray[np.uint32], pool: deque[npt.NDArray[np.float64]]
    ) -> list[_Hits]:
        """Search some queries with an array of sums from the pool, which goes back clean."""
        try:
            sums = pool.pop()
        except IndexError:
            sums = np.full(len(self._norms), UNTOUCHED)
        hits = [self._search_one(text, k, rank, sums) for text in texts]
        pool.append(sums)
        return hits

    def _search_one(
        self, text: str, k: int, rank: npt.NDArray[np.uint32], sums: npt.NDArray[np.float64]
    ) -> _Hits:
        counts = Counter(self._analyzer(text))
        touched = [np.empty(0, np.int64)]
        for term, count in counts.items():
            number = self._postings.find(term)
            if number is None:
                continue
            found, tfs = self._postings.of(number)
            rows = found.astype(np.int64)  # take and assignment are twice as fast with the native index type
            weight = np.float32(count) * idf(len(rows), self._n)
            inverse = self._inverse.take(self._norms.take(rows))
            before = sums.take(rows)
            sums[rows] = before + term_scores(weight, tfs, inverse)
            touched.append(rows[np.signbit(before)])
        matched = np.concatenate(touched)
        scores = sums.take(matched).astype(np.float32)
        sums[matched] = UNTOUCHED
        best = top_k(scores, rank.take(matched), k)
        return _Hits(matched[best], scores[best], blank=not counts)

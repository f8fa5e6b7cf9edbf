"""BM25 as Lucene's BM25Similarity computes it: an index on disk, and search with exact float32 scores.

The formula is in `intrex.retrievers.bm25.similarity`. Files: the ids of all rows as `IdWriter` writes them, and a folder for
each segment, ``0``, ``1`` and so on: see `intrex.retrievers.bm25.segment`.
"""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from intrex.data.arrays import Int64s
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import GONE, IdTable, IdWriter
from intrex.data.io.files import fingerprint
from intrex.data.progress import Progress, no_progress
from intrex.data.run import Run
from intrex.data.store.artifact import Build, Manifest, build_artifact, read_manifest
from intrex.retrievers.base import RunBuilder, SearchOptions, tie_rank
from intrex.retrievers.bm25.fields import CONTENTS
from intrex.retrievers.bm25.multifield import analyse, chosen, field_of, weighted
from intrex.retrievers.bm25.queries import Weigher
from intrex.retrievers.bm25.searcher import Searcher
from intrex.retrievers.bm25.segment import Draft, Segment, SegmentRecord, statistics, write_segment
from intrex.retrievers.bm25.similarity import Idfs, check_bm25, encode_lengths, inverse_tables
from intrex.retrievers.inverted import search as lexical
from intrex.retrievers.inverted.native import gather
from intrex.retrievers.inverted.search import Hits
from intrex.retrievers.prf.lexical import Corpus, Expansion, Feedback
from intrex.retrievers.text.analyzer import Analyzer, analyzer_of
from intrex.retrievers.text.terms import Terms

KIND = "bm25"
REBUILD = "intrex index bm25 COLLECTION OUT --overwrite"
BATCH = 1024
LAYOUT = 3
"""Version of the index's files."""

_log = logging.getLogger(__name__)


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


def _counted(terms: list[str]) -> Mapping[str, int]:
    """How often each term occurs, in the order in which they first do."""
    counts = dict.fromkeys(terms, 1)
    return counts if len(counts) == len(terms) else Counter(terms)


class BM25Index:
    """A BM25 index on disk; see `build_bm25` and the module's text."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.manifest, params = manifest, manifest.params
        if params.get("layout") != LAYOUT:
            raise BadInput(f"the index has files of another layout than this intrex reads ({path})", REBUILD)
        self.ids = IdTable(path)
        self.analyzer = analyzer_of(params["analyzer"])
        if self.analyzer.spec() != params["analyzer"]:
            raise BadInput(
                f"the index was made with another text analysis than this intrex has ({path})", REBUILD
            )
        self.fields: tuple[str, ...] = (CONTENTS, *params["fields"])
        records = [SegmentRecord.from_dict(one) for one in params["segments"]]
        firsts = np.cumsum([0, *(one.rows for one in records)]).tolist()
        self.segments = [Segment(path / str(i), one, firsts[i]) for i, one in enumerate(records)]
        self.statistics = statistics(records)
        self.expansion: Expansion | None = None
        """Feedback that `search` uses."""
        self._weigh = Weigher(
            self.segments, {name: Idfs(one.documents) for name, one in self.statistics.items()}
        )
        avgdls = [one.avgdl for one in self.statistics.values()]
        self._searchers = self._opened(float(params["k1"]), float(params["b"]), avgdls)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open through memory maps; raises `BadInput` when the index is missing, damaged or of another kind."""
        return cls(path, read_manifest(path, (KIND,), REBUILD))

    def _opened(self, k1: float, b: float, avgdls: Sequence[float]) -> list[Searcher]:
        inverse, rank = inverse_tables(k1, b, avgdls), np.asarray(self.ids.rank)
        found = []
        for one in self.segments:
            lengths = np.array([[field.longest] for field in one.record.fields.values()])
            longest = np.take_along_axis(inverse, encode_lengths(lengths).astype(np.int64), axis=1)[:, 0]
            here = rank[one.first : one.first + one.record.rows]
            bounds = one.bounds(k1, b, inverse)
            whole = not one.record.removed
            found.append(
                Searcher(
                    one.postings, one.norms, here, inverse, bounds, longest, first=one.first, whole=whole
                )
            )
        return found

    def search(self, queries: Queries, options: SearchOptions) -> Run:
        """The ``k`` best documents that share a term with each query.

        A term that occurs twice in a query counts twice. A query whose terms are all unknown, or that consists of
        stop words only, has no line in the run; the latter are counted in one message at level INFO. Threads and
        batch size change nothing in the result.

        Raises:
            UsageError: k is less than 1, or the index lacks a field of ``options.fields``.
        """
        if options.k < 1:
            raise UsageError(f"k must be at least 1, not {options.k}")
        boosts = chosen(options.fields, self.fields)
        found, blank = RunBuilder(self.ids, KIND), 0
        for start in range(0, len(queries), BATCH):
            here = slice(start, start + BATCH)
            counts = list(map(_counted, map(self.analyzer, queries.texts[here])))
            blank += sum(not one for one in counts)
            hits = self._search(counts, boosts, options)
            found.extend(queries.ids[here], hits.sizes, gather(self.ids, hits.rows), hits.scores)
            options.progress(len(counts))
        if blank:
            _log.info(
                "%d of %d queries have no term left: they are empty or stop words only", blank, len(queries)
            )
        return found.run()

    def _search(
        self, queries: Sequence[Mapping[str, int]], boosts: Mapping[str, float], options: SearchOptions
    ) -> Hits:
        """Search, and if there is a method of feedback search again for what it makes of the queries.

        Feedback reads and searches ``contents`` alone, as Anserini's does after a search in several fields.
        """
        method = self.expansion
        parts = [replace(one, rank=tie_rank(one.rank, options.ties)) for one in self._searchers]
        asked = self._weigh([weighted(one, boosts) for one in queries], boosts)
        if method is None:
            return lexical.search(parts, asked, options.k, options.threads)
        hits = lexical.search(parts, asked, method.depth or options.k, options.threads)
        first, last = method.ends
        ends = np.cumsum(hits.sizes)
        place = np.arange(len(hits.rows)) - np.repeat(ends - hits.sizes, hits.sizes)
        seen = (place < first) | (place >= np.repeat(hits.sizes, hits.sizes) - last)
        vectors = self._vectors(np.unique(hits.rows[seen]).astype(np.int64))
        found = [
            Feedback(vectors.get(row, {}), score)
            for row, score in zip(hits.rows.tolist(), hits.scores.tolist(), strict=True)
        ]
        corpus, expanded = Corpus(self._with_text, self._df), []
        for query, size, end in zip(queries, hits.sizes.tolist(), ends.tolist(), strict=True):
            expanded.append(method.expand(query, found[end - size : end], corpus) if size else {})
        again = self._weigh(expanded, {CONTENTS: 1.0}, with_idf=method.similarity is None)
        if method.similarity is not None:
            avgdls = [one.avgdl for one in self.statistics.values()]
            inverse = inverse_tables(*method.similarity, avgdls)
            parts = [replace(one, inverse=inverse, bounds=None) for one in parts]
        return lexical.search(parts, again, options.k, options.threads)

    @cached_property
    def _with_text(self) -> int:
        """Documents that have text, also where no term of it is left: Anserini's number of documents in feedback."""
        norms = np.concatenate([one.norms[0] for one in self.segments])
        return int(np.count_nonzero((norms != 0) & (np.asarray(self.ids.rank) != GONE)))

    def _vectors(self, rows: Int64s) -> dict[int, dict[str, int]]:
        """How often each term of ``contents`` occurs in some rows, by row."""
        found: dict[int, dict[str, int]] = {}
        for one in self.segments:
            own = rows[(rows >= one.first) & (rows < one.first + one.record.rows)] - one.first
            for row, counts in one.postings.vectors(own, one.record.rows).items():
                plain = len(self.fields) == 1
                found[row + one.first] = (
                    counts if plain else {t: n for t, n in counts.items() if field_of(t) == CONTENTS}
                )
        return found

    @cache  # noqa: B019 - an index lives as long as its process
    def _df(self, term: str) -> int:
        return sum(int(one.df(one.postings.find([term]))[0]) for one in self.segments)

"""BM25 as Lucene's BM25Similarity computes it: an index on disk, and search with exact float32 scores.

The formula is in `intrex.retrievers.bm25.similarity`. Files: the ids of all rows as `IdWriter` writes them, and a folder for
each segment, ``0``, ``1`` and so on: see `intrex.retrievers.bm25.segment`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from intrex.data.arrays import Int64s
from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import GONE, IdTable
from intrex.data.run import Run
from intrex.data.store.artifact import Manifest, read_manifest
from intrex.retrievers.base import Index, RunBuilder, tie_rank
from intrex.retrievers.bm25.fields import CONTENTS
from intrex.retrievers.bm25.multifield import chosen, field_of, weighted
from intrex.retrievers.bm25.options import Bm25Search
from intrex.retrievers.bm25.queries import Weigher
from intrex.retrievers.bm25.searcher import Searcher
from intrex.retrievers.bm25.segment import Segment, SegmentRecord, statistics
from intrex.retrievers.bm25.similarity import Idfs, encode_lengths, inverse_tables
from intrex.retrievers.inverted import search as lexical
from intrex.retrievers.inverted.native import gather
from intrex.retrievers.inverted.search import Hits
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.prf.base import Corpus, Expansion, Feedback, expansion_of
from intrex.retrievers.text.analyzer import analyzer_of

KIND = "bm25"
REBUILD = "intrex index bm25 COLLECTION OUT --overwrite"
BATCH = 1024
LAYOUT = 3
"""Version of the index's files."""

_log = logging.getLogger(__name__)


def _counted(terms: list[str]) -> Mapping[str, int]:
    """How often each term occurs, in the order in which they first do."""
    counts = dict.fromkeys(terms, 1)
    return counts if len(counts) == len(terms) else Counter(terms)


class BM25Index(Index):
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

    def describe(self) -> dict[str, Any]:
        """The documents, and the parameters with the statistics of fields and segments in place of their records."""
        params = {k: v for k, v in self.manifest.params.items() if k not in ("fields", "sources", "segments")}
        for name, field in self.statistics.items():
            params |= {
                f"{name}: documents with terms": field.documents,
                f"{name}: tokens": field.tokens,
                f"{name}: mean length": field.avgdl,
            }
        records = [one.record for one in self.segments]
        params |= {
            "postings": sum(one.postings for one in records),
            "segments": len(records),
            "documents of each": ", ".join(str(one.documents) for one in records),
            "removed documents": sum(one.removed for one in records),
            "collections": ", ".join(self.manifest.params["sources"]),
        }
        return {"documents": sum(one.documents for one in records), "params": params}

    def prepare(self, options: SearchOptions) -> None:
        """Raise `UsageError` where the language is another than the index's, or a field is not there."""
        asked = Bm25Search.of(options)
        built = self.manifest.params["analyzer"]["name"]
        if asked.language is not None and {"en": "english"}.get(asked.language, asked.language) != built:
            raise UsageError(
                f"the index was built for the language {built!r}, not {asked.language!r}",
                "leave --language out",
            )
        chosen(asked.fields, self.fields)

    def search(self, queries: Queries, options: SearchOptions) -> Run:
        """The ``k`` best documents that share a term with each query.

        A term that occurs twice in a query counts twice. A query whose terms are all unknown, or that consists of
        stop words only, has no line in the run; the latter are counted in one message at level INFO. Threads and
        batch size change nothing in the result.

        Raises:
            UsageError: the index lacks a field of ``options.fields``.
        """
        asked = Bm25Search.of(options)
        boosts, method = chosen(asked.fields, self.fields), expansion_of(asked)
        found, blank = RunBuilder(self.ids, KIND), 0
        for start in range(0, len(queries), BATCH):
            here = slice(start, start + BATCH)
            counts = list(map(_counted, map(self.analyzer, queries.texts[here])))
            blank += sum(not one for one in counts)
            hits = self._search(counts, boosts, method, asked)
            found.extend(queries.ids[here], hits.sizes, gather(self.ids, hits.rows), hits.scores)
            options.progress(len(counts))
        if blank:
            _log.info(
                "%d of %d queries have no term left: they are empty or stop words only", blank, len(queries)
            )
        return found.run()

    def _search(
        self,
        queries: Sequence[Mapping[str, int]],
        boosts: Mapping[str, float],
        method: Expansion | None,
        options: SearchOptions,
    ) -> Hits:
        """Search, and if there is a method of feedback search again for what it makes of the queries.

        Feedback reads and searches ``contents`` alone, as Anserini's does after a search in several fields.
        """
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

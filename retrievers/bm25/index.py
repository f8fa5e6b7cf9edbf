"""BM25 as Lucene's BM25Similarity computes it: an index on disk, and search with exact float32 scores.

The formula is in `intrex.retrievers.bm25.similarity`. Files: the ids of all rows as `IdWriter` writes them, and a folder for
each segment, ``0``, ``1`` and so on: see `intrex.retrievers.bm25.segment`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from intrex.data.arrays import Int64s, Rows, Scores
from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import GONE, IdTable
from intrex.data.numeric.spans import ranges
from intrex.data.run import Run
from intrex.data.store.manifest import Manifest
from intrex.retrievers.base import Index, RunBuilder, rank_within, tie_rank
from intrex.retrievers.bm25.explain import TermFacts, explain_rows, score_rows
from intrex.retrievers.bm25.fields import CONTENTS
from intrex.retrievers.bm25.multifield import field_of, field_weights, weigh_fields
from intrex.retrievers.bm25.options import Bm25Search
from intrex.retrievers.bm25.queries import QueryWeighting
from intrex.retrievers.bm25.searcher import Searcher
from intrex.retrievers.bm25.segment import Segment, SegmentRecord, statistics
from intrex.retrievers.bm25.similarity import encode_lengths, idf, inverse_tables
from intrex.retrievers.explanation import Explanation
from intrex.retrievers.inverted import search as inverted
from intrex.retrievers.inverted.native import gather
from intrex.retrievers.inverted.search import Hits, Weighted
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.prf.base import Corpus, Expansion, Feedback, expansion_of
from intrex.retrievers.text.analyzer import analyzer_of

KIND = "bm25"
REBUILD = "intrex index bm25 COLLECTION OUT --overwrite"
BATCH = 1024
LAYOUT = 3
"""Version of the index's files."""

_log = logging.getLogger(__name__)


def _count_terms(terms: list[str]) -> Mapping[str, int]:
    """Count each term, in the order in which terms first occur."""
    counts = dict.fromkeys(terms, 1)
    return counts if len(counts) == len(terms) else Counter(terms)


class _Plan(NamedTuple):
    """Search that is to be made: of each segment its searcher and the weights of its terms; the queries' terms with boosts."""

    parts: list[Searcher]
    weights: list[Weighted]
    terms: Sequence[Mapping[str, float]]
    with_idf: bool


class BM25Index(Index):
    """A BM25 index on disk; see `build_bm25` and the module's text."""

    kind, rebuild, finds_in_subset = KIND, REBUILD, True

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
        records = [SegmentRecord.from_dict(record) for record in params["segments"]]
        firsts = np.cumsum([0, *(record.rows for record in records)]).tolist()
        self.segments = [Segment(path / str(i), record, firsts[i]) for i, record in enumerate(records)]
        self.statistics = statistics(records)
        self._avgdls = [counts.avgdl for counts in self.statistics.values()]
        idfs = {name: cache(partial(idf, n=counts.documents)) for name, counts in self.statistics.items()}
        self._weighting = QueryWeighting(self.segments, idfs)
        self._searchers = self._open_searchers(float(params["k1"]), float(params["b"]))

    def _open_searchers(self, k1: float, b: float) -> list[Searcher]:
        inverse, rank = inverse_tables(k1, b, self._avgdls), np.asarray(self.ids.rank)
        searchers = []
        for segment in self.segments:
            record, first = segment.record, segment.first
            lengths = np.array([[counts.longest] for counts in record.fields.values()])
            longest = np.take_along_axis(inverse, encode_lengths(lengths).astype(np.int64), axis=1)[:, 0]
            bounds, ranks = segment.bounds(k1, b, inverse), rank[first : first + record.rows]
            arrays = segment.postings, ranks, bounds, segment.norms, inverse, longest
            searchers.append(Searcher(*arrays, first=first, whole=not record.removed))
        return searchers

    def describe(self) -> dict[str, Any]:
        """Return the documents, and the parameters with the statistics of fields and segments in place of their records."""
        params = {k: v for k, v in self.manifest.params.items() if k not in ("fields", "sources", "segments")}
        for name, counts in self.statistics.items():
            params |= {
                f"{name}: documents with terms": counts.documents,
                f"{name}: tokens": counts.tokens,
                f"{name}: mean length": counts.avgdl,
            }
        records = [segment.record for segment in self.segments]
        params |= {
            "postings": sum(record.postings for record in records),
            "segments": len(records),
            "documents of each": ", ".join(str(record.documents) for record in records),
            "removed documents": sum(record.removed for record in records),
            "collections": ", ".join(self.manifest.params["sources"]),
        }
        return {"documents": sum(record.documents for record in records), "params": params}

    def prepare(self, options: SearchOptions) -> None:
        """Raise `UsageError` where the language is another than the index's, or a field is not there."""
        search = Bm25Search.of(options)
        language, built = search.language, self.manifest.params["analyzer"]["name"]
        if language is not None and {"en": "english"}.get(language, language) != built:
            raise UsageError(
                f"the index was built for the language {built!r}, not {language!r}", "leave --language out"
            )
        field_weights(search.fields, self.fields)

    def search(self, queries: Queries, options: SearchOptions) -> Run:
        """Return the ``k`` best documents that share a term with each query.

        A term that occurs twice in a query counts twice. A query whose terms are all unknown, or that consists of
        stop words only, has no line in the run; the latter are counted in one message at level INFO. Threads and
        batch size change nothing in the result.

        Raises:
            UsageError: the index lacks a field of ``options.fields``.
        """
        search = Bm25Search.of(options)
        boosts, method = field_weights(search.fields, self.fields), expansion_of(search)
        builder, blank = RunBuilder(self.ids, KIND), 0
        for start in range(0, len(queries), BATCH):
            batch = slice(start, start + BATCH)
            counts = list(map(_count_terms, map(self.analyzer, queries.texts[batch])))
            blank += sum(not terms for terms in counts)
            hits = self._search(counts, boosts, method, search)
            builder.extend(queries.ids[batch], hits.sizes, gather(self.ids, hits.rows), hits.scores)
            options.progress(len(counts))
        if blank:
            _log.info(
                "%d of %d queries have no term left: they are empty or stop words only", blank, len(queries)
            )
        return builder.run()

    def _search(
        self,
        queries: Sequence[Mapping[str, int]],
        boosts: Mapping[str, float],
        method: Expansion | None,
        options: SearchOptions,
    ) -> Hits:
        """Search, and with a method of feedback search again for the queries that it makes.

        Feedback reads and searches ``contents`` alone, as Anserini's does after a search in several fields. Of a subset
        it reads documents of the subset.
        """
        plan = self._plan(queries, boosts, method, options)
        return inverted.search(plan.parts, plan.weights, options.k, options.threads)

    def _plan(
        self,
        queries: Sequence[Mapping[str, int]],
        boosts: Mapping[str, float],
        method: Expansion | None,
        options: SearchOptions,
    ) -> _Plan:
        """Weigh the terms of the search that decides the ranking: with feedback, that of the queries which it makes."""
        parts = [self._restrict(part, options) for part in self._searchers]
        terms = [weigh_fields(counts, boosts) for counts in queries]
        weights = self._weighting.weigh(terms, boosts)
        if method is None:
            return _Plan(parts, weights, terms, True)
        hits = inverted.search(parts, weights, method.depth or options.k, options.threads)
        expanded = self._expand(queries, hits, method)
        with_idf = method.similarity is None
        weights = self._weighting.weigh(expanded, {CONTENTS: 1.0}, with_idf=with_idf)
        if method.similarity is not None:
            inverse = inverse_tables(*method.similarity, self._avgdls)
            parts = [replace(part, inverse=inverse, bounds=None) for part in parts]
        return _Plan(parts, weights, expanded, with_idf)

    def explain(
        self, query: str, rows: Int64s, options: SearchOptions, texts: Sequence[str | None]
    ) -> list[Explanation]:
        """See `intrex.retrievers.explanation.Explainer.explain`: the part of each term, also of one that a document lacks."""
        search = Bm25Search.of(options)
        boosts = field_weights(search.fields, self.fields)
        plan = self._plan([_count_terms(self.analyzer(query))], boosts, expansion_of(search), search)
        terms = list(plan.terms[0])
        table = self._weighting.look_up(terms)
        idf = dict(zip(terms, table.idf.tolist(), strict=True)) if plan.with_idf else None
        facts = TermFacts(plan.terms[0], dict(zip(terms, table.df.tolist(), strict=True)), idf)
        explained: dict[int, Explanation] = {}
        for segment, part, weights in zip(self.segments, plan.parts, plan.weights, strict=True):
            local = rows[(rows >= segment.first) & (rows < segment.first + segment.record.rows)]
            found = explain_rows(part, weights, local - segment.first, facts, self.fields)
            explained |= dict(zip(local.tolist(), found, strict=True))
        return [explained[row] for row in rows.tolist()]

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Yield scores [len(rows[i])] of the documents ``rows[i]`` for each query text; minus infinity without a common term."""
        search = Bm25Search.of(options)
        boosts = field_weights(search.fields, self.fields)
        for query, candidates in zip(queries, rows, strict=True):
            plan = self._plan([_count_terms(self.analyzer(query))], boosts, None, search)
            scores = np.full(len(candidates), -np.inf, np.float32)
            for segment, part, weights in zip(self.segments, plan.parts, plan.weights, strict=True):
                last = segment.first + segment.record.rows
                inside = np.flatnonzero((candidates >= segment.first) & (candidates < last))
                scores[inside] = score_rows(part, weights, candidates[inside] - segment.first)
            yield scores

    @staticmethod
    def _restrict(part: Searcher, options: SearchOptions) -> Searcher:
        rank = rank_within(part.rank, options.subset, part.first)
        return replace(part, rank=tie_rank(rank, options.ties), whole=part.whole and options.subset is None)

    def _expand(
        self, queries: Sequence[Mapping[str, int]], hits: Hits, method: Expansion
    ) -> list[dict[str, float]]:
        """Make new queries of the documents that the first ones found."""
        first, last = method.ends
        ends = np.cumsum(hits.sizes)
        place = ranges(0, hits.sizes)
        used = (place < first) | (place >= np.repeat(hits.sizes, hits.sizes) - last)
        vectors = self._vectors(np.unique(hits.rows[used]).astype(np.int64))
        documents = [
            Feedback(vectors.get(row, {}), score)
            for row, score in zip(hits.rows.tolist(), hits.scores.tolist(), strict=True)
        ]
        corpus, expanded = Corpus(self._with_text, self._df), []
        for query, size, end in zip(queries, hits.sizes.tolist(), ends.tolist(), strict=True):
            expanded.append(method.expand(query, documents[end - size : end], corpus) if size else {})
        return expanded

    @cached_property
    def _with_text(self) -> int:
        """Number of documents that have text, also where no term of it is left, as Anserini counts them for feedback."""
        norms = np.concatenate([segment.norms[0] for segment in self.segments])
        return int(np.count_nonzero((norms != 0) & (np.asarray(self.ids.rank) != GONE)))

    def _vectors(self, rows: Int64s) -> dict[int, dict[str, int]]:
        """Count the terms of ``contents`` in rows, by row."""
        vectors: dict[int, dict[str, int]] = {}
        for segment in self.segments:
            first, size = segment.first, segment.record.rows
            local = rows[(rows >= first) & (rows < first + size)] - first
            for row, counts in segment.postings.vectors(local, size).items():
                if len(self.fields) > 1:
                    counts = {term: n for term, n in counts.items() if field_of(term) == CONTENTS}
                vectors[row + first] = counts
        return vectors

    def idfs(self, text: str) -> list[float]:
        """Return the idf of each different term of a text in ``contents``; a term that no document has gets the most."""
        n = self.statistics[CONTENTS].documents
        return [float(idf(self._df(term), n)) for term in dict.fromkeys(self.analyzer(text))]

    @cache  # noqa: B019 - an index lives as long as its process
    def _df(self, term: str) -> int:
        return sum(int(segment.df(segment.postings.find([term]))[0]) for segment in self.segments)

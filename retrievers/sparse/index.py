"""Impact index: term weights of documents, by a learned sparse encoder or computed beforehand, searched exactly."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from intrex.data.arrays import Rows, Scores
from intrex.data.collection import Queries
from intrex.data.errors import BadInput
from intrex.data.ids import IdTable
from intrex.data.run import Run
from intrex.data.specs import EncoderSpec
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import SparseVectors
from intrex.encoders.base import SparseEncoder, load_sparse_encoder, make_sparse_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.base import Index, Ranking, RunBuilder, rank_within, tie_rank
from intrex.retrievers.encoded import QUERIES_AT_ONCE
from intrex.retrievers.explanation import Explanation
from intrex.retrievers.inverted.native import gather
from intrex.retrievers.inverted.search import Hits, Weighted, sum_by_query
from intrex.retrievers.inverted.vocabulary import Vocabulary
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.prf.vector import rank_with_feedback, reformulate
from intrex.retrievers.queryvectors import QueryEncoder, RecordedEncoder
from intrex.retrievers.sparse.explain import explain_rows
from intrex.retrievers.sparse.feedback import move_weighted
from intrex.retrievers.sparse.options import ImpactSearch
from intrex.retrievers.sparse.queries import dimension_numbers, weigh_encoded, weigh_named
from intrex.retrievers.sparse.searcher import ImpactSearcher, open_impacts

KIND = "impact"
LAYOUT = 1
"""Version of the index's files."""
REBUILD = "intrex index sparse|impact COLLECTION OUT --overwrite"
LARGEST = float(np.finfo(np.float32).max)

_log = logging.getLogger(__name__)


class ImpactIndex(Index):
    """Term weights of a collection's documents; a document scores the dot product of its weights and the query's.

    Attributes:
        spec: the encoder of documents and queries; None if the weights were computed elsewhere: then ``encoder`` of a
            search's options makes weights of query texts, or, without one, texts are cut at white space.
    """

    kind, rebuild, finds_in_subset = KIND, REBUILD, True

    def __init__(self, path: Path, manifest: Manifest) -> None:
        if manifest.params.get("layout") != LAYOUT:
            raise BadInput(f"the index has files of another layout than this intrex reads ({path})", REBUILD)
        self.manifest = manifest
        self.ids = IdTable(path)
        self.vocabulary = Vocabulary(path)
        impacts, bounds = open_impacts(path, len(self.vocabulary), len(self.ids))
        scale = float(manifest.params["scale"])
        self._searcher = ImpactSearcher(impacts, np.asarray(self.ids.rank), bounds, scale)
        self._heaviest = float(bounds.max(initial=0.0)) * scale
        self.spec = EncoderSpec(**manifest.encoder) if manifest.encoder else None
        self._others: dict[tuple[str, str | None], SparseEncoder] = {}
        self._recorded = (
            RecordedEncoder(self.spec, path / "encoder", load_sparse_encoder) if self.spec else None
        )

    def search(self, queries: Queries, options: SearchOptions, encoder: SparseEncoder | None = None) -> Run:
        """Return the ``k`` best documents that share a term with each query.

        Queries that come with term weights are searched with these; texts are encoded, or cut at white space, where a
        term weighs as much as it is frequent. A query without a term that the index knows has no line in the run.

        Args:
            queries: ids, and texts or weights.
            options: how to search; ``device`` is where queries are encoded.
            encoder: encodes the queries instead of the one that the index records; it must be the same.

        Raises:
            BadInput: the encoder is not the index's or is gone, or a score would be too large for float32.
        """
        weigh = self._weigh(queries, options, encoder)
        searcher = self._restricted(options)
        builder, unknown = RunBuilder(self.ids, KIND), 0
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            names = queries.ids[start : start + QUERIES_AT_ONCE]
            terms = weigh(slice(start, start + len(names)))
            self._check(terms, names)
            hits = self._rank(searcher, terms, ImpactSearch.of(options), names)
            builder.extend(names, hits.sizes, gather(self.ids, hits.rows), hits.scores)
            unknown += int(np.count_nonzero(np.diff(terms.offsets) == 0))
            options.progress(len(names))
        if unknown:
            _log.info("%d of %d queries have no term that the index knows", unknown, len(queries))
        return builder.run()

    def _restricted(self, options: SearchOptions) -> ImpactSearcher:
        """Return the searcher of the documents that a search is of."""
        rank = rank_within(self._searcher.rank, options.subset)
        return replace(self._searcher, rank=tie_rank(rank, options.ties))

    def _rank(
        self, searcher: ImpactSearcher, terms: Weighted, options: ImpactSearch, names: list[str]
    ) -> Hits:
        """Search, and with feedback search again for the queries that it makes."""
        if not options.prf_depth:
            return searcher.search(terms, options.k, options.threads)
        rankings = list(rank_with_feedback(terms, options, *self._steps(searcher, options, names), names))
        empty = [(np.empty(0, np.int32), np.empty(0, np.float32))]
        rows, scores = zip(*empty, *rankings, strict=True)
        sizes = np.array([len(found) for found, _ in rankings], np.int64)
        return Hits(sizes, np.concatenate(rows).astype(np.int32), np.concatenate(scores))

    def _steps(
        self, searcher: ImpactSearcher, options: ImpactSearch, names: list[str]
    ) -> tuple[
        Callable[[Weighted, ImpactSearch], list[Ranking]], Callable[[Weighted, Sequence[Rows]], Weighted]
    ]:
        """Return the functions by which `rank_with_feedback` ranks and moves queries."""

        def rank(terms: Weighted, options: ImpactSearch) -> list[Ranking]:
            self._check(terms, names)
            hits = searcher.search(terms, options.k, options.threads)
            bounds = np.cumsum(hits.sizes)[:-1]
            rows, scores = np.split(hits.rows.astype(np.int64), bounds), np.split(hits.scores, bounds)
            return list(zip(rows, scores, strict=True))

        return rank, lambda terms, documents: move_weighted(searcher, terms, documents, options)

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Yield scores [len(rows[i])] of the documents ``rows[i]`` for each query text; minus infinity without a common term."""
        terms = self._weigh(Queries(queries, queries), options, None)(slice(None))
        self._check(terms, queries)
        for query, candidates in enumerate(rows):
            yield self._searcher.score(terms, query, candidates)

    def explain(
        self, query: str, rows: Rows, options: SearchOptions, texts: Sequence[str | None]
    ) -> list[Explanation]:
        """See `intrex.retrievers.explanation.Explainer.explain`: of each term the product of the two weights.

        With feedback the terms are those of the query that it makes; rounds and mixtures of lists are not explained.
        """
        search = ImpactSearch.of(options)
        if search.rounds is not None or search.interpolate is not None:
            return [Explanation(None) for _ in rows]
        terms = self._weigh(Queries([query], [query]), options, None)(slice(None))
        self._check(terms, [query])
        if search.prf_depth:
            terms = reformulate(terms, search, *self._steps(self._restricted(search), search, [query]))
        return explain_rows(self._searcher, self.vocabulary, terms, rows)

    def _weigh(
        self, queries: Queries, options: SearchOptions, substitute: SparseEncoder | None
    ) -> Callable[[slice], Weighted]:
        """Return a function that makes weighted terms of a slice of the queries."""
        weights, texts, numbers = queries.weights, queries.texts, None
        if weights is not None:
            return lambda part: weigh_named(weights[part], self.vocabulary)
        if self._recorded is not None:
            encode = self._recorded.queries(self.manifest, options, substitute).encode
        elif options.encoder is not None:
            encoder = self._named(options.encoder, options.device)
            numbers = dimension_numbers(encoder, self.vocabulary)
            encode = QueryEncoder[SparseVectors](
                encoder.spec, self.manifest, options, lambda: encoder, None
            ).encode
        else:
            # Words between white space by their frequency, as pyserini's topics have it that were encoded beforehand.
            return lambda part: weigh_named([Counter(t.split()) for t in texts[part]], self.vocabulary)
        return lambda part: weigh_encoded(encode(texts[part]), numbers)

    def _named(self, name: str, device: str | None) -> SparseEncoder:
        """Make an encoder that the index does not record, once."""
        if (name, device) not in self._others:
            self._others[name, device] = make_sparse_encoder(name, EncoderOptions(device=device))
        return self._others[name, device]

    def _check(self, terms: Weighted, names: list[str]) -> None:
        """Raise `BadInput` where a sum may be too large for float32."""
        bounds = sum_by_query(terms, terms.weights) * self._heaviest
        if (bounds > LARGEST).any():
            raise BadInput(
                f"the weights of query {names[int(bounds.argmax())]} are so large that its scores overflow",
                "divide all weights of the queries by one number: that changes no ranking",
            )

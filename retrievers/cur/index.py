"""CUR index: the scores of anchor queries with all documents, from which those of any query are estimated.

ANNCUR (Yadav et al., EMNLP 2022) and ADACUR (Findings of EMNLP 2023): a query is scored with some anchor documents, its
scores with all others are estimated (`intrex.retrievers.cur.solve`), and the best by the estimates are scored too. The
scores of a search are always the scorer's own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput
from intrex.data.ids import IdTable
from intrex.data.run import Run
from intrex.data.store.manifest import Manifest
from intrex.data.store.scorecache import ScoreCache
from intrex.data.store.vectors import open_vectors
from intrex.data.system.threads import cores
from intrex.encoders.cross.base import PairScorer
from intrex.encoders.options import has_weights
from intrex.retrievers.base import Index, RunBuilder, best_rows, open_index
from intrex.retrievers.cur.calls import Calls, Texts
from intrex.retrievers.cur.options import CurSearch
from intrex.retrievers.cur.rounds import Rounds, Scored, start_rows
from intrex.retrievers.cur.scorer import open_scorer
from intrex.retrievers.explanation import Explanation
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.vectors.nearest import open_nearest

TEXTS = "texts"
"""Folder of the documents' texts."""
TOGETHER = 64
"""Queries whose pairs are scored together, whatever the batch size of the search: it must not touch their scores."""

_log = logging.getLogger("intrex")


class CurIndex(Index):
    """Scores of anchor queries with a collection's documents, and the documents' texts; see docs/formats.md.

    A search returns the documents that the scorer scored, ``budget`` of them, ranked by their exact scores.

    Attributes:
        path: the folder.
        vectors: [n, k_q] float32, memory-mapped: the scores of each document with every anchor query.
        nearest: finds the documents with the best estimates.
    """

    kind = "cur"
    rebuild = "intrex index cur COLLECTION OUT --overwrite"
    finds_in_subset = True

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        self.ids = IdTable(path)
        self.vectors: Float32s = open_vectors(path / "vectors.npy")
        shape = (len(self.ids), manifest.params["anchors"])
        if self.vectors.shape != shape or len(self.ids) != manifest.params["documents"]:
            raise BadInput(
                f"the index {path} has scores {self.vectors.shape} for {shape[0]} documents and {shape[1]} anchor queries",
                self.rebuild,
            )
        self.nearest = open_nearest(path, manifest.params, self.ids.rank, self.vectors)
        self._scorers: dict[tuple[str | None, str | None], PairScorer] = {}
        self._first_stages: dict[str, Index] = {}

    @cached_property
    def texts(self) -> Texts:
        """Texts of the documents, of which the index has a copy."""
        return Texts(Collection(self.path / TEXTS, self.manifest))

    def prepare(self, options: SearchOptions) -> None:
        """Make the scorer and open the first stage; raises `BadInput` where one is not there, or is another."""
        search = CurSearch.of(options)
        self._scorer(search)
        if search.first_stage is not None:
            self._first_stage(search.first_stage, options)
        if search.anchors == self.vectors.shape[1]:
            _log.info(
                "as many anchor documents as anchor queries (%d): estimates are least stable there, choose fewer",
                search.anchors,
            )

    def is_exact(self, options: SearchOptions) -> bool:
        """See `intrex.retrievers.base.Index.is_exact`: where all of the subset are scored."""
        return options.subset is None or len(options.subset) <= CurSearch.of(options).budget

    def search(self, queries: Queries, options: SearchOptions) -> Run:
        """See `intrex.retrievers.base.Index.search`; of several queries the calls are said, at level INFO.

        Raises:
            BadInput: as `prepare`; or a score is not a finite number.
        """
        search, builder = CurSearch.of(options), RunBuilder(self.ids, self.kind)
        with self._calls(search) as calls:
            for start in range(0, len(queries), TOGETHER):
                batch = slice(start, start + TOGETHER)
                names, texts = queries.ids[batch], queries.texts[batch]
                for name, one in zip(names, self._find(names, texts, search, calls)[0], strict=True):
                    ranking = best_rows(one.rows, one.scores, self.ids.rank, options.k, options.ties)
                    builder.add(name, *ranking)
                    options.progress(1)
        if len(queries) > 1:
            known = calls.asked - calls.computed
            _log.info(
                "%s calls of the scorer, %.1f a query; %s of them were in the cache",
                *(f"{calls.asked:,}", calls.asked / len(queries), f"{known:,}"),
            )
        return builder.run()

    def _find(
        self, names: list[str], texts: list[str], options: CurSearch, calls: Calls
    ) -> tuple[list[Scored], Rounds]:
        """Score the documents of the budget for some queries."""
        rows = np.arange(len(self.ids)) if options.subset is None else options.subset.rows
        size = options.sizes[0]
        first = self._first(names, texts, size, options)
        rounds = Rounds(self.nearest, options)
        start = start_rows(size, rows, options.anchor_seed, first)
        return rounds.search(start, lambda parts: calls.score(names, texts, parts)), rounds

    def _first(self, names: list[str], texts: list[str], size: int, options: CurSearch) -> list[Rows]:
        """Return the best documents of the first stage for each query, in its order; none without one."""
        if options.first_stage is None:
            return [np.empty(0, np.int64)] * len(names)
        index, subset = self._first_stage(options.first_stage, options), options.subset
        plain = SearchOptions(
            k=size if subset is None else max(len(index.ids), 1), threads=options.threads,
            batch_size=options.batch_size, device=options.device, query_cache=options.query_cache, encoding=options.encoding,
        )  # fmt: skip
        run = index.search(Queries(names, texts), plain)
        found = {query.decode(): self.ids.find(ids) for query, ids, _ in run.rankings()}
        best = [found.get(name, np.empty(0, np.int64)) for name in names]
        best = [rows[rows >= 0] for rows in best]
        return best if subset is None else [rows[np.isin(rows, subset.rows)] for rows in best]

    def _first_stage(self, folder: str, options: SearchOptions) -> Index:
        if folder not in self._first_stages:
            index = open_index(Path(folder))
            if index.manifest.kind == self.kind:
                raise BadInput(
                    f"the first stage {folder} is a cur index, whose calls no budget would count",
                    "name an index without a scorer, such as bm25 or dense",
                )
            corpora = index.manifest.params.get("sources", [index.manifest.collection])
            if self.manifest.collection not in corpora:
                raise BadInput(
                    f"the first stage {folder} was built from another collection than {self.path}",
                    "name an index of the same documents",
                )
            index.prepare(SearchOptions(device=options.device))
            self._first_stages[folder] = index
        return self._first_stages[folder]

    def _scorer(self, options: CurSearch) -> PairScorer:
        key = options.scorer, options.device
        if key not in self._scorers:
            fewer = options.threads if options.threads < cores() else None  # else torch's own choice
            self._scorers[key] = open_scorer(self.path, self.manifest, *key, fewer)
        return self._scorers[key]

    @contextmanager
    def _calls(self, options: CurSearch) -> Iterator[Calls]:
        """Open the scorer, with the cache of its scores unless that is switched off."""
        scorer = self._scorer(options)
        keeps = options.query_cache and has_weights(scorer.spec.kind)  # one without weights takes no time
        opened = ScoreCache().open(scorer.spec) if keeps else nullcontext()
        with opened as stored:
            yield Calls(scorer, self.texts, self.ids.gather, stored, options.encoding)

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Yield the scorer's scores of rows for each query; see `intrex.retrievers.rerank.index.Rescorer`."""
        with self._calls(CurSearch.of(options)) as calls:
            for text, candidates in zip(queries, rows, strict=True):
                yield calls.score([text], [text], [candidates])[0]

    def explain(
        self, query: str, rows: Rows, options: SearchOptions, texts: Sequence[str | None]
    ) -> list[Explanation]:
        """See `intrex.retrievers.explanation.Explainer.explain`: the exact score, beside the estimate of the anchors.

        A document that the search does not score has an estimate only.
        """
        search = CurSearch.of(options)
        with self._calls(search) as calls:
            (scored,), rounds = self._find([query], [query], search, calls)
        anchors = Scored()
        anchors.add(scored.rows[: search.anchors], scored.scores[: search.anchors])
        estimates = self.nearest.score(rounds.vectors([anchors])[0], rows)
        exact = dict(zip(scored.rows.tolist(), scored.scores.tolist(), strict=True))
        used = set(anchors.rows.tolist())
        return [
            Explanation(exact.get(row), (), {"estimate": estimate, "anchor": "yes" if row in used else "no"})
            for row, estimate in zip(rows.tolist(), estimates.tolist(), strict=True)
        ]

"""FDE index: one vector a document that stands for its token vectors, so that one search finds MaxSim candidates.

MUVERA (Dhulipala et al., NeurIPS 2024): candidates by the dot product of fixed dimensional encodings
(`intrex.encoders.fde.encoder`), exactly or by an approximate engine, then ranked by exact MaxSim over the token vectors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from intrex.data.arrays import Float32s, Rows
from intrex.data.collection import Queries
from intrex.data.errors import BadInput
from intrex.data.io.request import current_request
from intrex.data.npy import check_rows, open_array
from intrex.data.progress import no_progress
from intrex.data.run import Run
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import PackedVectors, open_vectors
from intrex.encoders.base import load_token_encoder
from intrex.encoders.fde.config import FdeConfig
from intrex.encoders.fde.encoder import Fde
from intrex.retrievers.base import Ranking, best_rows
from intrex.retrievers.encoded import EncodedIndex
from intrex.retrievers.explanation import Explanation
from intrex.retrievers.fde.options import FdeSearch
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.prf.vector import move_vectors, rank_with_feedback, reformulate
from intrex.retrievers.queryvectors import TextEncoder
from intrex.retrievers.vectors.nearest import open_nearest

NUMBERS_AT_ONCE = 1 << 26
"""Numbers of queries' FDEs that are in memory at once: 256 MB."""


RANKED_WHOLE = 1000
"""Documents of a subset up to which MaxSim ranks all of them, whatever ``candidates`` says."""
MEASURED, MOST_MEASURED = 8, 20_000
"""Queries of which the recall is measured where it is less than certain; documents of a subset up to which that is done."""

_log = logging.getLogger("intrex")


class FdeIndex(EncodedIndex[PackedVectors]):
    """FDEs of a collection's documents, with the encoder and the projections of queries; see docs/formats.md.

    Without ``candidates`` the score is the dot product of the FDEs, an estimate of the repetitions times MaxSim; with
    them it is exact MaxSim, of the documents that are nearest by FDE. A document without tokens keeps its row and is
    never returned; a query without tokens finds nothing.

    Attributes:
        fde: the configuration and its random matrices.
        nearest: finds the nearest FDEs.
    """

    kind = "fde"
    rebuild = "intrex index fde SOURCE OUT --overwrite"
    load = staticmethod(load_token_encoder)

    def __init__(self, path: Path, manifest: Manifest) -> None:
        super().__init__(path, manifest)
        params = manifest.params
        self.fde = Fde.load(path, FdeConfig(**params["fde"]), params["projections"])
        vectors = None if "ann" in params else open_vectors(path / "vectors.npy")
        self.nearest = open_nearest(path, params, self.ids.rank, vectors)
        self._check_shape("FDEs", self.nearest.shape, self.fde.config.fde_dim)
        self._empty: Rows = open_array(path / "empty.npy", np.int64, (None,))
        check_rows(self._empty, len(self.ids), path / "empty.npy", self.rebuild)

    @cached_property
    def source(self) -> MultiVectorIndex:
        """Index of the token vectors that the FDEs were made of.

        Raises:
            BadInput: it is another one by now, or gone; or there never was one.
        """
        record = self.manifest.params.get("source")
        if record is None:
            raise BadInput(
                f"the token vectors were not kept when {self.path} was built, so its candidates cannot be ranked by MaxSim",
                "intrex index multivector COLLECTION TOKENS, then intrex index fde TOKENS OUT",
            )
        path = Path(self.path.resolve(), record["path"]).resolve()
        if request := current_request():
            request.add_input(path)
        source = MultiVectorIndex.open(path)
        if source.manifest.fingerprint != record["fingerprint"]:
            raise BadInput(
                f"{path} is not the multivector index that {self.path} was built from",
                f"build it again: intrex index fde {path} {self.path} --overwrite",
            )
        return source

    @property
    def built(self) -> Mapping[str, object]:
        """Engine that the index was built for; whether tokens were kept shows when they are opened."""
        return {"engine": self.nearest.engine, "tokens": True}

    def prepare(self, options: SearchOptions) -> None:
        """Open `source` if it ranks candidates; raises as it and `intrex.retrievers.base.Index.prepare`."""
        self.nearest.prepare(options)
        if FdeSearch.of(options).candidates is not None:
            _ = self.source

    def is_exact(self, options: SearchOptions) -> bool:
        """See `intrex.retrievers.base.Index.is_exact`: by FDE always, by MaxSim if all of the subset are candidates."""
        count, subset = FdeSearch.of(options).candidates, options.subset
        return count is None or (subset is not None and len(subset) <= max(count, RANKED_WHOLE))

    def search(
        self, queries: Queries, options: SearchOptions, encoder: TextEncoder[PackedVectors] | None = None
    ) -> Run:
        """See `EncodedIndex.search`; of an approximate search of a subset the recall is measured and said, at level INFO."""
        run = super().search(queries, options, encoder)
        if options.subset is not None and len(options.subset) <= MOST_MEASURED and not self.is_exact(options):
            vectors = self.queries(options, encoder).encode(queries.texts[:MEASURED])
            self._note_recall(run, queries.ids, vectors, options)
        return run

    def _note_recall(
        self, run: Run, names: list[str], vectors: PackedVectors, options: SearchOptions
    ) -> None:
        """Compare the rankings of the first queries with exact MaxSim of the whole subset."""
        plain = options.part(SearchOptions)
        exact = self.source.rank(vectors, replace(plain, progress=no_progress))
        shares = []
        for name, (rows, _) in zip(names, exact, strict=False):
            found = run.doc_ids[np.repeat(run.query_ids == name.encode("utf-8"), np.diff(run.offsets))]
            if len(rows):
                shares.append(float(np.isin(self.ids.gather(rows), found).mean()))
        if shares:
            recall = sum(shares) / len(shares)
            _log.info(
                "recall@%d of the best by MaxSim: %.4f, measured with %d queries",
                options.k,
                recall,
                len(shares),
            )

    def explain(
        self, query: str, rows: Rows, options: SearchOptions, texts: Sequence[str | None]
    ) -> list[Explanation]:
        """See `intrex.retrievers.explanation.Explainer.explain`: the estimate of MaxSim, and MaxSim itself with its parts.

        ``estimate`` is the dot product of the FDEs over the repetitions, ``exact`` MaxSim, of which the parts are; it is
        None where the token vectors are not there, which a message at level INFO says. The score is the one that ranks.
        With feedback the estimate is that of the FDE which it makes; rounds and mixtures of lists are not explained.
        """
        search, packed = FdeSearch.of(options), self.encode([query], options.device)
        if not packed.offsets[-1] or search.rounds is not None or search.interpolate is not None:
            return [Explanation(None) for _ in rows]
        vectors = self.fde.encode(packed, "query", threads=options.threads)
        if search.prf_depth:
            vectors = reformulate(vectors, search, *self._steps(packed, search))
        vector = vectors[0]
        products = scores = self.nearest.score(vector, rows)
        exact: Sequence[Explanation | None] = [None] * len(rows)
        try:
            exact = self.source.explain_encoded(packed, rows, None, texts, query, options.device)
        except BadInput as error:
            _log.info("there is no exact MaxSim beside the estimates: %s", error.message)
        if search.candidates is not None:
            carved = packed if search.ball_carving is None else merge_tokens(packed, search.ball_carving)
            (scores,) = self.source.score(carved, [rows], options.threads)
        return [
            self._beside(row, score, product / self.fde.config.reps, one)
            for row, score, product, one in zip(
                rows.tolist(), scores.tolist(), products.tolist(), exact, strict=True
            )
        ]

    def _beside(self, row: int, score: float, estimate: float, exact: Explanation | None) -> Explanation:
        """Put an estimate beside the exact score; a document without tokens has neither."""
        if row in self._empty:
            return Explanation(None)
        numbers = {"estimate": estimate, "exact": None if exact is None else exact.score}
        return Explanation(score, () if exact is None else exact.parts, numbers)

    def rank(
        self, queries: PackedVectors, options: SearchOptions, names: list[str] | None = None
    ) -> Iterator[Ranking]:
        """See `EncodedIndex.rank`; ``queries`` are in float32. Raises `BadInput` too where `source` cannot be opened."""
        search = FdeSearch.of(options)
        step = min(options.batch_size, max(1, NUMBERS_AT_ONCE // self.fde.config.fde_dim))
        for start in range(0, len(queries.offsets) - 1, step):
            end = min(start + step, len(queries.offsets) - 1)
            batch, full = queries.part(start, end).without_empty()
            labels = None if names is None else [names[start + i] for i in full.tolist()]
            vectors = self.fde.encode(batch, "query", threads=options.threads, names=labels)
            rankings = rank_with_feedback(vectors, search, *self._steps(batch, search), labels)
            ranking_of = dict(zip(full.tolist(), rankings, strict=True))
            empty = np.empty(0, np.int64), np.empty(0, np.float32)
            yield from (ranking_of.get(i, empty) for i in range(end - start))
            options.progress(end - start)

    def _steps(
        self, tokens: PackedVectors, options: FdeSearch
    ) -> tuple[
        Callable[[Float32s, FdeSearch], list[Ranking]], Callable[[Float32s, Sequence[Rows]], Float32s]
    ]:
        """Return the functions by which `rank_with_feedback` ranks and moves the FDEs of queries with these tokens.

        Feedback moves FDEs. MaxSim ranks the candidates that they find by the tokens of the query itself.
        """

        def rank(vectors: Float32s, options: FdeSearch) -> list[Ranking]:
            rankings = self._rank_by_fde(vectors, options)
            if options.candidates is None:
                return rankings
            return self._rank_by_maxsim(tokens, [rows for rows, _ in rankings], options)

        return rank, lambda vectors, documents: move_vectors(vectors, documents, self.nearest.read, options)

    def _rank_by_fde(self, vectors: Float32s, options: FdeSearch) -> list[Ranking]:
        """Return the best by FDE, without documents that have no tokens."""
        depth = options.candidates or options.k
        if options.candidates and options.subset is not None and self.is_exact(options):
            depth = len(options.subset)
        k = min(depth + len(self._empty), len(self.ids))
        rankings = self.nearest.rank(vectors, replace(options, k=k, progress=no_progress))
        if not len(self._empty):
            return list(rankings)
        pairs = ((rows, scores, ~np.isin(rows, self._empty)) for rows, scores in rankings)
        return [(rows[mask][:depth], scores[mask][:depth]) for rows, scores, mask in pairs]

    def _rank_by_maxsim(self, batch: PackedVectors, rows: list[Rows], options: FdeSearch) -> list[Ranking]:
        """Rank the candidates ``rows`` of each query by MaxSim."""
        queries = batch if options.ball_carving is None else merge_tokens(batch, options.ball_carving)
        exact = self.source.score(queries, rows, options.threads)
        rank, k, ties = self.ids.rank, options.k, options.ties
        return [best_rows(r, scores, rank, k, ties) for r, scores in zip(rows, exact, strict=True)]


def merge_tokens(queries: PackedVectors, least: float) -> PackedVectors:
    """Carve balls: add up query tokens that are alike (paper, section 3.3).

    Greedily, the first token that is in no group yet takes all such tokens whose dot product with it is ``least`` or
    more. As the largest sum is at most the sum of the largest, a MaxSim with sums is never above the exact one.
    """
    sums, offsets = [], [0]
    for first, last in zip(queries.offsets[:-1], queries.offsets[1:], strict=True):
        wide = queries.vectors[first:last].astype(np.float64)
        free = np.arange(len(wide))
        while len(free):
            # element by element, not by BLAS: no group may depend on how the product was computed
            near = (wide[free] * wide[free[0]]).sum(axis=1) >= least
            near[0] = True  # a token shorter than the square root of ``least`` is alone
            sums.append(wide[free[near]].sum(axis=0))
            free = free[~near]
        offsets.append(len(sums))
    vectors = np.array(sums, np.float32).reshape(len(sums), queries.vectors.shape[1])
    return PackedVectors(vectors, np.array(offsets, np.int64), queries.single)

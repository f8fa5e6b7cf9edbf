"""Dense index: one vector a document, searched exactly; built block by block, resumed after a kill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.numeric.rows import unit
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import open_vectors
from intrex.encoders.base import load_encoder
from intrex.retrievers.base import Ranking
from intrex.retrievers.dense.options import DenseSearch
from intrex.retrievers.encoded import EncodedIndex
from intrex.retrievers.explanation import Explanation
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.prf.vector import move_vectors, rank_with_feedback, reformulate
from intrex.retrievers.vectors.nearest import open_nearest


class DenseIndex(EncodedIndex[Float32s]):
    """Vectors of a collection's documents with the encoder that made them; see docs/formats.md.

    The score is the dot product; of an index with cosine similarity the vectors were brought to length 1, and queries
    are. A document whose vector is zero (an empty text) scores 0 and is ranked like any other.

    Attributes:
        vectors: [n, d] float32, memory-mapped.
        nearest: finds the nearest vectors.
    """

    kind = "dense"
    rebuild = "intrex index dense COLLECTION OUT --overwrite"
    load = staticmethod(load_encoder)

    def __init__(self, path: Path, manifest: Manifest) -> None:
        super().__init__(path, manifest)
        self.vectors = open_vectors(path / "vectors.npy")
        self._check_shape("vectors", self.vectors.shape, self.spec.dim)
        self.nearest = open_nearest(path, manifest.params, self.ids.rank, self.vectors)

    @property
    def built(self) -> Mapping[str, object]:
        """Engine that the index was built for."""
        return {"engine": self.nearest.engine}

    def prepare(self, options: SearchOptions) -> None:
        """See `intrex.retrievers.base.Index.prepare`."""
        self.nearest.prepare(options)

    def rank(
        self, queries: Float32s, options: SearchOptions, names: list[str] | None = None
    ) -> Iterator[Ranking]:
        """See `EncodedIndex.rank`; ``queries`` are [q, d], and any engine gives the same bits that searches exactly.

        Feedback moves queries as they are scaled, towards vectors as they are stored.
        """
        search = DenseSearch.of(options)
        move = partial(self._move, options=search)
        yield from rank_with_feedback(self._scaled(queries), search, self.nearest.rank, move, names)

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Yield exact scores of rows for each query; see `intrex.retrievers.rerank.index.Rescorer`."""
        vectors = self._scaled(self.queries(options).encode(queries))
        for query, candidates in zip(vectors, rows, strict=True):
            yield self.nearest.score(query, candidates)

    def explain(
        self, query: str, rows: Rows, options: SearchOptions, texts: Sequence[str | None]
    ) -> list[Explanation]:
        """See `intrex.retrievers.explanation.Explainer.explain`: a dot product of vectors has no parts that have names.

        With feedback it is that of the query which it makes; rounds and mixtures of lists are not explained.
        """
        search = DenseSearch.of(options)
        if search.rounds is not None or search.interpolate is not None:
            return [Explanation(None) for _ in rows]
        vectors = self._scaled(self.encode([query], options.device))
        if search.prf_depth:
            vectors = reformulate(vectors, search, self.nearest.rank, partial(self._move, options=search))
        return [Explanation(score) for score in self.nearest.score(vectors[0], rows).tolist()]

    def _move(self, queries: Float32s, documents: Sequence[Rows], options: DenseSearch) -> Float32s:
        return move_vectors(queries, documents, self.nearest.read, options)

    def _scaled(self, queries: Float32s) -> Float32s:
        return unit(queries) if self.manifest.params["similarity"] == "cosine" else queries

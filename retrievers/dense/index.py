"""The dense index: one vector a document, searched exactly; built block by block, resumed after a kill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.collection import Queries
from intrex.data.errors import BadInput
from intrex.data.ids import IdTable
from intrex.data.numeric.rows import unit
from intrex.data.run import Run
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Manifest, read_manifest
from intrex.data.store.vectors import open_vectors
from intrex.encoders.base import Encoder, load_encoder
from intrex.retrievers.base import Index, RunBuilder
from intrex.retrievers.dense.options import DenseSearch
from intrex.retrievers.encoded import QUERIES_AT_ONCE, RecordedEncoder
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.vectors.nearest import open_nearest

REBUILD = "intrex index dense COLLECTION OUT --overwrite"


class DenseIndex(Index):
    """Vectors of a collection's documents with the encoder that made them; see docs/formats.md.

    The score is the dot product; of an index with cosine similarity the vectors were brought to length 1, and queries
    are. A document whose vector is zero (an empty text) scores 0 and is ranked like any other.

    Attributes:
        vectors: [n, d] float32, memory-mapped.
        spec: the encoder.
        nearest: finds the nearest vectors.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        if manifest.encoder is None:
            raise BadInput(f"the index {path} names no encoder", REBUILD)
        self.path = path
        self.manifest = manifest
        self.ids = IdTable(path)
        self.vectors = open_vectors(path / "vectors.npy")
        self.spec = EncoderSpec.from_dict(manifest.encoder)
        if self.vectors.shape != (len(self.ids), self.spec.dim):
            raise BadInput(
                f"the index {path} has vectors {self.vectors.shape} for {len(self.ids)} documents", REBUILD
            )
        self.nearest = open_nearest(path, manifest.params, self.ids.rank, self.vectors)
        self._encoder = RecordedEncoder(self.spec, path / "encoder", load_encoder)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an index; raises `BadInput` when it is missing, damaged or of another kind."""
        return cls(path, read_manifest(path, ("dense",), REBUILD))

    @property
    def built(self) -> Mapping[str, object]:
        """The approximate engine that the index was built for."""
        return {"engine": self.manifest.params.get("ann", {}).get("engine", "flat")}

    def prepare(self, options: SearchOptions) -> None:
        """See `intrex.retrievers.base.Index.prepare`."""
        self.nearest.prepare(DenseSearch.of(options))

    def search(self, queries: Queries, options: SearchOptions, encoder: Encoder | None = None) -> Run:
        """The ``k`` best documents of each query, the same bits for any batch size, thread count and engine.

        Queries are encoded in batches of a fixed size, so that ``options.batch_size`` cannot touch their vectors.

        Args:
            queries: ids and texts.
            options: how to search; ``device`` is where queries are encoded.
            encoder: encodes the queries instead of the one that the index records; it must be the same.

        Raises:
            BadInput: ``encoder`` is another one than the index was built with, or the recorded one is gone.
        """
        encoder = self._encoder.get(options.device, encoder)
        builder = RunBuilder(self.ids, "dense")
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            names = queries.ids[start : start + QUERIES_AT_ONCE]
            vectors = encoder.encode(queries.texts[start : start + QUERIES_AT_ONCE], "query")
            for name, (rows, scores) in zip(names, self.rank(vectors, options), strict=True):
                builder.add(name, rows, scores)
        return builder.run()

    def rank(self, vectors: Float32s, options: SearchOptions) -> Iterator[tuple[Rows, Scores]]:
        """Rows and float32 scores of the ``k`` best documents for each of ``vectors`` [q, d], best first.

        Raises:
            BadInput: a vector has another dimension, is not finite, or so long that scores overflow.
        """
        if self.manifest.params["similarity"] == "cosine":
            vectors = unit(vectors)
        yield from self.nearest.rank(vectors, DenseSearch.of(options))

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Exact scores of given rows for each query; see `intrex.retrievers.rerank.index.Rescorer`."""
        vectors = self._encoder.get(options.device).encode(queries, "query")
        vectors = unit(vectors) if self.manifest.params["similarity"] == "cosine" else vectors
        for some, query in zip(rows, vectors, strict=True):
            yield self.nearest.score(query, some)

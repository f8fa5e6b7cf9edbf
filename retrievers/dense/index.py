"""The dense index: one vector a document, searched exactly; built block by block, resumed after a kill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.collection import Collection, Document, Queries
from intrex.data.errors import BadInput
from intrex.data.ids import IdTable
from intrex.data.io.files import fingerprint
from intrex.data.numeric.rows import row_norms, unit
from intrex.data.progress import Progress, no_progress
from intrex.data.run import Run
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Build, Manifest, build_artifact, read_manifest
from intrex.data.store.vectors import VectorWriter, open_vectors
from intrex.encoders.base import Encoder, load_encoder
from intrex.retrievers.base import RunBuilder, SearchOptions
from intrex.retrievers.encoded import (
    BLOCK,
    QUERIES_AT_ONCE,
    RecordedEncoder,
    library_versions,
    write_documents,
)
from intrex.retrievers.vectors.nearest import add_ann, open_nearest
from intrex.retrievers.vectors.options import FLAT, AnnConfig

REBUILD = "intrex index dense COLLECTION OUT --overwrite"


class DenseIndex:
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
        yield from self.nearest.rank(vectors, options)

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Exact scores of given rows for each query; see `intrex.retrievers.rerank.index.Rescorer`."""
        vectors = self._encoder.get(options.device).encode(queries, "query")
        vectors = unit(vectors) if self.manifest.params["similarity"] == "cosine" else vectors
        for some, query in zip(rows, vectors, strict=True):
            yield self.nearest.score(query, some)


def build_dense(
    collection: Collection,
    out: Path,
    encoder: Encoder,
    *,
    overwrite: bool = False,
    ann: AnnConfig = FLAT,
    block: int = BLOCK,
    progress: Progress = no_progress,
) -> DenseIndex:
    """Encode a collection's documents and make an index of them at ``out``, in constant memory but for ``ann``.

    A killed build is resumed at its last saved block by the next one with the same collection, encoder and block.

    Args:
        collection: the documents; ``contents`` is what is encoded.
        out: the folder to make; nothing stands there unless all went well.
        encoder: turns texts into vectors.
        overwrite: replace an existing index.
        ann: what finds the nearest vectors.
        block: documents encoded together. The last bits of a transformer's vectors depend on it.
        progress: called after each block, and once with the documents that an earlier run finished.

    Raises:
        IntrexError: the output exists, or is being built by another process.
        UsageError: ``ann`` cannot be built of these vectors.
        BadInput: the encoder gave NaN or infinity.
    """
    spec = encoder.spec
    ann = ann.resolved(collection.n_documents, spec.dim)
    inputs = fingerprint(["dense", collection.corpus_fingerprint, spec.to_dict(), ann.params(), block])

    def make(build: Build) -> Manifest:
        sink = _DenseSink(build, encoder, collection.n_documents)
        write_documents(build, collection, block, sink, progress)
        encoder.save(build.path / "encoder")
        params = {
            "similarity": _similarity(spec),
            "documents": collection.n_documents,
            "max_norm": sink.longest,
            "block": block,
            **add_ann(build.path, ann),
        }
        return Manifest(
            "dense", collection.corpus_fingerprint, spec.to_dict(), params, versions=library_versions()
        )

    build_artifact(out, inputs, make, overwrite=overwrite)
    return DenseIndex.open(out)


class _DenseSink:
    """Vectors on their way to ``vectors.npy``, and the length of the longest."""

    def __init__(self, build: Build, encoder: Encoder, documents: int) -> None:
        self._encoder = encoder
        done, self.longest = int(build.state.get("rows", 0)), float(build.state.get("longest", 0.0))
        self._vectors = VectorWriter(build.path / "vectors.npy", (documents, encoder.spec.dim), resumed=done)

    def append(self, documents: list[Document]) -> None:
        rows = self._encoder.encode([d.contents for d in documents], "document")
        rows = unit(rows) if _similarity(self._encoder.spec) == "cosine" else rows
        self._vectors.append(rows, lambda i: f"document {documents[i].id}")
        self.longest = max(self.longest, float(row_norms(rows).max()))

    def flush(self) -> dict[str, Any]:
        self._vectors.flush()
        return {"longest": self.longest}

    def close(self) -> None:
        self._vectors.close()


def _similarity(spec: EncoderSpec) -> str:
    return str(spec.params.get("similarity", "dot"))

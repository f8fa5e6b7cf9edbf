"""The dense index: one vector a document, searched exactly; built block by block, resumed after a kill."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Literal, Self

import numpy as np

from intrex.data.artifact import Build, Manifest, build_artifact, read_manifest
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput
from intrex.data.files import fingerprint
from intrex.data.ids import IdTable, IdWriter
from intrex.data.run import Run
from intrex.data.specs import EncoderSpec
from intrex.data.stores import VectorWriter, open_vectors
from intrex.data.threads import blas_threads
from intrex.encoders.base import Encoder, EncoderOptions, Vectors, load_encoder
from intrex.retrievers.ann import faiss_scan
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
from intrex.retrievers.exact import Pool, error_bound, exact_dot, row_norms, unit

BLOCK = 512
"""Documents encoded together. Sorting by length within 512 pads 1 to 3 % more than within 4,096, and a kill loses less."""
SECONDS_BETWEEN_SAVES = 1.0
QUERIES_AT_ONCE = 512
SCANNED_AT_ONCE = 1 << 24
"""Numbers of the vectors that one matrix product reads: 64 MB."""
REBUILD = "intrex index dense COLLECTION OUT --overwrite"
Engine = Literal["numpy", "faiss"]


class DenseIndex:
    """Vectors of a collection's documents with the encoder that made them; see docs/formats.md.

    The score is the dot product; of an index with cosine similarity the vectors were brought to length 1, and queries
    are. A document whose vector is zero (an empty text) scores 0 and is ranked like any other.

    Attributes:
        vectors: [n, d] float32, memory-mapped.
        spec: the encoder.
        engine: what finds the candidates of a search, ``numpy`` or ``faiss``; the result is the same.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        if manifest.encoder is None:
            raise BadInput(f"the index {path} names no encoder", REBUILD)
        self.path = path
        self.manifest = manifest
        self.ids = IdTable(path)
        self.vectors = open_vectors(path / "vectors.npy")
        self.spec = EncoderSpec.from_dict(manifest.encoder)
        self.engine: Engine = "numpy"
        if self.vectors.shape != (len(self.ids), self.spec.dim):
            raise BadInput(
                f"the index {path} has vectors {self.vectors.shape} for {len(self.ids)} documents", REBUILD
            )
        self._encoders: dict[str | None, Encoder] = {}

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
        encoder = self._encoder(options.device) if encoder is None else self._checked(encoder)
        builder = RunBuilder(self.ids, "dense")
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            names = queries.ids[start : start + QUERIES_AT_ONCE]
            vectors = encoder.encode(queries.texts[start : start + QUERIES_AT_ONCE], "query")
            for name, (rows, scores) in zip(names, self.rank(vectors, options), strict=True):
                builder.add(name, rows, scores)
        return builder.run()

    def rank(self, vectors: Vectors, options: SearchOptions) -> Iterator[tuple[Rows, Scores]]:
        """Rows and float32 scores of the ``k`` best documents for each of ``vectors`` [q, d], best first.

        Raises:
            BadInput: a vector has another dimension, is not finite, or so long that scores overflow.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.spec.dim:
            raise BadInput(
                f"query vectors of {vectors.shape[-1]} dimensions do not fit the index's {self.spec.dim}"
            )
        if self.manifest.params["similarity"] == "cosine":
            vectors = unit(vectors)
        for start in range(0, len(vectors), options.batch_size):
            batch = np.ascontiguousarray(vectors[start : start + options.batch_size], np.float32)
            with blas_threads(options.threads):
                found = [
                    self._best(q, rows, options.k, options.ties)
                    for q, rows in zip(batch, self._candidates(batch, options), strict=True)
                ]
            yield from found
            options.progress(len(batch))

    def _candidates(self, batch: Vectors, options: SearchOptions) -> list[Rows]:
        """For each query the rows, ascending, among which the exact ``k`` best are, ties at the cut included."""
        longest = float(self.manifest.params["max_norm"])
        norms = row_norms(batch)
        if not np.isfinite(norms).all() or norms.max(initial=0.0) * longest > 3e38:
            raise BadInput(
                "a query's vector is not finite, or so long that its scores overflow",
                "check the encoder and its --dtype",
            )
        pools = [Pool(options.k, 2 * error_bound(self.spec.dim, norm, longest)) for norm in norms.tolist()]
        step = max(1, SCANNED_AT_ONCE // self.spec.dim)
        for start in range(0, len(self.vectors), step):
            block = self.vectors[start : start + step]
            if self.engine == "faiss":
                faiss_scan(batch, block, start, pools, options.k, options.threads)
                continue
            for pool, scores in zip(pools, batch @ block.T, strict=True):
                pool.add(scores, start=start)
        return [np.sort(pool.rows) for pool in pools]

    def _best(self, query: Vectors, rows: Rows, k: int, ties: str) -> tuple[Rows, Scores]:
        scores = exact_dot(self.vectors, rows, query)
        best = top_k(scores, tie_rank(self.ids.rank[rows], ties), k)
        return rows[best], scores[best]

    def _encoder(self, device: str | None) -> Encoder:
        if device not in self._encoders:
            self._encoders[device] = load_encoder(
                self.spec, self.path / "encoder", EncoderOptions(device=device)
            )
        return self._encoders[device]

    def _checked(self, encoder: Encoder) -> Encoder:
        if encoder.spec.fingerprint != self.spec.fingerprint:
            raise BadInput(
                f"the queries' encoder {_label(encoder.spec)} is not the index's {_label(self.spec)}",
                "search with the encoder that the index was built with, or rebuild the index",
            )
        return encoder


def build_dense(
    collection: Collection,
    out: Path,
    encoder: Encoder,
    *,
    overwrite: bool = False,
    block: int = BLOCK,
    progress: Progress = no_progress,
) -> DenseIndex:
    """Encode a collection's documents and make an index of them at ``out``, in constant memory.

    A killed build is resumed at its last saved block by the next one with the same collection, encoder and block.

    Args:
        collection: the documents; ``contents`` is what is encoded.
        out: the folder to make; nothing stands there unless all went well.
        encoder: turns texts into vectors.
        overwrite: replace an existing index.
        block: documents encoded together. The last bits of a transformer's vectors depend on it.
        progress: called after each block, and once with the documents that an earlier run finished.

    Raises:
        IntrexError: the output exists, or is being built by another process.
        BadInput: the encoder gave NaN or infinity.
    """
    spec = encoder.spec
    inputs = fingerprint(["dense", collection.corpus_fingerprint, spec.to_dict(), block])

    def make(build: Build) -> Manifest:
        longest = _write_vectors(build, collection, encoder, block, progress)
        encoder.save(build.path / "encoder")
        params = {
            "similarity": _similarity(spec),
            "documents": collection.n_documents,
            "max_norm": longest,
            "block": block,
        }
        return Manifest("dense", collection.corpus_fingerprint, spec.to_dict(), params, versions=_versions())

    build_artifact(out, inputs, make, overwrite=overwrite)
    return DenseIndex.open(out)


def _write_vectors(
    build: Build, collection: Collection, encoder: Encoder, block: int, progress: Progress
) -> float:
    """Write vectors and ids from the last saved block on; returns the length of the longest vector."""
    done, longest = int(build.state.get("rows", 0)), float(build.state.get("longest", 0.0))
    cosine = _similarity(encoder.spec) == "cosine"
    vectors = VectorWriter(build.path / "vectors.npy", (collection.n_documents, encoder.spec.dim), done)
    ids = IdWriter(build.path)
    documents = collection.documents()
    for start in range(0, done, block):
        ids.extend([d.id for d in islice(documents, min(block, done - start))])
    if done:
        progress(done)
    saved = time.monotonic()
    while texts := list(islice(documents, block)):
        rows = encoder.encode([d.contents for d in texts], "document")
        rows = unit(rows) if cosine else rows
        vectors.append(rows)
        ids.extend([d.id for d in texts])
        longest = max(longest, float(row_norms(rows).max()))
        if time.monotonic() - saved >= SECONDS_BETWEEN_SAVES:
            vectors.flush()
            build.save_state(rows=vectors.rows, longest=longest)
            saved = time.monotonic()
        progress(len(texts))
    vectors.close()
    ids.close()
    return longest


def _similarity(spec: EncoderSpec) -> str:
    return str(spec.params.get("similarity", "dot"))


def _label(spec: EncoderSpec) -> str:
    return f"{spec.kind}:{spec.name} ({spec.revision[:19] or 'no revision'}, fingerprint {spec.fingerprint[:12]})"


def _versions() -> dict[str, str]:
    """Versions of the libraries that made the vectors."""
    names = ("numpy", "torch", "transformers", "sentence_transformers", "tokenizers")
    return {name: version(name) for name in names if name in sys.modules}

"""Building a dense index, block by block; a killed build is resumed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from intrex.data.arrays import Float32s
from intrex.data.collection import Collection
from intrex.data.io.files import fingerprint
from intrex.data.numeric.rows import row_norms, unit
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import VectorWriter
from intrex.encoders.base import Encoder, make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.dense.index import DenseIndex
from intrex.retrievers.encoded import Sink, builder_of, cut_params, library_versions, write_documents
from intrex.retrievers.options import BuildTask
from intrex.retrievers.vectors.nearest import add_ann
from intrex.retrievers.vectors.options import FLAT, AnnConfig

log = logging.getLogger("intrex")


def build_dense(
    collection: Collection, task: BuildTask, encoder: Encoder, ann: AnnConfig = FLAT
) -> DenseIndex:
    """Encode a collection's documents and make an index of them at ``out``, in constant memory but for ``ann``.

    A killed build is resumed at its last saved block by the next one with the same collection, encoder and block.

    Raises:
        IntrexError: the output exists, or is being built by another process.
        UsageError: ``ann`` cannot be built of these vectors.
        BadInput: the encoder gave NaN or infinity.
    """
    spec, corpus = encoder.spec, collection.corpus_fingerprint
    ann = ann.resolved(collection.n_documents, spec.dim)

    def make(build: Build) -> Manifest:
        sink = _DenseSink(build, spec, collection.n_documents)
        cut = write_documents(build, collection, encoder, sink, task)
        if spec.kind == "static" and sink.zeros:
            _note_unknown(sink.zeros, collection.n_documents)
        encoder.save(build.path / "encoder")
        params = {
            "similarity": _similarity(spec),
            "documents": collection.n_documents,
            "max_norm": sink.longest,
            "block": task.block,
            **cut_params(cut),
            **add_ann(build.path, ann),
        }
        return Manifest("dense", corpus, spec.to_dict(), params, versions=library_versions())

    inputs = fingerprint(["dense", corpus, spec.to_dict(), ann.params(), task.block])
    build_artifact(task.out, inputs, make, overwrite=task.overwrite)
    return DenseIndex.open(task.out)


def _note_unknown(count: int, documents: int) -> None:
    verb = "has" if count == 1 else "have"
    log.info("%s of %s texts %s no known token, their vectors are zero", f"{count:,}", f"{documents:,}", verb)


class _DenseSink(Sink[Float32s]):
    """Vectors on their way to ``vectors.npy``, the length of the longest, and the number of zero vectors."""

    def __init__(self, build: Build, spec: EncoderSpec, documents: int) -> None:
        self._cosine = _similarity(spec) == "cosine"
        rows, self.longest = int(build.state.get("rows", 0)), float(build.state.get("longest", 0.0))
        self.zeros = int(build.state.get("zeros", 0))
        self._vectors = VectorWriter(build.path / "vectors.npy", (documents, spec.dim), resumed=rows)
        self.writers = [self._vectors]

    def append(self, encoded: Float32s, names: Sequence[str]) -> None:
        rows = unit(encoded) if self._cosine else encoded
        self._vectors.append(rows, lambda i: f"document {names[i]}")
        norms = row_norms(rows)
        self.longest = max(self.longest, float(norms.max()))
        self.zeros += int((norms == 0).sum())

    @property
    def state(self) -> dict[str, Any]:
        return {"longest": self.longest, "zeros": self.zeros}


def _similarity(spec: EncoderSpec) -> str:
    return str(spec.params.get("similarity", "dot"))


build = builder_of(make_encoder, EncoderOptions, build_dense, AnnConfig.require_engine)
"""Build as ``intrex index dense`` does; return the number of documents."""

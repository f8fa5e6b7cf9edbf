"""Building a multi-vector index, block by block; a killed build is resumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from intrex.data.collection import Collection
from intrex.data.errors import BadInput
from intrex.data.io.files import fingerprint
from intrex.data.numeric.rows import row_norms
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import PackedVectors, PackedWriter, VectorWriter
from intrex.encoders.base import TokenEncoder, make_token_encoder
from intrex.encoders.options import TokenEncoderOptions
from intrex.retrievers.encoded import Sink, builder_of, cut_params, library_versions, write_documents
from intrex.retrievers.multivector.compressed import compress
from intrex.retrievers.multivector.index import SINGLE, MultiVectorIndex
from intrex.retrievers.multivector.options import FLOAT16, TokenStore
from intrex.retrievers.options import BuildTask


def build_multivector(
    collection: Collection, task: BuildTask, encoder: TokenEncoder, options: TokenStore = FLOAT16
) -> MultiVectorIndex:
    """Encode the tokens of a collection's documents and make an index of them at ``out``, in constant memory.

    A killed build is resumed at its last saved block by the next one with the same arguments.

    Args:
        collection: the documents; ``contents`` is what is encoded.
        task: where the index is made, and how.
        encoder: turns a text into token vectors.
        options: how vectors are stored; with ``nbits`` the vectors so stored are compressed
            (`intrex.retrievers.multivector.residual`), and only that is kept.

    Raises:
        IntrexError: the output exists, or is being built by another process.
        BadInput: the encoder gave NaN, infinity or a number that ``store`` cannot hold (the document is named), or
            not one token in the whole collection.
    """
    spec, corpus = encoder.spec, collection.corpus_fingerprint
    store, bits = options.store, options.nbits

    def make(build: Build) -> Manifest:
        if "compressed" not in build.state:
            sink = _TokenSink(build, spec, store)
            cut = write_documents(build, collection, encoder, sink, task)
            documents, tokens = sink.written
            if not tokens:
                raise BadInput(
                    f"not one of the {documents:,} documents has a token", "nothing could ever be found in it"
                )
            build.save_state(**sink.state, rows=documents, cut=cut)
        else:
            task.stage("encoding", collection.n_documents)(collection.n_documents)
        codec = {} if bits is None else compress(build, bits, task.stage)
        encoder.save(build.path / "encoder")
        params = {
            "documents": build.state["rows"],
            "tokens": build.state["tokens"],
            "store": store if bits is None else "residual",
            "max_norm": build.state["longest"],
            "block": task.block,
            **cut_params(int(build.state.get("cut", 0))),
            **codec,
        }
        if "single" in build.state:
            params["single_max_norm"] = build.state["single"]
        return Manifest("multivector", corpus, spec.to_dict(), params, versions=library_versions())

    inputs = fingerprint(["multivector", corpus, spec.to_dict(), store, bits, task.block])
    build_artifact(task.out, inputs, make, overwrite=task.overwrite)
    return MultiVectorIndex.open(task.out)


class _TokenSink(Sink[PackedVectors]):
    """Token and single vectors on their way to disk, and the lengths of the longest as they are stored."""

    def __init__(self, build: Build, spec: EncoderSpec, store: str) -> None:
        self._dtype = np.dtype(store)
        rows, tokens = (int(build.state.get(key, 0)) for key in ("rows", "tokens"))
        self._longest = float(build.state.get("longest", 0.0))
        self._shortest = float(build.state.get("shortest", np.inf))
        self._longest_single = float(build.state.get("single", 0.0))
        self._tokens = PackedWriter(build.path, spec.dim, self._dtype, (rows, tokens))
        self._single: VectorWriter | None = None
        if "single" in spec.params:
            shape = None, spec.params["single_dim"]
            self._single = VectorWriter(build.path / SINGLE, shape, resumed=rows)
        self.writers = [w for w in (self._tokens, self._single) if w is not None]

    @property
    def written(self) -> tuple[int, int]:
        return self._tokens.written

    def append(self, encoded: PackedVectors, names: Sequence[str]) -> None:
        def name(i: int) -> str:
            return f"document {names[i]}"

        self._tokens.append(encoded, name)
        if self._single is not None and encoded.single is not None:
            self._single.append(encoded.single, name)
            self._longest_single = max(
                self._longest_single, float(row_norms(encoded.single).max(initial=0.0))
            )
        norms = row_norms(encoded.vectors.astype(self._dtype, copy=False).astype(np.float32, copy=False))
        self._longest = max(self._longest, float(norms.max(initial=0.0)))
        self._shortest = min(self._shortest, float(norms.min(initial=np.inf)))

    @property
    def state(self) -> dict[str, Any]:
        state = {"tokens": self.written[1], "longest": self._longest, "shortest": self._shortest}
        return state if self._single is None else {**state, "single": self._longest_single}


build = builder_of(make_token_encoder, TokenEncoderOptions, build_multivector)
"""Build as ``intrex index multivector`` does; return the number of documents."""

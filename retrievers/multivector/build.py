"""Building a multi-vector index, block by block; a killed build is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.collection import Collection, Document
from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.io.files import fingerprint, refuse_existing
from intrex.data.numeric.rows import row_norms
from intrex.data.progress import Progress, no_progress
from intrex.data.store.artifact import Build, Manifest, build_artifact
from intrex.data.store.vectors import PackedWriter, VectorWriter
from intrex.encoders.base import TokenEncoder, make_token_encoder
from intrex.encoders.options import TokenEncoderOptions
from intrex.retrievers.encoded import BLOCK, library_versions, write_documents
from intrex.retrievers.multivector.compressed import compress
from intrex.retrievers.multivector.index import SINGLE, MultiVectorIndex
from intrex.retrievers.multivector.options import BITS, STORES, MultiVectorBuild
from intrex.retrievers.options import Stage, no_stage


def check_store(store: str, bits: int | None) -> None:
    """Raise `UsageError` unless vectors can be kept so."""
    if store not in STORES:
        raise UsageError(f"unknown store {store!r}", nearest_name(store, STORES))
    if bits not in (None, *BITS):
        raise UsageError(f"residuals of {bits} bits a dimension", f"known: {', '.join(map(str, BITS))}")


def build_multivector(
    collection: Collection,
    out: Path,
    encoder: TokenEncoder,
    *,
    store: str = "float16",
    bits: int | None = None,
    overwrite: bool = False,
    block: int = BLOCK,
    progress: Progress = no_progress,
    stage: Stage = no_stage,
) -> MultiVectorIndex:
    """Encode the tokens of a collection's documents and make an index of them at ``out``, in constant memory.

    A killed build is resumed at its last saved block by the next one with the same arguments.

    Args:
        collection: the documents; ``contents`` is what is encoded.
        out: the folder to make; nothing stands there unless all went well.
        encoder: turns a text into token vectors.
        store: the type of the vectors on disk, one of `STORES`.
        bits: 1, 2 or 4: then the vectors so stored are compressed (`intrex.retrievers.multivector.residual`), and only that is kept.
        overwrite: replace an existing index.
        block: documents encoded together. The last bits of a transformer's vectors depend on it.
        progress: called after each block, and once with the documents that an earlier run finished.
        stage: begins the progress of what follows the encoding.

    Raises:
        IntrexError: the output exists, or is being built by another process.
        UsageError: unknown ``store``, or another number of bits.
        BadInput: the encoder gave NaN, infinity or a number that ``store`` cannot hold (the document is named), or
            not one token in the whole collection.
    """
    check_store(store, bits)
    spec = encoder.spec
    inputs = fingerprint(["multivector", collection.corpus_fingerprint, spec.to_dict(), store, bits, block])

    def make(build: Build) -> Manifest:
        if "compressed" not in build.state:
            sink = _TokenSink(build, encoder, store)
            write_documents(build, collection, block, sink, progress)
            if not sink.written[1]:
                raise BadInput(
                    f"not one of the {sink.written[0]:,} documents has a token",
                    "nothing could ever be found in it",
                )
            build.save_state(**sink.state, rows=sink.written[0])
        else:
            progress(collection.n_documents)
        compressed = {} if bits is None else compress(build, bits, stage)
        encoder.save(build.path / "encoder")
        params = {
            "documents": build.state["rows"],
            "tokens": build.state["tokens"],
            "store": store if bits is None else "residual",
            "max_norm": build.state["longest"],
            "block": block,
            **compressed,
        }
        if "single" in build.state:
            params["single_max_norm"] = build.state["single"]
        return Manifest(
            "multivector", collection.corpus_fingerprint, spec.to_dict(), params, versions=library_versions()
        )

    build_artifact(out, inputs, make, overwrite=overwrite)
    return MultiVectorIndex.open(out)


class _TokenSink:
    """Token and single vectors on their way to disk, and the lengths of the longest as they are stored."""

    def __init__(self, build: Build, encoder: TokenEncoder, store: str) -> None:
        self._encoder, self._dtype = encoder, np.dtype(store)
        done = int(build.state.get("rows", 0)), int(build.state.get("tokens", 0))
        self.longest = float(build.state.get("longest", 0.0))
        self.shortest = float(build.state.get("shortest", np.inf))
        self._writer = PackedWriter(build.path, encoder.spec.dim, self._dtype, done)
        self._single: VectorWriter | None = None
        if "single" in encoder.spec.params:
            shape = None, encoder.spec.params["single_dim"]
            self._single = VectorWriter(build.path / SINGLE, shape, resumed=done[0])
        self.longest_single = float(build.state.get("single", 0.0))

    @property
    def written(self) -> tuple[int, int]:
        return self._writer.written

    def append(self, documents: list[Document]) -> None:
        packed = self._encoder.encode([d.contents for d in documents], "document")

        def name(i: int) -> str:
            return f"document {documents[i].id}"

        self._writer.append(packed, name)
        if self._single is not None and packed.single is not None:
            self._single.append(packed.single, name)
            self.longest_single = max(self.longest_single, float(row_norms(packed.single).max(initial=0.0)))
        stored = packed.vectors.astype(self._dtype, copy=False).astype(np.float32, copy=False)
        norms = row_norms(stored)
        self.longest = max(self.longest, float(norms.max(initial=0.0)))
        self.shortest = min(self.shortest, float(norms.min(initial=np.inf)))

    @property
    def state(self) -> dict[str, Any]:
        single = {} if self._single is None else {"single": self.longest_single}
        return {"tokens": self.written[1], "longest": self.longest, "shortest": self.shortest, **single}

    def flush(self) -> dict[str, Any]:
        self._writer.flush()
        if self._single is not None:
            self._single.flush()
        return self.state

    def close(self) -> None:
        self._writer.close()
        if self._single is not None:
            self._single.close()


def build(
    source: Path, out: Path, options: MultiVectorBuild, *, overwrite: bool = False, stage: Stage = no_stage
) -> int:
    """Build as ``intrex index multivector`` does; return the number of documents.

    Raises as `build_multivector` and `make_token_encoder`.
    """
    collection = Collection.open(source)
    refuse_existing(out, overwrite)  # before the model is loaded
    encoder = make_token_encoder(options.encoder, options.part(TokenEncoderOptions))
    step = stage("encoding", collection.n_documents)
    build_multivector(
        collection,
        out,
        encoder,
        store=options.store,
        bits=options.nbits,
        overwrite=overwrite,
        progress=step,
        stage=stage,
    )
    return collection.n_documents

"""Building an index of encoded term weights, block by block; a killed build is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from intrex.data.collection import Collection, Document
from intrex.data.io.files import fingerprint, refuse_existing
from intrex.data.progress import Progress, no_progress
from intrex.data.store.artifact import Build, Manifest, build_artifact
from intrex.encoders.base import SparseEncoder, make_sparse_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.encoded import BLOCK, library_versions, write_documents
from intrex.retrievers.options import Stage, no_stage
from intrex.retrievers.sparse.index import KIND, LAYOUT, ImpactIndex
from intrex.retrievers.sparse.options import SparseBuild
from intrex.retrievers.sparse.storage import ForwardWriter, check_bits, finish, remove_forward, settle


def build_sparse(
    collection: Collection,
    out: Path,
    encoder: SparseEncoder,
    *,
    quantize: int | None = None,
    overwrite: bool = False,
    block: int = BLOCK,
    progress: Progress = no_progress,
) -> ImpactIndex:
    """Encode a collection's documents and make an index of their term weights at ``out``, in constant memory.

    A killed build is resumed at its last saved block by the next one with the same collection, encoder and block.

    Args:
        collection: the documents; ``contents`` is what is encoded.
        out: the folder to make; nothing stands there unless all went well.
        encoder: turns texts into term weights.
        quantize: see `intrex.retrievers.sparse.storage.choose_storage`.
        overwrite: replace an existing index.
        block: documents encoded together. The last bits of a model's weights depend on it.
        progress: called after each block, and once with the documents that an earlier run finished.

    Raises:
        UsageError: ``quantize`` is neither 8 nor 16 nor None.
        IntrexError: the output exists, or is being built by another process.
        BadInput: the encoder gave weights that are negative or not finite.
    """
    check_bits(quantize)
    spec = encoder.spec
    inputs = fingerprint([KIND, LAYOUT, collection.corpus_fingerprint, spec.to_dict(), block, quantize])

    def make(build: Build) -> Manifest:
        if "params" not in build.state:
            write_documents(build, collection, block, _Sink(build, encoder), progress)
            encoder.save(build.path / "encoder")
            counts = finish(build.path, encoder.terms(), quantize)
            params = {"layout": LAYOUT, "documents": collection.n_documents, **counts, "block": block}
            settle(build, params)
        remove_forward(build.path)
        params = build.state["params"]
        return Manifest(
            KIND, collection.corpus_fingerprint, spec.to_dict(), params, versions=library_versions()
        )

    build_artifact(out, inputs, make, overwrite=overwrite)
    return ImpactIndex.open(out)


class _Sink:
    """Documents' weights on their way to disk."""

    def __init__(self, build: Build, encoder: SparseEncoder) -> None:
        self._encoder = encoder
        self._forward = ForwardWriter(
            build.path, int(build.state.get("rows", 0)), int(build.state.get("entries", 0))
        )

    def append(self, documents: list[Document]) -> None:
        self._forward.append(self._encoder.encode([d.contents for d in documents], "document"))

    def flush(self) -> dict[str, Any]:
        self._forward.flush()
        return {"entries": self._forward.entries}

    def close(self) -> None:
        self._forward.close()


def build(
    source: Path, out: Path, options: SparseBuild, *, overwrite: bool = False, stage: Stage = no_stage
) -> int:
    """Build as ``intrex index sparse`` does; return the number of documents.

    Raises as `build_sparse` and `make_sparse_encoder`.
    """
    collection = Collection.open(source)
    refuse_existing(out, overwrite)  # before the model is loaded
    encoder = make_sparse_encoder(options.encoder, options.part(EncoderOptions))
    step = stage("encoding", collection.n_documents)
    build_sparse(collection, out, encoder, quantize=options.quantize, overwrite=overwrite, progress=step)
    return collection.n_documents

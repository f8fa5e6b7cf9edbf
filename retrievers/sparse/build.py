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
from intrex.retrievers.encoded import BLOCK, Sink, library_versions, write_documents
from intrex.retrievers.options import Stage, no_stage
from intrex.retrievers.sparse.index import KIND, LAYOUT, ImpactIndex
from intrex.retrievers.sparse.options import EXACT, Quantized, SparseBuild
from intrex.retrievers.sparse.storage import ForwardWriter, finish, remove_forward, settle


def build_sparse(
    collection: Collection,
    out: Path,
    encoder: SparseEncoder,
    options: Quantized = EXACT,
    *,
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
        options: how weights are stored, see `intrex.retrievers.sparse.storage.choose_storage`.
        overwrite: replace an existing index.
        block: documents encoded together. The last bits of a model's weights depend on it.
        progress: called after each block, and once with the documents that an earlier run finished.

    Raises:
        IntrexError: the output exists, or is being built by another process.
        BadInput: the encoder gave weights that are negative or not finite.
    """
    spec, corpus = encoder.spec, collection.corpus_fingerprint

    def make(build: Build) -> Manifest:
        if "params" not in build.state:
            write_documents(build, collection, block, _SparseSink(build, encoder), progress)
            encoder.save(build.path / "encoder")
            counts = finish(build.path, encoder.terms(), options.quantize)
            settle(build, {"layout": LAYOUT, "documents": collection.n_documents, **counts, "block": block})
        remove_forward(build.path)
        return Manifest(KIND, corpus, spec.to_dict(), build.state["params"], versions=library_versions())

    inputs = fingerprint([KIND, LAYOUT, corpus, spec.to_dict(), block, options.quantize])
    build_artifact(out, inputs, make, overwrite=overwrite)
    return ImpactIndex.open(out)


class _SparseSink(Sink):
    """Documents' weights on their way to disk."""

    def __init__(self, build: Build, encoder: SparseEncoder) -> None:
        self._encoder = encoder
        rows, entries = (int(build.state.get(key, 0)) for key in ("rows", "entries"))
        self._forward = ForwardWriter(build.path, rows, entries)
        self.writers = [self._forward]

    def append(self, documents: list[Document]) -> None:
        self._forward.append(self._encoder.encode([d.contents for d in documents], "document"))

    @property
    def state(self) -> dict[str, Any]:
        return {"entries": self._forward.entries}


def build(
    source: Path, out: Path, options: SparseBuild, *, overwrite: bool = False, stage: Stage = no_stage
) -> int:
    """Build as ``intrex index sparse`` does; return the number of documents.

    Raises as `build_sparse` and `make_sparse_encoder`.
    """
    collection = Collection.open(source)
    refuse_existing(out, overwrite)  # before the model is loaded
    encoder = make_sparse_encoder(options.encoder, options.part(EncoderOptions))
    progress = stage("encoding", collection.n_documents)
    build_sparse(collection, out, encoder, options, overwrite=overwrite, progress=progress)
    return collection.n_documents

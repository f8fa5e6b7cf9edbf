"""Building an index of encoded term weights, block by block; a killed build is resumed."""

from __future__ import annotations

from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.io.files import fingerprint, refuse_existing
from intrex.data.store.artifact import Build, Manifest, build_artifact
from intrex.encoders.base import SparseEncoder, make_sparse_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.encoded import library_versions, write_documents
from intrex.retrievers.options import USUAL, BuildSettings
from intrex.retrievers.sparse.index import KIND, LAYOUT, ImpactIndex
from intrex.retrievers.sparse.options import EXACT, Quantized, SparseBuild
from intrex.retrievers.sparse.storage import ForwardWriter, finish, remove_forward, settle


def build_sparse(
    collection: Collection,
    out: Path,
    encoder: SparseEncoder,
    options: Quantized = EXACT,
    settings: BuildSettings = USUAL,
) -> ImpactIndex:
    """Encode a collection's documents and make an index of their term weights at ``out``, in constant memory.

    A killed build is resumed at its last saved block by the next one with the same collection, encoder and block.

    Raises:
        IntrexError: the output exists, or is being built by another process.
        BadInput: the encoder gave weights that are negative or not finite.
    """
    spec, corpus = encoder.spec, collection.corpus_fingerprint

    def make(build: Build) -> Manifest:
        if "params" not in build.state:
            rows, entries = (int(build.state.get(key, 0)) for key in ("rows", "entries"))
            write_documents(build, collection, encoder, ForwardWriter(build.path, rows, entries), settings)
            encoder.save(build.path / "encoder")
            counts = finish(build.path, encoder.terms(), options.quantize)
            params = {"layout": LAYOUT, "documents": collection.n_documents}
            settle(build, {**params, **counts, "block": settings.block})
        remove_forward(build.path)
        return Manifest(KIND, corpus, spec.to_dict(), build.state["params"], versions=library_versions())

    inputs = fingerprint([KIND, LAYOUT, corpus, spec.to_dict(), settings.block, options.quantize])
    build_artifact(out, inputs, make, overwrite=settings.overwrite)
    return ImpactIndex.open(out)


def build(source: Path, out: Path, options: SparseBuild, settings: BuildSettings) -> int:
    """Build as ``intrex index sparse`` does; return the number of documents.

    Raises as `build_sparse` and `make_sparse_encoder`.
    """
    collection = Collection.open(source)
    refuse_existing(out, settings.overwrite)  # before the model is loaded
    encoder = make_sparse_encoder(options.encoder, options.part(EncoderOptions))
    build_sparse(collection, out, encoder, options, settings)
    return collection.n_documents

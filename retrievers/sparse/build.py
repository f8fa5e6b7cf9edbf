"""Building an index of encoded term weights, block by block; a killed build is resumed."""

from __future__ import annotations

from intrex.data.collection import Collection
from intrex.data.io.files import fingerprint
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest
from intrex.encoders.base import SparseEncoder, make_sparse_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.encoded import builder_of, cut_params, library_versions, write_documents
from intrex.retrievers.options import BuildTask
from intrex.retrievers.sparse.index import KIND, LAYOUT, ImpactIndex
from intrex.retrievers.sparse.options import EXACT, Quantized
from intrex.retrievers.sparse.storage import ForwardWriter, finish, remove_forward, settle


def build_sparse(
    collection: Collection, task: BuildTask, encoder: SparseEncoder, options: Quantized = EXACT
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
            cut = write_documents(build, collection, encoder, ForwardWriter(build.path, rows, entries), task)
            encoder.save(build.path / "encoder")
            counts = finish(build.path, encoder.terms(), options.quantize)
            params = {"layout": LAYOUT, "documents": collection.n_documents}
            settle(build, {**params, **counts, "block": task.block, **cut_params(cut)})
        remove_forward(build.path)
        return Manifest(KIND, corpus, spec.to_dict(), build.state["params"], versions=library_versions())

    inputs = fingerprint([KIND, LAYOUT, corpus, spec.to_dict(), task.block, options.quantize])
    build_artifact(task.out, inputs, make, overwrite=task.overwrite)
    return ImpactIndex.open(task.out)


build = builder_of(make_sparse_encoder, EncoderOptions, build_sparse)
"""Build as ``intrex index sparse`` does; return the number of documents."""

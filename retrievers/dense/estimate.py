"""Estimate of a dense index: its files as docs/formats.md has them, and the memory of its build."""

from __future__ import annotations

from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.npy import HEADER
from intrex.data.system.machine import require_memory
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.dense.options import DenseBuild
from intrex.retrievers.estimate import HINT, NORMS, Estimate, draw
from intrex.retrievers.options import BLOCK
from intrex.retrievers.vectors.ann import load_faiss
from intrex.retrievers.vectors.sizes import index_bytes


def estimate(source: Path, out: Path, options: DenseBuild) -> Estimate:
    """Estimate as ``intrex index dense --estimate`` does.

    Raises:
        IntrexError: one block of the vectors needs more memory than there is.
        UsageError: the engine cannot be built of these vectors, or as `make_encoder`.
    """
    encoder = make_encoder(options.encoder, options.part(EncoderOptions))
    collection = Collection.open(source)
    n, dim = collection.n_documents, encoder.spec.dim
    ann = options.resolved(n, dim)
    if ann.engine != "flat":
        load_faiss()
    block = (4 + NORMS) * min(n, BLOCK) * dim
    require_memory(block, f"encoding {min(n, BLOCK)} vectors of {dim:,} dimensions", HINT)
    sample = draw(collection, encoder)
    vectors = HEADER + 4 * n * dim
    index, building, mapped = index_bytes(ann, n, dim)
    disk = vectors + index + sample.files
    memory = sample.memory((block, 0), (building, mapped))
    return Estimate.of(n, sample.texts, dim, n, disk, 0, memory, sample.seconds, sample.cut)

"""The estimate of a dense index: its files as docs/formats.md has them, and what its build holds."""

from __future__ import annotations

from intrex.data.collection import Collection
from intrex.data.system.machine import require_memory
from intrex.encoders.base import Encoder
from intrex.retrievers.encoded import BLOCK
from intrex.retrievers.estimate import HEADER, HINT, NORMS, Estimate, hashing_seconds, sample, saved_bytes
from intrex.retrievers.vectors.ann import index_bytes, load_faiss
from intrex.retrievers.vectors.options import FLAT, AnnConfig


def estimate_dense(collection: Collection, encoder: Encoder, *, ann: AnnConfig = FLAT) -> Estimate:
    """What `intrex.retrievers.dense.index.build_dense` will take.

    Raises:
        IntrexError: one block of the vectors needs more memory than there is.
        UsageError: ``ann`` cannot be built of these vectors.
    """
    n, dim = collection.n_documents, encoder.spec.dim
    ann = ann.resolved(n, dim)
    if ann.engine != "flat":
        load_faiss()
    block = (4 + NORMS) * min(n, BLOCK) * dim
    require_memory(block, f"encoding {min(n, BLOCK)} vectors of {dim:,} dimensions", HINT)
    seen = sample(collection, lambda texts: encoder.encode(texts, "document"))
    vectors = HEADER + 4 * n * dim
    searched, held, mapped = index_bytes(ann, n, dim)
    disk = vectors + searched + seen.id_files + saved_bytes(encoder.save)
    memory = seen.memory((block, 0), (held, mapped))
    return Estimate(n, seen.texts, dim, n, disk, disk, *memory, seen.seconds + hashing_seconds(disk))

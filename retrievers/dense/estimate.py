"""The estimate of a dense index: its files as docs/formats.md has them, and what its build holds."""

from __future__ import annotations

from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.system.machine import require_memory
from intrex.encoders.base import Encoder, make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.dense.options import DenseBuild
from intrex.retrievers.encoded import BLOCK
from intrex.retrievers.estimate import HEADER, HINT, NORMS, Estimate, hashing_seconds, sample, saved_bytes
from intrex.retrievers.vectors.ann import index_bytes, load_faiss
from intrex.retrievers.vectors.options import FLAT, AnnConfig


def estimate_dense(collection: Collection, encoder: Encoder, *, ann: AnnConfig = FLAT) -> Estimate:
    """What `intrex.retrievers.dense.build.build_dense` will take.

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


def estimate(source: Path, out: Path, options: DenseBuild) -> Estimate:
    """Estimate as ``intrex index dense --estimate`` does; raises as `estimate_dense` and `make_encoder`."""
    encoder = make_encoder(options.encoder, options.part(EncoderOptions))
    return estimate_dense(Collection.open(source), encoder, ann=options.part(AnnConfig))

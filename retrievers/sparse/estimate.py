"""The estimate of a sparse index: its files as docs/formats.md has them, and what its build holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intrex.data.collection import Collection
from intrex.encoders.base import SparseEncoder, make_sparse_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.estimate import HEADER, Estimate, Line, hashing_seconds, sample, saved_bytes
from intrex.retrievers.inverted.postings import BOUND_BLOCK
from intrex.retrievers.sparse.options import SparseBuild
from intrex.retrievers.sparse.storage import PIECE, check_bits, choose_storage

SORTED = 48
"""Bytes for each weight of a piece that is sorted by term."""


def estimate_sparse(
    collection: Collection, encoder: SparseEncoder, *, quantize: int | None = None
) -> Estimate:
    """What `intrex.retrievers.sparse.build.build_sparse` will take; raises as it does for ``quantize``."""
    check_bits(quantize)
    seen = sample(collection, lambda texts: encoder.encode(texts, "document"))
    n, dim = seen.n, encoder.spec.dim
    weights = seen.encoded
    storage = choose_storage(weights, quantize)
    kept = np.append(0, np.cumsum(storage.stored(weights.weights) != 0))[weights.offsets]
    total = round(Line.fit(seen.sizes, np.diff(kept).astype(np.float64)).total(n, seen.bytes))
    wide = np.dtype(storage.dtype).itemsize
    names = sum(len(term.encode("utf-8")) + 1 for term in encoder.terms())
    vocabulary = names + 2 * HEADER + 8 * (dim + 1) + 4 * dim
    postings = 4 * HEADER + 8 * (dim + 1) + (4 + wide) * total + 4 * -(-total // BOUND_BLOCK)
    disk = vocabulary + postings + seen.id_files + saved_bytes(encoder.save)
    forward = 3 * HEADER + 8 * total + 8 * (n + 1)
    memory = seen.memory((SORTED * min(total, PIECE) + 3 * names + 24 * dim, (12 + wide) * total))
    seconds = seen.seconds + hashing_seconds(disk)
    return Estimate(n, seen.texts, dim, total, disk, disk + forward, *memory, seconds)


def estimate(source: Path, out: Path, options: SparseBuild) -> Estimate:
    """Estimate as ``intrex index sparse --estimate`` does; raises as `estimate_sparse`."""
    encoder = make_sparse_encoder(options.encoder, options.part(EncoderOptions))
    return estimate_sparse(Collection.open(source), encoder, quantize=options.quantize)

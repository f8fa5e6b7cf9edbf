"""Estimate of a sparse index: its files as docs/formats.md has them, and the memory of its build."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intrex.data.collection import Collection
from intrex.data.npy import HEADER
from intrex.encoders.base import make_sparse_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.estimate import Estimate, Line, draw
from intrex.retrievers.inverted.postings import BOUND_BLOCK
from intrex.retrievers.sparse.options import SparseBuild
from intrex.retrievers.sparse.storage import PIECE, choose_storage

SORTED = 48
"""Bytes for each weight of a piece that is sorted by term."""


def estimate(source: Path, out: Path, options: SparseBuild) -> Estimate:
    """Estimate as ``intrex index sparse --estimate`` does; raises as `make_sparse_encoder`."""
    encoder = make_sparse_encoder(options.encoder, options.part(EncoderOptions))
    sample = draw(Collection.open(source), encoder)
    n, dim, weights = sample.n, encoder.spec.dim, sample.encoded
    storage = choose_storage(weights, options.quantize)
    postings = np.append(0, np.cumsum(storage.stored(weights.weights) != 0))[weights.offsets]
    total = round(Line.fit(sample.sizes, np.diff(postings).astype(np.float64)).total(n, sample.bytes))
    width = np.dtype(storage.dtype).itemsize
    names = sum(len(term.encode("utf-8")) + 1 for term in encoder.terms())
    vocabulary = names + 2 * HEADER + 8 * (dim + 1) + 4 * dim
    lists = 4 * HEADER + 8 * (dim + 1) + (4 + width) * total + 4 * -(-total // BOUND_BLOCK)
    disk = vocabulary + lists + sample.files
    forward = 3 * HEADER + 8 * total + 8 * (n + 1)
    memory = sample.memory((SORTED * min(total, PIECE) + 3 * names + 24 * dim, (12 + width) * total))
    return Estimate.of(n, sample.texts, dim, total, disk, forward, memory, sample.seconds, sample.cut)

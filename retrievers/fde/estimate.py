"""Estimate of an FDE index: its files as docs/formats.md has them, and the memory of its build."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from intrex.data.npy import HEADER
from intrex.data.numeric.spans import offsets_of
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.machine import resident
from intrex.data.system.threads import cores
from intrex.encoders.fde.encoder import Fde
from intrex.retrievers.estimate import NORMS, Estimate, Line, draw, most_memory, spread
from intrex.retrievers.fde.build import require_room
from intrex.retrievers.fde.options import FdeBuild
from intrex.retrievers.fde.source import IDS, NUMBERS_AT_ONCE, EncodedCollection, open_source
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.options import BLOCK
from intrex.retrievers.vectors.ann import load_faiss
from intrex.retrievers.vectors.native import numbers
from intrex.retrievers.vectors.sizes import index_bytes


def estimate(source: Path, out: Path, options: FdeBuild) -> Estimate:
    """Estimate as ``intrex index fde --estimate`` does.

    Raises:
        IntrexError: encoding alone needs more memory than there is, or the vectors more disk at ``out``.
        UsageError: the options cannot be, or as `open_source`.
    """
    tokens = open_source(source, options)
    n, config = tokens.documents, options.config(tokens.spec.dim)
    dim = config.fde_dim
    ann = options.resolved(n, dim)
    require_room(config, n, out)
    if ann.engine != "flat":
        load_faiss()
    sample = (
        _sample_collection(tokens) if isinstance(tokens, EncodedCollection) else _sample_index(tokens.index)
    )
    fde, texts = Fde.draw(config), len(sample.tokens.offsets) - 1
    encoding, loaded, peak = _encoding(fde, sample.tokens)
    matrices = HEADER + fde.vectors.nbytes + (0 if fde.final is None else HEADER + fde.final.nbytes)
    empty = HEADER + 8 * round(n * float((np.diff(sample.tokens.offsets) == 0).mean()))
    index, building, mapped = index_bytes(ann, n, dim)
    vectors, extras = HEADER + 4 * n * dim, matrices + empty + sample.files
    disk = extras + (index or vectors)
    at_once = min(n, BLOCK, max(1, NUMBERS_AT_ONCE // dim))
    block = max(8 * at_once * dim + config.memory(cores()), (8 + NORMS) * at_once * dim) + sample.block
    memory = most_memory(loaded, peak, (block, sample.mapped), (building, sample.mapped + mapped))
    seconds = sample.seconds + encoding * n / max(1, texts)
    removed = extras + index + vectors - disk
    return Estimate.of(n, texts, dim, sample.total, disk, removed, memory, seconds, sample.cut)


class _TokenSample(NamedTuple):
    """Token vectors of a sample of the documents, and what is known of all.

    ``total`` vectors in all; bytes of ids and encoder (``files``), of a ``block`` in memory, and of a file that is
    ``mapped``; ``seconds`` to encode all texts, of which the encoder would ``cut`` so many.
    """

    tokens: PackedVectors
    total: int
    files: int
    block: float
    mapped: int
    seconds: float
    cut: int = 0


def _sample_collection(source: EncodedCollection) -> _TokenSample:
    sample = draw(source.texts, source.encoder)
    line = Line.fit(sample.sizes, np.diff(sample.encoded.offsets).astype(np.float64))
    block = 4 * source.spec.dim * line.total(sample.block, sample.block_bytes) + 3 * sample.block_bytes
    total = round(line.total(sample.n, sample.bytes))
    return _TokenSample(sample.encoded, total, sample.files, block, 0, sample.seconds, sample.cut)


def _sample_index(index: MultiVectorIndex) -> _TokenSample:
    """Read a sample of an index, whose token counts are known, and where nothing has to be encoded."""
    stored, offsets = index.tokens, index.tokens.offsets
    rows = spread(len(index.ids))
    tokens = PackedVectors(stored.read(numbers(offsets, rows)), offsets_of(offsets[rows + 1] - offsets[rows]))
    sizes = {name: entry["bytes"] for name, entry in index.manifest.files.items()}
    files = sum(size for name, size in sizes.items() if name in IDS or name.startswith("encoder/"))
    blocks = np.diff(offsets[np.append(np.arange(0, len(index.ids), BLOCK), len(index.ids))])
    block = 4.0 * stored.dim * int(blocks.max(initial=0))
    mapped = sum(sizes.get(name, 0) for name in ("tokens.npy", "codes.npy", "residuals.npy", "lengths.npy"))
    return _TokenSample(tokens, int(offsets[-1]), files, block, mapped, 0.0)


def _encoding(fde: Fde, tokens: PackedVectors) -> tuple[float, int, int]:
    """Measure the seconds of the sample's FDEs, the resident bytes with all that is loaded, and the most of them."""
    full, rows = tokens.without_empty()
    if not len(rows):
        return 0.0, *resident()
    fde.encode(full.part(0, 1), "document", threads=cores())
    loaded, start = resident()[0], time.perf_counter()
    fde.encode(full, "document", threads=cores())
    return time.perf_counter() - start, loaded - full.vectors.nbytes, resident()[1]

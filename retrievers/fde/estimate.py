"""The estimate of an FDE index: its files as docs/formats.md has them, and what its build holds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from intrex.data.store.vectors import PackedVectors
from intrex.data.system.machine import resident
from intrex.data.system.threads import cores
from intrex.encoders.fde.encoder import Fde
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.encoded import BLOCK
from intrex.retrievers.estimate import (
    HEADER,
    NORMS,
    Estimate,
    Line,
    hashing_seconds,
    most_memory,
    sample,
    saved_bytes,
    spread,
)
from intrex.retrievers.fde.build import IDS, NUMBERS_AT_ONCE, require_room
from intrex.retrievers.fde.options import FdeBuild, FdeOptions
from intrex.retrievers.fde.source import Source, open_source
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.vectors.ann import index_bytes, load_faiss
from intrex.retrievers.vectors.native import numbers
from intrex.retrievers.vectors.options import FLAT, AnnConfig


def estimate_fde(source: Source, out: Path, options: FdeOptions, *, ann: AnnConfig = FLAT) -> Estimate:
    """What `Source.build` will take.

    Raises:
        IntrexError: encoding alone needs more memory than there is, or the vectors more disk at ``out``.
        UsageError: ``options`` or ``ann`` cannot be.
    """
    n, spec = source.documents, source.spec
    config = options.config(spec.dim)
    dim = config.fde_dim
    ann = ann.resolved(n, dim)
    require_room(config, n, out)
    if ann.engine != "flat":
        load_faiss()
    given = _given(source)
    fde, texts = Fde.draw(config), len(given.tokens.offsets) - 1
    encoding, loaded, peak = _encoding(fde, given.tokens)
    matrices = HEADER + fde.vectors.nbytes + (0 if fde.final is None else HEADER + fde.final.nbytes)
    empty = HEADER + 8 * round(n * float((np.diff(given.tokens.offsets) == 0).mean()))
    searched, held, mapped = index_bytes(ann, n, dim)
    vectors, rest = HEADER + 4 * n * dim, matrices + empty + given.files
    disk = rest + (searched or vectors)
    at_once = min(n, BLOCK, max(1, NUMBERS_AT_ONCE // dim))
    block = max(8 * at_once * dim + config.memory(cores()), (8 + NORMS) * at_once * dim) + given.block
    memory = most_memory(loaded, peak, (block, given.mapped), (held, given.mapped + mapped))
    seconds = given.seconds + encoding * n / max(1, texts) + hashing_seconds(disk)
    return Estimate(n, texts, dim, given.total, disk, rest + searched + vectors, *memory, seconds)


class _Given(NamedTuple):
    """Token vectors that FDEs are made of: a sample, and what is known of all.

    ``total`` vectors in all; bytes of ids and encoder (``files``), of a ``block`` in memory, and of a file that is
    ``mapped``; ``seconds`` to encode all texts.
    """

    tokens: PackedVectors
    total: int
    files: int
    block: float
    mapped: int
    seconds: float


def _given(source: Source) -> _Given:
    if source.tokens is not None:
        return _of_index(source.tokens)
    if source.collection is None or source.encoder is None:
        raise ValueError("neither token vectors, nor a collection with an encoder")
    encoder = source.encoder
    seen = sample(source.collection, lambda texts: encoder.encode(texts, "document"))
    line = Line.fit(seen.sizes, np.diff(seen.encoded.offsets).astype(np.float64))
    block = 4 * encoder.spec.dim * line.total(seen.block, seen.block_bytes) + 3 * seen.block_bytes
    files = seen.id_files + saved_bytes(encoder.save)
    return _Given(seen.encoded, round(line.total(seen.n, seen.bytes)), files, block, 0, seen.seconds)


def _of_index(index: MultiVectorIndex) -> _Given:
    """Its token counts are known, and nothing has to be encoded."""
    stored, offsets = index.tokens, index.tokens.offsets
    rows = spread(len(index.ids))
    ends = np.cumsum(offsets[rows + 1] - offsets[rows])
    tokens = PackedVectors(stored.take(numbers(offsets, rows)), np.concatenate([[0], ends]).astype(np.int64))
    sizes = {name: entry["bytes"] for name, entry in index.manifest.files.items()}
    files = sum(size for name, size in sizes.items() if name in IDS or name.startswith("encoder/"))
    blocks = np.diff(offsets[np.append(np.arange(0, len(index.ids), BLOCK), len(index.ids))])
    mapped = sum(sizes.get(name, 0) for name in ("tokens.npy", "codes.npy", "residuals.npy", "lengths.npy"))
    return _Given(tokens, int(offsets[-1]), files, 4.0 * stored.dim * int(blocks.max(initial=0)), mapped, 0.0)


def _encoding(fde: Fde, tokens: PackedVectors) -> tuple[float, int, int]:
    """Seconds that the sample's FDEs take; resident bytes with what this loads, and the most there were."""
    full = np.flatnonzero(np.diff(tokens.offsets))
    if not len(full):
        return 0.0, *resident()
    kept = PackedVectors(tokens.vectors, np.append(tokens.offsets[:-1][full], tokens.offsets[-1]))
    fde.encode(PackedVectors(kept.vectors[: kept.offsets[1]], kept.offsets[:2]), "document", threads=cores())
    loaded, start = resident()[0], time.perf_counter()
    fde.encode(kept, "document", threads=cores())
    return time.perf_counter() - start, loaded - kept.vectors.nbytes, resident()[1]


def estimate(source: Path, out: Path, options: FdeBuild) -> Estimate:
    """Estimate as ``intrex index fde --estimate`` does; raises as `open_source` and `estimate_fde`."""
    opened = open_source(source, options.encoder, options.part(EncoderOptions))
    return estimate_fde(opened, out, options.part(FdeOptions), ann=options.part(AnnConfig))

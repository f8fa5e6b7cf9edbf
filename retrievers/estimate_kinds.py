"""Estimates of the indexes of encoded documents: their files as docs/formats.md has them, and what their builds hold."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from intrex.data.collection import Collection
from intrex.data.kmeans import nearest
from intrex.data.machine import require_memory, resident
from intrex.data.stores import PackedVectors
from intrex.data.threads import cores
from intrex.encoders.base import Encoder, SparseEncoder, TokenEncoder
from intrex.encoders.fde import Fde
from intrex.retrievers.ann import ADDED_AT_ONCE, bytes_on_disk, bytes_while_building, load_faiss
from intrex.retrievers.annconfig import FLAT, AnnConfig
from intrex.retrievers.compressed import NEAR_ONE
from intrex.retrievers.encoded import BLOCK
from intrex.retrievers.estimate import (
    HEADER,
    HINT,
    Estimate,
    Line,
    Phase,
    Sample,
    hashing_seconds,
    most_memory,
    sample,
    saved_bytes,
    spread,
)
from intrex.retrievers.exact import row_norms, unit
from intrex.retrievers.fde_build import IDS, NUMBERS_AT_ONCE, require_room
from intrex.retrievers.fde_source import FdeOptions, Source
from intrex.retrievers.impact_build import PIECE, check_bits, choose_storage
from intrex.retrievers.multivector import MultiVectorIndex, check_store
from intrex.retrievers.postings import BOUND_BLOCK
from intrex.retrievers.residual import ITERATIONS, plan
from intrex.retrievers.vectornative import numbers

NORMS = 16
"""Bytes for each number while lengths are computed in float64: the number and its square."""
SORTED = 48
"""Bytes for each weight of a piece that is sorted by term."""


def estimate_dense(collection: Collection, encoder: Encoder, *, ann: AnnConfig = FLAT) -> Estimate:
    """What `intrex.retrievers.dense.build_dense` will take.

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
    searched, held, mapped = _ann(ann, n, dim)
    disk = vectors + searched + seen.id_files + saved_bytes(encoder.save)
    memory = seen.memory((block, 0), (held, mapped))
    return Estimate(n, seen.texts, dim, n, disk, disk, *memory, seen.seconds + hashing_seconds(disk))


def estimate_sparse(
    collection: Collection, encoder: SparseEncoder, *, quantize: int | None = None
) -> Estimate:
    """What `intrex.retrievers.impact.build_sparse` will take; raises as it does for ``quantize``."""
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


def estimate_multivector(
    collection: Collection, encoder: TokenEncoder, *, store: str = "float16", bits: int | None = None
) -> Estimate:
    """What `intrex.retrievers.multivector.build_multivector` will take; raises as it does for ``store`` and ``bits``."""
    check_store(store, bits)
    seen = sample(collection, lambda texts: encoder.encode(texts, "document"))
    n, dim, wide = seen.n, encoder.spec.dim, np.dtype(store).itemsize
    line = Line.fit(seen.sizes, np.diff(seen.encoded.offsets).astype(np.float64))
    total = round(line.total(n, seen.bytes))
    held = (4 + NORMS + (4 if wide == 2 else 0)) * dim * line.total(seen.block, seen.block_bytes)
    rest = HEADER + 8 * (n + 1) + seen.id_files + saved_bytes(encoder.save)
    if "single" in encoder.spec.params:
        rest += HEADER + 4 * n * int(encoder.spec.params["single_dim"])
    full = HEADER + wide * total * dim
    packed = _Packed(full, (0.0, 0), 0.0) if bits is None else _packed(seen, total, wide, bits)
    disk = packed.files + rest
    building = disk if bits is None else disk + full
    memory = seen.memory((held, 0), packed.training)
    seconds = seen.seconds + packed.seconds + hashing_seconds(disk)
    return Estimate(n, seen.texts, dim, total, disk, building, *memory, seconds)


class _Packed(NamedTuple):
    """Bytes of the vectors' ``files``, and of memory in ``training``; ``seconds`` to train and code."""

    files: int
    training: Phase
    seconds: float


def _packed(seen: Sample[PackedVectors], total: int, wide: int, bits: int) -> _Packed:
    """What `intrex.retrievers.compressed.compress` makes of ``total`` vectors of ``wide`` bytes a dimension."""
    dim = seen.encoded.vectors.shape[1]
    drawn, k = plan(total, seen.n)
    fraction, per_pair, kernels = _clustering(seen, k)
    unequal = bool((abs(row_norms(seen.encoded.vectors) - 1) > NEAR_ONE).any())
    codes = 2 * HEADER + ((2 if k <= 1 << 16 else 4) + -(-dim * bits // 8) + 2 * unequal) * total
    lists = 2 * HEADER + 4 * round(fraction * total) + 8 * (k + 1)
    codec = 2 * HEADER + 2 * k * dim + 4 * ((2 << bits) - 1)
    held = (NORMS + wide) * drawn * dim + kernels
    seconds = per_pair * k * ((ITERATIONS + 1) * drawn + total)
    return _Packed(codes + lists + codec, (held, wide * drawn * dim), seconds)


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
    searched, held, mapped = _ann(ann, n, dim)
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


def _ann(config: AnnConfig, n: int, dim: int) -> tuple[int, int, int]:
    """Bytes of ``ann.faiss``, of what is held while it is built, and of the mapped vectors; 0 for an exact search."""
    if config.engine == "flat":
        return 0, 0, 0
    held = bytes_while_building(config, n, dim) + 4 * min(n * dim, ADDED_AT_ONCE)
    return bytes_on_disk(config, n, dim), held, 4 * n * dim


def _clustering(seen: Sample[PackedVectors], k: int) -> tuple[float, float, int]:
    """What clustering into ``k`` centroids will be like, tried with vectors of every other document as centroids.

    Returns:
        Different centroids of a document for each of its vectors; seconds to compare a vector with a centroid; bytes
        that the kernels take.
    """
    offsets = seen.encoded.offsets
    owners = np.repeat(np.arange(seen.texts), np.diff(offsets))
    vectors = unit(seen.encoded.vectors.astype(np.float32))
    centroids, rows = vectors[owners % 2 == 1], np.flatnonzero(owners % 2 == 0)
    if not len(centroids) or not len(rows):
        return 1.0, 0.0, 0
    centroids = centroids[np.linspace(0, len(centroids) - 1, min(k, len(centroids))).astype(np.int64)]
    before = resident()[0]
    nearest(vectors[rows[:1]], centroids)
    after, start = resident()[0], time.perf_counter()
    codes = nearest(vectors[rows], centroids)
    seconds = time.perf_counter() - start
    pairs = len(np.unique(owners[rows] << 32 | codes.astype(np.int64)))
    return pairs / len(rows), seconds / (len(rows) * len(centroids)), max(0, after - before)

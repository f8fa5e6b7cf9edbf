"""Estimates of an index before it is built: a sample of documents is encoded, the rest is arithmetic."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np

from intrex.data.arrays import Float64s, Rows
from intrex.data.collection import Collection
from intrex.data.npy import HEADER
from intrex.data.system.machine import require_disk, require_memory, resident
from intrex.encoders.base import overlong
from intrex.retrievers.options import BLOCK
from intrex.retrievers.queryvectors import TextEncoder

SAMPLE = 128
"""Documents that are encoded, spread evenly over the collection."""
HINT = "choose fewer dimensions, a smaller store, or another machine"
_HASHED = 1 << 23

T = TypeVar("T")
Phase = tuple[float, int]
"""Bytes of memory in a phase of a build, and of the files that are mapped in it."""
NORMS = 16
"""Bytes for each number while lengths are computed in float64: the number and its square."""


@dataclass(frozen=True)
class Estimate:
    """Bytes and seconds that building an index will take.

    Attributes:
        documents: in the index.
        sampled: documents that were measured.
        dimensions: of a vector, or terms of a sparse encoder.
        items: token vectors, or term weights, of all documents; the documents where each has one vector.
        disk: the index's files, without the manifest.
        disk_building: files at the peak of the build, those that are removed in the end included.
        memory: the most that the process holds, mapped files included, as the system counts it (resident set).
        mapped: how much of it are pages of files, which the system may take back: not needed, but faster.
        cut_documents: how many the encoder would cut at its maximum length, by the share of the sample.
        seconds: encoding, compressing and hashing; building an approximate search (faiss) is not in it.
    """

    documents: int
    sampled: int
    dimensions: int
    items: int
    disk: int
    disk_building: int
    memory: int
    mapped: int
    seconds: float
    cut_documents: int = 0

    @classmethod
    def of(
        cls, documents: int, sampled: int, dimensions: int, items: int, disk: int, removed: int,
        memory: tuple[int, int], seconds: float, cut: int = 0,
    ) -> Self:  # fmt: skip
        """Make an estimate of which ``removed`` bytes are needed while it is built, and hashing takes further seconds."""
        seconds += hashing_seconds(disk)
        return cls(documents, sampled, dimensions, items, disk, disk + removed, *memory, seconds, cut)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, seconds to a tenth."""
        return {**asdict(self), "seconds": round(self.seconds, 1)}

    def require(self, out: Path) -> None:
        """Raise `IntrexError` with the numbers if memory, or the disk of ``out``, do not suffice."""
        require_memory(self.memory - self.mapped, "the build", HINT)
        require_disk(self.disk_building, out, "the build", HINT)


class Line(NamedTuple):
    """A number of each document as a line over the bytes of its text, fitted to a sample by least squares.

    The bytes of all documents are known, so the total varies less with the sample than the mean does.
    """

    level: float
    slope: float

    @classmethod
    def fit(cls, sizes: Float64s, values: Float64s) -> Line:
        """Fit the line to the numbers ``values`` [n] of documents of ``sizes`` [n] bytes."""
        spread = sizes - sizes.mean()
        squares = float(spread @ spread)
        slope = float(spread @ values) / squares if squares else 0.0
        return cls(float(values.mean() - slope * sizes.mean()), slope)

    def total(self, documents: float, size: float) -> float:
        """Sum the numbers of so many documents of ``size`` bytes together."""
        return max(0.0, self.level * documents + self.slope * size)


@dataclass(frozen=True)
class Sample(Generic[T]):
    """Encoded documents of a collection, and what is known of all.

    Attributes:
        n: documents of the collection.
        texts: documents of the sample.
        encoded: their vectors or weights.
        sizes: [texts] bytes of their lines in ``corpus.jsonl``.
        bytes: of all lines.
        block_bytes: of the `BLOCK` documents that have most.
        id_bytes: mean bytes of an id.
        files: bytes of the ids' files and of the encoder's own.
        seconds: estimate for encoding all documents.
        loaded: resident bytes of the process with all that it loads, but without these documents.
        peak: the most resident bytes.
        cut: how many of all documents the encoder would cut, by the share of the sample.
    """

    n: int
    texts: int
    encoded: T
    sizes: Float64s
    bytes: int
    block_bytes: int
    id_bytes: float
    files: int
    seconds: float
    loaded: int
    peak: int
    cut: int = 0

    @property
    def block(self) -> int:
        """Documents of a block."""
        return min(self.n, BLOCK)

    def memory(self, *phases: Phase) -> tuple[int, int]:
        """Return `most_memory` of phases that each hold a block's texts and the ids, too."""
        texts = 3 * self.block_bytes + self.n * (2 * self.id_bytes + 28)
        return most_memory(self.loaded, self.peak, *((size + texts, mapped) for size, mapped in phases))


def most_memory(loaded: int, peak: int, *phases: Phase) -> tuple[int, int]:
    """Return the resident bytes at the peak of a build, and how many of them are mapped files.

    Args:
        loaded: bytes of the process with all that it loads.
        peak: the most bytes when it encoded the sample.
        phases: bytes beside ``loaded`` in each phase of the build.
    """
    size, mapped = max(phases, key=sum)
    total = loaded + round(size + mapped)
    return (total, mapped) if total > peak else (peak, 0)


def spread(n: int) -> Rows:
    """Return the rows of the sample of ``n`` documents, at equal distances."""
    texts = min(n, SAMPLE)
    return ((np.arange(texts) + 0.5) * n / max(1, texts)).astype(np.int64)


def draw(collection: Collection, encoder: TextEncoder[T]) -> Sample[T]:
    """Encode the documents of `spread`; one document before them warms up and is not measured."""
    n, offsets = collection.n_documents, np.asarray(collection.offsets)
    rows = spread(n)
    texts = len(rows)
    documents = [collection.document(row) for row in rows.tolist()]
    encoder.encode([d.passage for d in documents[:1]], "document")
    loaded, start = resident()[0], time.perf_counter()
    before = overlong(encoder, "document")
    encoded = encoder.encode([d.passage for d in documents], "document")
    cut = round((overlong(encoder, "document") - before) * n / max(1, texts))
    seconds, peak = time.perf_counter() - start, resident()[1]
    blocks = np.diff(offsets[np.append(np.arange(0, n, BLOCK), n)])
    id_bytes = sum(len(os.fsencode(d.id)) for d in documents) / max(1, texts)
    files = round(n * (id_bytes + 1)) + 2 * HEADER + 8 * (n + 1) + 4 * n + saved_bytes(encoder.save)
    return Sample(
        n, texts, encoded, (offsets[rows + 1] - offsets[rows]).astype(np.float64), int(offsets[-1]),
        int(blocks.max(initial=0)), id_bytes, files, seconds * n / max(1, texts), loaded, peak, cut,
    )  # fmt: skip


def saved_bytes(save: Callable[[Path], None]) -> int:
    """Count the bytes of the files that ``save`` writes into a folder, which is temporary."""
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "encoder")
        return sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())


def hashing_seconds(size: int) -> float:
    """Estimate the seconds that the sha256 of so many bytes takes."""
    start = time.perf_counter()
    hashlib.sha256(bytes(_HASHED)).digest()
    return (time.perf_counter() - start) * size / _HASHED

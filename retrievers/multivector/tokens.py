"""Token vectors of an index, read as float32 a block at a time."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from intrex.data.arrays import Float32s, Rows
from intrex.data.store.vectors import PackedVectors
from intrex.retrievers.vectors.native import gather, numbers, widen


class Tokens(Protocol):
    """Token vectors of n documents, however they are stored.

    Attributes:
        offsets: [n + 1] int64: document i has the tokens ``offsets[i]:offsets[i + 1]``, perhaps none.
        dim: of the vectors.
        longest: no vector is longer (Euclidean length).
    """

    offsets: Rows
    dim: int
    longest: float

    def read(self, tokens: slice | Rows, out: Float32s | None = None) -> Float32s:
        """Return some tokens as float32 [m, dim], C-contiguous, perhaps in ``out``, which has room."""
        ...

    def gather(self, rows: Rows, out: Float32s) -> Float32s:
        """Return the tokens of documents, one after another, as float32, C-contiguous, perhaps in ``out``, which has room."""
        ...


class StoredTokens:
    """Token vectors in memory or in a memory map, float16 or float32; see `Tokens`.

    Args:
        packed: the vectors.
        longest: the length of the longest.
    """

    def __init__(self, packed: PackedVectors, longest: float) -> None:
        self._vectors: Any = np.asarray(packed.vectors)  # slices of a memmap cost 5 microseconds more
        self.offsets: Rows = np.asarray(packed.offsets)
        self.dim, self.longest = packed.vectors.shape[1], longest

    def read(self, tokens: slice | Rows, out: Float32s | None = None) -> Float32s:
        """See `Tokens.read`."""
        vectors = self._vectors[tokens]
        if vectors.dtype == np.float16:
            vectors = widen(vectors, np.empty(vectors.shape, np.float32) if out is None else out)
        return vectors  # type: ignore[no-any-return]

    def gather(self, rows: Rows, out: Float32s) -> Float32s:
        """See `Tokens.gather`."""
        if self._vectors.dtype == np.float16:
            return gather(self._vectors, self.offsets, rows, out)
        vectors: Float32s = self._vectors[numbers(self.offsets, rows)]
        return vectors

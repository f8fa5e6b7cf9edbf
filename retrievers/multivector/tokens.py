"""Token vectors of an index, read as float32 a block at a time."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

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

    def read(self, start: int, stop: int, out: Float32s) -> Float32s:
        """Return the tokens ``start:stop`` as float32 [stop - start, dim], C-contiguous, perhaps in ``out``, which has room."""
        ...

    def take(self, tokens: Rows) -> Float32s:
        """Return tokens by number as float32 [len(tokens), dim], C-contiguous."""
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

    def read(self, start: int, stop: int, out: Float32s) -> Float32s:
        """See `Tokens.read`."""
        return self._widen(self._vectors[start:stop], out)

    def take(self, tokens: Rows) -> Float32s:
        """See `Tokens.take`."""
        vectors = self._vectors[tokens]
        return self._widen(vectors, np.empty(vectors.shape, np.float32))

    def gather(self, rows: Rows, out: Float32s) -> Float32s:
        """See `Tokens.gather`."""
        if self._vectors.dtype == np.float16:
            return gather(self._vectors, self.offsets, rows, out)
        vectors: Float32s = self._vectors[numbers(self.offsets, rows)]
        return vectors

    def _widen(self, vectors: npt.NDArray[Any], out: Float32s) -> Float32s:
        return widen(vectors, out) if vectors.dtype == np.float16 else vectors

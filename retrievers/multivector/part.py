"""Token vectors of some documents, read from those of all: what a search of a subset compares."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Float32s, Rows
from intrex.data.numeric.spans import offsets_of
from intrex.retrievers.multivector.tokens import Tokens


class PartTokens:
    """Tokens of some documents of others, numbered anew; see `Tokens`.

    Args:
        tokens: of all documents.
        rows: [m] int64, ascending: the documents.
    """

    def __init__(self, tokens: Tokens, rows: Rows) -> None:
        self._tokens, self._rows = tokens, rows
        begins = np.asarray(tokens.offsets[rows])
        self.offsets: Rows = offsets_of(tokens.offsets[rows + 1] - begins)
        self._shifts = begins - self.offsets[:-1]
        self.dim, self.longest = tokens.dim, tokens.longest

    def read(self, tokens: slice | Rows, out: Float32s | None = None) -> Float32s:
        """See `Tokens.read`."""
        numbers = np.arange(tokens.start, tokens.stop) if isinstance(tokens, slice) else tokens
        documents = np.searchsorted(self.offsets, numbers, side="right") - 1
        return self._tokens.read(numbers + self._shifts[documents], out)

    def gather(self, rows: Rows, out: Float32s) -> Float32s:
        """See `Tokens.gather`."""
        return self._tokens.gather(self._rows[rows], out)

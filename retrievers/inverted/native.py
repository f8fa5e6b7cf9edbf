"""Kernels of inverted indexes; see `intrex.data.native.library`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Bytes
from intrex.data.ids import IdTable
from intrex.data.native.kernel import Kernels
from intrex.data.native.library import Library

_TEXT, _INVERTED = "intrex.retrievers.text.kernels", "intrex.retrievers.inverted.kernels"
SEARCH = Library("search", ("intrex.retrievers.bm25.kernels", f"{_INVERTED}.lookup"))
INDEXING = Library(
    "indexing", (f"{_TEXT}.terms", f"{_TEXT}.jsonl", f"{_TEXT}.strings", f"{_INVERTED}.invert")
)
WORTH_COMPILING = 8 << 20
"""Bytes of text from which on the kernels of indexing are compiled if they are not: some seconds, once on a machine."""
WORTH_LOADING = 1 << 18
"""Bytes of text from which on compiled kernels are loaded."""


def kernels_for(size: int) -> Kernels | None:
    """Load the kernels of indexing if so many bytes of text are worth that, or compiling them if that was never done."""
    return INDEXING.kernels_for(size, WORTH_LOADING, WORTH_COMPILING)


def gather(ids: IdTable, rows: npt.NDArray[np.int32]) -> Bytes:
    """Return the ids of rows, as `IdTable.gather` does."""
    kernels = SEARCH.kernels()
    if kernels is None or not len(rows):
        return ids.gather(rows)
    source = ids.text, ids.offsets, rows, len(rows)
    width = kernels["gather"](*source, 0, np.empty(0, np.uint8))
    out = np.empty(len(rows), f"S{width}")
    kernels["gather"](*source, width, out.view(np.uint8))
    return out

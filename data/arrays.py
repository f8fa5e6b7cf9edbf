"""Names of numpy arrays: each says its dtype, so that a signature is read without looking the alias up."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
"""An array whose dtype the docstring states, or leaves to the caller."""

Bools = npt.NDArray[np.bool_]
Uint8s = npt.NDArray[np.uint8]
Uint16s = npt.NDArray[np.uint16]
Uint32s = npt.NDArray[np.uint32]
Uint64s = npt.NDArray[np.uint64]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float16s = npt.NDArray[np.float16]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

Bytes = npt.NDArray[np.bytes_]
"""A one-dimensional array of ids as UTF-8 bytes (numpy dtype ``S``): compares in byte order."""

Rows = Int64s
"""Row numbers of documents, queries or vectors."""

Scores = Float32s
"""Scores of documents, as runs hold them."""

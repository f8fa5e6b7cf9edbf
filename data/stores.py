"""Vectors on disk: row i is document i, always; written by appending, read through a memory map."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.data.errors import BadInput

_HEADER = 128


class PackedVectors(NamedTuple):
    """Any number of vectors for each of n texts: text i has ``vectors[offsets[i]:offsets[i + 1]]``.

    Attributes:
        vectors: [total, d], float32 or float16; may be memory-mapped.
        offsets: [n + 1] int64, from 0 to total, not falling.
        single: [n, e], one vector for the whole of each text, stored beside the others; None where there is none.
    """

    vectors: npt.NDArray[np.float32] | npt.NDArray[np.float16]
    offsets: npt.NDArray[np.int64]
    single: npt.NDArray[np.float32] | npt.NDArray[np.float16] | None = None


class SparseVectors(NamedTuple):
    """Term weights of n texts: text i has the terms ``terms[offsets[i]:offsets[i + 1]]``, ascending, and their weights.

    Attributes:
        offsets: [n + 1] int64, from 0 to total, not falling.
        terms: [total] int32, dimensions.
        weights: [total] float32, above 0.
    """

    offsets: npt.NDArray[np.int64]
    terms: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]


class VectorWriter:
    """Appends float32 rows to an ``.npy`` file in constant memory; `flush` makes what was written durable.

    Args:
        path: the file.
        shape: the final shape, known from the start.
        done: rows that an earlier, killed run wrote durably; what follows them is cut off.
    """

    def __init__(self, path: Path, shape: tuple[int, int], done: int = 0) -> None:
        self.path, self.shape, self.rows = path, shape, done
        self._stream: IO[bytes] = path.open("r+b" if done else "w+b")
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
        # version 1.0 of the npy format: the header ends at byte 128, so that rows are aligned
        prefix = b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little")
        self._stream.write(prefix + header.ljust(_HEADER - 11).encode("ascii") + b"\n")
        self._stream.seek(_HEADER + done * shape[1] * 4)
        self._stream.truncate()

    def append(self, rows: npt.NDArray[np.float32]) -> None:
        """Append rows [m, d]; raises `BadInput` on NaN or infinity, naming the row."""
        if rows.ndim != 2 or rows.shape[1] != self.shape[1]:
            raise ValueError(f"rows of shape {rows.shape} do not fit {self.shape}")
        if not np.isfinite(rows).all():
            bad = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            raise BadInput(
                f"the vector of document {self.rows + bad + 1} has NaN or infinity",
                "check the encoder and its --dtype",
            )
        self._stream.write(np.ascontiguousarray(rows, "<f4").tobytes())
        self.rows += len(rows)

    def flush(self) -> None:
        """Write through to the disk."""
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Flush and close; raises ValueError unless every row was written."""
        self.flush()
        self._stream.close()
        if self.rows != self.shape[0]:
            raise ValueError(f"{self.rows} rows were written, {self.shape[0]} were promised")


def open_vectors(path: Path) -> npt.NDArray[np.float32]:
    """Memory-map a float32 matrix [n, d]; raises `BadInput` when the file is cut off or holds something else."""
    try:
        vectors: npt.NDArray[np.float32] = np.load(
            path, mmap_mode="r" if path.stat().st_size > _HEADER else None
        )
    except (ValueError, OSError) as error:
        raise BadInput(f"not a sound vector file: {error} ({path})", "rebuild the index") from error
    if vectors.ndim != 2 or vectors.dtype != np.float32:
        raise BadInput(
            f"vectors [n, d] in float32 are needed, this is {vectors.dtype} {vectors.shape} ({path})"
        )
    return vectors

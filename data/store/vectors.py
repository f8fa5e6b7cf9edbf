"""Vectors on disk: row i is document i, always; written by appending, read through a memory map."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Array, Float16s, Float32s, Int32s, Int64s
from intrex.data.errors import BadInput
from intrex.data.io.files import fsync_file
from intrex.data.npy import HEADER, check_offsets, open_array


class PackedVectors(NamedTuple):
    """Any number of vectors for each of n texts: text i has ``vectors[offsets[i]:offsets[i + 1]]``.

    Attributes:
        vectors: [total, d], float32 or float16; may be memory-mapped.
        offsets: [n + 1] int64, from 0 to total, not falling.
        single: [n, e], one vector for the whole of each text, stored beside the others; None where there is none.
    """

    vectors: Float32s | Float16s
    offsets: Int64s
    single: Float32s | Float16s | None = None

    def part(self, first: int, last: int) -> PackedVectors:
        """Return the texts ``first:last``, their offsets from 0."""
        offsets = self.offsets[first : last + 1]
        single = None if self.single is None else self.single[first:last]
        return PackedVectors(self.vectors[offsets[0] : offsets[-1]], offsets - offsets[0], single)

    def without_empty(self) -> tuple[PackedVectors, Int64s]:
        """Return the texts that have vectors, and their numbers."""
        rows = np.flatnonzero(np.diff(self.offsets))
        offsets = np.append(self.offsets[rows], self.offsets[-1])
        return PackedVectors(self.vectors, offsets, None if self.single is None else self.single[rows]), rows


class SparseVectors(NamedTuple):
    """Term weights of n texts: text i has the terms ``terms[offsets[i]:offsets[i + 1]]``, ascending, and their weights.

    Attributes:
        offsets: [n + 1] int64, from 0 to total, not falling.
        terms: [total] int32, dimensions.
        weights: [total] float32, above 0.
    """

    offsets: Int64s
    terms: Int32s
    weights: Float32s


class RowWriter:
    """Appender of rows to an ``.npy`` file in constant memory; `flush` makes what was written durable.

    The file is open during a call only: a build that fails, on a full disk say, leaves none to be closed later.

    Args:
        path: the file.
        shape: the final shape; its first number is None where it is not known before `close`.
        dtype: of the numbers, little-endian on disk.
        resumed: rows that an earlier, killed run wrote durably; what follows them is cut off.
    """

    def __init__(
        self, path: Path, shape: tuple[int | None, ...], dtype: npt.DTypeLike = np.float32, resumed: int = 0
    ) -> None:
        self.path, self.shape, self.rows = path, shape, resumed
        self.dtype = np.dtype(dtype).newbyteorder("<")
        with path.open("r+b" if resumed else "wb") as stream:
            self._write_header(stream)
            stream.truncate(HEADER + resumed * self.dtype.itemsize * math.prod(n or 0 for n in shape[1:]))

    def append(self, rows: Array) -> None:
        """Append rows; raises ValueError when they have another shape."""
        if rows.shape[1:] != self.shape[1:]:
            raise ValueError(f"rows of shape {rows.shape} do not fit {self.shape}")
        if rows.size:
            with self.path.open("ab") as stream:
                stream.write(np.ascontiguousarray(rows, self.dtype).data)
        self.rows += len(rows)

    def flush(self) -> None:
        """Write through to the disk."""
        fsync_file(self.path)

    def close(self) -> None:
        """Write the number of rows and flush; raises ValueError unless every row promised was written."""
        if self.shape[0] not in (None, self.rows):
            raise ValueError(f"{self.rows} rows were written, {self.shape[0]} were promised")
        self.shape = (self.rows, *self.shape[1:])
        with self.path.open("r+b") as stream:
            self._write_header(stream)
        self.flush()

    def _write_header(self, stream: IO[bytes]) -> None:
        shape = tuple(n or 0 for n in self.shape)
        header = f"{{'descr': '{self.dtype.str}', 'fortran_order': False, 'shape': {shape}, }}"
        # version 1.0 of the npy format: the header ends where rows are aligned
        prefix = b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little")
        stream.write(prefix + header.ljust(HEADER - 11).encode("ascii") + b"\n")


NameOf = Callable[[int], str]
"""Name of the i-th vector in messages."""


class VectorWriter(RowWriter):
    """Appender of finite vectors [n, d]."""

    def append(self, rows: npt.NDArray[np.floating[Any]], name: NameOf | None = None) -> None:
        """Append vectors [m, d], rounded to the file's type.

        Raises:
            BadInput: NaN or infinity, or a number that the file's type cannot hold; ``name`` says whose vector it is.
        """
        with np.errstate(over="ignore"):
            cast = rows.astype(self.dtype)
        if not np.isfinite(cast).all():
            bad = int(np.flatnonzero(~np.isfinite(cast).all(axis=1))[0])
            whose = name(bad) if name else f"document {self.rows + bad + 1}"
            if np.isfinite(rows[bad]).all():
                raise BadInput(f"a vector of {whose} does not fit into {self.dtype.name}", "store float32")
            raise BadInput(f"a vector of {whose} has NaN or infinity", "check the encoder and its --dtype")
        super().append(cast)


class WriterGroup:
    """Files that grow together.

    Attributes:
        writers: of the files.
    """

    writers: Sequence[RowWriter | WriterGroup]

    def flush(self) -> None:
        """Write through to the disk."""
        for writer in self.writers:
            writer.flush()

    def close(self) -> None:
        """Flush and close."""
        for writer in self.writers:
            writer.close()


class PackedWriter(WriterGroup):
    """Appender of texts of any number of vectors each: ``NAME.npy`` [total, d] and ``NAME.offsets.npy`` [n + 1].

    Args:
        folder: where the two files go.
        dim: of the vectors.
        dtype: of the vectors, float16 or float32.
        resumed: texts and vectors that an earlier, killed run wrote durably.
        name: the files' name.
    """

    def __init__(
        self,
        folder: Path,
        dim: int,
        dtype: npt.DTypeLike = np.float32,
        resumed: tuple[int, int] = (0, 0),
        name: str = "tokens",
    ) -> None:
        texts, total = resumed
        self._vectors = VectorWriter(folder / f"{name}.npy", (None, dim), dtype, total)
        self._offsets = RowWriter(folder / f"{name}.offsets.npy", (None,), np.int64, texts and texts + 1)
        self.writers = (self._vectors, self._offsets)
        if not texts:
            self._offsets.append(np.zeros(1, np.int64))

    @property
    def written(self) -> tuple[int, int]:
        """Numbers of texts and of vectors written."""
        return self._offsets.rows - 1, self._vectors.rows

    def append(self, packed: PackedVectors, name: NameOf | None = None) -> None:
        """Append texts; raises `BadInput` as `VectorWriter.append`, where ``name(i)`` names the i-th text."""
        start, (texts, _) = self._vectors.rows, self.written

        def whose(vector: int) -> str:
            text = int(np.searchsorted(packed.offsets, vector, side="right")) - 1
            return name(text) if name else f"document {texts + text + 1}"

        self._vectors.append(packed.vectors, whose)
        self._offsets.append(packed.offsets[1:] + start)


def open_vectors(path: Path, dtypes: tuple[str, ...] = ("float32",)) -> Array:
    """Memory-map a matrix [n, d]; raises `BadInput` when the file is cut off or holds something else."""
    vectors = open_array(path)
    if vectors.ndim != 2 or vectors.dtype.name not in dtypes:
        raise BadInput(
            f"vectors [n, d] in {' or '.join(dtypes)} are needed, this is {vectors.dtype} {vectors.shape} ({path})"
        )
    return vectors


def open_packed(folder: Path, name: str = "tokens") -> PackedVectors:
    """Memory-map the files of a `PackedWriter`; raises `BadInput` when they are cut off or do not fit together."""
    vectors = open_vectors(folder / f"{name}.npy", ("float16", "float32"))
    path = folder / f"{name}.offsets.npy"
    offsets = open_array(path, np.int64, (None,))
    check_offsets(offsets, len(vectors), path)
    return PackedVectors(vectors, offsets)

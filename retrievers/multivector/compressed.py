"""Residual-compressed token vectors on disk: written from a full store in constant memory, read as `Tokens`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Rows
from intrex.data.errors import BadInput
from intrex.data.io.files import fsync_file
from intrex.data.npy import check_offsets, check_rows, check_spans, open_array
from intrex.data.numeric.rows import row_norms
from intrex.data.numeric.spans import ranges
from intrex.data.progress import Progress
from intrex.data.store.artifact import Build
from intrex.data.store.vectors import PackedVectors, RowWriter, WriterGroup, open_packed
from intrex.retrievers.encoded import save_between
from intrex.retrievers.multivector import maxsim
from intrex.retrievers.multivector.options import BITS
from intrex.retrievers.multivector.plaid import CentroidLists
from intrex.retrievers.multivector.residual import Codec, train
from intrex.retrievers.options import Stage
from intrex.retrievers.vectors.native import numbers

NEAR_ONE = 2.0**-8
"""Vectors whose length is so near to 1 are of length 1 but for the rounding to float16."""
_LONGER = 1 + 2.0**-20
"""Bound on the length of a decoded vector of length 1."""


class ResidualTokens:
    """Compressed tokens in a memory map, decoded as they are read; see `intrex.retrievers.multivector.tokens.Tokens`.

    Args:
        folder: of the index.
        rebuild: the command that makes it again.

    Attributes:
        codec: what the tokens were coded with.
    """

    def __init__(self, folder: Path, rebuild: str) -> None:
        self._folder, self._rebuild = folder, rebuild
        self.offsets: Rows = self._open("tokens.offsets", (None,), "int64")
        grid = self._open("centroids", (None, None), "int16")
        quantiles = self._open("quantiles", (None,), "float32")
        if len(quantiles) not in [2 * 2**bits - 1 for bits in BITS]:
            raise BadInput(f"{len(quantiles)} quantiles are of no number of bits ({folder})", rebuild)
        self.codec = Codec.of(grid, quantiles)
        total, self.dim = int(self.offsets[-1]) if len(self.offsets) else -1, grid.shape[1]
        self._codes = self._open("codes", (total,), self.codec.code_dtype.__name__)
        self._packed = self._open("residuals", (total, self.codec.width), "uint8")
        has_lengths = (folder / "lengths.npy").exists()
        self._lengths = self._open("lengths", (total,), "float16") if has_lengths else None
        self.longest = float(1 if self._lengths is None else self._lengths.max(initial=0)) * _LONGER
        check_offsets(self.offsets, total, folder / "tokens.offsets.npy", rebuild)
        check_rows(self._codes, len(grid), folder / "codes.npy", rebuild)

    def gather(self, rows: Rows, out: Float32s) -> Float32s:
        """See `Tokens.gather`."""
        return self.read(numbers(self.offsets, rows), out)

    def read(self, tokens: slice | Rows, out: Float32s | None = None) -> Float32s:
        """See `Tokens.read`."""
        codes = self._codes[tokens].astype(np.int32)
        vectors = self.codec.decode(codes, np.ascontiguousarray(self._packed[tokens]), out)
        if self._lengths is not None:
            vectors *= self._lengths[tokens].astype(np.float32)[:, None]
        return vectors

    @cached_property
    def lists(self) -> CentroidLists:
        """Lists that PLAID reads; raises `BadInput` when the files do not fit together."""
        bounds = self._open("lists.offsets", (len(self.codec.grid) + 1,), "int64")
        lists = self._open("lists", (int(bounds[-1]),), "int32")
        check_offsets(bounds, len(lists), self._folder / "lists.offsets.npy", self._rebuild)
        check_spans(lists, bounds, len(self.offsets) - 1, self._folder / "lists.npy", self._rebuild)
        return CentroidLists(self.codec.centroids, self._codes, self.offsets, bounds, lists)

    def _open(self, name: str, shape: tuple[int | None, ...], dtype: str) -> npt.NDArray[Any]:
        return open_array(self._folder / f"{name}.npy", dtype, shape, self._rebuild)


def compress(build: Build, bits: int, stage: Stage) -> dict[str, int]:
    """Replace the full store of a build by its compressed form, from where a killed run saved its state last.

    The state has ``longest`` and ``shortest``, the lengths of those tokens; if both are near 1, lengths are not stored.
    Added are ``compressed``, the number of documents coded, and in the end ``whole``. The codec is trained first, and
    stored. Memory does not grow with the corpus but for the training sample (see `residual.train`).

    Args:
        build: its folder has ``tokens.npy`` and ``tokens.offsets.npy``; the first is removed in the end.
        bits: of a dimension's residual.
        stage: begins the progress of the training, in vectors, and of the compression, in documents.

    Returns:
        Entries of the manifest: ``bits`` and ``centroids``.
    """
    if not build.state.get("whole"):
        packed = open_packed(build.path)
        if "compressed" not in build.state:
            write_codec(build.path, train(packed, bits, stage("clustering", None)))
            build.save_state(**build.state, compressed=0)
        codec = read_codec(build.path)
        _code(build, packed, codec, stage("compressing", len(packed.offsets) - 1))
        write_lists(build.path, open_array(build.path / "codes.npy"), packed.offsets, len(codec.grid))
        build.save_state(**build.state, whole=True)
    (build.path / "tokens.npy").unlink(missing_ok=True)
    return {"bits": bits, "centroids": len(read_codec(build.path).grid)}


def _code(build: Build, packed: PackedVectors, codec: Codec, progress: Progress) -> None:
    state, documents = build.state, int(build.state["compressed"])
    unit = state["shortest"] >= 1 - NEAR_ONE and state["longest"] <= 1 + NEAR_ONE
    writer = _CodeWriter(build.path, codec, unit, int(packed.offsets[documents]))

    def state_after(stripe: tuple[int, int]) -> dict[str, Any]:
        writer.flush()
        return {**state, "compressed": stripe[1]}

    if documents:
        progress(documents)
    for first, last in save_between(build, maxsim.stripes(packed.offsets, documents), state_after):
        block = packed.vectors[packed.offsets[first] : packed.offsets[last]]
        writer.append(np.ascontiguousarray(block, np.float32))
        progress(last - first)
    writer.close()


class _CodeWriter(WriterGroup):
    """Codes, residuals and, where they are not 1, lengths of tokens on their way to disk."""

    def __init__(self, folder: Path, codec: Codec, unit: bool, tokens: int) -> None:
        self._codec = codec
        self._codes = RowWriter(folder / "codes.npy", (None,), codec.code_dtype, tokens)
        self._residuals = RowWriter(folder / "residuals.npy", (None, codec.width), np.uint8, tokens)
        self._lengths = None if unit else RowWriter(folder / "lengths.npy", (None,), np.float16, tokens)
        self.writers = [w for w in (self._codes, self._residuals, self._lengths) if w is not None]

    def append(self, rows: Float32s) -> None:
        if self._lengths is not None:
            lengths = row_norms(rows)
            self._lengths.append(lengths)
            rows = (rows / np.where(lengths > 0, lengths, 1.0)[:, None]).astype(np.float32)
        codes, residuals = self._codec.encode(rows)
        self._codes.append(codes)
        self._residuals.append(residuals)


def write_codec(folder: Path, codec: Codec) -> None:
    """Write ``centroids.npy`` and ``quantiles.npy`` durably: weights and cutoffs in turn, from the lowest weight."""
    quantiles = np.empty(2 * len(codec.weights) - 1, np.float32)
    quantiles[::2], quantiles[1::2] = codec.weights, codec.cutoffs
    for name, array in (("centroids", codec.grid), ("quantiles", quantiles)):
        np.save(folder / f"{name}.npy", array)
        fsync_file(folder / f"{name}.npy")


def read_codec(folder: Path) -> Codec:
    """Read the files of `write_codec`."""
    return Codec.of(np.load(folder / "centroids.npy"), np.load(folder / "quantiles.npy"))


def write_lists(folder: Path, codes: npt.NDArray[Any], offsets: Rows, k: int) -> None:
    """Write ``lists.npy`` and ``lists.offsets.npy``: the documents of each of ``k`` centroids, in two passes over blocks."""
    bounds = np.zeros(k + 1, np.int64)
    for cells, _ in _pairs(codes, offsets):
        bounds[1:] += np.bincount(cells, minlength=k)
    np.cumsum(bounds, out=bounds)
    lists = np.lib.format.open_memmap(folder / "lists.npy", "w+", np.dtype(np.int32), (int(bounds[-1]),))
    free = bounds[:-1].copy()
    for cells, documents in _pairs(codes, offsets):
        sizes = np.bincount(cells, minlength=k)
        lists[ranges(free, sizes)] = documents
        free += sizes
    np.save(folder / "lists.offsets.npy", bounds)


def _pairs(codes: npt.NDArray[Any], offsets: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Yield the different pairs of centroid and document in blocks of documents, by centroid, then document."""
    for first, last in maxsim.stripes(offsets):
        cells = codes[offsets[first] : offsets[last]].astype(np.int64)
        documents = np.repeat(np.arange(first, last), np.diff(offsets[first : last + 1]))
        pairs = np.unique(cells << 32 | documents)
        yield pairs >> 32, pairs & 0xFFFFFFFF

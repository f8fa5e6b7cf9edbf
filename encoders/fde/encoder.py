"""MUVERA: one vector for a set of token vectors, whose dot products estimate exact MaxSim.

Fixed dimensional encodings (FDEs) of Dhulipala et al., "MUVERA: Multi-Vector Retrieval via Fixed Dimensional
Encodings", NeurIPS 2024, section 2. In each of R repetitions k_sim random hyperplanes cut the space into 2^k_sim
partitions; a query has in each partition the sum of its tokens there, a document the mean of its, or in an empty one
the token nearest to it. The dot product estimates R times MaxSim. docs/methods.md says where the paper and its code
differ, and which of them this follows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Float32s, Int64s
from intrex.data.errors import BadInput
from intrex.data.io.files import fingerprint
from intrex.data.native.kernel import Kernels
from intrex.data.native.library import Library
from intrex.data.npy import open_array
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.threads import on_threads
from intrex.encoders.base import Role
from intrex.encoders.fde.config import TEXTS_AT_ONCE, TOKENS_AT_ONCE, FdeConfig
from intrex.encoders.fde.plain import block, fold, partitions
from intrex.encoders.fde.random import draw_final, draw_repetition, project, signs

LIBRARY = Library("FDE", ("intrex.encoders.fde.kernels",))
TILE = 48
"""Tokens of every matrix product. A product's last bits depend on its shape, and on the place of a row in it: with one
shape for all, and each text at the beginning of its own, a text's FDE is the same bits in any batch."""


class _Task(NamedTuple):
    """Arguments that all blocks of one call share."""

    tokens: PackedVectors
    role: Role
    names: Sequence[str] | None
    final: npt.NDArray[np.float64] | None
    kernels: Kernels | None


class Fde:
    """Encoder of documents and queries by one configuration and one set of random matrices.

    Attributes:
        config: the parameters.
        vectors: [reps, k_sim + d_proj, dim] float32: the hyperplanes and the inner projection of each repetition.
        final: the final projection. Of a count sketch int32 [full_dim]: s > 0 adds the number to place s - 1, -s takes
            it off there. Of a dense one the signs as bits, uint8 [final_dim, full_dim / 8 rounded up]. Else None.
    """

    def __init__(self, config: FdeConfig, vectors: Float32s, final: npt.NDArray[Any] | None = None) -> None:
        if vectors.shape != (config.reps, config.rows, config.dim) or vectors.dtype != np.float32:
            raise ValueError(f"projections {vectors.dtype} {vectors.shape} are not those of {config}")
        self.config = config
        self.vectors = np.ascontiguousarray(vectors)
        self.final = final

    @classmethod
    def draw(cls, config: FdeConfig) -> Self:
        """Draw the random matrices; another version of numpy may draw others, so an index keeps them."""
        c = config
        parts = [draw_repetition(c.seed, r, c.dim, c.k_sim, c.d_proj, c.projection) for r in range(c.reps)]
        if c.final_dim is None:
            return cls(c, np.stack(parts))
        return cls(
            c, np.stack(parts), draw_final(c.seed, c.reps, c.full_dim, c.final_dim, c.final_projection)
        )

    def save(self, folder: Path) -> None:
        """Write the matrices: ``projections.npy``, and ``final.npy`` if there is a final projection."""
        np.save(folder / "projections.npy", self.vectors)
        if self.final is not None:
            np.save(folder / "final.npy", self.final)

    @classmethod
    def load(cls, folder: Path, config: FdeConfig, expected: str) -> Self:
        """Read what `save` wrote; raises `BadInput` unless its fingerprint is the ``expected`` one."""
        try:
            vectors = open_array(folder / "projections.npy", np.float32)
            final = None if config.final_dim is None else open_array(folder / "final.npy")
            fde = cls(config, vectors, final)
        except (OSError, ValueError) as error:
            raise BadInput(f"not sound projections: {error} ({folder})", "rebuild the index") from error
        if fde.fingerprint != expected:
            raise BadInput(
                f"the projections are not those that the documents were encoded with ({folder})",
                "rebuild the index",
            )
        return fde

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the configuration and the matrices; vectors of different ones cannot be compared."""
        arrays = [self.vectors] if self.final is None else [self.vectors, self.final]
        hashes = [hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() for array in arrays]
        return fingerprint(["fde", asdict(self.config), hashes])

    def encode(
        self, tokens: PackedVectors, role: Role, *, threads: int = 1, names: Sequence[str] | None = None
    ) -> Float32s:
        """Encode n texts as FDEs [n, fde_dim] in float32: the same bits in any batch and with any number of threads.

        Args:
            tokens: the token vectors of each text.
            role: whether the texts are documents or queries.
            threads: how many share the work.
            names: of the texts, for errors; their numbers from 1 on unless given.

        Raises:
            BadInput: a text has no token, or one with NaN or infinity; or the tokens have other dimensions.
        """
        if tokens.vectors.ndim != 2 or tokens.vectors.shape[1] != self.config.dim:
            raise BadInput(
                f"tokens of {tokens.vectors.shape[-1]} dimensions; the FDE is of tokens of {self.config.dim}"
            )
        if (empty := np.flatnonzero(np.diff(tokens.offsets) <= 0)).size:
            raise BadInput(f"{_name(role, names, int(empty[0]))} has no token, an FDE needs one")
        out = np.empty((len(tokens.offsets) - 1, self.config.fde_dim), np.float32)
        task = _Task(tokens, role, names, self._signs, LIBRARY.kernels())

        def work(blocks: Iterator[tuple[int, int]]) -> None:
            for start, end in blocks:
                self._block(task, start, end, out[start:end])

        on_threads(work, _blocks(tokens.offsets), threads)
        return out

    def _block(self, task: _Task, start: int, end: int, out: Float32s) -> None:
        """Write the FDEs of some texts to ``out``."""
        offsets = task.tokens.offsets[start : end + 1]
        points, begins = _tiles(task.tokens.vectors[offsets[0] : offsets[-1]], offsets - offsets[0])
        if not np.isfinite(points).all():
            bad = np.flatnonzero(~np.isfinite(points).all(axis=1))[0]
            text = start + int(np.searchsorted(begins, bad, "right")) - 1
            raise BadInput(
                f"a token vector of {_name(task.role, task.names, text)} has NaN or infinity",
                "check the encoder and its --dtype",
            )
        whole = out if task.final is None else np.empty((len(out), self.config.full_dim), np.float32)
        self._aggregate(task, points, begins, np.diff(offsets), whole)
        if task.final is not None:
            out[:] = project(whole, task.final)

    def _aggregate(self, task: _Task, points: Float32s, begins: Int64s, sizes: Int64s, out: Float32s) -> None:
        """Write the FDEs of some texts to ``out``, up to a dense final projection."""
        c, products = self.config, self._products(points)
        slots = self.final if c.final_projection == "countsketch" else None
        source, first, step = (points, 0, 0) if c.d_proj is None else (products, c.k_sim, c.rows)
        mean = task.role == "document"
        if task.kernels is None:
            for text, (begin, size) in enumerate(zip(begins, sizes, strict=True)):
                rows, blocks = slice(begin, begin + size), []
                for r in range(c.reps):
                    points = source[rows, first + r * step :][:, : c.width]
                    parts = partitions(products[rows, r * c.rows :][:, : c.k_sim])
                    blocks.append(block(points, parts, c.k_sim, mean, c.fill_empty))
                whole = np.concatenate(blocks).ravel()
                out[text] = whole if slots is None else fold(whole, slots, c.fde_dim)
            return
        counts, keys = np.empty(1 << c.k_sim, np.int32), np.empty(1 << c.k_sim, np.int64)
        scratch = np.empty(0 if slots is None else c.width << c.k_sim, np.float32)
        task.kernels["encode"](
            *(source, first, step, source.shape[1], products, c.rows, products.shape[1]),
            *(begins, sizes, len(sizes), c.reps, c.k_sim, c.width, mean, c.fill_empty),
            *(np.empty(0, np.int32) if slots is None else slots, 0 if slots is None else c.fde_dim),
            *(counts, keys, scratch, out),
        )

    def _products(self, points: Float32s) -> Float32s:
        """Multiply the tokens by all hyperplanes and projections: [n, reps * rows]."""
        matrix = self.vectors.reshape(-1, self.config.dim).T
        return (points.reshape(-1, TILE, self.config.dim) @ matrix).reshape(len(points), -1)

    @cached_property
    def _signs(self) -> npt.NDArray[np.float64] | None:
        """The signs [full_dim, fde_dim] of the dense final projection, if there is one."""
        if self.final is None or self.config.final_projection != "dense":
            return None
        return signs(self.final, self.config.full_dim)


def _blocks(offsets: Int64s) -> Iterator[tuple[int, int]]:
    """Yield ranges of texts that a thread encodes together."""
    start, n = 0, len(offsets) - 1
    while start < n:
        end = int(np.searchsorted(offsets, offsets[start] + TOKENS_AT_ONCE, "right")) - 1
        end = min(max(end, start + 1), start + TEXTS_AT_ONCE, n)
        yield start, end
        start = end


def _tiles(vectors: npt.NDArray[Any], offsets: Int64s) -> tuple[Float32s, Int64s]:
    """Copy vectors in float32, each text to the beginning of a tile with zeros up to its end; return where each begins too."""
    ends = np.cumsum(-(-np.diff(offsets) // TILE) * TILE)
    begins = np.concatenate([[0], ends[:-1]])
    points = np.zeros((ends[-1], vectors.shape[1]), np.float32)
    for begin, first, last in zip(begins, offsets[:-1], offsets[1:], strict=True):
        points[begin : begin + last - first] = vectors[first:last]
    return points, begins


def _name(role: Role, names: Sequence[str] | None, text: int) -> str:
    return f"{role} {text + 1}" if names is None else f"{role} {names[text]!r}"

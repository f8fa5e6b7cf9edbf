"""Parameters of fixed dimensional encodings; plain data."""

from __future__ import annotations

from dataclasses import dataclass

from intrex.data.errors import UsageError

PROJECTIONS = ("dense", "countsketch")
MOST_PLANES = 20
TEXTS_AT_ONCE, TOKENS_AT_ONCE = 16, 4096
"""Texts and tokens that a thread encodes together, unless one text has more: few, so that they stay in the cache."""


@dataclass(frozen=True)
class FdeConfig:
    """Parameters that decide the FDE of a set of vectors, but for the random numbers themselves.

    Attributes:
        dim: dimensions of a token vector.
        reps: repetitions, R in the paper.
        k_sim: hyperplanes of a repetition, which make 2^k_sim partitions.
        d_proj: dimensions that tokens are projected to before they are added up; None leaves them as they are.
        projection: the way: ``dense`` (entries ±1/√d_proj) or ``countsketch`` (one ±1 for each dimension of a token).
        final_dim: dimensions that the whole is projected to; None leaves it as it is.
        final_projection: the way, as of ``projection``.
        fill_empty: give a document's empty partitions the token nearest to them.
        seed: of the random numbers.

    Raises:
        UsageError: a number is out of its range.
    """

    dim: int
    reps: int = 20
    k_sim: int = 5
    d_proj: int | None = 16
    projection: str = "dense"
    final_dim: int | None = None
    final_projection: str = "countsketch"
    fill_empty: bool = True
    seed: int = 42

    def __post_init__(self) -> None:
        if self.dim < 1 or self.reps < 1 or self.seed < 0:
            raise UsageError("an FDE needs a dimension, a repetition, and a seed of 0 or more")
        if not 0 <= self.k_sim <= MOST_PLANES:
            raise UsageError(f"k_sim is {self.k_sim}, needed: 0 to {MOST_PLANES}", "the paper uses 2 to 6")
        if self.d_proj is not None and not 1 <= self.d_proj <= self.dim:
            raise UsageError(
                f"d_proj is {self.d_proj}, needed: 1 to {self.dim}, the dimensions of a token",
                "--d-proj 0 leaves tokens as they are",
            )
        if self.final_dim is not None and not 1 <= self.final_dim <= self.full_dim:
            raise UsageError(
                f"final_dim is {self.final_dim:,}, needed: 1 to {self.full_dim:,}, what there is"
            )
        for kind in (self.projection, self.final_projection):
            if kind not in PROJECTIONS:
                raise UsageError(f"unknown projection {kind!r}", f"known: {', '.join(PROJECTIONS)}")

    @property
    def width(self) -> int:
        """Dimensions of one partition."""
        return self.dim if self.d_proj is None else self.d_proj

    @property
    def full_dim(self) -> int:
        """Dimensions before the final projection."""
        return self.reps * self.width << self.k_sim

    @property
    def fde_dim(self) -> int:
        """Dimensions of an FDE."""
        return self.full_dim if self.final_dim is None else self.final_dim

    @property
    def rows(self) -> int:
        """Random vectors of a repetition: its hyperplanes and its inner projection."""
        return self.k_sim + (self.d_proj or 0)

    def memory(self, threads: int) -> int:
        """Bytes that encoding texts of usual length needs, beside its input and its output."""
        final = block = 0
        if self.final_dim is not None and self.final_projection == "dense":
            final, block = 9 * self.full_dim * self.final_dim, 12 * TEXTS_AT_ONCE * self.full_dim
        elif self.final_dim is not None:
            final, block = 4 * self.full_dim, 4 * self.width << self.k_sim
        block += 4 * 2 * TOKENS_AT_ONCE * (self.dim + self.reps * self.rows) + (12 << self.k_sim)
        return 4 * self.reps * self.rows * self.dim + final + threads * block

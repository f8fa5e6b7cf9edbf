"""Free embeddings: how many documents vectors of d dimensions can tell apart where nothing but the optimiser limits them.

Every set of k of n documents has a query. Vectors of queries and documents are free parameters on the unit sphere,
optimised by Adam on the full batch of InfoNCE until each query has its k documents first (Weller et al., arXiv
2508.21038, and google-deepmind/limit's code, whose settings these are). What comes out is a limit of this
optimisation in float32: sets of k can be told apart in 2k dimensions whatever n is, if scores may be as near as need be.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

from intrex.data.arrays import Float32s, Int32s
from intrex.data.native.kernel import Kernels
from intrex.data.native.library import Library
from intrex.data.numeric.mix import numbers, stream
from intrex.eval.pipelines.studies.limit.plain import Found, optimise

LIBRARY = Library("free-embeddings", ("intrex.eval.pipelines.studies.limit.kernels",))
BLOCK = 64
"""Queries that the kernel looks at together."""
_QUERIES, _DOCUMENTS = 1, 2


@dataclass(frozen=True)
class FreeSettings:
    """Settings of the optimisation; by default those of the paper's code.

    Attributes:
        rate: learning rate of Adam, whose other settings are those of its paper.
        temperature: of InfoNCE: the mean over relevant documents, which stand in the denominator too.
        steps: at most.
        every: so many steps are between two looks at the accuracy.
        patience: it stops after so many steps in which the loss has not fallen by ``delta`` below its least.
        delta: see ``patience``.
    """

    rate: float = 0.01
    temperature: float = 0.1
    steps: int = 100_000
    every: int = 50
    patience: int = 1000
    delta: float = 1e-5

    def numbers(self) -> Float32s:
        """Return what the kernel and numpy's path take: rate, 1 / temperature, Adam's beta 1, beta 2, epsilon, delta."""
        return np.array([self.rate, 1 / self.temperature, 0.9, 0.999, 1e-8, self.delta], np.float32)

    def to_dict(self) -> dict[str, float]:
        """Return the settings by name."""
        return asdict(self)


@dataclass(frozen=True)
class Trial:
    """One optimisation.

    Attributes:
        dim: dimensions of the vectors.
        documents: how many there are.
        relevant: documents of each query.
        seed: of the vectors at the beginning.
        accuracy: best share of relevant documents among the first ``relevant`` of their queries; 1 is a success.
        steps: that were made.
        loss: at the last one.
    """

    dim: int
    documents: int
    relevant: int
    seed: int
    accuracy: float
    steps: int
    loss: float

    @property
    def solved(self) -> bool:
        """True where every query has its documents first."""
        return self.accuracy == 1.0


def draw_normal(seed: int, kind: int, rows: int, dim: int) -> Float32s:
    """Draw vectors of length 1, float32 [rows, dim], their directions uniform: normal numbers by Box and Muller (1958)."""
    words = numbers(stream(seed, kind), 2 * rows * dim)[0]
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    radius, angle = np.sqrt(-2 * np.log(uniform[::2])), 2 * np.pi * uniform[1::2]
    vectors = (radius * np.cos(angle)).reshape(rows, dim)
    scaled: Float32s = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def all_sets(documents: int, relevant: int) -> Int32s:
    """Return every set of ``relevant`` documents, in lexicographic order: int32 [sets, relevant]."""
    return np.array(list(combinations(range(documents), relevant)), np.int32).reshape(-1, relevant)


def run_trial(
    dim: int, documents: int, relevant: int, seed: int, settings: FreeSettings, kernels: Kernels | None
) -> Trial:
    """Optimise from one draw; the same bytes on any thread, with ``kernels`` or without other last bits.

    Args:
        dim: dimensions, 1 or more.
        documents: more than ``relevant``.
        relevant: of each query.
        seed: of the draw.
        settings: of the optimisation.
        kernels: of `LIBRARY`; None for numpy.
    """
    sets = all_sets(documents, relevant)
    queries = draw_normal(seed, _QUERIES, len(sets), dim)
    vectors = draw_normal(seed, _DOCUMENTS, documents, dim)
    limits = settings.steps, settings.every, settings.patience
    if kernels is None:
        found = optimise(queries, vectors, sets, settings.numbers(), *limits)
    else:
        found = _by_kernel(kernels, queries, vectors, sets, settings)
    return Trial(dim, documents, relevant, seed, *found)


def _by_kernel(
    kernels: Kernels, queries: Float32s, documents: Float32s, sets: Int32s, settings: FreeSettings
) -> Found:
    (m, dim), n, k = queries.shape, len(documents), sets.shape[1]
    stride = -(-m // BLOCK) * BLOCK
    columns = np.full((dim, stride), dim**-0.5, np.float32)  # those beyond m hold vectors that nothing moves
    columns[:, :m] = queries.T

    def empty(*shape: int) -> Float32s:
        return np.zeros(shape, np.float32)

    out = np.zeros(3)
    kernels["optimise"](
        columns, stride, m, documents, n, dim, sets.ravel(), k, settings.steps, settings.every, settings.patience,
        settings.numbers(), empty(n, BLOCK), empty(BLOCK), empty(16), empty(dim, stride), empty(n, dim),
        empty(dim, stride), empty(dim, stride), empty(n, dim), empty(n, dim), np.zeros(n, np.int32), out,
    )  # fmt: skip
    return float(out[0]), int(out[1]), float(out[2])

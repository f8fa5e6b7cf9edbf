"""A method with its parameters, as the kernel and its plain form take it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Array, Float64s
from intrex.data.errors import UsageError
from intrex.data.options import LARGEST_INT
from intrex.retrievers.fusion.methods import FILLED, METHODS, NORMS, Merge, Method, Source
from intrex.retrievers.fusion.options import (
    ALPHA,
    GAMMA,
    PHI,
    RRF_K,
    SIGMA,
    WINDOW,
    FuseOptions,
    NormalizeOptions,
)
from intrex.retrievers.fusion.training import UNSEEN


@dataclass(frozen=True)
class Plan:
    """How runs are fused.

    Attributes:
        source: what a document counts in one run.
        norm: of scores, a name of `NORMS`.
        merge: how that is put together.
        filled: a document that a run lacks counts there too, where the run answers the query.
        whole: scores are normalised before they are cut at the depth.
        depth: how far down each run to look.
        k: documents of each query in the result.
        numbers: [4] float64: k of rrf, φ, what a rank counts of which nothing was learned, the window.
        infima: [r] float64, the lowest score there could be in each run.
        weights: [r] float64.
        factors: [r + 1] float64, of a sum over so many runs.
        tables: [r, t] float64, what was learned of each run.
    """

    source: Source
    norm: str
    merge: Merge
    filled: bool
    whole: bool
    depth: int
    k: int
    numbers: Float64s
    infima: Float64s
    weights: Float64s
    factors: Float64s
    tables: Float64s

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.weights)

    def arguments(self) -> list[Array | int]:
        """Return what the kernel takes as ``rule``."""
        ints = (self.source, NORMS.index(self.norm), self.merge, self.filled, self.whole, self.depth, self.k)
        return [
            *map(int, ints),
            self.tables.shape[1],
            self.numbers,
            self.infima,
            self.weights,
            self.factors,
            self.tables,
        ]


def plan_of(options: FuseOptions, runs: int, tables: Float64s | None = None) -> Plan:
    """Make a plan of options for so many runs, and of what was learned of them [runs, t].

    Raises:
        UsageError: too few runs, or options that do not fit so many.
    """
    method = options.how
    if runs < 2:
        raise UsageError("fusion needs at least two runs", "intrex normalize normalises one by itself")
    if method.pair and runs > 2:
        raise UsageError(
            f"--method {method.name} is of two runs, and there are {runs}", "use wsum with --weights"
        )
    _count("weights", options.weights, runs)
    _count("infima", options.infima, runs)
    norm = options.norm or method.norm or "none"
    numbers = [options.rrf_k, options.phi, None, options.window]
    defaults = [RRF_K, PHI, UNSEEN.get(method.name, 0.0), WINDOW]
    return Plan(
        method.source, norm, method.merge, method.filled or norm in FILLED, method.whole, options.depth or LARGEST_INT, options.k,
        numbers=np.array([d if n is None else n for n, d in zip(numbers, defaults, strict=True)], np.float64),
        infima=np.array(options.infima or np.zeros(runs), np.float64),
        weights=_weights(method, options, runs), factors=_factors(method, options, runs),
        tables=np.zeros((runs, 0)) if tables is None else np.ascontiguousarray(tables),
    )  # fmt: skip


def plan_of_one(options: NormalizeOptions) -> Plan:
    """Make a plan that normalises one run."""
    method = METHODS["sum"]
    norm = options.norm or method.norm
    return Plan(
        method.source, norm, method.merge, False, method.whole, options.depth or LARGEST_INT, LARGEST_INT, np.zeros(4),
        np.array([options.infimum or 0.0]), np.ones(1), np.ones(2), np.zeros((1, 0)),
    )  # fmt: skip


def _count(name: str, values: tuple[float, ...] | None, runs: int) -> None:
    if values is not None and len(values) != runs:
        raise UsageError(f"{len(values)} {name} for {runs} runs", f"give one for each run: --{name} X,X")


def _weights(method: Method, options: FuseOptions, runs: int) -> Float64s:
    if "alpha" in method.takes:
        alpha = ALPHA if options.alpha is None else options.alpha
        return np.array([alpha, 1 - alpha], np.float64)
    if options.weights is not None:
        return np.array(options.weights, np.float64)
    return np.full(runs, 1 / runs if "weights" in method.takes or method.name == "average" else 1.0)


def _factors(method: Method, options: FuseOptions, runs: int) -> Float64s:
    """Return the factor of the sum of n = 0 ... ``runs`` runs; that of 0 is never used."""
    n = np.maximum(np.arange(runs + 1, dtype=np.float64), 1)
    sigma = SIGMA if options.sigma is None else options.sigma
    gamma = GAMMA if options.gamma is None else options.gamma
    return {
        "1": np.ones(runs + 1), "n": n, "1/n": 1 / n, "sqrt": np.sqrt(n), "gamma": n**gamma,
        "log": np.log(n), "sigma": np.log(n + sigma),
    }[method.factor]  # fmt: skip

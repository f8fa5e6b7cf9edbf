"""The settings that are tried: whole numbers of steps for weights, lists for parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from intrex.data.arrays import Float64s
from intrex.data.errors import UsageError
from intrex.retrievers.fusion.methods import taking
from intrex.retrievers.fusion.options import ALPHA, GAMMA, PHI, RRF_K, SIGMA, FuseOptions

MOST = 20_000
"""Settings that are tried at most."""
PARAMETERS = {
    "rrf_k": (RRF_K, (0.0, 1.0, 2.0, 5.0, *(float(k) for k in range(10, 101, 10)), 200.0, 500.0, 1000.0)),
    "gamma": (GAMMA, tuple(i / 10 for i in range(31))),
    "phi": (PHI, tuple(i / 100 for i in range(5, 100, 5))),
    "sigma": (SIGMA, (0.0, 0.01, 0.02, 0.05, *(i / 10 for i in range(1, 11)))),
}
"""Values of the parameters of methods, each with the default."""


@dataclass(frozen=True)
class Grid:
    """Settings of one method.

    Attributes:
        key: the option that is tuned.
        settings: options with each value of it.
        distances: [g] how far each is from the default, which decides between equal ones.
    """

    key: str
    settings: list[FuseOptions]
    distances: Float64s

    @property
    def default(self) -> int:
        """The setting nearest to the default."""
        return int(np.argmin(self.distances))

    def value(self, setting: int) -> float | tuple[float, ...]:
        """Return the value that a setting gives to the option."""
        found: float | tuple[float, ...] = getattr(self.settings[setting], self.key)
        return found


def changed(options: FuseOptions, values: Mapping[str, Any]) -> FuseOptions:
    """Return options with other values of some, by key."""
    return replace(options, **dict(values))


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Yield every tuple of whole numbers from 0 that sums to ``total``: C(total + parts - 1, total) of them.

    >>> list(compositions(2, 2))
    [(0, 2), (1, 1), (2, 0)]
    """
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)


def grid_of(options: FuseOptions, runs: int, steps: int | None) -> Grid:
    """Make the settings of a method.

    Raises:
        UsageError: it has nothing to tune, what would be tuned is given, or there are too many settings.
    """
    key = next((key for key in ("weights", "alpha", *PARAMETERS) if options.method in taking(key)), None)
    if key is None:
        names = [name for one in ("weights", "alpha", *PARAMETERS) for name in taking(one)]
        raise UsageError(f"--method {options.method} has nothing to tune", f"these have: {', '.join(names)}")
    if getattr(options, key) is not None:
        raise UsageError(f"--tune chooses {key}, and it is given", f"leave --{key.replace('_', '-')} out")
    if key in PARAMETERS:
        if steps is not None:
            raise UsageError(
                f"--steps is for weights, and --method {options.method} has none", "leave it out"
            )
        default, values = PARAMETERS[key]
        distances = np.abs(np.array(values) - default)
        return Grid(key, [changed(options, {key: value}) for value in values], distances)
    steps = steps or (100 if runs == 2 else 10)
    if (count := math.comb(runs + steps - 1, steps)) > MOST:
        raise UsageError(f"{count:,} settings of {runs} weights in steps of 1/{steps}", "say fewer --steps")
    if key == "alpha":
        values = tuple(i / steps for i in range(steps + 1))
        return Grid(
            key, [replace(options, alpha=value) for value in values], np.abs(np.array(values) - ALPHA)
        )
    weights = np.array(list(compositions(steps, runs))) / steps
    distances = ((weights - 1 / runs) ** 2).sum(axis=1).round(12)
    return Grid(key, [replace(options, weights=tuple(row)) for row in weights.tolist()], distances)

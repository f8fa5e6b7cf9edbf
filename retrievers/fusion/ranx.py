"""Fusion by the ranx package."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from intrex.data.errors import BadInput, MissingExtra
from intrex.data.run import Run
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.fusion.plan import plan_of
from intrex.retrievers.postprocess import cut

_PARAMETERS = {"rrf_k": ("k", 0), "phi": ("phi", 1)}
"""ranx's names of parameters that it has no default of, and where `Plan.numbers` has them."""


def require_engine(options: FuseOptions) -> None:
    """Raise `MissingExtra` where ranx is to fuse and is not installed; imports nothing."""
    if options.engine == "ranx" and find_spec("ranx") is None:
        raise MissingExtra("ranx", "fusion", "--engine ranx")


def fuse_with_ranx(runs: Sequence[Run], options: FuseOptions) -> Run:
    """Fuse by ranx; it orders ties in its own way, we sort again.

    Raises:
        MissingExtra: it is not installed.
        BadInput: the runs differ in their queries, which it cannot do.
    """
    require_engine(options)
    parameters = _parameters(options, len(runs))
    import ranx

    if options.depth is not None:
        runs = [cut(run, options.depth) for run in runs]
    queries = set().union(*(run.query_ids.tolist() for run in runs))
    for run in runs:
        if lacking := queries - set(run.query_ids.tolist()):
            raise BadInput(
                f"ranx needs equal queries in all runs; {run.tag} lacks {len(lacking):,} of {len(queries):,}",
                "leave --engine ranx out: intrex's own methods allow that",
            )
    ranx_runs = [ranx.Run(run.to_dict(), name=f"{i}-{run.tag}") for i, run in enumerate(runs)]
    norm = options.norm or options.how.norm or None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's remarks on ranx's types
        fused = ranx.fuse(
            runs=ranx_runs, norm=None if norm == "none" else norm, method=options.method, params=parameters
        )
    rankings = {q: {d: float(s) for d, s in docs.items()} for q, docs in fused.to_dict().items()}
    return cut(Run.from_dict(rankings, tag=options.method), options.k)


def _parameters(options: FuseOptions, runs: int) -> dict[str, Any]:
    """Return what ranx takes besides runs and norm."""
    plan, takes = plan_of(options, runs), options.how.takes
    found: dict[str, Any] = {
        name: float(plan.numbers[at]) for key, (name, at) in _PARAMETERS.items() if key in takes
    }
    if "weights" in takes:
        found["weights"] = plan.weights.tolist()
    if "gamma" in takes:
        found["gamma"] = 1.0 if options.gamma is None else options.gamma
    if "sigma" in takes and options.sigma is not None:
        found["sigma"] = options.sigma
    return found

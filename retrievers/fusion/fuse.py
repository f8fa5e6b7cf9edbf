"""Fusion of runs by reciprocal ranks or by weighted sums of normalised scores. Runs may have different queries."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec

import numpy as np

from intrex.data.arrays import Bytes, Float64s, Scores
from intrex.data.errors import BadInput, MissingExtra, UsageError
from intrex.data.run import Run
from intrex.data.tags import tag_of
from intrex.retrievers.base import run_of
from intrex.retrievers.fusion.options import MAX_WEIGHT, RRF_K, FuseOptions
from intrex.retrievers.postprocess import cut


def fuse_runs(runs: Sequence[Run], options: FuseOptions, tag: str | None = None) -> Run:
    """Fuse runs by a method; a document or query that a run lacks gets nothing from it.

    ``rrf`` adds up `reciprocal_ranks`; ``wsum`` adds up `min_max` scores times weights, which are equal by default. The
    engine ranx has further methods.

    Args:
        runs: two or more.
        options: ``depth`` is how far down each run to look, ``k`` the depth of the result.
        tag: of the result; by default the method with what was chosen of it, see `intrex.data.tags`.

    Raises:
        UsageError: weights that do not fit the runs, or a single run.
        MissingExtra: ranx is needed and not installed.
        BadInput: the runs differ in their queries, which ranx cannot do.
    """
    if options.engine == "ranx":
        fused = _fuse_with_ranx(runs, options)
    elif options.method == "rrf":
        constant = RRF_K if options.rrf_k is None else options.rrf_k
        fused = _fuse(runs, [1.0] * len(runs), lambda scores: reciprocal_ranks(scores, constant), options)
    else:
        fused = _fuse(runs, _check_weights(options.weights, len(runs)), min_max, options)
    return replace(fused, tag=tag or tag_of(options.method, options, named=("method",)))


def reciprocal_ranks(scores: Scores, constant: float) -> Float64s:
    """Return 1 / (constant + rank) of a ranking in order (Cormack, Clarke and Büttcher 2009)."""
    return 1.0 / (constant + np.arange(1, len(scores) + 1, dtype=np.float64))


def min_max(scores: Scores) -> Float64s:
    """Map the scores of one query of one run to [0, 1]; equal scores map to 1.

    1, because a retrieved document must not rank with those that were not retrieved.
    """
    values = scores.astype(np.float64)
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.ones(len(values))


def _check_weights(weights: Sequence[float] | None, runs: int) -> list[float]:
    """Return the weights of so many runs; raises `UsageError` unless there is one for each, finite and not negative."""
    values = list(weights) if weights is not None else [1 / runs] * runs
    if len(values) != runs:
        hint = "give one weight for each run, as --weights 0.7,0.3"
        raise UsageError(f"{len(values)} weights for {runs} runs", hint)
    if not all(0 <= weight <= MAX_WEIGHT for weight in values) or not any(values):
        raise UsageError(f"weights must be from 0 to {MAX_WEIGHT:g} and not all zero: {values}")
    return values


def _fuse(
    runs: Sequence[Run], weights: Sequence[float], value: Callable[[Scores], Float64s], options: FuseOptions
) -> Run:
    if len(runs) < 2:
        raise UsageError("fusion needs at least two runs")
    parts: dict[bytes, list[tuple[Bytes, Float64s]]] = {}
    for run, weight in zip(runs, weights, strict=True):
        for query, docs, scores in run.rankings():
            values = weight * value(scores[: options.depth])
            parts.setdefault(query, []).append((docs[: options.depth], values))
    return run_of({query: _top(pieces, options.k) for query, pieces in parts.items()}, options.method)


def _top(parts: list[tuple[Bytes, Float64s]], k: int) -> tuple[Bytes, Scores]:
    """Return the ``k`` best documents and their summed scores, added in the order of the runs."""
    docs, places = np.unique(np.concatenate([docs for docs, _ in parts]), return_inverse=True)
    total = np.zeros(len(docs))
    np.add.at(total, places, np.concatenate([values for _, values in parts]))
    rounded = total.astype(np.float32)
    order = np.lexsort((docs, rounded))[::-1][:k]
    return docs[order], rounded[order]


def require_engine(options: FuseOptions) -> None:
    """Raise `MissingExtra` where ranx is to fuse and is not installed; imports nothing."""
    if options.engine == "ranx" and find_spec("ranx") is None:
        raise MissingExtra("ranx", "fusion", f"--method {options.method}")


def _fuse_with_ranx(runs: Sequence[Run], options: FuseOptions) -> Run:
    """Fuse by the ranx package (min-max normalised); it orders ties in its own way, we sort again."""
    require_engine(options)
    import ranx

    if options.depth is not None:
        runs = [cut(run, options.depth) for run in runs]
    queries = set().union(*(run.query_ids.tolist() for run in runs))
    for run in runs:
        if lacking := queries - set(run.query_ids.tolist()):
            raise BadInput(
                f"ranx needs equal queries in all runs; {run.tag} lacks {len(lacking):,} of {len(queries):,}",
                "use --method rrf or wsum, which allow that",
            )
    ranx_runs = [ranx.Run(run.to_dict(), name=f"{i}-{run.tag}") for i, run in enumerate(runs)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's remarks on ranx's types
        fused = ranx.fuse(runs=ranx_runs, norm="min-max", method=options.method)
    rankings = {q: {d: float(s) for d, s in docs.items()} for q, docs in fused.to_dict().items()}
    return cut(Run.from_dict(rankings, tag=options.method), options.k)

"""Fusing runs: reciprocal ranks, or weighted sums of normalised scores. Runs may have different queries."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Bytes, Float64s
from intrex.data.errors import BadInput, MissingExtra, UsageError
from intrex.data.ids import as_bytes
from intrex.data.run import Run
from intrex.retrievers.fusion.options import MAX_WEIGHT, RRF_K, FuseOptions
from intrex.retrievers.postprocess import cut

Floats = npt.NDArray[np.float64]


def reciprocal_ranks(scores: npt.NDArray[np.float32], k: float = RRF_K) -> Float64s:
    """1 / (k + rank) of a ranking in order (Cormack, Clarke and Büttcher 2009)."""
    return 1.0 / (k + np.arange(1, len(scores) + 1, dtype=np.float64))


def min_max(scores: npt.NDArray[np.float32]) -> Float64s:
    """Scores mapped to [0, 1] within one query of one run; a list of equal scores maps to 1.

    1, because a retrieved document must not rank with those that were not retrieved.
    """
    values = scores.astype(np.float64)
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.ones(len(values))


def rrf(
    runs: Sequence[Run], *, rrf_k: float = RRF_K, k: int = 1000, depth: int | None = None, tag: str = "rrf"
) -> Run:
    """Reciprocal rank fusion over the canonical ranks.

    Args:
        runs: two or more; a document or query that a run lacks adds nothing.
        rrf_k: the constant added to each rank.
        k: how many documents to keep for each query.
        depth: how many of each run's documents to look at; all of them by default.
        tag: tag of the result.
    """
    if not (np.isfinite(rrf_k) and rrf_k >= 0):
        raise UsageError(f"the RRF constant must be a finite number that is not negative: {rrf_k}")
    return _fuse(runs, [1.0] * len(runs), lambda s: reciprocal_ranks(s, rrf_k), k, depth, tag)


def wsum(
    runs: Sequence[Run],
    weights: Sequence[float] | None = None,
    *,
    k: int = 1000,
    depth: int | None = None,
    tag: str = "wsum",
) -> Run:
    """Weighted sum of min-max normalised scores; equal weights by default.

    Args:
        runs: two or more; a document that a run lacks gets 0 from it.
        weights: one for each run, finite and not negative.
        k: how many documents to keep for each query.
        depth: how many of each run's documents to normalise and add; all of them by default.
        tag: tag of the result.

    Raises:
        UsageError: the weights do not fit the runs.
    """
    chosen = list(weights) if weights is not None else [1 / len(runs)] * len(runs)
    if len(chosen) != len(runs):
        raise UsageError(
            f"{len(chosen)} weights for {len(runs)} runs",
            "give one weight for each run, as --weights 0.7,0.3",
        )
    if not all(0 <= w <= MAX_WEIGHT for w in chosen) or not any(chosen):
        raise UsageError(f"weights must be from 0 to {MAX_WEIGHT:g} and not all zero: {chosen}")
    return _fuse(runs, chosen, min_max, k, depth, tag)


def _fuse(
    runs: Sequence[Run],
    weights: Sequence[float],
    value: Callable[[npt.NDArray[np.float32]], Float64s],
    k: int,
    depth: int | None,
    tag: str,
) -> Run:
    if len(runs) < 2:
        raise UsageError("fusion needs at least two runs")
    gathered: dict[bytes, list[tuple[Bytes, Float64s]]] = {}
    for run, weight in zip(runs, weights, strict=True):
        for query, docs, scores in run.rankings():
            gathered.setdefault(query, []).append((docs[:depth], weight * value(scores[:depth])))
    found = {query: _top(gathered[query], k) for query in sorted(gathered)}
    sizes = [len(docs) for docs, _ in found.values()]
    offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
    docs = np.concatenate([docs for docs, _ in found.values()])
    scores = np.concatenate([scores for _, scores in found.values()])
    return Run(as_bytes([q.decode("utf-8") for q in found]), offsets, docs, scores, tag)


def _top(parts: list[tuple[Bytes, Float64s]], k: int) -> tuple[Bytes, npt.NDArray[np.float32]]:
    """The ``k`` best documents and their summed scores, added in the order of the runs."""
    docs, at = np.unique(np.concatenate([d for d, _ in parts]), return_inverse=True)
    total = np.zeros(len(docs))
    np.add.at(total, at, np.concatenate([s for _, s in parts]))
    rounded = total.astype(np.float32)
    order = np.lexsort((docs, rounded))[::-1][:k]
    return docs[order], rounded[order]


def fuse_with_ranx(
    runs: Sequence[Run], method: str, *, k: int = 1000, params: dict[str, object] | None = None
) -> Run:
    """Fuse by a method of the ranx package (min-max normalised); it orders ties in its own way, we re-sort.

    Raises:
        MissingExtra: ranx is not installed.
        BadInput: the runs differ in their queries, which ranx cannot do.
    """
    try:
        import ranx
    except ImportError as error:
        raise MissingExtra("ranx", "fusion", f"--method {method}") from error
    every = set().union(*(r.query_ids.tolist() for r in runs))
    for run in runs:
        if lacking := every - set(run.query_ids.tolist()):
            hint = "use --method rrf or wsum, which allow that"
            raise BadInput(
                f"ranx needs equal queries in all runs; {run.tag} lacks {len(lacking):,} of {len(every):,}",
                hint,
            )
    named = [ranx.Run(run.to_dict(), name=f"{i}-{run.tag}") for i, run in enumerate(runs)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's remarks on ranx's types
        fused = ranx.fuse(runs=named, norm="min-max", method=method)
    result = Run.from_dict(
        {q: {d: float(s) for d, s in docs.items()} for q, docs in fused.to_dict().items()}, tag=method
    )
    return cut(result, k)


def fuse_runs(runs: Sequence[Run], options: FuseOptions, tag: str | None = None) -> Run:
    """Fuse as the options say; see `rrf`, `wsum` and `fuse_with_ranx`. The tag is the method's by default.

    Raises:
        UsageError: weights that do not fit the runs.
    """
    depth, k = options.depth, options.k
    if options.engine == "ranx":
        fused = fuse_with_ranx(
            [run if depth is None else cut(run, depth) for run in runs], options.method, k=k
        )
    elif options.method == "rrf":
        fused = rrf(runs, rrf_k=RRF_K if options.rrf_k is None else options.rrf_k, k=k, depth=depth)
    else:
        fused = wsum(runs, options.weights, k=k, depth=depth)
    return replace(fused, tag=tag or fused.tag)

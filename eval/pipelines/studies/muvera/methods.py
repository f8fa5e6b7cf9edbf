"""Sources of candidates that the MUVERA study compares: FDEs, PLAID, the single-vector heuristic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from intrex.data.arrays import Rows, Scores
from intrex.data.collection import Queries
from intrex.data.progress import Progress
from intrex.data.qrels import Qrels
from intrex.data.store.vectors import PackedVectors
from intrex.encoders.fde.config import FdeConfig
from intrex.retrievers.fde.build import build_fde
from intrex.retrievers.fde.index import FdeIndex
from intrex.retrievers.fde.options import FdeSearch
from intrex.retrievers.fde.source import TokenIndex
from intrex.retrievers.multivector import heuristic
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.multivector.options import MultiVectorSearch
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.vectors.options import AnnConfig

GRID = ((20, 3, 8), (20, 4, 8), (20, 5, 8), (20, 5, 16))
"""Repetitions, hyperplanes, inner dimensions: the paper's Pareto points, 1,280 to 10,240 dimensions (figure 3)."""
RECIPE = (40, 6)
"""Repetitions and hyperplanes before a final projection (table 1, figure 5); tokens keep their dimensions."""
FINAL = (2560, 5120, 10240)
ENGINES = ("sq8", "pq", "hnsw", "ivf-pq")
"""Engines tried on the largest FDE of the grid, beside exact search."""


@dataclass(frozen=True)
class Method:
    """Way to find candidates.

    Attributes:
        name: in tables.
        family: ``fde``, ``fde-final``, ``plaid``, ``sv`` or ``exact``.
        dims: of an FDE; 0 for the others.
        bytes: on disk for each document, the token vectors that rerank not included.
        order: candidates of each query, best first; some may come twice (the heuristic without deduplication).
        search: what ranks by MaxSim of ``n`` candidates; None where that is not offered.
    """

    name: str
    family: str
    dims: int
    bytes: float
    order: Callable[[PackedVectors, int], list[Rows]]
    search: Callable[[PackedVectors, SearchOptions, int], Iterator[tuple[Rows, Scores]]] | None = None


@dataclass(frozen=True)
class Setting:
    """Index, queries and conditions of the study.

    Attributes:
        index: the multi-vector index, whose exact MaxSim is the truth.
        queries: in the order of ``packed``.
        packed: their token vectors.
        qrels: judgements, or None.
        options: threads and batch size of everything that is timed.
        deepest: candidates that are looked at.
        compressed: an index of the same collection with residual compression, for PLAID; or None.
        truth: for each query the exact best rows.
        relevant: for each query the rows judged relevant.
    """

    index: MultiVectorIndex
    queries: Queries
    packed: PackedVectors
    qrels: Qrels | None
    options: SearchOptions
    deepest: int
    compressed: MultiVectorIndex | None = None
    truth: list[Rows] = field(default_factory=list)
    relevant: list[Rows] = field(default_factory=list)


def fde_method(
    setting: Setting, work: Path, config: FdeConfig, ann: AnnConfig, name: str, step: Progress
) -> Method:
    """Build an FDE index (or open the one that an earlier run built), and wrap it."""
    out = work / name
    if not out.exists():
        build_fde(TokenIndex(setting.index), BuildTask(out, stage=lambda *_: step), config, ann)
    index = FdeIndex.open(out)
    size = sum(e["bytes"] for n, e in index.manifest.files.items() if n in ("vectors.npy", "ann.faiss"))

    def order(packed: PackedVectors, depth: int) -> list[Rows]:
        return [rows for rows, _ in index.rank(packed, replace(setting.options, k=depth))]

    def search(packed: PackedVectors, options: SearchOptions, n: int) -> Iterator[tuple[Rows, Scores]]:
        return index.rank(packed, replace(FdeSearch.of(options), candidates=n))

    family = "fde" if config.final_dim is None else "fde-final"
    return Method(name, family, config.fde_dim, size / len(index.ids), order, search)


def heuristic_methods(setting: Setting) -> list[Method]:
    """Return the single-vector heuristic, counting repeated documents and not."""
    tokens, rank = setting.index.tokens, setting.index.ids.rank
    dim, total = tokens.dim, int(tokens.offsets[-1])
    size = 2 * dim * total / max(len(tokens.offsets) - 1, 1)

    def with_repeats(packed: PackedVectors, depth: int) -> list[Rows]:
        widest = max(1, int(np.diff(packed.offsets).min(initial=depth)))
        neighbours = max(1, -(-depth // widest))
        listed = heuristic.ordered_documents(tokens, packed, neighbours, rank, setting.options.threads)
        return [rows[:depth] for rows in listed]

    def without_repeats(packed: PackedVectors, depth: int) -> list[Rows]:
        return [heuristic.distinct(rows) for rows in with_repeats(packed, 8 * depth)]

    return [Method("sv", "sv", 0, size, with_repeats), Method("sv-dedup", "sv", 0, size, without_repeats)]


def plaid_method(setting: Setting, ncells: int) -> Method:
    """Wrap PLAID over the compressed index, with as many documents kept as candidates are looked at."""
    index = setting.compressed
    assert index is not None  # noqa: S101 - for the type checker
    size = sum(e["bytes"] for n, e in index.manifest.files.items() if not n.startswith("ids"))

    def plaid(options: SearchOptions) -> MultiVectorSearch:
        return replace(MultiVectorSearch.of(options), engine="plaid", ncells=ncells)

    def order(packed: PackedVectors, depth: int) -> list[Rows]:
        search_options = replace(plaid(setting.options), k=depth, ndocs=max(4 * depth, 4096))
        return [rows for rows, _ in index.rank(packed, search_options)]

    def search(packed: PackedVectors, options: SearchOptions, n: int) -> Iterator[tuple[Rows, Scores]]:
        return index.rank(packed, replace(plaid(options), ndocs=4 * n))

    return Method(f"plaid-{ncells}", "plaid", 0, size / len(index.ids), order, search)


def all_methods(
    setting: Setting, work: Path, quick: bool
) -> Iterator[tuple[str, Callable[[Progress], Method]]]:
    """Yield every method of the study: its name, and what makes it."""
    dim, grid = setting.index.spec.dim, GRID[:2] if quick else GRID

    def fde(config: FdeConfig, engine: str, name: str) -> tuple[str, Callable[[Progress], Method]]:
        return name, lambda step: fde_method(setting, work, config, AnnConfig(engine=engine), name, step)

    for reps, k_sim, d_proj in grid:
        config = FdeConfig(dim, reps, k_sim, d_proj)
        yield fde(config, "flat", f"fde-{config.fde_dim}")
    for engine in ("sq8", "hnsw") if quick else ENGINES:
        if not (engine.endswith("pq") and len(setting.index.ids) < 256):
            yield fde(config, engine, f"fde-{config.fde_dim}-{engine}")
    for final in () if quick else FINAL:
        config = FdeConfig(dim, *RECIPE, None, final_dim=final)
        yield fde(config, "flat", f"fde-final-{final}")
    if setting.compressed is not None:
        yield from ((f"plaid-{n}", lambda _, n=n: plaid_method(setting, n)) for n in (1, 4))
    yield from ((method.name, lambda _, method=method: method) for method in heuristic_methods(setting))

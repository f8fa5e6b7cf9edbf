"""Setting of the CUR study: two query sets with the exact scores of all documents, and first stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from intrex.data.arrays import Float32s, Rows
from intrex.data.collection import Queries, read_queries
from intrex.data.errors import BadInput
from intrex.data.io.files import fingerprint, writing
from intrex.data.npy import open_array
from intrex.data.progress import Progress, no_progress
from intrex.retrievers.base import Index, best_rows
from intrex.retrievers.cur.index import CurIndex
from intrex.retrievers.cur.options import CurSearch
from intrex.retrievers.dense.index import DenseIndex
from intrex.retrievers.options import TIE_ORDERS, SearchOptions
from intrex.retrievers.vectors.exact import VectorSearch

TOPS = (1, 10, 100)
"""Depths of the exact ranking."""


class Watch(Protocol):
    """A function that begins the progress of a part, by its name and amount of work."""

    def __call__(self, label: str, total: int | None = None) -> AbstractContextManager[Progress]:
        """Begin a part."""
        ...


@dataclass(frozen=True)
class QuerySet:
    """Queries with the exact scores of all documents, and what first stages find.

    Attributes:
        queries: ids and texts.
        scores: [q, n] of the scorer.
        first: by the name of a first stage the rows that it ranks for each query, best first.
        best: the exact best rows of each query, in the order of every ranking.
        vectors: [q, d] by the name of a dense first stage, as its encoder has the queries.
    """

    queries: Queries
    scores: Float32s
    first: Mapping[str, list[Rows]]
    best: list[Rows]
    vectors: Mapping[str, Float32s]


@dataclass(frozen=True)
class Setting:
    """What the study compares.

    Attributes:
        index: the CUR index.
        dev: queries that splits of the budget are chosen on.
        test: queries that are reported.
        vectors: by name, searches whose vectors stand in for the index's own: those of dense first stages.
    """

    index: CurIndex
    dev: QuerySet
    test: QuerySet
    vectors: Mapping[str, VectorSearch]


def check_sets(index: CurIndex, dev: Queries, test: Queries) -> None:
    """Raise `BadInput` where queries are in two of dev, test and anchors, by their texts, or a set has none.

    A split that is chosen on test queries has seen them, and an anchor query's own scores are a row of the index.
    """
    anchors = read_queries(index.path / "anchors.jsonl")
    for noun, queries, other, others in (
        ("dev", dev, "test", test),
        ("dev", dev, "anchor", anchors),
        ("test", test, "anchor", anchors),
    ):
        known = {_folded(text) for text in others.texts}
        pairs = zip(queries.ids, queries.texts, strict=True)
        shared = [name for name, text in pairs if _folded(text) in known]
        if shared:
            raise BadInput(
                f"{len(shared):,} {noun} queries are {other} queries too: {', '.join(shared[:5])}",
                "choose the split of the budget on queries of their own, with anchors of their own",
            )
    if not len(dev) or not len(test):
        raise BadInput(
            "there is no dev query, or no test query", "name sets with queries: --dev COLLECTION:SET"
        )


def _folded(text: str) -> str:
    return " ".join(text.split()).lower()


def prepare_setting(
    index: CurIndex, dev: Queries, test: Queries, stages: Mapping[str, Index], deepest: int, work: Path, watch: Watch,
    device: str | None = None,
) -> Setting:  # fmt: skip
    """Score every document for every query, or read what an earlier run scored, and search the first stages.

    Args:
        index: has the scorer.
        dev: queries to choose on.
        test: queries to report.
        stages: first stages by name, indexes of the same documents.
        deepest: documents that a first stage ranks.
        work: folder of the matrices.
        watch: shows progress.
        device: of the scorer.

    Raises:
        BadInput: as `check_sets`; or a first stage is of other documents.
    """
    check_sets(index, dev, test)
    for name, stage in stages.items():
        if stage.manifest.collection != index.manifest.collection:
            raise BadInput(
                f"{name} was built from another collection than {index.path}", "build both from one"
            )
    dense = {
        n: stage for n, stage in stages.items() if isinstance(stage, DenseIndex) and _same_rows(index, stage)
    }
    sets = []
    for label, queries in (("dev", dev), ("test", test)):
        scores = exact_scores(index, queries, work / f"exact-{label}.npy", label, watch, device)
        first = {name: _ranked(stage, queries, deepest, index, device) for name, stage in stages.items()}
        rows = np.arange(len(index.ids))
        best = [best_rows(rows, row, index.ids.rank, max(TOPS), TIE_ORDERS[0])[0] for row in scores]
        vectors = {name: stage.encode(queries.texts, device) for name, stage in dense.items()}
        sets.append(QuerySet(queries, scores, first, best, vectors))
    return Setting(index, sets[0], sets[1], {name: stage.nearest for name, stage in dense.items()})


def exact_scores(
    index: CurIndex, queries: Queries, file: Path, label: str, watch: Watch, device: str | None
) -> Float32s:
    """Return the scores [q, n] of all documents, kept in ``file``; a killed run has its scores in the scorer's cache."""
    key = file.with_suffix(".key")
    wanted = fingerprint([index.manifest.collection, index.manifest.params["scorer"], queries.texts])
    if file.is_file() and key.is_file() and key.read_text(encoding="utf-8") == wanted:
        kept: Float32s = open_array(file, np.float32, (len(queries), len(index.ids)))
        return kept
    every = np.arange(len(index.ids))
    options = CurSearch(device=device)
    index.prepare(options)
    matrix = np.empty((len(queries), len(every)), np.float32)
    with watch(f"exact scores, {label}", len(queries)) as step:
        scored = index.rescore(queries.texts, [every] * len(queries), options)
        for row, scores in enumerate(scored):
            matrix[row] = scores
            step(1)
    with writing(file, overwrite=True) as stream:
        np.save(stream, matrix)
    with writing(key, overwrite=True) as stream:
        stream.write(wanted.encode())
    return matrix


def _ranked(stage: Index, queries: Queries, k: int, index: CurIndex, device: str | None) -> list[Rows]:
    options = SearchOptions(k=k, device=device, progress=no_progress)
    stage.prepare(options)
    run = stage.search(queries, options)
    found = {query.decode(): index.ids.find(ids) for query, ids, _ in run.rankings()}
    return [found.get(name, np.empty(0, np.int64)) for name in queries.ids]


def _same_rows(index: CurIndex, stage: Index) -> bool:
    """Tell whether the rows of two indexes are the same documents."""
    mine: Sequence[bytes] = index.ids.all().tolist()
    return bool(stage.ids.all().tolist() == mine)

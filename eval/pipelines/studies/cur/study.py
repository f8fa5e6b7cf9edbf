"""``intrex study cur``: recall of a cross-encoder's exact best documents, by the calls spent and how they were split.

For each budget of calls a query: retrieve-and-rerank by each first stage; ANNCUR with random anchor documents and with those of each first stage;
ADACUR; and where a first stage has vectors, AXN's variant, which estimates from these instead of anchor queries. How a method splits its budget,
its rounds and tolerance, is chosen on dev queries, for each budget and depth; what would have been best on the test queries stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from intrex.data.arrays import Float32s, Float64s, Rows
from intrex.data.progress import no_progress
from intrex.eval.pipelines.studies.cur.setting import TOPS, QuerySet, Setting, Watch
from intrex.eval.pipelines.studies.recall import ranks_of
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.intervals import spread_of
from intrex.retrievers.cur.index import CurIndex
from intrex.retrievers.cur.options import CurSearch
from intrex.retrievers.cur.rounds import Rounds, Scored, start_rows
from intrex.retrievers.vectors.exact import VectorSearch

BUDGETS = (20, 50, 100, 200)
SHARES = (0.1, 0.25, 0.5, 0.75)
"""Shares of the budget that go to anchor documents."""
ROUNDS = (2, 5)
TOLERANCES = (1e-3, 1e-2, 1e-1)
RANDOM = "random"


@dataclass(frozen=True)
class Family:
    """Method of the study, with the splits of a budget that are tried.

    Attributes:
        name: in tables.
        kind: ``rerank``, ``anncur``, ``adacur``, ``axn`` or ``mixed``, AXN with a part of the first stage's own score.
        start: the first stage that it begins with, or `RANDOM`.
    """

    name: str
    kind: str
    start: str

    def splits(self, budget: int) -> Iterator[CurSearch]:
        """Yield the options that are tried of a budget."""
        if self.kind == "rerank":
            yield CurSearch(budget=budget, anchor_documents=budget)
            return
        rounds = (1,) if self.kind == "anncur" else ROUNDS
        shares = SHARES if self.kind == "anncur" else (*SHARES[1:], 1.0)
        tried = [(max(1, round(share * budget)), number) for share in shares for number in rounds]
        for anchors, number in dict.fromkeys(tried):
            if number <= anchors:
                for tolerance in TOLERANCES:
                    yield CurSearch(
                        budget=budget, anchor_documents=anchors, rounds=number, tolerance=tolerance, threads=1
                    )


@dataclass(frozen=True)
class Point:
    """Recall of a method at a budget and a depth.

    Attributes:
        family: its name.
        budget: calls a query.
        k: depth of the exact ranking.
        options: the split that was chosen on dev.
        dev: mean recall on dev.
        values: [q] recall of each test query.
        oracle: the best mean on test of all splits.
    """

    family: str
    budget: int
    k: int
    options: CurSearch
    dev: float
    values: Float64s
    oracle: float

    @property
    def mean(self) -> float:
        """Mean recall of the test queries."""
        return float(self.values.mean())

    @property
    def split(self) -> str:
        """Say how the budget is split."""
        options = self.options
        rounds = f" in {options.rounds} rounds" if options.rounds > 1 else ""
        return f"{options.anchors}{rounds} + {options.budget - options.anchors}, cut {options.tolerance:g}"


@dataclass(frozen=True)
class StudyResult:
    """Results of the study.

    Attributes:
        setting: what was compared.
        families: the methods.
        points: by family, budget and depth.
        spectrum: numbers of singular values that hold 90, 99 and 99.9 % of the squared test matrix.
        quality: by name, nDCG@10 of rankings; empty without judgements.
    """

    setting: Setting
    families: Sequence[Family]
    points: Mapping[tuple[str, int, int], Point]
    spectrum: Mapping[str, int]
    quality: Mapping[str, float] = field(default_factory=dict)

    @property
    def budgets(self) -> list[int]:
        """Budgets, ascending."""
        return sorted({budget for _, budget, _ in self.points})

    def best_rerank(self, budget: int, k: int) -> Point:
        """Return the retrieve-and-rerank that is best on dev."""
        names = [family.name for family in self.families if family.kind == "rerank"]
        return max((self.points[name, budget, k] for name in names), key=lambda point: point.dev)


def families_of(setting: Setting) -> list[Family]:
    """List the methods that the first stages allow."""
    stages = list(setting.test.first)
    out = [Family(f"rerank {name}", "rerank", name) for name in stages]
    for kind in ("anncur", "adacur"):
        out += [
            Family(kind if start == RANDOM else f"{kind}, {start} first", kind, start)
            for start in (RANDOM, *stages)
        ]
    for name in setting.vectors:
        out += [Family(f"axn by {name}", "axn", name), Family(f"axn mixed with {name}", "mixed", name)]
    return out


def run_study(setting: Setting, budgets: Sequence[int] = BUDGETS, watch: Watch | None = None) -> StudyResult:
    """Try every split of every method on both query sets, and choose by dev."""
    begin = watch or (lambda *_: nullcontext(no_progress))
    families = families_of(setting)
    budgets = [budget for budget in budgets if budget <= len(setting.index.ids)]
    points: dict[tuple[str, int, int], Point] = {}
    for family in families:
        with begin(family.name, len(budgets)) as step:
            for budget in budgets:
                for point in _choose(setting, family, budget):
                    points[family.name, budget, point.k] = point
                step(1)
    values = np.linalg.svd(setting.test.scores.astype(np.float64), compute_uv=False) ** 2
    shares = np.cumsum(values) / values.sum()
    spectrum = {f"{share:.1%}": int(np.searchsorted(shares, share)) + 1 for share in (0.9, 0.99, 0.999)}
    return StudyResult(setting, families, points, spectrum)


def _choose(setting: Setting, family: Family, budget: int) -> Iterator[Point]:
    """Try all splits of a budget and yield, for each depth, the test recall of the one that is best on dev."""
    tried = list(family.splits(budget))
    dev = [recalls(setting, setting.dev, family, options) for options in tried]
    test = [recalls(setting, setting.test, family, options) for options in tried]
    for at, k in enumerate(TOPS):
        means = [float(values[at].mean()) for values in dev]
        chosen = int(np.argmax(means))
        oracle = max(float(values[at].mean()) for values in test)
        yield Point(family.name, budget, k, tried[chosen], means[chosen], test[chosen][at], oracle)


def recalls(setting: Setting, queries: QuerySet, family: Family, options: CurSearch) -> list[Float64s]:
    """Return for each of `TOPS` the share [q] of the exact best that a method scores."""
    scored = find(setting, queries, family, options)
    out = []
    for k in TOPS:
        ranks = ranks_of([rows[:k] for rows in queries.best], [one.rows for one in scored])
        out.append(np.array([float((places <= options.budget).mean()) for places in ranks]))
    return out


def find(setting: Setting, queries: QuerySet, family: Family, options: CurSearch) -> list[Scored]:
    """Score the documents of the budget for each query, from the matrix of exact scores instead of the scorer."""
    index: CurIndex = setting.index
    by_vectors = family.kind in ("axn", "mixed")
    nearest = setting.vectors[family.start] if by_vectors else index.nearest
    first = (
        queries.first[family.start]
        if family.start != RANDOM
        else [np.empty(0, np.int64)] * len(queries.queries)
    )
    start = start_rows(options.sizes[0], np.arange(len(index.ids)), options.anchor_seed, first)

    def exact(rows: Sequence[Rows]) -> list[Any]:
        return [scores[part] for scores, part in zip(queries.scores, rows, strict=True)]

    if family.kind == "mixed":
        return MixedRounds(nearest, options, queries.vectors[family.start]).search(start, exact)
    return Rounds(nearest, options).search(start, exact)


class MixedRounds(Rounds):
    """Rounds whose vector of a query is its own, of a dense encoder, scaled to the exact scores, and a correction (AXN).

    Args:
        nearest: finds the nearest vectors of documents.
        options: the budget and its parts.
        own: [q, d] the queries' vectors.
    """

    def __init__(self, nearest: VectorSearch, options: CurSearch, own: Float32s) -> None:
        super().__init__(nearest, options)
        self._own = own

    def vectors(self, scored: Sequence[Scored]) -> Float32s:
        """Return own vectors, times what fits the exact scores best, and the least correction that gives what is left."""
        left, scales = [], []
        for one, own in zip(scored, self._own, strict=True):
            estimate = self._nearest.score(own, one.rows)
            scale = float(estimate @ one.scores) / max(float(estimate @ estimate), 1e-12)
            rest = Scored()
            rest.add(one.rows, one.scores - np.float32(scale) * estimate)
            left.append(rest)
            scales.append(scale)
        return super().vectors(left) + np.array(scales, np.float32)[:, None] * self._own


def difference(one: Point, other: Point) -> tuple[float, float]:
    """Return the mean difference over the test queries, and half its 95 % interval (Student's t)."""
    values = one.values - other.values
    groups = Groups.alone(len(values))
    half = spread_of((values / len(values))[:, None], groups).half_widths()
    return float(values.mean()), float(half[0])

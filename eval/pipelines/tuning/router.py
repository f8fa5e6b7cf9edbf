"""A setting for each query: ridge regression of what every setting is worth on what the query's lists and text look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.data.errors import BadInput
from intrex.data.packed import PackedRun
from intrex.eval.pipelines.tuning.values import TOLERANCE, choose

PENALTIES = (0.1, 1.0, 10.0, 100.0, float("inf"))
"""Of the squares of the coefficients, a query; with the last one the router is the one setting of all queries."""
OVERLAPS, GAP = (10, 100), 10


@dataclass(frozen=True)
class Router:
    """A fitted regression.

    Attributes:
        names: of the features [f].
        mean: [f] of the training queries.
        scale: [f] their standard deviations, 1 where that is 0.
        intercept: [g] the mean value of each setting.
        coefficients: [f, g].
        penalty: of `PENALTIES`.
    """

    names: tuple[str, ...]
    mean: Float64s
    scale: Float64s
    intercept: Float64s
    coefficients: Float64s
    penalty: float

    def route(self, features: Float64s, distances: Float64s) -> Int64s:
        """Return the setting of each query [q] of features [q, f]; of equal ones that nearest to the default."""
        expected = self.intercept + (features - self.mean) / self.scale @ self.coefficients
        return np.array([choose(row[:, None], distances) for row in expected], np.int64)


@dataclass(frozen=True)
class TextFeatures:
    """Features of queries' texts.

    Attributes:
        names: of the features.
        rows: their values for each query, by its id.
    """

    names: tuple[str, ...]
    rows: Mapping[str, tuple[float, ...]]

    @classmethod
    def of(
        cls, texts: Mapping[str, str], idfs: Callable[[str], Sequence[float]] | None = None
    ) -> TextFeatures:
        """Describe texts by id: their words, and with ``idfs`` of the terms of a text the mean and the largest of these."""
        rows = {}
        for query, text in texts.items():
            found = list(idfs(text)) if idfs is not None else []
            rare = (float(np.mean(found or [0.0])), max(found, default=0.0)) if idfs is not None else ()
            rows[query] = (float(len(text.split())), *rare)
        return cls(("words",) if idfs is None else ("words", "mean idf", "max idf"), rows)


def features_of(
    runs: Sequence[PackedRun], queries: Sequence[bytes], texts: TextFeatures | None = None
) -> tuple[tuple[str, ...], Float64s]:
    """Describe queries [q, f]: how much the lists agree, how far the first documents stand out in each, what the text is.

    Raises:
        BadInput: texts are given and lack a query.
    """
    names = [f"overlap@{depth}" for depth in OVERLAPS] + [
        f"gap@{GAP} of run {i + 1}" for i in range(len(runs))
    ]
    rows = [_describe(runs, query) for query in queries]
    if texts is not None:
        names += texts.names
        for row, query in zip(rows, queries, strict=True):
            if (described := texts.rows.get(query.decode("utf-8"))) is None:
                raise BadInput(
                    f"the queries lack {query.decode()}", "name texts of all queries of the runs: --queries"
                )
            row += described
    return tuple(names), np.array(rows, np.float64).reshape(len(queries), len(names))


def _describe(runs: Sequence[PackedRun], query: bytes) -> list[float]:
    lists, gaps = [], []
    for run in runs:
        place = run.rows(query)
        if place is None:
            lists.append(np.empty(0, "S1"))
            gaps.append(0.0)
            continue
        part, low, high = place
        lists.append(part.docs[low * part.width : high * part.width].view(f"S{part.width}"))
        scores = part.scores[low:high].astype(np.float64)
        span = scores.max() - scores.min()
        gaps.append(float((scores[0] - scores[min(GAP, len(scores)) - 1]) / span) if span > 0 else 0.0)
    overlaps = []
    for depth in OVERLAPS:
        heads = [one[:depth] for one in lists]
        pairs = [(a, b) for i, a in enumerate(heads) for b in heads[i + 1 :]]
        shares = [len(np.intersect1d(a, b)) / max(min(len(a), len(b)), 1) for a, b in pairs]
        overlaps.append(float(np.mean(shares)))
    return [*overlaps, *gaps]


def fit(names: tuple[str, ...], features: Float64s, values: Float64s, penalty: float) -> Router:
    """Fit the values [g, q] of settings to features [q, f]."""
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > TOLERANCE, scale, 1.0)
    x, intercept = (features - mean) / scale, values.mean(axis=1)
    coefficients = np.zeros((x.shape[1], len(values)))
    if np.isfinite(penalty):
        squares = x.T @ x + penalty * len(x) * np.eye(x.shape[1])
        coefficients = np.linalg.solve(squares, x.T @ (values.T - intercept))
    return Router(names, mean, scale, intercept, coefficients, penalty)


def fit_by_folds(
    names: tuple[str, ...], features: Float64s, values: Float64s, distances: Float64s, fold: Int64s
) -> Router:
    """Fit a router whose penalty is the one that is best on the folds left out in turn; of equal ones the largest."""
    means = []
    for penalty in PENALTIES:
        routed = np.empty(values.shape[1])
        for number in np.unique(fold):
            mine = fold == number
            router = fit(names, features[~mine], values[:, ~mine], penalty)
            routed[mine] = values[router.route(features[mine], distances), np.flatnonzero(mine)]
        means.append(routed.mean())
    best = max(i for i, mean in enumerate(means) if mean >= max(means) - TOLERANCE)
    return fit(names, features, values, PENALTIES[best])


def held_out_routed(
    names: tuple[str, ...], features: Float64s, values: Float64s, distances: Float64s, fold: Int64s
) -> Float64s:
    """Return of each query [q] its value by a router of the other folds, whose penalty those folds chose among themselves."""
    out = np.empty(values.shape[1])
    for number in np.unique(fold):
        mine = fold == number
        others = fold[~mine]
        if len(np.unique(others)) > 1:
            router = fit_by_folds(names, features[~mine], values[:, ~mine], distances, others)
        else:
            router = fit(names, features[~mine], values[:, ~mine], PENALTIES[-1])
        out[mine] = values[router.route(features[mine], distances), np.flatnonzero(mine)]
    return out

"""ReSTrain: for a small test set, training queries like its queries against training queries unlike them.

Source: Zhan et al. 2022: for every test query the training queries are ranked by similarity; one training set is the
most similar ones, the other is sampled from the dissimilar ones; both models are scored on the same test queries. What
follows is ours: "dissimilar" is the half of the remaining training queries whose highest similarity to any test query
is lowest, and both sets have the same size in the unit named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from intrex.data.errors import UsageError
from intrex.eval.splits.closeness import with_similarity
from intrex.eval.splits.options import UNITS, RestrainOptions
from intrex.eval.splits.queries import QueryVectors, draw
from intrex.eval.splits.similarity import highest_by_group, nearest_queries
from intrex.eval.splits.split import Fold, Split, check_disjoint, check_sizes, check_test_queries

DISSIMILAR = 0.5
"""Share of the training queries outside the interpolation set, the least similar ones, that is sampled from."""


def check_restrain(train: Sequence[str], test: Sequence[str], options: RestrainOptions) -> None:
    """Raise if no vectors could make the split: to be asked before the queries are encoded.

    Args:
        train: ids of the training queries.
        test: ids of the test queries.
        options: training queries for each test query, and the fewest test queries.

    Raises:
        UsageError: the training set is too small for so many queries per test query.
        BadInput: queries are in both sets, or there are too few test queries.
    """
    check_disjoint(train, test)
    needed = 2 * options.per_query * len(test)
    if needed > len(train):
        most = len(train) // (2 * max(len(test), 1))
        raise UsageError(
            f"{options.per_query} training queries for each of {len(test):,} test queries, and as many unlike them, "
            f"are {needed:,}; there are {len(train):,}",
            f"--per-query may be {most} at most"
            if most
            else "this test set is too large: use split resttest",
        )
    check_test_queries(1, len(train), len(test), options.min_queries)


def restrain(
    train: QueryVectors,
    test: QueryVectors,
    options: RestrainOptions,
    judgements: Mapping[str, int] | None = None,
) -> Split:
    """Make two folds, ``interpolation`` and ``extrapolation``, that train on different queries and test on the same.

    Args:
        train: training queries.
        test: test queries.
        options: how many of the most similar training queries each test query contributes, what the two training sets
            have equally many of, the seed of the sample of dissimilar queries, and the fewest test queries.
        judgements: positives of each training query, needed for the unit ``judgements``.

    Raises:
        UsageError: the training set is too small for so many queries per test query.
        BadInput: queries are in both sets, or there are too few.
    """
    check_restrain(train.ids, test.ids, options)
    per_query, unit, seed = options.per_query, options.unit, options.seed
    rows, _ = nearest_queries(test.vectors, train.vectors, per_query)
    similar_rows = np.unique(rows)
    count = (lambda i: 1) if unit == UNITS[0] else (judgements or {}).__getitem__
    similar = [train.ids[i] for i in similar_rows.tolist()]
    total = sum(map(count, similar))
    closest = highest_by_group(train.vectors, test.vectors, np.zeros(len(test), np.int64))[:, 0]
    closest[similar_rows] = np.inf
    order = np.argsort(closest, kind="stable")[: len(train) - len(similar_rows)]
    pool = order[: max(len(similar_rows), int(DISSIMILAR * len(order)))]
    dissimilar = _fill(draw((train.ids[i] for i in pool.tolist()), seed), count, total)
    folds = tuple(
        Fold(regime, tuple(sorted(ids)), {regime: test.ids})
        for regime, ids in (("interpolation", similar), ("extrapolation", dissimilar))
    )
    check_sizes(folds, options.min_queries)
    params = {
        "per_query": per_query, "unit": unit, "seed": seed, "dissimilar": DISSIMILAR,
        "sizes": {f.name: [len(f.train), sum(map(count, f.train))] for f in folds},
    }  # fmt: skip
    return with_similarity(Split("restrain", folds, params), train, test)


def _fill(ids: list[str], count: Callable[[str], int], total: int) -> list[str]:
    """Take the first ids whose counts add up to ``total``, leaving out those that would exceed it."""
    sample: list[str] = []
    for id_ in ids:
        size = count(id_)
        if size <= total:
            sample.append(id_)
            total -= size
        if not total:
            break
    return sample

"""ReSTTest: training and test queries are clustered together; each fold trains on all buckets but one.

Source: Zhan et al. 2022, with K = 5. The test queries of the bucket left out are extrapolation, the others
interpolation. That the clustering is spherical k-means, and that all folds train on equally many queries, is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.data.errors import UsageError
from intrex.eval.splits.options import ResttestOptions
from intrex.eval.splits.queries import QueryVectors, draw
from intrex.eval.splits.similarity import highest_by_group
from intrex.eval.splits.split import Fold, Split, check_disjoint, check_sizes, check_test_queries


def check_resttest(train: Sequence[str], test: Sequence[str], options: ResttestOptions) -> None:
    """Raise if no clustering could make the split: to be asked before the queries are encoded.

    Args:
        train: ids of the training queries.
        test: ids of the test queries.
        options: the buckets, and the fewest test queries of a regime in a fold.

    Raises:
        UsageError: more buckets than queries.
        BadInput: queries are in both sets, or there are too few test queries for the folds.
    """
    check_disjoint(train, test)
    if options.k > (both := len(train) + len(test)):
        raise UsageError(f"{options.k} buckets of {both:,} queries", "a smaller --k")
    check_test_queries(options.k, len(train), len(test), options.min_queries)


def resttest(train: QueryVectors, test: QueryVectors, buckets: Int64s, options: ResttestOptions) -> Split:
    """Make folds from buckets; fold b trains on the training queries of the other buckets.

    Args:
        train: training queries.
        test: test queries.
        buckets: [train + test] int64, the bucket of each, from 0; training queries first.
        options: the draw, by which every fold gets as many training queries as the smallest one has if ``equal``, and
            the fewest test queries of a regime in a fold.

    Raises:
        UsageError: fewer than two buckets.
        BadInput: queries are in both sets, or a fold has too few.
    """
    check_disjoint(train.ids, test.ids)
    k = int(buckets.max(initial=-1)) + 1
    if k < 2:
        raise UsageError(f"{k} buckets make no split", "two or more are needed")
    of_train, of_test = buckets[: len(train)], buckets[len(train) :]
    sizes = len(train) - np.bincount(of_train, minlength=k)
    size = int(sizes.min()) if options.equal else len(train)
    place = {id_: i for i, id_ in enumerate(train.ids)}
    order = np.array([place[i] for i in draw(train.ids, options.seed)], np.int64)
    train_rows = [np.sort(order[of_train[order] != b][:size]) for b in range(k)]
    close = _closeness(train, test, of_train, train_rows)
    folds = []
    for b in range(k):
        regimes = {
            "interpolation": np.flatnonzero(of_test != b),
            "extrapolation": np.flatnonzero(of_test == b),
        }
        train_ids = tuple(train.ids[i] for i in train_rows[b].tolist())
        test_ids = {name: tuple(test.ids[i] for i in rows.tolist()) for name, rows in regimes.items()}
        similarity = {name: float(close[rows, b].mean()) for name, rows in regimes.items() if len(rows)}
        folds.append(Fold(str(b + 1), train_ids, test_ids, similarity))
    check_sizes(folds, options.min_queries)
    drawn = {"seed": options.seed, "equal": options.equal, "train_queries": [len(f.train) for f in folds]}
    return Split("resttest", tuple(folds), {"k": k, **drawn})


def _closeness(train: QueryVectors, test: QueryVectors, buckets: Int64s, folds: list[Int64s]) -> Float64s:
    """Return for each test query and fold the highest similarity to a training query of the fold: one pass over all pairs.

    Training queries that are in the same folds are a group; there are at most a few for each bucket.
    """
    member = np.zeros((len(train), len(folds)), np.bool_)
    for b, rows in enumerate(folds):
        member[rows, b] = True
    kinds, groups = np.unique(member, axis=0, return_inverse=True)
    order = np.argsort(groups.ravel(), kind="stable")
    best = highest_by_group(test.vectors, train.vectors[order], groups.ravel()[order].astype(np.int64))
    close = np.full((len(test), len(folds)), -np.inf)
    for group, kind in enumerate(kinds):
        close[:, kind] = np.maximum(close[:, kind], best[:, group : group + 1])
    return close

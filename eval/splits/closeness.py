"""Similarity of the test queries of a fold to its training queries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from intrex.eval.splits.queries import QueryVectors
from intrex.eval.splits.similarity import highest_by_group
from intrex.eval.splits.split import Split


def with_similarity(split: Split, train: QueryVectors, test: QueryVectors) -> Split:
    """Fill in `Fold.similarity` of a split; no training query may be in two folds.

    Args:
        split: its folds' queries are among the following.
        train: training queries.
        test: test queries.
    """
    place = {id_: i for i, id_ in enumerate(train.ids)}
    rows = np.array([place[i] for fold in split.folds for i in fold.train], np.int64)
    owner = np.repeat(np.arange(len(split.folds)), [len(fold.train) for fold in split.folds])
    close = highest_by_group(test.vectors, train.vectors[rows], owner)
    at = {id_: i for i, id_ in enumerate(test.ids)}
    folds = []
    for number, fold in enumerate(split.folds):
        places = {regime: [at[i] for i in ids] for regime, ids in fold.regimes.items() if ids}
        similarity = {regime: float(close[rows, number].mean()) for regime, rows in places.items()}
        folds.append(replace(fold, similarity=similarity))
    return replace(split, folds=tuple(folds))

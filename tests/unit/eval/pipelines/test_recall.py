"""Recall of candidates, and how many are needed."""

import numpy as np
import pytest

from intrex.eval.pipelines.studies.recall import NEVER, depth_needed, ranks_of, recall_at

WANTED = [np.array([7, 3]), np.array([1]), np.array([], np.int64), np.array([5])]
FOUND = [np.array([3, 9, 7, 2]), np.array([4, 2, 8, 1]), np.array([1, 2]), np.array([], np.int64)]


def test_ranks() -> None:
    ranks = [one.tolist() for one in ranks_of(WANTED, FOUND)]
    assert ranks == [[3, 1], [4], [], [NEVER]]
    ids = ranks_of([np.array([b"x", b"abc"])], [np.array([b"abc", b"q"])])
    assert ids[0].tolist() == [NEVER, 1]


def test_recall_counts_each_query_alike() -> None:
    found = recall_at(ranks_of(WANTED, FOUND), [1, 2, 3, 4, 100])
    np.testing.assert_allclose(found, [0.5 / 3, 0.5 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert np.isnan(recall_at([np.array([], np.int64)], [1])).all()


@pytest.mark.parametrize(
    ("target", "depth"), [(0.1, 1), (1 / 6, 1), (0.3, 3), (0.5, 4), (2 / 3, 4), (0.7, None)]
)
def test_depth_needed_is_the_first_that_reaches(target: float, depth: int | None) -> None:
    ranks = ranks_of(WANTED, FOUND)
    assert depth_needed(ranks, target) == depth
    if depth:
        at, before = recall_at(ranks, [depth, depth - 1])
        assert at >= target - 1e-9 and before < target


def test_nothing_wanted() -> None:
    assert depth_needed([], 0.5) is None

"""The checks of CUR's arithmetic (our dossier of algorithms, 6.4), and its pseudo-inverse beside numpy's."""

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.retrievers.cur.options import CurSearch
from intrex.retrievers.cur.rounds import Rounds, Scored, start_rows
from intrex.retrievers.cur.solve import PseudoInverse
from intrex.retrievers.vectors.nearest import FlatSearch

PLAIN = 1e-5
"""Tolerance that cuts only what is rounding."""


def estimates(matrix: np.ndarray, queries: int, anchors: np.ndarray, tolerance: float) -> np.ndarray:
    """Estimate the rows of ``matrix`` after the first ``queries`` ones, from their scores in the columns ``anchors``."""
    vectors = np.ascontiguousarray(matrix[:queries].T, np.float32)
    inverse = PseudoInverse(vectors[anchors], tolerance)
    return np.stack(
        [vectors @ inverse.query_vector(row[anchors].astype(np.float32)) for row in matrix[queries:]]
    )


def low_rank(seed: int, rows: int, columns: int, rank: int, noise: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    exact = rng.standard_normal((rows, rank)) @ rng.standard_normal((rank, columns))
    return exact + noise * rng.standard_normal((rows, columns))


def test_one_anchor_query_and_one_anchor_document() -> None:
    matrix = np.array([[1.0, 2.0, 3.0], [2.0, 0.0, 0.0]])
    assert estimates(matrix, 1, np.array([0]), 1e-2).tolist() == [[2.0, 4.0, 6.0]]


@pytest.mark.parametrize(
    ("shape", "cut"), [((4, 9), 1e-5), ((9, 4), 1e-5), ((6, 6), 1e-5), ((30, 80), 0.3), ((80, 30), 0.2)]
)
def test_it_is_numpys_pseudo_inverse(shape: tuple[int, int], cut: float) -> None:
    anchors = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    theirs = np.linalg.pinv(anchors.astype(np.float64).T, rcond=cut)
    found = [PseudoInverse(anchors, cut).query_vector(row) for row in np.eye(shape[0], dtype=np.float32)]
    np.testing.assert_allclose(found, theirs, rtol=1e-5, atol=1e-7)


def test_zeros_have_a_pseudo_inverse_of_zeros() -> None:
    assert not PseudoInverse(np.zeros((3, 5), np.float32), 1e-2).query_vector(np.ones(3, np.float32)).any()


@pytest.mark.parametrize("anchors", [3, 5, 20])
def test_a_matrix_of_rank_3_is_exact_from_3_anchors_on(anchors: int) -> None:
    matrix = low_rank(0, 60, 40, 3)
    error = estimates(matrix, 30, np.arange(anchors), PLAIN) - matrix[30:]
    assert np.abs(error).max() < 1e-3 * np.abs(matrix).max()


@pytest.mark.parametrize("anchors", [1, 2])
def test_and_not_from_fewer(anchors: int) -> None:
    matrix = low_rank(0, 60, 40, 3)
    assert np.abs(estimates(matrix, 30, np.arange(anchors), PLAIN) - matrix[30:]).max() > 1


def test_anchors_keep_their_scores_where_the_matrix_of_anchors_is_invertible() -> None:
    matrix, anchors = low_rank(3, 40, 25, 40), np.arange(6)
    found = estimates(matrix, 30, anchors, PLAIN)
    np.testing.assert_allclose(found[:, anchors], matrix[30:, anchors], atol=1e-3)


def test_a_plain_inverse_is_not_monotone_in_square_anchors_and_tall_ones_are_better() -> None:
    """Noisy rank 3: a square matrix of anchors gets worse with some further anchors, more queries than documents do not."""
    matrix = low_rank(4, 260, 60, 3, noise=0.01)
    test = matrix[200:]

    def error(queries: int, anchors: int, tolerance: float) -> float:
        part = np.concatenate([matrix[:queries], test])
        return float(np.abs(estimates(part, queries, np.arange(anchors), tolerance) - test).mean())

    square = [error(k, k, PLAIN) for k in (3, 5, 8, 12, 16)]
    assert square != sorted(square, reverse=True)
    for k in (5, 8, 12, 16):
        assert error(200, k, PLAIN) < error(k, k, PLAIN)
        assert error(k, k, 1e-2) < error(k, k, PLAIN)


def recall(matrix: np.ndarray, found: np.ndarray, k: int = 10) -> float:
    best, guess = np.argsort(-matrix, axis=1)[:, :k], np.argsort(-found, axis=1)[:, :k]
    return float(
        np.mean([len(set(b) & set(g)) / k for b, g in zip(best.tolist(), guess.tolist(), strict=True)])
    )


def test_a_cut_saves_what_a_plain_inverse_of_100_by_100_anchors_loses() -> None:
    matrix = low_rank(5, 150, 1000, 10, noise=0.1)
    anchors = np.random.default_rng(6).permutation(1000)[:100]
    plain, cut = (recall(matrix[100:], estimates(matrix, 100, anchors, t)) for t in (PLAIN, 1e-2))
    assert plain < 0.7 and cut > 0.9


def search(matrix: np.ndarray, queries: int, **options: object) -> tuple[list[Scored], list[int]]:
    """Search the rows after the first ``queries`` ones in the columns; return what was scored, and the calls of a round."""
    vectors = np.ascontiguousarray(matrix[:queries].T, np.float32)
    longest = float(np.linalg.norm(vectors, axis=1).max())
    ranks = np.arange(len(vectors), dtype=np.uint32)
    chosen = CurSearch(threads=1, **options)
    calls = []

    def exact(rows: list[np.ndarray]) -> list[np.ndarray]:
        calls.append(sum(map(len, rows)))
        return [row[part].astype(np.float32) for row, part in zip(matrix[queries:], rows, strict=True)]

    first = [np.empty(0, np.int64)] * (len(matrix) - queries)
    start = start_rows(chosen.sizes[0], np.arange(len(vectors)), chosen.anchor_seed, first)
    return Rounds(FlatSearch(vectors, longest, ranks), chosen).search(start, exact), calls


def share(matrix: np.ndarray, queries: int, found: list[Scored], k: int) -> float:
    best = np.argsort(-matrix[queries:], axis=1)[:, :k]
    return float(np.mean([np.isin(b, one.rows).mean() for b, one in zip(best, found, strict=True)]))


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_all_documents_in_the_budget_find_all(rounds: int) -> None:
    matrix = low_rank(7, 50, 64, 8, noise=0.1)
    found, _ = search(matrix, 40, budget=64, rounds=rounds)
    assert share(matrix, 40, found, 10) == 1.0
    assert all(sorted(one.rows.tolist()) == list(range(64)) for one in found)


@pytest.mark.parametrize("options", [
    {"budget": 30}, {"budget": 30, "rounds": 4}, {"budget": 30, "anchor_documents": 30, "rounds": 3}, {"budget": 31, "anchor_documents": 7, "rounds": 7},
])  # fmt: skip
def test_the_budget_is_spent_and_no_more(options: dict[str, int]) -> None:
    matrix = low_rank(8, 70, 500, 6, noise=0.1)
    found, calls = search(matrix, 60, **options)
    rest = options["budget"] > options.get("anchor_documents", options["budget"] // 2)
    assert sum(calls) == 10 * options["budget"] and len(calls) == options.get("rounds", 1) + rest
    for one in found:
        assert len(set(one.rows.tolist())) == options["budget"], "no document is scored twice"


def test_rounds_find_more_of_the_best_than_random_anchors() -> None:
    """ADACUR's claim, where it has to hold: scores of few dimensions with noise, many documents."""
    matrix = low_rank(9, 260, 2000, 40, noise=0.3)
    once, _ = search(matrix, 200, budget=50, anchor_documents=25)
    rounds, _ = search(matrix, 200, budget=50, anchor_documents=40, rounds=5)
    assert share(matrix, 200, rounds, 10) > share(matrix, 200, once, 10) + 0.05


def test_a_start_is_filled_up_with_random_documents() -> None:
    rows, first = np.arange(100, 200), [np.array([150, 120, 199]), np.empty(0, np.int64), np.arange(100, 200)]
    start = start_rows(10, rows, 3, first)
    assert start[0][:3].tolist() == [150, 120, 199] and start[2].tolist() == list(range(100, 110))
    for part in start:
        assert len(set(part.tolist())) == 10 and set(part.tolist()) <= set(rows.tolist())
    assert [p.tolist() for p in start_rows(10, rows, 3, first)] == [p.tolist() for p in start]
    assert start_rows(10, rows, 4, first)[1].tolist() != start[1].tolist()
    assert sorted(start_rows(300, rows, 3, first)[0].tolist()) == rows.tolist()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_damage(value: float) -> None:
    anchors = np.random.default_rng(0).standard_normal((6, 9)).astype(np.float32)
    PseudoInverse(anchors, 1e-2)
    anchors[2, 3] = value
    with pytest.raises(BadInput, match="damaged: scores of anchors that are no finite numbers"):
        PseudoInverse(anchors, 1e-2)

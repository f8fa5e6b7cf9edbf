"""PLAID: its stages by hand and written out in Python, and equal to exhaustive MaxSim where nothing is cut."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.native.library import Library
from intrex.data.store.vectors import PackedVectors
from intrex.retrievers.multivector import maxsim
from intrex.retrievers.multivector.compressed import ResidualTokens, write_lists
from intrex.retrievers.multivector.options import MultiVectorSearch
from intrex.retrievers.multivector.plaid import (
    CentroidLists,
    PlaidOptions,
    candidates,
    centroid_scores,
    finalists,
)
from tests.support.residuals import compressed, query_vectors, token_vectors

EVERYTHING = PlaidOptions(1 << 30, float("-inf"), 1 << 30)


@pytest.fixture(params=["kernels", "numpy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(Library, "kernels", lambda *_: None)
    return str(request.param)


@pytest.mark.parametrize(
    ("k", "wanted"),
    [
        (1, (1, 0.5, 256)),
        (10, (1, 0.5, 256)),
        (11, (2, 0.45, 1024)),
        (100, (2, 0.45, 1024)),
        (101, (4, 0.4, 4096)),
        (1000, (4, 0.4, 4096)),
        (2000, (4, 0.4, 8000)),
    ],
)
def test_defaults_by_k(k: int, wanted: tuple[int, float, int]) -> None:
    assert PlaidOptions.of(k) == PlaidOptions(*wanted)
    assert PlaidOptions.of(k, 7, -0.5, 9) == PlaidOptions(7, -0.5, 9)


def test_bad_options() -> None:
    for values in ({"ncells": 0}, {"ndocs": 0}, {"ncells": -3}):
        with pytest.raises(UsageError, match="--n"):
            MultiVectorSearch(engine="plaid", **values)
    with pytest.raises(UsageError, match="--centroid-score-threshold is nan"):
        MultiVectorSearch(engine="plaid", centroid_score_threshold=float("nan"))
    assert MultiVectorSearch(engine="plaid", centroid_score_threshold=float("-inf"))


def search(
    tokens: ResidualTokens, lists: CentroidLists, queries: PackedVectors, rank: np.ndarray, k: int,
    options: PlaidOptions, threads: int, ties: str = "trec_eval",
) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    found = candidates(lists, queries, k, options, rank, threads)
    return maxsim.search(tokens, queries, rank, k, threads, ties, rows=found)


def listed(folder: Path, grid: np.ndarray, cells: list[list[int]]) -> CentroidLists:
    """The lists of documents whose tokens are in given cells."""
    codes = np.array([c for document in cells for c in document], np.uint16)
    offsets = np.cumsum([0, *map(len, cells)])
    write_lists(folder, codes, offsets, len(grid))
    bounds, lists = np.load(folder / "lists.offsets.npy"), np.load(folder / "lists.npy")
    return CentroidLists(grid, codes, offsets, bounds, lists)


def test_stages_by_hand(tmp_path: Path, way: str) -> None:
    """Four centroids at 0, 90, 180 and 270 degrees; a query token at 0 and one at 90."""
    grid = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32)
    lists = listed(tmp_path, grid, [[0], [1], [0, 2], [0, 1, 3], [], [2, 3]])
    assert [lists.lists[a:b].tolist() for a, b in zip(lists.bounds, lists.bounds[1:], strict=False)] == [
        [0, 2, 3], [1, 3], [2, 5], [3, 5]
    ]  # fmt: skip
    query = np.array([[1, 0], [0, 1]], np.float32)
    assert centroid_scores(grid, query).tolist() == [[1, 0], [0, 1], [-1, 0], [0, -1]]

    def left(
        ncells: int, ndocs: int, k: int = 1, threshold: float = -9, query: np.ndarray = query
    ) -> list[int]:
        rank = np.arange(6, dtype=np.uint32)
        return finalists(query, lists, rank, k, PlaidOptions(ncells, threshold, ndocs)).tolist()

    assert left(1, 99) == [0, 1, 2, 3], "5 has no token in the cells 0 and 1"
    assert left(2, 99) == [0, 1, 2, 3], (
        "of the equally near cells 1 and 3, and 0 and 2, the lower one is second"
    )
    assert left(3, 99) == [0, 1, 2, 3, 5] == left(4, 99), "4 has no token at all"
    # interaction: 0, 1 and 2 score 1 (one token of the query finds its centroid, the other 0), 3 scores 2, 5 scores 0
    assert left(4, 4) == [3], "a quarter of four"
    assert left(4, 4, k=2) == [2, 3] and left(4, 4, k=3) == [1, 2, 3], (
        "as many as asked for; ties to the larger id"
    )
    assert left(4, 4, k=9) == [0, 1, 2, 3], "what the second stage cut is gone"
    assert left(4, 8, k=1) == [2, 3], "a quarter of eight"
    # one query token at 270: 3 and 5 score 1, 0 and 2 score 0, 1 scores -1; below 0.5 all centroids but the last count
    # for nothing, and then 0, 1 and 2 are equal
    down = np.array([[0, -1]], np.float32)
    assert left(4, 4, k=9, query=down) == [0, 2, 3, 5]
    assert left(4, 4, k=9, threshold=0.5, query=down) == [1, 2, 3, 5]


def written_out(
    query: np.ndarray, lists: CentroidLists, ids: list[bytes], k: int, options: PlaidOptions
) -> list[int]:
    """The stages in plain Python."""
    if not len(query):
        return []
    scores = centroid_scores(lists.grid, query).astype(np.float64)
    cells = [set(lists.codes[a:b].tolist()) for a, b in zip(lists.offsets, lists.offsets[1:], strict=False)]
    probed = {
        c
        for column in scores.T
        for c in sorted(range(len(column)), key=lambda c: (-column[c], c))[: options.ncells]
    }
    rows = [row for row, own in enumerate(cells) if own & probed]
    for most, least in ((options.ndocs, options.threshold), (max(-(-options.ndocs // 4), k), float("-inf"))):
        near = {c for c in range(len(scores)) if scores[c].max() >= least}

        def score(row: int, near: set[int] = near) -> float:
            kept = sorted(cells[row] & near)
            return float(np.float32(scores[kept].max(axis=0).sum())) if kept else float("-inf")

        if len(rows) > most:
            rows = sorted(rows, key=lambda row: (score(row), ids[row]), reverse=True)[:most]
    return sorted(rows)


@pytest.mark.parametrize("seed", range(6))
def test_stages_written_out(seed: int, tmp_path: Path, way: str) -> None:
    dim = (4, 16)[seed % 2]
    tokens = compressed(tmp_path / "t", token_vectors(150, dim, seed))
    queries = query_vectors(8, dim, seed)
    rng = np.random.default_rng(seed)
    ids = [b"%d" % i for i in range(150)]
    rank = np.argsort(np.argsort(ids)).astype(np.uint32)
    cut = 0
    for i in range(8):
        query = queries.vectors[queries.offsets[i] : queries.offsets[i + 1]]
        for k in (1, 10):
            options = PlaidOptions(
                int(rng.integers(1, 9)), float(rng.uniform(-0.2, 1)), int(rng.integers(1, 90))
            )
            found = finalists(query, tokens.lists, rank, k, options)
            assert found.tolist() == written_out(query, tokens.lists, ids, k, options)
            cut += len(query) > 0 and 0 < len(found) < 100
    assert cut > 4


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_without_cuts_it_is_exhaustive_maxsim_bit_for_bit(bits: int, seed: int, tmp_path: Path) -> None:
    tokens = compressed(tmp_path / "t", token_vectors(120, 12, seed), bits)
    queries, rank = (
        query_vectors(20, 12, seed),
        np.random.default_rng(seed).permutation(120).astype(np.uint32),
    )
    for k in (1, 7, 1000):
        for ties in ("trec_eval", "anserini"):
            exact = maxsim.search(tokens, queries, rank, k, 1, ties)
            found = search(tokens, tokens.lists, queries, rank, k, EVERYTHING, 1, ties)
            for (rows, scores), (wanted, best) in zip(found, exact, strict=True):
                assert rows.tolist() == wanted.tolist() and scores.tobytes() == best.tobytes()
    assert any(len(rows) > 50 for rows, _ in found)


@pytest.mark.parametrize("ncells", [1, 3])
def test_without_cuts_it_is_exhaustive_over_the_candidates_of_the_first_stage(
    ncells: int, tmp_path: Path
) -> None:
    tokens, queries = compressed(tmp_path / "t", token_vectors(200, 12)), query_vectors(20, 12)
    rank = np.arange(200, dtype=np.uint32)
    every = maxsim.search(tokens, queries, rank, 200, 1)
    found = search(tokens, tokens.lists, queries, rank, 200, PlaidOptions(ncells, float("-inf"), 800), 1)
    smaller = 0
    for i, ((rows, scores), (all_rows, all_scores)) in enumerate(zip(found, every, strict=True)):
        query = queries.vectors[queries.offsets[i] : queries.offsets[i + 1]]
        near = np.argsort(-centroid_scores(tokens.lists.grid, query), axis=0, kind="stable")[:ncells]
        holds = np.isin(tokens.lists.codes, near)
        first = {r for r in range(200) if holds[tokens.offsets[r] : tokens.offsets[r + 1]].any()}
        kept = [j for j, row in enumerate(all_rows.tolist()) if row in first]
        assert rows.tolist() == all_rows[kept].tolist() and scores.tobytes() == all_scores[kept].tobytes()
        smaller += 0 < len(rows) < len(all_rows)
    assert smaller > 10


def test_batches_threads_and_kernels_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, queries = compressed(tmp_path / "t", token_vectors(300, 24)), query_vectors(30, 24)
    rank = np.arange(300, dtype=np.uint32)
    options = PlaidOptions(2, 0.4, 40)

    def run(threads: int, batch: int) -> list[tuple[bytes, bytes]]:
        found = []
        for i in range(0, 30, batch):
            offsets = queries.offsets[i : i + batch + 1]
            some = PackedVectors(queries.vectors[offsets[0] : offsets[-1]], offsets - offsets[0])
            found += search(tokens, tokens.lists, some, rank, 10, options, threads)
        return [(rows.tobytes(), scores.tobytes()) for rows, scores in found]

    one = run(1, 1)
    assert len(set(one)) > 15
    assert run(1, 30) == one == run(3, 7)
    monkeypatch.setattr(Library, "kernels", lambda *_: None)
    assert run(2, 30) == one


def test_scores_of_centroids_are_exact_on_their_grids() -> None:
    rng = np.random.default_rng(0)
    for dim in (3, 128, 1024):
        for length in (1e-3, 0.95, 1, 1.89, 1.91, 700):
            rows = rng.standard_normal((40, dim))
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            whole = np.rint(rows[:25] * 4096)
            query = (rows[25:] * length).astype(np.float32)
            scores = centroid_scores((whole / 4096).astype(np.float32), query)
            power = 2.0 ** np.frexp(float(np.linalg.norm(query.astype(np.float64), axis=1).max()) / 1.9)[1]
            coarse = np.rint(query / power * 2048).astype(np.int64)
            exact = whole.astype(np.int64) @ coarse.T
            assert (np.abs(whole.astype(np.int64)) @ np.abs(coarse).T).max() < 1 << 24
            assert np.array_equal(scores, exact * 2.0**-23 * power)
            np.testing.assert_allclose(scores, whole / 4096 @ query.T, atol=2e-3 * length)


def test_wide_and_narrow_codes_score_alike(tmp_path: Path, way: str) -> None:
    """Over 65,536 centroids their numbers have four bytes."""
    tokens = compressed(tmp_path / "t", token_vectors(100, 8))
    wide = tokens.lists._replace(codes=tokens.lists.codes.astype(np.int32))
    queries, rank = query_vectors(10, 8), np.arange(100, dtype=np.uint32)
    options = PlaidOptions(2, 0.3, 12)
    for one, other in zip(
        search(tokens, tokens.lists, queries, rank, 5, options, 1),
        search(tokens, wide, queries, rank, 5, options, 1),
        strict=True,
    ):
        assert one[0].tolist() == other[0].tolist()


def test_nothing_to_find(tmp_path: Path, way: str) -> None:
    tokens = compressed(tmp_path / "t", token_vectors(30, 8))
    empty = PackedVectors(np.empty((0, 8), np.float32), np.array([0, 0]))
    rank = np.arange(30, dtype=np.uint32)
    [(rows, scores)] = search(tokens, tokens.lists, empty, rank, 5, PlaidOptions.of(5), 1)
    assert len(rows) == len(scores) == 0
    zero = PackedVectors(np.zeros((1, 8), np.float32), np.array([0, 1]))
    [(rows, scores)] = search(tokens, tokens.lists, zero, rank, 5, PlaidOptions.of(5), 1)
    assert len(rows) and not scores.any()


def test_bad_queries(tmp_path: Path) -> None:
    tokens = compressed(tmp_path / "t", token_vectors(30, 8))
    rank = np.arange(30, dtype=np.uint32)
    for vector, message in ((np.zeros(7), "7 dimensions"), (np.full(8, np.nan), "not finite")):
        queries = PackedVectors(vector[None].astype(np.float32), np.array([0, 1]))
        with pytest.raises(BadInput, match=message):
            search(tokens, tokens.lists, queries, rank, 5, PlaidOptions.of(5), 1)

"""Free embeddings: the optimisation by kernels and by numpy, the search for the critical n, and its command."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import UsageError
from intrex.eval.pipelines.studies.limit.free import (
    LIBRARY,
    FreeSettings,
    all_sets,
    draw_normal,
    run_trial,
)
from intrex.eval.pipelines.studies.limit.plain import _slopes, count_hits, optimise
from intrex.eval.pipelines.studies.limit.published import CRITICAL
from intrex.eval.pipelines.studies.limit.search import TrialStore, find_critical, most_documents, parse_dims
from tests.conftest import ROOT

pytest.importorskip("numba")
SETTINGS = FreeSettings()


def store(folder: Path, relevant: int = 2, seeds: int = 5, threads: int = 2) -> TrialStore:
    return TrialStore(folder / "trials.jsonl", relevant, range(seeds), SETTINGS, threads)


@pytest.mark.parametrize(
    ("dim", "documents", "relevant"), [(4, 7, 2), (8, 13, 2), (3, 6, 1), (5, 7, 3), (1, 3, 2)]
)
def test_kernel_and_numpy_make_the_same_steps(dim: int, documents: int, relevant: int) -> None:
    """The loss after few steps to seven digits: a wrong gradient, moment or norm differs at once."""
    for steps in (1, 2, 40):
        settings = replace(SETTINGS, steps=steps, every=7)
        compiled, plain = (
            run_trial(dim, documents, relevant, 3, settings, kernels) for kernels in (LIBRARY.kernels(), None)
        )
        assert (compiled.steps, compiled.accuracy) == (plain.steps, plain.accuracy)
        assert compiled.loss == pytest.approx(plain.loss, rel=1e-6)


def test_slopes_are_those_of_the_loss() -> None:
    """By finite differences of InfoNCE as it is defined, in float64."""
    sets = all_sets(5, 2)
    queries, documents = draw_normal(1, 1, len(sets), 3), draw_normal(1, 2, 5, 3)
    relevant = np.zeros((len(sets), 5), np.float32)
    np.put_along_axis(relevant, sets.astype(np.int64), 1, axis=1)

    def loss(u: np.ndarray, v: np.ndarray) -> float:
        logits = (u @ v.T) / 0.1
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-np.take_along_axis(logs, sets.astype(np.int64), axis=1).mean())

    value, slopes = _slopes(queries, documents, relevant, 2, np.float32(10))
    parts = [queries.astype(np.float64), documents.astype(np.float64)]
    assert value == pytest.approx(loss(*parts), rel=1e-6)
    for i, slope in enumerate(slopes):
        for place in np.ndindex(*slope.shape):
            ends = []
            for sign in (1, -1):
                moved = [part.copy() for part in parts]
                moved[i][place] += sign * 1e-5
                ends.append(loss(*moved))
            assert slope[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-3, abs=1e-5)


def test_a_success_is_one() -> None:
    """The vectors that were found have exactly the right documents first, by sorting all scores."""
    sets = all_sets(9, 2)
    queries, documents = draw_normal(0, 1, len(sets), 4), draw_normal(0, 2, 9, 4)
    accuracy, _, _ = optimise(queries, documents, sets, SETTINGS.numbers(), 100_000, 50, 1000)
    assert accuracy == 1
    order = np.argsort(-(queries.astype(np.float64) @ documents.T.astype(np.float64)), axis=1)[:, :2]
    assert [set(row) for row in order.tolist()] == [set(row) for row in sets.tolist()]
    assert np.linalg.norm(queries, axis=1) == pytest.approx(1, abs=1e-6)


def test_ties_are_no_hits() -> None:
    documents = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    queries = np.array([[1, 0], [0, 1]], np.float32)
    assert count_hits(queries, documents, np.array([[0], [2]], np.int32)) == 1
    assert count_hits(queries, documents, np.array([[0, 1], [2, 0]], np.int32)) == 3


def test_draws_are_of_the_sphere_and_the_seed() -> None:
    vectors = draw_normal(7, 1, 4000, 3)
    assert vectors.dtype == np.float32 and np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert np.abs(vectors.mean(axis=0)).max() < 0.04
    assert np.abs(vectors.T @ vectors / 4000 - np.eye(3) / 3).max() < 0.03
    assert (vectors == draw_normal(7, 1, 4000, 3)).all()
    assert not (vectors == draw_normal(8, 1, 4000, 3)).any()


def test_sets_are_all_there_are() -> None:
    assert [tuple(row) for row in all_sets(6, 3).tolist()] == list(combinations(range(6), 3))


def test_four_dimensions_tell_nine_documents_apart_and_not_eleven(tmp_path: Path) -> None:
    """Published: 10, of one seed; which of 9 and 10 comes out depends on the seed."""
    found = find_critical(store(tmp_path), 4, 128)
    assert found.bounded and found.best in (9, 10) and abs(found.best - CRITICAL[4]) <= 1
    assert found.every is not None and 7 <= found.every <= found.best
    solved = {n: sum(t.solved for t in found.trials if t.documents == n) for n in (7, 11, 12)}
    assert solved == {7: 5, 11: 0, 12: 0}


def test_one_relevant_document_needs_two_dimensions(tmp_path: Path) -> None:
    """Points on a circle: as many as are allowed; on a line there are two directions only."""
    circle = find_critical(store(tmp_path, relevant=1, seeds=2), 2, 8)
    assert (circle.best, circle.bounded) == (8, False)
    line = find_critical(store(tmp_path, relevant=1, seeds=2), 1, 8)
    assert (line.best, line.bounded) == (2, True)
    assert find_critical(store(tmp_path, seeds=2), 1, 8).best is None


def test_sets_are_never_too_many_for_the_memory() -> None:
    assert most_documents(2, 128) == 128 and most_documents(2, 10**6) == 1000
    assert most_documents(5, 128) == 37 and most_documents(100, 128) == 103


@pytest.mark.parametrize(
    ("text", "dims"), [("4-8", [4, 5, 6, 7, 8]), ("6", [6]), ("8,4, 4", [4, 8]), ("2-3,7", [2, 3, 7])]
)
def test_dimensions(text: str, dims: list[int]) -> None:
    assert parse_dims(text) == dims


@pytest.mark.parametrize("text", ["", "0", "-4", "4-", "8-4", "x", "4;5", "1025", "1.5", "٤"])
def test_dimensions_that_cannot_be(text: str) -> None:
    with pytest.raises(UsageError, match="--dims"):
        parse_dims(text)


def test_the_command_writes_the_same_bytes_on_any_thread_and_after_a_kill(
    tmp_path: Path, intrex, all_well, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    line = "study free-embeddings --dims 2-4 --seeds 3 -o"
    all_well(f"{line} one --threads 1", f"{line} two --threads 4")
    files = {p.name: p.read_bytes() for p in (tmp_path / "one").iterdir()}
    assert files.keys() == {
        "critical.csv", "shares.csv", "trials.csv", "critical.png", "study.md", "trials.jsonl",
    }  # fmt: skip
    lines = files.pop("trials.jsonl").splitlines(keepends=True)
    assert {n: (tmp_path / "two" / n).read_bytes() for n in files} == files
    (tmp_path / "one" / "trials.jsonl").write_bytes(b"".join(lines[:20]) + lines[20][:30])
    said = intrex(f"{line} one --format csv")
    assert said.code == 0 and said.out == files["critical.csv"].decode()
    again = (tmp_path / "one" / "trials.jsonl").read_bytes().splitlines(keepends=True)
    assert again[:20] == lines[:20]
    assert sorted(again[21:]) == sorted(lines[20:]), "what was there is not run again"
    assert {n: (tmp_path / "one" / n).read_bytes() for n in files} == files
    shares = list(csv.DictReader((tmp_path / "one" / "shares.csv").open(encoding="utf-8")))
    trials = [json.loads(row) for row in lines]
    for row in shares:
        same = [
            t for t in trials if (t["dim"], t["documents"]) == (int(row["dimensions"]), int(row["documents"]))
        ]
        assert int(row["seeds"]) == len(same) == 3
        assert int(row["solved"]) == sum(t["accuracy"] == 1 for t in same)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--dims 0", "--dims '0' are no dimensions"),
        ("--relevant 3 --most 3", "3 documents have no two sets of 3"),
        ("--seeds 0", "--seeds"),
        ("--relevant 101", "--relevant"),
    ],
)
def test_bad_options_are_refused_before_anything_is_made(
    tmp_path: Path, intrex, options: str, said: str
) -> None:
    answer = intrex(f"study free-embeddings -o {tmp_path / 'out'} {options}")
    assert answer.code == 2 and said in answer.err and not (tmp_path / "out").exists()


@pytest.mark.long
def test_the_whole_table_is_that_of_the_page_and_takes_no_three_minutes(tmp_path: Path) -> None:
    """d = 4 to 8, five seeds; three minutes on two cores are 360 s of CPU time, in which other work has no part."""
    begin = time.process_time()
    trials = store(tmp_path)
    found = {dim: find_critical(trials, dim, 128).best for dim in range(4, 9)}
    assert time.process_time() - begin < 360
    with (ROOT / "docs" / "studies" / "limit-free-critical.csv").open(encoding="utf-8") as stream:
        page = {int(row["dimensions"]): int(row["critical_n"]) for row in csv.DictReader(stream)}
    assert page == {dim: pytest.approx(n, abs=1) for dim, n in found.items()}

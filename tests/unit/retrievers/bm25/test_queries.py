"""Weighing remembers terms: the same weights whatever came before, and from several threads."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.retrievers.bm25 import queries as weighing
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.options import BuildTask, SearchOptions

ASKED = [
    {"wing": 2.0, "lift": 1.0},
    {},
    {"unknown": 1.0},
    {"heat": 1.0, "wing": 0.5, "zzz": 3.0},
    {"boundari": 1.0},
]


@pytest.fixture
def index(small: Collection, tmp_path: Path) -> BM25Index:
    return build_bm25(small, BuildTask(tmp_path / "i"))


def plain(
    index: BM25Index, asked: list[dict[str, float]], with_idf: bool = True
) -> list[tuple[list[int], list[float]]]:
    (found,) = index._weighting.weigh(asked, {"contents": 1.0}, with_idf)
    cuts = found.offsets.tolist()
    return [(found.terms[a:b].tolist(), found.weights[a:b].tolist()) for a, b in pairwise(cuts)]


def test_what_came_before_changes_nothing(index: BM25Index, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [plain(index, [one])[0] for one in ASKED]
    assert [len(terms) for terms, _ in alone] == [2, 0, 0, 2, 1]
    assert plain(index, ASKED) == alone
    assert plain(index, ASKED[::-1]) == alone[::-1]
    monkeypatch.setattr(weighing, "REMEMBERED", 2)
    assert [plain(index, ASKED) for _ in range(3)] == [alone] * 3
    assert plain(index, []) == []


def test_weights_are_count_times_idf_in_float32(index: BM25Index) -> None:
    (_, (wing, _)) = plain(index, ASKED)[0]
    (_, (bare, _)) = plain(index, ASKED, with_idf=False)[0]
    assert bare == 2.0
    assert np.float32(wing) == np.float32(2) * np.float32(np.log(1 + (5 - 1 + 0.5) / (1 + 0.5)))


def test_threads_share_an_index(index: BM25Index) -> None:
    texts = [f"wing heat {chr(97 + i % 26)}x{i} boundary plate" for i in range(300)]
    whole = index.search(Queries([f"q{i}" for i in range(300)], texts), SearchOptions(k=5)).to_dict()

    def one(i: int) -> dict[str, float]:
        return index.search(Queries([f"q{i}"], [texts[i]]), SearchOptions(k=5)).to_dict()[f"q{i}"]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(300))) == [whole[f"q{i}"] for i in range(300)]

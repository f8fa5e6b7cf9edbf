"""BM25: by hand, bit by bit, and at the edges."""

import logging
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.store.manifest import verify_artifact
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.base import open_index
from intrex.retrievers.bm25 import index as bm25
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.bm25.searcher import term_scores
from intrex.retrievers.bm25.similarity import LENGTHS, encode_lengths, idf, inverse_norms
from intrex.retrievers.options import BuildTask, SearchOptions
from tests.conftest import contents


def collect(folder: Path, documents: dict[str, str]) -> Collection:
    def fill(writer: CollectionWriter) -> None:
        for i, (id_, text) in enumerate(documents.items(), 1):
            writer.document(id_, "", text, RecordSource("corpus", i))

    return write_collection(folder, "toy", {"source": "toy"}, fill)


def ask(
    index: BM25Index, *texts: str, k: int = 10, threads: int = 1, batch_size: int = 64
) -> list[dict[str, float]]:
    """The ranking of each text, in order; empty where the run has none."""
    queries = Queries([f"q{i:03}" for i in range(len(texts))], list(texts))
    run = index.search(queries, SearchOptions(k=k, threads=threads, batch_size=batch_size)).to_dict()
    return [run.get(name, {}) for name in queries.ids]


@pytest.fixture
def toy(tmp_path: Path) -> BM25Index:
    texts = {"d1": "cat cat dog", "d2": "dog", "empty": "", "d3": "bird fish", "stops": "the of and"}
    return build_bm25(collect(tmp_path / "toy", texts), BuildTask(tmp_path / "toy.bm25"))


def test_by_hand(toy: BM25Index) -> None:
    """N = 3 (two of five have no term), avgdl = 2, k1 = 0.9, b = 0.4."""
    found = toy.statistics["contents"]
    assert (found.documents, found.tokens, found.avgdl) == (3, 6, 2.0)
    cat, dogs, nothing = ask(toy, "cat", "Dog dogs", "zebra")
    assert cat == pytest.approx(
        {"d1": math.log(1 + 2.5 / 1.5) * 2 / (2 + 0.9 * (0.6 + 0.4 * 3 / 2))}, rel=1e-6
    )
    assert list(dogs) == ["d2", "d1"]
    weight = 2 * math.log(1 + 1.5 / 2.5)
    assert dogs == pytest.approx({"d2": weight / (1 + 0.9 * 0.8), "d1": weight / (1 + 0.9 * 1.2)}, rel=1e-6)
    assert nothing == {}


def test_bits_follow_lucenes_order_of_operations(toy: BM25Index) -> None:
    one = np.float32(1)
    parts = []
    for df, tf in ((1, 2), (2, 1)):  # cat, dog
        weight = one * np.float32(math.log(1 + (3 - df + 0.5) / (df + 0.5)))
        inverse = one / (
            np.float32(0.9) * ((one - np.float32(0.4)) + np.float32(0.4) * np.float32(3) / np.float32(2))
        )
        parts.append(weight - weight / (one + np.float32(tf) * inverse))
    assert ask(toy, "cat dog")[0]["d1"] == float(np.float32(np.float64(parts[0]) + np.float64(parts[1])))


def test_lengths_are_small_floats() -> None:
    assert LENGTHS[:40].tolist() == list(range(40))
    assert LENGTHS[40:50].tolist() == [40, 42, 44, 46, 48, 50, 52, 54, 56, 60]
    assert LENGTHS[255] == 24 + (15 << 27)
    assert (np.diff(LENGTHS) > 0).all()
    lengths = np.array([0, 39, 40, 41, 42, 55, 56, 59, 60, 1000, 2**31 - 1])
    assert LENGTHS[encode_lengths(lengths)].tolist() == [
        0,
        39,
        40,
        40,
        42,
        54,
        56,
        56,
        60,
        984,
        24 + (15 << 27),
    ]
    assert (encode_lengths(LENGTHS) == np.arange(256)).all()


def test_idf_and_scores_are_float32() -> None:
    assert idf(1, 1) == np.float32(math.log(1 + 0.5 / 1.5))
    assert idf(10**8, 10**8) > 0
    scores = term_scores(np.float32(2), np.array([1, 70_000], np.uint32), inverse_norms(0.9, 0.4, 5.0)[:2])
    assert scores.dtype == np.float32
    assert scores[1] < 2


def test_ties_go_to_the_larger_id_also_at_the_cut(tmp_path: Path) -> None:
    texts = {"b": "same words", "é": "same words", "a": "same words", "z": "other", "c": "same words"}
    index = build_bm25(collect(tmp_path / "c", texts), BuildTask(tmp_path / "i"))
    assert list(ask(index, "same")[0]) == ["é", "c", "b", "a"]
    assert list(ask(index, "same", k=2)[0]) == ["é", "c"]
    assert len(ask(index, "same", k=100)[0]) == 4


def test_extreme_parameters(tmp_path: Path) -> None:
    collection = collect(tmp_path / "c", {"a": "x x x y", "b": "x", "d": "y"})
    flat = build_bm25(collection, BuildTask(tmp_path / "flat"), Bm25Build(k1=0, b=0))
    weight = float(np.float32(math.log(1 + 1.5 / 2.5)))
    assert ask(flat, "x")[0] == {"b": weight, "a": weight}
    full = build_bm25(collection, BuildTask(tmp_path / "full"), Bm25Build(k1=0, b=1))
    assert ask(full, "x")[0] == {"b": weight, "a": weight}
    vanishing = build_bm25(collection, BuildTask(tmp_path / "vanishing"), Bm25Build(k1=1e30, b=1))
    assert ask(vanishing, "x")[0] == {"b": 0.0, "a": 0.0}  # still the documents that match


@pytest.mark.parametrize("k1", [-0.1, float("nan"), float("inf"), 1e39])
def test_bad_k1(tmp_path: Path, k1: float) -> None:
    with pytest.raises(UsageError, match="--k1 is"):
        build_bm25(collect(tmp_path / "c", {"a": "x"}), BuildTask(tmp_path / "i"), Bm25Build(k1=k1))


@pytest.mark.parametrize("b", [-0.1, 1.1, float("nan")])
def test_bad_b(tmp_path: Path, b: float) -> None:
    with pytest.raises(UsageError, match="--b is"):
        build_bm25(collect(tmp_path / "c", {"a": "x"}), BuildTask(tmp_path / "i"), Bm25Build(b=b))


def test_bad_k(toy: BM25Index) -> None:
    with pytest.raises(UsageError, match="--k is "):
        ask(toy, "cat", k=0)


def test_stop_word_queries_are_counted_once(toy: BM25Index, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "intrex.retrievers.bm25.index"):
        assert ask(toy, "the", "cat", "", "zebra") == [{}, ask(toy, "cat")[0], {}, {}]
    assert [r.getMessage() for r in caplog.records] == [
        "2 of 4 queries have no term left: they are empty or stop words only"
    ]


def test_corpus_without_terms(tmp_path: Path) -> None:
    index = build_bm25(collect(tmp_path / "c", {"a": "", "b": "the"}), BuildTask(tmp_path / "i"))
    assert (len(index.ids), ask(index, "the", "cat")) == (2, [{}, {}])


def test_builds_are_equal_to_the_byte(small: Collection, tmp_path: Path) -> None:
    steps: list[int] = []
    for name in ("one", "two"):
        build_bm25(small, BuildTask(tmp_path / name, stage=lambda *_: steps.append))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert sum(steps) == 2 * small.n_documents
    verify_artifact(tmp_path / "one")


def test_an_index_is_not_replaced_unasked(small: Collection, tmp_path: Path) -> None:
    build_bm25(small, BuildTask(tmp_path / "i"))
    with pytest.raises(IntrexError, match="exists"):
        build_bm25(small, BuildTask(tmp_path / "i"), Bm25Build(k1=1.2))
    build_bm25(small, BuildTask(tmp_path / "i", overwrite=True), Bm25Build(k1=1.2))
    assert BM25Index.open(tmp_path / "i").manifest.params["k1"] == 1.2


def test_title_counts_and_rows_are_documents(small: Collection, tmp_path: Path) -> None:
    build_bm25(small, BuildTask(tmp_path / "i"))
    index = open_index(tmp_path / "i", small)
    assert len(index.ids) == small.n_documents
    run = index.search(small.queries(), SearchOptions(k=10, threads=1)).to_dict()
    assert sorted(run) == ["q1", "q2", "q3"]  # q4 has stop words only
    assert list(run["q1"]) == ["d1"]
    assert list(run["q2"]) == ["d5", "d2", "d3"]


def test_threads_and_batches_change_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25, "BATCH", 32)
    draw = np.random.default_rng(5)
    words = np.array([f"w{i}" for i in range(60)])
    chance = 1 / np.arange(1, 61)
    texts = {
        f"d{i}": " ".join(draw.choice(words, draw.integers(1, 80), p=chance / chance.sum()))
        for i in range(300)
    }
    index = build_bm25(collect(tmp_path / "c", texts), BuildTask(tmp_path / "i"))
    queries = [" ".join(draw.choice(words, draw.integers(1, 9))) for _ in range(70)]
    alone = [ask(index, query, k=40)[0] for query in queries]
    for threads, batch_size in ((1, 1), (1, 64), (3, 7), (2, 1000)):
        assert ask(index, *queries, k=40, threads=threads, batch_size=batch_size) == alone


def test_another_analysis_is_refused(toy: BM25Index, tmp_path: Path) -> None:
    params = {**toy.manifest.params, "analyzer": {"name": "older"}}
    with pytest.raises(BadInput, match="another text analysis"):
        BM25Index(tmp_path / "toy.bm25", replace(toy.manifest, params=params))

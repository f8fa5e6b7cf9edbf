"""``index cur`` and its search: anchors, calls, the budget, what is refused; scores are the scorer's own."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.specs import EncoderSpec
from intrex.data.store.manifest import verify_artifact
from intrex.encoders.cross.base import PairScorer
from intrex.retrievers.base import open_index
from intrex.retrievers.cur import index as cur_index
from intrex.retrievers.cur.anchors import Anchors, draw_anchors
from intrex.retrievers.cur.build import build_cur
from intrex.retrievers.cur.index import CurIndex
from intrex.retrievers.cur.options import CurBuild, CurSearch
from intrex.retrievers.options import BuildTask
from intrex.retrievers.search import prepare_search, run_search

N = 90
WORDS = [f"w{i}" for i in range(40)]


class MatrixScorer(PairScorer):
    """Scorer by a table of pairs of texts; counts its calls, and may give wrong ones."""

    def __init__(self, table: dict[tuple[str, str], float], wrong: float | None = None) -> None:
        self.spec = EncoderSpec("matrix", "matrix", "1")
        self.table, self.wrong, self.calls = table, wrong, 0

    def parts(
        self, queries: Sequence[str], documents: Sequence[str]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        self.calls += len(queries)
        values = [self.table.get(pair, 0.5) for pair in zip(queries, documents, strict=True)]
        rows = np.arange(len(values))
        if self.wrong is None:
            yield rows, np.array(values, np.float32)
        elif np.isnan(self.wrong):
            yield rows, np.array([*values[:-1], np.nan], np.float32)
        else:  # too few
            yield rows[:-1], np.array(values[:-1], np.float32)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection ``c`` of 90 documents, 24 training and 6 test queries."""
    from intrex.cli.app import run

    folder, rng = tmp_path_factory.mktemp("cur"), random.Random(4)
    (folder / "src" / "qrels").mkdir(parents=True)
    corpus = [
        {"_id": f"d{i:02}", "title": "" if i % 3 else f"title {i}", "text": " ".join(rng.choices(WORDS, k=9))}
        for i in range(N)
    ]
    (folder / "src" / "corpus.jsonl").write_text("".join(json.dumps(r) + "\n" for r in corpus))
    queries = []
    for name, count in (("train", 24), ("test", 6)):
        lines = ["query-id\tcorpus-id\tscore\n"]
        for i in range(count):
            text = "the same twice" if name == "train" and i < 2 else " ".join(rng.choices(WORDS, k=4))
            queries.append({"_id": f"{name}{i}", "text": text})
            lines.append(f"{name}{i}\td{i:02}\t1\n")
        (folder / "src" / "qrels" / f"{name}.tsv").write_text("".join(lines))
    (folder / "src" / "queries.jsonl").write_text("".join(json.dumps(r) + "\n" for r in queries))
    assert run(["collection", "import", f"{folder}/src", f"{folder}/c"]) == 0
    assert (
        run(["index", "cur", f"{folder}/c", f"{folder}/i", "--scorer", "hashing:32", "--anchors", "20"]) == 0
    )
    assert run(["index", "bm25", f"{folder}/c", f"{folder}/b"]) == 0
    return folder


@pytest.fixture
def collection(work: Path) -> Collection:
    return Collection.open(work / "c")


def exact(collection: Collection, queries: Queries) -> np.ndarray:
    """Score all pairs by the scorer itself."""
    from intrex.encoders.cross.scorer import make_pair_scorer
    from intrex.encoders.options import EncoderOptions

    scorer = make_pair_scorer("hashing:32", EncoderOptions())
    texts = [d.passage for d in collection.documents()]
    return np.stack([scorer.score([q] * len(texts), texts) for q in queries.texts])


def anchors_of(collection: Collection, **options: object) -> Anchors:
    return draw_anchors(collection, CurBuild(scorer="hashing", **options))


def test_anchors_are_different_training_queries_and_fewer_are_the_first_of_more(
    collection: Collection,
) -> None:
    drawn = anchors_of(collection)
    assert drawn.source == "train" and len(drawn.queries) == 23, "one text is there twice"
    assert anchors_of(collection, anchors=7).queries.ids == drawn.queries.ids[:7]
    assert anchors_of(collection, seed=1).queries.ids != drawn.queries.ids
    documents = anchors_of(collection, anchors=30, anchor_queries="documents").queries
    by_id = {d.id: d for d in collection.documents()}
    for name, text in zip(documents.ids, documents.texts, strict=True):
        assert text == by_id[name].title or (not by_id[name].title and text == by_id[name].text)


def test_anchors_of_files_and_other_collections(collection: Collection, work: Path, tmp_path: Path) -> None:
    (tmp_path / "q.tsv").write_text("a\tone\nb\ttwo\n")
    assert sorted(anchors_of(collection, anchor_queries=str(tmp_path / "q.tsv")).queries.ids) == ["a", "b"]
    assert len(anchors_of(collection, anchor_queries=f"{work}/c:test").queries) == 6


@pytest.mark.parametrize(("options", "words"), [
    ({"anchors": 24}, "train has 23 different queries, 24 anchor queries were asked for"),
    ({"anchor_queries": "trian"}, "there are no anchor queries 'trian'"),
    ({"anchor_queries": "documents", "anchors": 91}, "documents has 90 different queries, 91"),
])  # fmt: skip
def test_anchors_that_are_not_there(collection: Collection, options: dict[str, object], words: str) -> None:
    with pytest.raises((BadInput, UsageError), match=words):
        anchors_of(collection, **options)


def test_the_index_has_every_score(collection: Collection, work: Path) -> None:
    index = CurIndex.open(work / "i")
    matrix = exact(collection, anchors_of(collection, anchors=20).queries)
    np.testing.assert_allclose(index.vectors, matrix.T, atol=1e-6)
    assert index.manifest.params["calls"] == 20 * N and verify_artifact(work / "i")


@pytest.mark.parametrize("values", [
    {"budget": 40}, {"budget": 40, "rounds": 4}, {"budget": 40, "anchor_documents": 40, "rounds": 8}, {"budget": 5}, {"budget": 1},
])  # fmt: skip
@pytest.mark.parametrize("first", [False, True])
def test_what_is_found_has_exact_scores(
    collection: Collection,
    work: Path,
    values: dict[str, object],
    first: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    index, queries = CurIndex.open(work / "i"), collection.queries("test")
    stage = {"first_stage": str(work / "b")} if first else {}
    with caplog.at_level("INFO", logger="intrex"):
        run = run_search(index, queries, prepare_search(index, {**values, **stage}), tag="t")
    assert f"{6 * int(str(values['budget'])):,} calls of the scorer" in caplog.text
    matrix, place = exact(collection, queries), {d.id: i for i, d in enumerate(collection.documents())}
    for number, name in enumerate(queries.ids):
        found = run.to_dict()[name]
        assert len(found) == values["budget"]
        for document, score in found.items():
            assert score == pytest.approx(matrix[number, place[document]], abs=1e-6)


def test_a_budget_of_all_documents_is_the_exact_ranking(collection: Collection, work: Path) -> None:
    from intrex.cli.app import run

    assert run(["index", "dense", str(work / "c"), str(work / "d"), "--encoder", "hashing:32"]) == 0
    queries = collection.queries("test")
    rankings = []
    for name, values in (("i", {"budget": 1000}), ("d", {})):
        index = open_index(work / name)
        rankings.append(
            run_search(index, queries, prepare_search(index, {"k": N, **values}), tag="t").to_dict()
        )
    assert {q: list(d) for q, d in rankings[0].items()} == {q: list(d) for q, d in rankings[1].items()}


def test_a_first_stage_is_where_the_search_begins(collection: Collection, work: Path) -> None:
    index, bm25, queries = CurIndex.open(work / "i"), open_index(work / "b"), collection.queries("test")
    values = {"budget": 10, "anchor_documents": 10, "first_stage": str(work / "b")}
    found = run_search(index, queries, prepare_search(index, values), tag="t").to_dict()
    best = run_search(bm25, queries, prepare_search(bm25, {"k": 10}), tag="t").to_dict()
    for name, documents in found.items():
        assert set(best[name]) <= set(documents) and len(documents) == 10


def test_options_that_cannot_be() -> None:
    for values, words in (
        ({"budget": 10, "anchor_documents": 11}, "--anchor-documents 11 is more than the budget of 10"),
        ({"budget": 10, "rounds": 6}, "--rounds 6 for 5 anchor documents"),
    ):
        with pytest.raises(UsageError, match=words):
            CurSearch(**values)
    assert CurSearch(budget=10, anchor_documents=7, rounds=3).sizes == (3, 2, 2, 3)
    assert CurSearch(budget=10, anchor_documents=10).sizes == (10,)


def build(collection: Collection, out: Path, scorer: PairScorer) -> CurIndex:
    options = CurBuild(scorer="hashing:32", anchors=5)
    return build_cur(collection, BuildTask(out, block=3), scorer, draw_anchors(collection, options), options)


@pytest.mark.parametrize("wrong", [np.nan, 0.0])
def test_a_score_that_is_none_is_named_and_nothing_is_left(
    collection: Collection, tmp_path: Path, wrong: float
) -> None:
    with pytest.raises(BadInput, match=r"the score of query train\d+ and document d02 is nan"):
        build(collection, tmp_path / "i", MatrixScorer({}, wrong))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [np.nan, 0.0])
def test_and_so_it_is_in_a_search(
    collection: Collection, work: Path, wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = CurIndex.open(work / "i")
    monkeypatch.setattr(cur_index, "open_scorer", lambda *_: MatrixScorer({}, wrong))
    with pytest.raises(BadInput, match=r"the score of query test\d and document d\d\d is nan"):
        index.search(collection.queries("test"), CurSearch(budget=9, query_cache=False))


def test_equal_texts_are_scored_once_and_kept(
    collection: Collection, work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path))
    scorer, queries = MatrixScorer({}), Queries(["a", "b", "c"], ["same", "same", "other"])
    monkeypatch.setattr(cur_index, "open_scorer", lambda *_: scorer)
    for expected in (2 * 10, 2 * 10):  # the second time all is in the cache
        CurIndex.open(work / "i").search(queries, CurSearch(budget=10, anchor_documents=10))
        assert scorer.calls == expected
    CurIndex.open(work / "i").search(queries, CurSearch(budget=10, anchor_documents=10, query_cache=False))
    assert scorer.calls == 4 * 10


def test_another_first_stage_or_scorer_is_refused(
    collection: Collection, work: Path, tmp_path: Path, intrex, all_well
) -> None:
    (tmp_path / "o.jsonl").write_text('{"_id": "x", "text": "other"}\n')
    all_well(f"collection import {tmp_path}/o.jsonl {tmp_path}/o", f"index bm25 {tmp_path}/o {tmp_path}/ob")
    line = f"search {work}/i {work}/c:test -o {tmp_path}/r"
    for options, words in (
        (f"--first-stage {tmp_path}/ob", "was built from another collection than"),
        (f"--first-stage {tmp_path}/none", "none"),
        (f"--first-stage {work}/i", "is a cur index, whose calls no budget would count"),
        ("--scorer hashing:64", "is not the one that"),
        ("--encoder hashing", "a cur index has no encoder"),
        ("--candidates 5", "--candidates is for"),
    ):
        said = intrex(f"{line} {options}")
        assert said.code in (1, 2) and words in said.err, (options, said.err)
    assert not (tmp_path / "r").exists()


def test_as_many_anchor_documents_as_queries_are_noticed(
    work: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = CurIndex.open(work / "i")
    with caplog.at_level("INFO", logger="intrex"):
        prepare_search(index, {"budget": 40, "anchor_documents": 20})
    assert "as many anchor documents as anchor queries (20)" in caplog.text
    caplog.clear()
    prepare_search(index, {"budget": 40, "anchor_documents": 19})
    assert not caplog.text


def test_the_tag_says_the_calls(work: Path, tmp_path: Path, intrex, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="intrex"):
        said = intrex(f"search {work}/i {work}/c:test --rounds 2 -o {tmp_path}/r")
    assert said.code == 0 and "tag i(budget=100,rounds=2)" in said.err
    assert "540 calls of the scorer, 90.0 a query; 0 of them were in the cache" in caplog.text


def test_the_index_goes_on_without_its_collection(work: Path, tmp_path: Path, intrex, all_well) -> None:
    all_well(
        f"collection import {work}/src {tmp_path}/c",
        f"index cur {tmp_path}/c {tmp_path}/i --scorer hashing:32 --anchors 20",
        f"search {tmp_path}/i {tmp_path}/c:test --budget 10 -o {tmp_path}/1",
    )
    (tmp_path / "c").rename(tmp_path / "gone")
    (tmp_path / "i").rename(tmp_path / "j")
    all_well(f"search {tmp_path}/j {tmp_path}/gone:test --budget 10 --tag 'i(budget=10)' -o {tmp_path}/2")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_rerank_by_the_index_gives_the_scorers_scores(work: Path, tmp_path: Path, all_well) -> None:
    all_well(
        f"search {work}/b {work}/c:test -o {tmp_path}/b.txt --k 7",
        f"rerank {tmp_path}/b.txt {work}/c:test --index {work}/i -o {tmp_path}/1 --tag t",
        f"rerank {tmp_path}/b.txt {work}/c:test --with hashing:32 --no-cache -o {tmp_path}/2 --tag t",
    )
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_an_estimate(work: Path, tmp_path: Path, intrex) -> None:
    said = intrex(f"index cur {work}/c {tmp_path}/i --scorer hashing:32 --anchors 20 --estimate")
    numbers = dict(line.split(",") for line in said.out.splitlines())
    size = sum(e["bytes"] for e in CurIndex.open(work / "i").manifest.files.values())
    assert said.code == 0 and numbers["items"] == str(20 * N) and not (tmp_path / "i").exists()
    assert int(numbers["disk"]) == pytest.approx(size, rel=0.05)

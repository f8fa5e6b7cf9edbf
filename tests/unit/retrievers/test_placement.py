"""A second list before feedback, after it, and both; algorithms 4.2 and the mixtures of 7.5."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection
from intrex.data.ids import as_strings
from intrex.data.rankings.write import write_run
from intrex.data.run import Run
from intrex.retrievers.base import open_index
from intrex.retrievers.prf.vector import move
from intrex.retrievers.search import prepare_search, run_search
from tests.contract.test_indexes import BUILD

SECOND = {"q1": {"d2": 3.0, "d3": 2.0, "d1": 1.0}, "q2": {"d3": 9.0, "d1": 5.0}, "q3": {"d5": 2.0, "d2": 1.5}}
PLACES = ("before", "after", "both")


@pytest.fixture
def home(small: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dense index ``d``, a BM25 index ``b`` and a run ``second.txt`` of the small collection."""
    monkeypatch.chdir(tmp_path)
    BUILD["dense"](small, Path("d"))
    BUILD["bm25"](small, Path("b"))
    write_run(Run.from_dict(SECOND), Path("second.txt"))
    return tmp_path


def search(
    collection: Collection, kind: str = "d", **values: object
) -> list[tuple[str, list[str], list[float]]]:
    index = open_index(Path(kind))
    run = run_search(index, collection.queries(), prepare_search(index, values), tag="t")
    return [(q.decode(), as_strings(docs), scores.tolist()) for q, docs, scores in run.rankings()]


def min_max(scores: dict[str, float]) -> dict[str, float]:
    low, high = min(scores.values()), max(scores.values())
    return {doc: (score - low) / (high - low) if high > low else 1.0 for doc, score in scores.items()}


def mix(first: dict[str, float], second: dict[str, float], alpha: float) -> dict[str, float]:
    one, two = min_max(first), min_max(second) if second else {}
    return {doc: alpha * one.get(doc, 0) + (1 - alpha) * two.get(doc, 0) for doc in {**one, **two}}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_placements_beside_a_plain_reading(home: Path, small: Collection, place: str, alpha: float) -> None:
    """By dictionaries and numpy: mix, read the best, move, score all documents, mix."""
    index, depth, k = open_index(Path("d")), 2, 5
    ids = as_strings(index.ids.gather(np.arange(len(index.ids))))
    options = prepare_search(index, {"prf_depth": depth})
    found = search(small, prf_depth=depth, interpolate=place, alpha=alpha, k=k, **{"with": "second.txt"})
    first = {q: dict(zip(docs, scores, strict=True)) for q, docs, scores in search(small, k=k)}
    vectors = index._scaled(index.encode(small.queries().texts))
    for (name, docs, scores), vector in zip(found, vectors, strict=True):
        second = SECOND.get(name, {})
        read = first[name] if place == "after" else mix(first[name], second, alpha)
        best = sorted(read, key=lambda doc: (np.float32(read[doc]), doc.encode()), reverse=True)[:depth]
        query = move(vector, index.vectors[[ids.index(doc) for doc in best]], options)
        everything = dict(zip(ids, (index.vectors @ query).tolist(), strict=True))
        kept = dict(
            sorted(everything.items(), key=lambda p: (np.float32(p[1]), p[0].encode()), reverse=True)[:k]
        )
        expected = kept if place == "before" else mix(kept, second, alpha)
        assert scores == pytest.approx(sorted(expected.values(), reverse=True)[:k], abs=1e-5)
        assert [expected[doc] for doc in docs] == pytest.approx(scores, abs=1e-5)


def test_alpha_of_1_and_0_are_the_rankings_of_one_list(home: Path, small: Collection) -> None:
    fed = {q: docs for q, docs, _ in search(small, prf_depth=2)}
    for place in PLACES:
        ours = search(small, prf_depth=2, interpolate=place, alpha=1.0, **{"with": "second.txt"})
        assert {q: [d for d in docs if d in fed[q]] for q, docs, _ in ours} == fed, place
    theirs = search(small, prf_depth=2, interpolate="after", alpha=0.0, **{"with": "second.txt"})
    for query, docs, _ in theirs:
        own = list(SECOND.get(query, {}))
        assert [doc for doc in docs if doc in own] == own


@pytest.mark.parametrize("kind", ["impact", "fde", "multivector"])
def test_every_kind_with_all_weight_on_its_own_list(home: Path, small: Collection, kind: str) -> None:
    BUILD[kind](small, Path("k"))
    fed = search(small, "k", prf_depth=2)
    before = search(small, "k", prf_depth=2, interpolate="before", alpha=1.0, **{"with": "b"})
    assert before == fed
    own = {query: docs for query, docs, _ in fed}
    both = search(small, "k", prf_depth=2, interpolate="both", alpha=1.0, **{"with": "b"})
    assert {query: [doc for doc in docs if doc in own[query]] for query, docs, _ in both} == own


def test_depth_0_is_the_plain_mixture_and_before_it_nothing(home: Path, small: Collection, all_well) -> None:
    all_well(
        "search d small:test -o d.txt",
        "fuse d.txt second.txt --method wsum --weights 0.5,0.5 -o fused.txt --tag t",
        "search d small:test --prf-depth 0 --interpolate both --with second.txt --tag t -o mixed.txt",
        "search d small:test --prf-depth 0 --interpolate before --with second.txt --tag d -o plain.txt",
    )
    assert Path("mixed.txt").read_bytes() == Path("fused.txt").read_bytes()
    assert Path("plain.txt").read_bytes() == Path("d.txt").read_bytes()


def test_an_index_is_the_run_that_it_finds(home: Path, small: Collection, all_well) -> None:
    all_well("search b small:test -o b.txt")
    for place in PLACES:
        of_index = search(small, prf_depth=2, interpolate=place, **{"with": "b"})
        assert of_index == search(small, prf_depth=2, interpolate=place, **{"with": "b.txt"}), place
    Path("ids").write_text("d1\nd2\n")
    within = search(small, prf_depth=2, interpolate="both", within="ids", **{"with": "b"})
    assert {doc for _, docs, _ in within for doc in docs} == {"d1", "d2"}
    within = search(small, prf_depth=2, interpolate="both", within="ids", **{"with": "second.txt"})
    assert {doc for _, docs, _ in within for doc in docs} == {"d1", "d2"}


def test_lists_of_one_hit_and_of_equal_scores_are_mixed(home: Path, small: Collection) -> None:
    """A list without a spread counts as the best of all: its documents were found."""
    write_run(Run.from_dict({"q1": {"d2": 7.0}, "q2": {"d1": 3.0, "d3": 3.0}}), Path("flat.txt"))
    found = search(small, prf_depth=2, interpolate="both", alpha=0.25, **{"with": "flat.txt"})
    scores = {q: dict(zip(docs, values, strict=True)) for q, docs, values in found}
    assert scores["q1"]["d2"] >= 0.75 and min(scores["q2"][d] for d in ("d1", "d3")) >= 0.75
    assert max(scores["q3"].values()) == 0.25, "the run lacks the query: it gets nothing of it"


def test_equal_scores_are_in_the_order_that_is_asked_for(home: Path, small: Collection) -> None:
    """d2 and d5 have the same text; the other list has neither."""
    write_run(Run.from_dict({"q2": {"d1": 3.0}}), Path("one.txt"))
    orders = {}
    for ties in ("trec_eval", "anserini"):
        found = search(small, prf_depth=2, interpolate="after", tie_order=ties, **{"with": "one.txt"})
        docs = {q: docs for q, docs, _ in found}["q2"]
        orders[ties] = [doc for doc in docs if doc in ("d2", "d5")]
    assert orders == {"trec_eval": ["d5", "d2"], "anserini": ["d2", "d5"]}
    first = search(small, prf_depth=2, interpolate="after", tie_order="anserini", k=1, **{"with": "one.txt"})
    assert len({q: docs for q, docs, _ in first}["q2"]) == 1
    most = 2**31 - 1
    assert search(small, prf_depth=2, interpolate="after", k=most, **{"with": "one.txt"})


def test_show_mixes_as_a_search_does(home: Path, intrex) -> None:
    said = intrex("show d 'flat boundary layer' --prf-depth 2 --interpolate both --with b --format json -k 2")
    assert said.code == 0 and "d+avg(prf_depth=2)+both(with=b)" in said.out
    said = intrex("show d 'flat boundary layer' --prf-depth 2 --interpolate both --with second.txt")
    assert said.code == 1 and "has none of the 1 queries" in said.err


def test_the_tag_says_what_was_mixed(home: Path, small: Collection, intrex) -> None:
    said = intrex("search d small:test --prf-depth 2 --interpolate both --with b --alpha 0.3")
    assert said.code == 0 and said.out.split("\n")[0].endswith(" d+avg(prf_depth=2)+both(with=b,alpha=0.3)")


def test_other_documents_or_queries_are_refused(home: Path, small: Collection, intrex, all_well) -> None:
    Path("corpus.jsonl").write_text('{"_id": "x1", "text": "lift of wings"}\n{"_id": "d1", "text": "heat"}\n')
    Path("foreign.txt").write_text("q1 Q0 x9 1 2.0 f\nq1 Q0 d1 2 1.0 f\n")
    Path("asked.txt").write_text("q9 Q0 d1 1 2.0 f\n")
    all_well("collection import corpus.jsonl other", "index bm25 other o")
    flags = "search d small:test --prf-depth 2 --interpolate after -o out.txt --with"
    for name, message in {
        "foreign.txt": "1 of its 2 documents are not in the index, for example x9",
        "asked.txt": "--with asked.txt has none of the 3 queries that are searched",
        "o": "--with o was built from another collection than the index",
        "nowhere": "nowhere",
        "small": "small",
    }.items():
        said = intrex(f"{flags} {name}")
        assert said.code == 1 and message in said.err, name
        assert not Path("out.txt").exists()


def test_what_an_index_lacks_is_named(home: Path, small: Collection, intrex) -> None:
    said = intrex("search b small:test --prf-depth 2")
    assert said.code == 2 and "--prf-depth is for dense, fde, multivector, impact" in said.err
    said = intrex("search d small:test --prf-depth 2 --interpolate both --with b --latency -o r.txt")
    assert said.code == 2 and "--latency times an index by itself" in said.err and not Path("r.txt").exists()


def test_a_recipe_names_an_earlier_system(home: Path, intrex, all_well) -> None:
    recipe = """
name = "mixed"
queries = "test"
measures = ["nDCG@10"]
k = 5

[collection]
import = "beir"

[[system]]
name = "b"
index = "bm25"

[[system]]
name = "both"
index = "dense"
encoder = "hashing:32"
prf_depth = 2
interpolate = "both"
with = "b"
alpha = 0.3

[[system]]
name = "rounds"
index = "dense"
encoder = "hashing:32"
search = {prf_depth = 2, prf_method = "rocchio", rocchio_alpha = 0.5, rounds = 2}
"""
    from tests.conftest import write_beir

    write_beir(Path("beir"))
    Path("r.toml").write_text(recipe)
    all_well(
        "experiment run r.toml --output out",
        "collection import beir c",
        "index dense c cd --encoder hashing:32",
    )
    runs = {path.parent.name: path for path in Path("out").rglob("run.txt.gz")}
    assert len(runs) == 3
    all_well(
        "index bm25 c cb",
        "search cd c:test --k 5 --prf-depth 2 --interpolate both --with cb --alpha 0.3 --tag both -o mine.txt.gz",
    )
    assert Path("mine.txt.gz").read_bytes() in {path.read_bytes() for path in runs.values()}
    for wrong, message in {
        'with = "c"': "mixes in 'c', which is not an earlier system",
        "": "there is one",
        'with = "b"\nrounds = 2': "do not go together",
    }.items():
        Path("w.toml").write_text(recipe.replace('with = "b"', wrong))
        said = intrex("experiment run w.toml --output w")
        assert said.code == 1 and message in said.err, (wrong, said.err)

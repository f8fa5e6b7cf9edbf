"""``intrex study muvera`` on a real collection with hashed tokens: its files agree with what can be computed apart."""

import csv
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection
from intrex.retrievers.fde.index import FdeIndex
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.options import SearchOptions

pytest.importorskip("faiss")
pytest.importorskip("matplotlib")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_muvera(shared: Path, tmp_path: Path, intrex, all_well, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    all_well(
        f"collection import {shared / 'adi'} c",
        "index multivector c mv --encoder hashing:16",
        "index multivector c mv2 --encoder hashing:16 --nbits 2",
        "study muvera mv c:test -o out --compressed mv2 --quick --seeds 2 --rounds 1 --depth 50",
    )
    out = tmp_path / "out"
    assert {p.name for p in out.iterdir()} == {
        "recall.csv", "needed.csv", "costs.csv", "recall.png", "costs.png", "study.md", "index",
    }  # fmt: skip
    recall = {
        (r["method"], r["target"], int(r["candidates"])): float(r["recall"]) for r in rows(out / "recall.csv")
    }
    methods = {m for m, *_ in recall}
    assert {
        "fde-1280",
        "fde-2560",
        "fde-2560-sq8",
        "fde-2560-hnsw",
        "plaid-1",
        "plaid-4",
        "sv",
        "sv-dedup",
    } == methods
    for method in methods:
        for target in ("exact top 1", "exact top 10", "exact top 100", "relevant"):
            values = [recall[method, target, d] for d in (10, 20, 50)]
            assert values == sorted(values) and 0 <= values[0] <= values[2] <= 1
    collection, exact = Collection.open(tmp_path / "c"), MultiVectorIndex.open(tmp_path / "mv")
    packed = exact.encode(collection.queries("test").texts)
    truth = [set(r.tolist()) for r, _ in exact.rank(packed, SearchOptions(k=10))]
    fde = FdeIndex.open(out / "index" / "fde-1280")
    found = [set(r.tolist()) for r, _ in fde.rank(packed, SearchOptions(k=20))]
    again = np.mean([len(t & f) / len(t) for t, f in zip(truth, found, strict=True)])
    assert recall["fde-1280", "exact top 10", 20] == pytest.approx(again)
    needed = {(r["method"], r["target"]): r for r in rows(out / "needed.csv")}
    few = needed["fde-1280", "exact top 10"]["candidates_for_0.8"]
    assert few == "" or recall["fde-1280", "exact top 10", 50] >= 0.8
    costs = rows(out / "costs.csv")
    assert costs[0]["method"] == "exact" and all(float(r["ms_per_query"]) > 0 for r in costs)
    assert {r["method"] for r in costs} == {"exact", *(m for m in methods if not m.startswith("sv"))}
    first = (out / "recall.csv").read_bytes()
    again_said = intrex(
        "study muvera mv c:test -o out --compressed mv2 --quick --seeds 2 --rounds 1 --depth 50"
    )
    assert again_said.code == 0 and (out / "recall.csv").read_bytes() == first
    assert intrex("study muvera c c:test -o out2").code == 1


def test_a_killed_study_measures_only_what_is_missing(
    shared: Path, tmp_path: Path, intrex, all_well, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times differ between any two measurements: where they are equal, nothing was measured."""
    monkeypatch.chdir(tmp_path)
    study = "study muvera mv c:test -o out --quick --seeds 1 --rounds 1 --depth 50 --limit 12"
    all_well(f"collection import {shared / 'adi'} c", "index multivector c mv --encoder hashing:16", study)
    first = rows(tmp_path / "out" / "costs.csv")
    (tmp_path / "out" / "index" / "measured" / "fde-1280.json").unlink()
    (tmp_path / "out" / "index" / "measured" / "sv.json").write_text("{")
    assert intrex(study).code == 0
    second = rows(tmp_path / "out" / "costs.csv")
    changed = {a["method"] for a, b in zip(first, second, strict=True) if a != b}
    assert changed == {"fde-1280"}  # the heuristic has no times
    assert intrex(study.replace("--limit 12", "--limit 11")).code == 0
    assert rows(tmp_path / "out" / "costs.csv")[0] != first[0]


def divided(shared: Path, out: Path) -> None:
    """ADI as a BEIR folder whose queries are divided into dev and test."""
    (out / "qrels").mkdir(parents=True)
    for name in ("corpus.jsonl", "queries.jsonl"):
        (out / name).write_bytes((shared / "adi" / name).read_bytes())
    head, *lines = (shared / "adi" / "qrels" / "test.tsv").read_text().splitlines()
    queries = sorted({line.split("\t")[0] for line in lines})
    for name, part in (("dev", queries[:15]), ("test", queries[15:])):
        kept = [line for line in lines if line.split("\t")[0] in part]
        (out / "qrels" / f"{name}.tsv").write_text("\n".join([head, *kept]) + "\n")


def test_cur(shared: Path, tmp_path: Path, intrex, all_well, monkeypatch: pytest.MonkeyPatch) -> None:
    from intrex.encoders.cross.scorer import make_pair_scorer
    from intrex.encoders.options import EncoderOptions

    monkeypatch.chdir(tmp_path)
    divided(shared, tmp_path / "src")
    study = "study cur cur c:test --dev c:dev --first bm25 --first dense --budget 10 --budget 20 -o out"
    all_well(
        "collection import src c",
        "index bm25 c bm25",
        "index dense c dense --encoder hashing:16",
        "index cur c cur --scorer hashing:64 --anchor-queries documents --anchors 40",
        study,
    )
    found = {(r["method"], int(r["budget"]), int(r["k"])): r for r in rows(tmp_path / "out" / "recall.csv")}
    assert (
        len({m for m, *_ in found}) == 10
        and {b for _, b, _ in found} == {10, 20}
        and {k for *_, k in found} == {1, 10, 100}
    )
    collection, scorer = Collection.open(tmp_path / "c"), make_pair_scorer("hashing:64", EncoderOptions())
    documents, queries = list(collection.documents()), collection.queries("test")
    exact = np.stack(
        [scorer.score([q] * len(documents), [d.passage for d in documents]) for q in queries.texts]
    )
    np.testing.assert_allclose(np.load(tmp_path / "out/exact/exact-test.npy"), exact, atol=1e-6)
    all_well(
        "search bm25 c:test --k 20 -o b.txt", "search cur c:test --budget 20 --anchor-documents 20 -o a.txt"
    )
    place = {d.id: i for i, d in enumerate(documents)}
    by_query = {name: [] for name in queries.ids}
    for line in (tmp_path / "b.txt").read_text().splitlines():
        by_query[line.split()[0]].append(place[line.split()[2]])
    ids = [d.id for d in documents]
    shares = []
    for scores, name in zip(exact, queries.ids, strict=True):
        best = sorted(range(len(ids)), key=lambda i: (scores[i], ids[i].encode()), reverse=True)[:10]
        shares.append(len(set(best) & set(by_query[name])) / 10)
    assert float(found["rerank bm25", 20, 10]["recall"]) == pytest.approx(np.mean(shares), abs=1e-4)
    for row in found.values():
        assert 0 <= float(row["recall"]) <= float(row["oracle"]) + 1e-9 <= 1 + 1e-9, (
            "what is best on test is never below what dev chose"
        )
    first = (tmp_path / "out" / "recall.csv").read_bytes()
    monkeypatch.setattr(
        "intrex.retrievers.cur.index.CurIndex.rescore", lambda *_: pytest.fail("the matrix is kept")
    )
    all_well(study)
    assert (tmp_path / "out" / "recall.csv").read_bytes() == first


def test_cur_chooses_on_queries_of_their_own(
    shared: Path, tmp_path: Path, intrex, all_well, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    divided(shared, tmp_path / "src")
    all_well(
        "collection import src c",
        "index bm25 c b",
        "index cur c cur --scorer hashing:64 --anchor-queries dev",
    )
    (tmp_path / "o.jsonl").write_text('{"_id": "x", "text": "other"}\n')
    (tmp_path / "d.tsv").write_text("d1\tof its own\n")
    all_well("collection import o.jsonl o", "index bm25 o ob")
    for line, words in (
        ("study cur cur c:test --dev c:test -o out", "20 dev queries are test queries too: "),
        ("study cur cur c:test --dev c:dev -o out", "15 dev queries are anchor queries too: "),
        ("study cur cur c:dev --dev d.tsv -o out", "15 test queries are anchor queries too: "),
        ("study cur b c:test --dev d.tsv -o out", "needed here: cur"),
        ("study cur cur c:test --dev d.tsv --first ob -o out", "ob was built from another collection than"),
    ):
        said = intrex(line)
        assert said.code == 1 and words in said.err, said.err
    assert not (tmp_path / "out").exists()

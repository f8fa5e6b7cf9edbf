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

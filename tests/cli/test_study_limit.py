"""``intrex study limit`` with hashed vectors: its figures are those of search and evaluate, and of plain numpy."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection
from intrex.retrievers.dense.index import DenseIndex

pytest.importorskip("matplotlib")
STUDY = "study limit c:test -o out --encoder hashing:32 --static hashing:16 --dims 4,8,99 --threads 1"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def likes(tmp_path: Path, all_well, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    all_well("collection build limit c --documents 150 --queries 60 --likes 8")
    return tmp_path


def test_every_figure_is_what_the_commands_say(likes: Path, intrex, all_well) -> None:
    said = intrex(f"{STUDY} --format csv")
    assert said.code == 0, said.err
    out = likes / "out"
    assert {p.name for p in out.iterdir()} == {"recall.csv", "recall.png", "study.md", "index"}
    assert said.out == (out / "recall.csv").read_text(encoding="utf-8")
    table = {(r["system"], r["dimensions"]): r for r in rows(out / "recall.csv")}
    assert list(table) == [
        ("bm25", ""), ("static", "4"), ("static", "8"), ("static", "16"), ("dense", "4"), ("dense", "8"),
        ("dense", "32"), ("multivector", ""), ("fde", "1280"), ("fde", "10240"),
    ]  # fmt: skip
    assert {r["truncated"] for (_, dim), r in table.items() if dim in ("4", "8")} == {"1"}
    assert all((r["documents"], r["queries"]) == ("150", "60") for r in table.values())
    for key, build in (
        (("bm25", ""), "bm25 c i"),
        (("static", "16"), "dense c i --encoder hashing:16"),
        (("dense", "32"), "dense c i --encoder hashing:32"),
        (("multivector", ""), "multivector c i --encoder hashing:32"),
        (("fde", "1280"), "fde out/index/multivector-hashing-32 i --reps 20 --k-sim 3 --d-proj 8"),
    ):
        all_well(f"index {build} --overwrite", "search i c:test --k 100 -o r.txt --overwrite")
        said = intrex("evaluate c:test r.txt -m R@2 -m R@10 -m R@20 -m R@100 --format csv")
        values = {r["measure"]: float(r["value"]) for r in csv.DictReader(said.out.splitlines())}
        assert {m: float(table[key][m]) for m in values} == pytest.approx(values, abs=1e-4), key
    assert float(table["bm25", ""]["R@2"]) > 0.9  # its stemmer joins some words


def test_cut_vectors_are_those_of_numpy(likes: Path, all_well) -> None:
    all_well(f"{STUDY} --systems dense")
    index = DenseIndex.open(likes / "out" / "index" / "dense-hashing-32")
    collection = Collection.open(likes / "c")
    queries = collection.queries("test")
    judged = collection.qrels("test").to_dict()
    ids = index.ids.all().tolist()
    documents = np.array(index.vectors[:, :8], np.float64)
    asked = index.encode(queries.texts)[:, :8].astype(np.float64)
    lengths = np.linalg.norm(documents, axis=1)
    scores = asked @ (documents / np.where(lengths > 0, lengths, 1)[:, None]).T
    recalls = []
    for query, line in zip(queries.ids, scores.tolist(), strict=True):
        best = sorted(range(len(ids)), key=lambda i: (np.float32(line[i]), ids[i]), reverse=True)[:10]
        relevant = {d.encode() for d in judged[query]}
        recalls.append(len(relevant & {ids[i] for i in best}) / len(relevant))
    (row,) = (r for r in rows(likes / "out" / "recall.csv") if r["dimensions"] == "8")
    assert float(row["R@10"]) == pytest.approx(
        np.mean(recalls), abs=0.004
    )  # scores may tie in other last bits


def test_it_goes_on_and_gives_the_same_bytes(likes: Path, intrex, all_well) -> None:
    all_well(STUDY)
    files = {n: (likes / "out" / n).read_bytes() for n in ("recall.csv", "recall.png", "study.md")}
    made = (likes / "out" / "index" / "bm25").stat().st_ino
    all_well(STUDY.replace("--threads 1", "--threads 3"))
    assert {n: (likes / "out" / n).read_bytes() for n in files} == files
    assert (likes / "out" / "index" / "bm25").stat().st_ino == made, "the index is not built again"
    all_well("collection build limit c --documents 151 --queries 60 --likes 8 --overwrite")
    said = intrex(STUDY)
    assert said.code == 1 and "collection" in said.err


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("study limit c:test -o out --systems bm25,dens", 2, "--systems: unknown 'dens'"),
        ("study limit c:test -o out --systems ,", 2, "--systems names none"),
        ("study limit c:test -o out --dims 0", 2, "are no dimensions"),
        ("study limit c:dev -o out", 1, "dev"),
        ("study limit nowhere -o out", 1, "nowhere"),
        ("study limit q.tsv -o out", 1, "is a file of queries"),
        ("study limit c:test", 2, "--output"),
    ],
)
def test_mistakes_are_said_before_anything_is_made(
    likes: Path, intrex, line: str, code: int, said: str
) -> None:
    (likes / "q.tsv").write_text("1\ttea\n")
    answer = intrex(line)
    assert answer.code == code and said in answer.err, answer.err
    assert not (likes / "out").exists()

"""From a split and runs to a leaderboard by regime."""

import csv
from pathlib import Path

import pytest

from intrex.eval.scoring.scorefile import read_scores
from intrex.eval.splits.split import read_split


def column(path: Path, **wanted: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return [r for r in csv.DictReader(stream) if all(r[k] == v for k, v in wanted.items())]


@pytest.fixture
def work(shared: Path, tmp_path: Path, all_well, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    all_well(
        f"collection import {shared / 'stackfaq'} c",
        "index bm25 c i",
        "index bm25 c i2 --k1 0.1 --b 0",
        "split resttest c:train c:test s --encoder bm25 --k 3",
        "search i c:test -o bm25.txt --tag bm25",
        "evaluate c:test bm25.txt -m nDCG@10 -m RR@10 --scores bm25.jsonl",
    )
    return tmp_path


def test_an_untrained_scorer_has_no_gap(work: Path, intrex) -> None:
    said = intrex("leaderboard build bm25.jsonl --split s -o lb.csv")
    assert said.code == 0, said.err
    assert "paired gap" in said.out and "+0.0000 [+0.000, +0.000]" in said.out
    (gap,) = column(work / "lb.csv", fold="paired", regime="gap", measure="nDCG@10")
    assert abs(float(gap["value"])) < 1e-12 and gap["n_queries"] == "624"
    micro = [
        float(r["value"])
        for r in column(work / "lb.csv", fold="micro", measure="nDCG@10")
        if r["regime"] != "gap"
    ]
    assert len(micro) == 2 and abs(micro[0] - micro[1]) < 1e-12
    (scored,) = read_scores(work / "bm25.jsonl")
    assert micro[0] == pytest.approx(scored.scores.means()["nDCG@10"], abs=1e-12)
    name = read_split(work / "s").name
    assert {r["split"] for r in column(work / "lb.csv")} == {name}
    assert all(f"split={name}" in r["signature"] for r in column(work / "lb.csv"))
    first = (work / "lb.csv").read_bytes()
    assert intrex("leaderboard build bm25.jsonl --split s -o lb.csv --overwrite").code == 0
    assert (work / "lb.csv").read_bytes() == first


def test_models_of_folds_and_what_is_missing(work: Path, intrex) -> None:
    """Two indexes stand in for the models of three folds."""
    for fold, index in (("1", "i"), ("2", "i2"), ("3", "i2")):
        assert intrex(f"search {index} c:test -o t{fold}.txt --tag trained").code == 0
        line = f"evaluate c:test t{fold}.txt -m nDCG@10 --scores t{fold}.jsonl --trained-on s:{fold}"
        assert intrex(line).code == 0
    assert intrex("evaluate c:test bm25.txt -m nDCG@10 --scores b.jsonl").code == 0
    said = intrex("leaderboard build b.jsonl t1.jsonl t2.jsonl t3.jsonl --split s -o lb.csv")
    assert said.code == 0, said.err
    ours, theirs = (
        {(r["fold"], r["regime"]): float(r["value"]) for r in column(work / "lb.csv", system=name)}
        for name in ("trained", "bm25")
    )
    for regime in ("interpolation", "extrapolation"):
        assert ours["1", regime] == theirs["1", regime]
        assert ours["macro", regime] == pytest.approx(sum(ours[f, regime] for f in "123") / 3)
    assert ours["paired", "gap"] != 0
    said = intrex("leaderboard build b.jsonl t1.jsonl t3.jsonl --split s")
    assert said.code == 1 and "trained has no scores of fold 2" in said.err
    said = intrex("leaderboard build t1.jsonl")
    assert said.code == 2 and "add --split" in said.err
    said = intrex("evaluate c:test t1.txt --scores x.jsonl --trained-on s:7")
    assert said.code == 1 and "there are: 1, 2, 3" in said.err
    said = intrex("evaluate c:train t1.txt --scores x.jsonl --trained-on s:1")
    assert said.code == 1
    assert intrex("evaluate c:test t1.txt --trained-on s:1").code == 2
    assert not (work / "x.jsonl").exists()

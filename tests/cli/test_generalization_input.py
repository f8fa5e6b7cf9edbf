"""What the protocol cannot work with, from the command line: what is wrong, where, and what to type."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from tests.support.tinymodel import write_tiny_model

TOPICS = {
    "wings": "wing lift drag flap slat flutter camber span",
    "heat": "heat flux boiler steam vapour furnace cooling warm",
    "music": "violin sonata tempo chord melody rhythm opera choir",
}


def fill(writer: CollectionWriter) -> None:
    """120 queries, each with a document of its own, in three topics; sets of 60 training and 60 test queries."""
    random = np.random.default_rng(0)
    texts = [random.choice(list(TOPICS.values())[i % 3].split(), 4, replace=False) for i in range(120)]
    for i, words in enumerate(texts):
        writer.document(f"d{i:03}", "", f"{' '.join(words)} number{i}", RecordSource("documents", i + 1))
    for i, words in enumerate(texts):
        writer.query(f"q{i:03}", " ".join(words[:3]), RecordSource("queries", i + 1))
    for i in range(120):
        name = "train" if i < 60 else "test"
        writer.judgement(name, f"q{i:03}", f"d{i:03}", 1, RecordSource("qrels"))
        writer.judgement(f"no-{name}", f"q{i:03}", f"d{i:03}", 0, RecordSource("qrels"))
        if i % 2 and i < 60:
            writer.judgement("mixed", f"q{i:03}", f"d{i:03}", int(i > 20), RecordSource("qrels"))


@pytest.fixture
def work(tmp_path: Path, all_well, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The collection ``c``, the split ``s`` by BM25 weights, BM25's run of the test queries and their scores."""
    monkeypatch.chdir(tmp_path)
    write_collection(tmp_path / "c", "topics", {"source": "test"}, fill)
    all_well(
        "split resttest c:train c:test s --encoder bm25 --k 3 --min-queries 10",
        "index bm25 c i",
        "search i c:test -o r.txt --tag bm25",
        "search i c:train -o other.txt --tag bm25",
        "evaluate c:test r.txt -m nDCG@10 --scores r.jsonl",
        "evaluate c:train other.txt -m nDCG@10 --scores other.jsonl",
        "evaluate c:test r.txt -m nDCG@10 --scores part.jsonl --no-complete",
    )
    return tmp_path


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that trains in a moment."""
    pytest.importorskip("accelerate")
    return write_tiny_model(tmp_path_factory.mktemp("tiny"), " ".join(TOPICS.values()).split())


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            "split resttest c:test c:test x --encoder bm25",
            "60 queries are in training and test, for example q060, q061, q062",
            "take other query sets",
        ),
        (
            "split restrain c:test c:test x --encoder bm25 --per-query 1",
            "60 queries are in training and test",
            "take other",
        ),
        ("split shift c:test c:test x --by length", "60 queries are in training and test", "take other"),
        (
            "leaderboard build other.jsonl --split s",
            "60 of the split's 60 test queries have no score of bm25",
            "the split was made from other queries than the run's",
        ),
        (
            "evaluate c:train other.txt --scores x --trained-on s:1",
            "60 test queries of the split were not scored, for example q060",
            "the split was made from other queries",
        ),
        (
            "split resttest c:train c:test x --encoder bm25 --k 3",
            "(of 20 the 95% interval is about ±0.18)",
            "a smaller --min-queries",
        ),
        (
            "split resttest c:no-train c:test x --encoder bm25",
            "no training query of c:no-train has a relevant document",
            "judgements above 0",
        ),
        (
            "split restrain c:no-train c:test x --encoder bm25 --per-query 1",
            "no training query of c:no-train has",
            "judgements above 0",
        ),
        ("train dense c x --set no-train", "the training set topics:no-train has no positives", "above 0"),
        (
            "train dense c x --set no-train --split s:1",
            "topics:no-train, fold 1 has no positives",
            "above 0",
        ),
        ("train dense c x --split s:4", "the split s has no fold '4'", "there are: 1, 2, 3"),
        ("evaluate c:test r.txt --scores x --trained-on s", "a fold of the split s is needed", "s:1"),
        (
            "leaderboard build other.jsonl r.jsonl --split s",
            "the scores are of 2 query sets: topics:test, topics:train",
            "name those that the split tests",
        ),
        (
            "leaderboard build part.jsonl --split s",
            "the scores of bm25 leave out queries without a ranking",
            "without --no-complete",
        ),
        ("leaderboard build r.jsonl --split nowhere", "not found: nowhere", "intrex split resttest"),
        ("leaderboard build r.jsonl --split c", "kind collection, needed here: split", ""),
    ],
)
def test_what_is_refused(work: Path, intrex, line: str, message: str, hint: str) -> None:
    said = intrex(line)
    assert said.code in (1, 2) and message in said.err and hint in said.err, said.err
    assert not (work / "x").exists() and "Traceback" not in said.err


def test_training_queries_without_a_relevant_document_are_left_out(work: Path, intrex) -> None:
    said = intrex("split resttest c:mixed c:test x --encoder bm25 --k 2 --min-queries 1 --no-equal")
    assert said.code == 0, said.err
    assert "10 queries of c:mixed have no relevant document to train on" in said.err
    found = {i for n in "12" for i in (work / "x" / "folds" / n / "train.txt").read_text().split()}
    assert found == {f"q{i:03}" for i in range(21, 60, 2)}


def test_a_fold_without_a_run_is_named(work: Path, intrex) -> None:
    for fold in "13":
        line = f"evaluate c:test r.txt -m nDCG@10 --scores t{fold}.jsonl --trained-on s:{fold}"
        assert intrex(line).code == 0
    said = intrex("leaderboard build t1.jsonl t3.jsonl --split s -o lb.csv")
    assert said.code == 1 and "bm25 has no scores of fold 2" in said.err, said.err
    assert "--trained-on SPLIT:FOLD" in said.err and not (work / "lb.csv").exists()


def test_a_regime_without_any_query(work: Path, intrex) -> None:
    """Released buckets of which only one is there, and it leaves out every test query."""
    bucket = work / "files" / "bucket-1"
    bucket.mkdir(parents=True)
    judged = "".join(f"q{i:03} 0 d{i:03} 1\n" for i in range(60, 120))
    (bucket / "extrapolate.dev-qrel.txt").write_text(judged)
    (bucket / "interpolate.dev-qrel.txt").write_text("")
    said = intrex("split import files x --test-set dev")
    assert said.code == 1 and "interpolate.dev-qrel.txt" in said.err, said.err
    train = "".join(f"q{i:03} 0 d{i:03} 1\n" for i in range(60))
    (work / "arm").mkdir()
    for name in ("interpolate", "extrapolate"):
        (work / "arm" / f"{name}.train-qrel.txt").write_text(train)
    assert intrex("split import arm x --test c:test").code == 0
    folder = work / "x"
    head = json.loads((folder / "split.json").read_text())
    assert head["folds"][0]["regimes"] == {"interpolation": 60}


def test_a_split_that_was_cut_off_or_changed(work: Path, intrex) -> None:
    ids = work / "s" / "folds" / "2" / "train.txt"
    whole = ids.read_text()
    ids.write_text(whole[: len(whole) // 2])
    for line in ("split info s", "leaderboard build r.jsonl --split s", "train dense c x --split s:2"):
        said = intrex(line)
        assert said.code == 1 and "folds/2/train.txt has" in said.err, said.err
    ids.write_text(whole.replace(whole.split()[0], "q999"))
    said = intrex("split info s")
    assert said.code == 1 and "damaged split" in said.err, said.err


def test_a_checkpoint_that_was_cut_off(work: Path, intrex, tiny_model: Path, one_thread: None) -> None:
    """Killed while it trains, its newest checkpoint cut in half: the one before it counts, the weights are the same."""
    from intrex.encoders.training.trainer import WHOLE, last_checkpoint

    line = f"train dense c OUT --base {tiny_model} --epochs 12 --batch-size 6 --eval-steps 2 --lr 0.005 --device cpu"
    assert intrex(line.replace("OUT", "whole")).code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "intrex.cli", *line.replace("OUT", "cut").split()], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(list(work.glob(f".cut.*/.scratch/checkpoints/*/{WHOLE}"))) < 2 and time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
    process.kill()
    process.wait()
    (checkpoints,) = work.glob(".cut.*/.scratch/checkpoints")
    newest = last_checkpoint(checkpoints)
    assert newest is not None
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    kept = last_checkpoint(checkpoints)
    assert kept is not None and not newest.exists()
    said = intrex(line.replace("OUT", "cut"))
    assert said.code == 0, said.err
    assert f"{int(kept.name.rsplit('-')[-1])} done before" in said.err
    assert (work / "cut" / "model.safetensors").read_bytes() == (
        work / "whole" / "model.safetensors"
    ).read_bytes()


def test_a_model_that_was_cut_off(work: Path, intrex, tiny_model: Path) -> None:
    """A model folder of which the weights were cut is refused where it is used, by its name."""
    line = f"train dense c m --base {tiny_model} --epochs 1 --batch-size 30 --device cpu"
    assert intrex(line).code == 0
    weights = work / "m" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    said = intrex("index dense c im --encoder m")
    assert said.code == 1 and f"the model {work / 'm'} cannot be loaded" in said.err, said.err
    said = intrex("train dense c m2 --base m --device cpu")
    assert said.code == 1 and f"the model {work / 'm'} cannot be loaded" in said.err, said.err
    assert not (work / "im").exists() and not (work / "m2").exists()

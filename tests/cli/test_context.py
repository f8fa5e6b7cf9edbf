"""``intrex context``: its lines, its table, and what is refused."""

import json
from pathlib import Path

import pytest

from tests.cli.test_rerank import RUN
from tests.conftest import write_beir


@pytest.fixture
def folder(tmp_path, monkeypatch, intrex) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "cache"))
    write_beir(tmp_path / "beir")
    Path("a.txt").write_text(RUN)
    assert intrex("collection import beir c").code == 0
    return tmp_path


def test_a_collection_or_one_of_its_sets_gives_the_texts(folder, intrex):
    whole, of_set = intrex("context a.txt c -k 2"), intrex("context a.txt c:test -k 2")
    assert whole.code == 0 and whole.out == of_set.out and len(whole.out.splitlines()) == 3
    first = json.loads(whole.out.splitlines()[0])
    assert [p["docid"] for p in first["passages"]] == ["d1", "d2"]
    assert first["passages"][0]["text"] == "Wings the lift of a wing in a slipstream"


def test_a_table_of_what_each_step_does(folder, intrex):
    said = intrex("context a.txt c -k 3 --threshold 8 --qrels c:test -o x.jsonl --format jsonl")
    assert said.code == 0, said.err
    rows = {(r["step"], r["measure"]): r for r in map(json.loads, said.out.splitlines())}
    assert rows["top k", "passages"]["value"] == 3 and rows["threshold", "passages"]["value"] == 1
    assert rows["threshold", "recall"]["change"] < 0
    table = intrex(
        "context a.txt c -k 3 --threshold 8 --qrels c:test -o x.jsonl --overwrite --format table"
    ).out
    assert "interval=t|context=k=3;threshold=8" in table and "change_low" in table


def test_a_probability_is_not_fitted_on_the_queries_themselves(folder, intrex):
    fit = "context a.txt c --min-probability 0.4 --fit c:test -o x.jsonl"
    said = intrex(fit)
    assert said.code == 1 and "3 queries of the run are among those to fit on" in said.err
    said = intrex(f"{fit} --fit-on-itself")
    assert said.code == 0 and "fitted on 9 documents of 3 queries of beir:test, 4 relevant" in said.err
    Path("train.txt").write_text("q4 Q0 d2 1 8 bm25\nq4 Q0 d1 2 7 bm25\n")
    said = intrex("context a.txt c --min-probability 0.4 --fit c:train --fit-run train.txt -o y.jsonl")
    assert "a probability of 0.4 is a score of 8 or more" in said.err
    assert [len(json.loads(line)["passages"]) for line in Path("y.jsonl").read_text().splitlines()] == [
        1,
        1,
        1,
    ]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("a.txt nowhere", 1, "not found: nowhere"),
        ("b.txt c", 1, "document d9 is not in the collection"),
        ("e.txt c", 1, "the queries have no text for it (query q8)"),
        ("a.txt q.tsv", 2, "add --collection COLLECTION"),
        ("a.txt c --threshold 1 --gap", 2, "choose one"),
        ("a.txt c --fit c:test", 2, "--fit is for --min-probability"),
        ("a.txt c --qrels c:test", 2, "both go to stdout"),
        ("a.txt c --qrels o.qrels -o x.jsonl", 1, "none of the judged queries"),
        ("a.txt c -o a.txt", 2, "the output is an input too"),
        ("a.txt c --tokenizer ./nowhere", 1, "the model folder does not exist"),
    ],
)
def test_what_is_refused(folder, intrex, line, code, words):
    Path("b.txt").write_text(RUN + "q1 Q0 d9 4 1 bm25\n")
    Path("e.txt").write_text(RUN + "q8 Q0 d1 4 1 bm25\n")
    Path("q.tsv").write_text("q1\tlift\nq2\theat\nq3\tflat\n")
    Path("o.qrels").write_text("q7 0 d1 1\n")
    said = intrex(f"context {line}")
    assert said.code == code and words in said.err, said.err
    assert not Path("x.jsonl").exists()


@pytest.mark.model
def test_tokens_of_a_model(folder, intrex):
    said = intrex("context a.txt c -k 1 --tokenizer all-MiniLM-L6-v2")
    assert said.code == 0, said.err
    first = json.loads(said.out.splitlines()[0])["passages"][0]
    assert first["text"] == "Wings the lift of a wing in a slipstream" and first["tokens"] == 10

"""From a collection to passages and back to documents, a sample of it, and its statistics, by commands."""

import csv
import io
import json
import logging
import shutil
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.importers.sources import import_collection
from tests.conftest import contents


@pytest.fixture
def work(small: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "cache"))
    shutil.copytree(small.path, tmp_path / "c")
    return tmp_path


def values(intrex, line: str) -> dict[str, str]:
    said = intrex(line)
    assert said.code == 0, said.err
    rows = list(csv.DictReader(io.StringIO(said.out)))
    (signature,) = {row["signature"] for row in rows}
    return {row["measure"]: row["value"] for row in rows} | {"signature": signature}


def test_passages_are_scored_as_documents(
    shared: Path, tmp_path: Path, intrex, all_well, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = import_collection(shared / "scifact", tmp_path / "c")
    all_well("collection split c p --size 40 --stride 20 --title", "index bm25 p i", "index bm25 c j",
        "search i p:test -o p.txt --max-passage", "search j c:test -o c.txt", "collection verify p")  # fmt: skip
    run = (tmp_path / "p.txt").read_text()
    ranked = {line.split()[2] for line in run.splitlines()}
    assert ranked <= {document.id for document in source.documents()}
    of_passages = values(intrex, "evaluate p:test p.txt -m nDCG@10 --format csv")
    of_documents = values(intrex, "evaluate c:test c.txt -m nDCG@10 --format csv")
    assert "|corpus=passages:words:40:20:title|" in of_passages["signature"]
    assert "corpus=" not in of_documents["signature"]
    assert float(of_passages["nDCG@10"]) == pytest.approx(float(of_documents["nDCG@10"]), abs=0.05)
    again = values(intrex, "evaluate c:test p.txt -m nDCG@10 --format csv")
    assert again["nDCG@10"] == of_passages["nDCG@10"], "the judgements are those of the documents"
    all_well("evaluate p:test p.txt -m nDCG@10 --scores s.jsonl", "leaderboard build s.jsonl -o lb.csv")
    assert "|corpus=passages:words:40:20:title|" in (tmp_path / "lb.csv").read_text()


def test_passages_that_are_not_made_documents_are_noticed(work: Path, intrex, all_well, caplog) -> None:
    said = intrex("collection split c p --size 3")
    assert said.code == 0
    assert "note: passages of 6 documents, which the judgements name: search with --max-passage" in said.err
    all_well("index bm25 p i")
    said = intrex("check p --format csv")
    assert said.code == 0 and "X00" not in said.out, "judgements of the documents that were cut"
    assert "14 lines, 14 documents" in said.err
    assert "note: p:test judges whole documents" in intrex("search i p:test -o r.txt").err
    caplog.set_level(logging.INFO, "intrex")
    assert intrex("evaluate p:test r.txt -m nDCG@10").code == 0
    assert "i: no judged document; judgements name whole documents, are these passages?" in caplog.text
    caplog.clear()
    said = intrex("search i p:test -o m.txt --max-passage")
    assert said.code == 0 and "judges whole" not in said.err
    assert intrex("evaluate p:test m.txt -m nDCG@10").code == 0 and "are these passages" not in caplog.text
    said = intrex("train static p t --set train")
    assert said.code == 1 and "are passages, of which none is judged" in said.err


def test_a_sample_says_what_it_lacks_in_every_signature(work: Path, intrex, all_well) -> None:
    said = intrex("collection sample c s --documents 5 --seed 1")
    assert said.code == 0, said.err
    lost = Collection.open(work / "s").sets["test"]["removed"]
    assert f"note: {lost} judgements of the set test were left out" in said.err
    all_well("index bm25 s i", "search i s:test -o r.txt")
    signature = values(intrex, "evaluate s:test r.txt -m nDCG@10 --format csv")["signature"]
    assert "|corpus=sample:documents-5:seed-1|qrels=" in signature and f"|removed={lost}|" in signature
    all_well("collection split s p --size 2")
    assert Collection.open(work / "p").derivation == ("sample:documents-5:seed-1", "passages:words:2")
    assert Collection.open(work / "p").sets["test"]["removed"] == lost
    assert "sample:documents-5:seed-1, passages:words:2" in intrex("collection info p --format table").out


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("collection split c n --size 3", "collection split c n --size 4"),
        ("collection sample c n --queries 1", "collection sample c n --queries 2"),
    ],
)
def test_again_and_over_another(work: Path, intrex, line: str, other: str) -> None:
    assert intrex(line).code == 0
    before = contents(work / "n")
    said = intrex(line)
    assert said.code == 0 and "done already" in said.err
    said = intrex(other)
    assert said.code == 1 and "the output exists: n" in said.err and contents(work / "n") == before
    assert intrex(f"{other} --overwrite").code == 0 and contents(work / "n") != before
    said = intrex(line.replace(" n ", " c "))
    assert said.code == 2 and "the output is an input too" in said.err
    said = intrex(line.replace(" n ", " "))
    assert said.code == 2 and "an output is needed" in said.err


def test_another_delimiter_than_that_of_the_passages_is_an_error_or_noticed(
    work: Path, intrex, all_well, caplog
) -> None:
    all_well("collection split c p --size 3 --delimiter ::", "index bm25 p i", "index bm25 c j")
    said = intrex("search i p:test -o m.txt --max-passage")
    assert said.code == 2 and "are called DOCUMENT::0" in said.err
    assert "--max-passage-delimiter '::'" in said.err and not (work / "m.txt").exists()
    all_well("search i p:test -o m.txt --max-passage --max-passage-delimiter ::")
    assert "::" not in "".join(line.split()[2] for line in (work / "m.txt").read_text().splitlines())
    with caplog.at_level(logging.INFO):
        all_well("search j c:test -o d.txt --max-passage")
    assert "no document that was found has '#' in its id: --max-passage changes nothing" in caplog.text


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("collection split c n --size 3 --stride 4", 2, "--stride 4 is more than a passage has"),
        ("collection split c n --unit tokens", 2, "tokens are those of a model"),
        ("collection split c n --unit letters", 2, "--unit"),
        ("collection split c n --delimiter 1", 1, "the id d1 has the delimiter 1 (corpus.jsonl:1)"),
        ("collection split c n --delimiter /", 0, ""),
        ("collection sample c n", 2, "a sample of what?"),
        ("collection sample c n --documents 2 --keep-judged", 2, "2 are too few to keep them all"),
        ("collection sample c n --documents 0", 2, "0"),
        ("collection sample nowhere n --documents 1", 1, "not found: nowhere"),
    ],
)
def test_mistakes_write_nothing(work: Path, intrex, line: str, code: int, message: str) -> None:
    said = intrex(line)
    assert said.code == code and message in said.err, said.err
    assert (work / "n").exists() == (code == 0)


def test_info_in_every_format(work: Path, intrex) -> None:
    brief = json.loads(intrex("collection info c --brief --format jsonl").out)
    whole = json.loads(intrex("collection info c --format jsonl").out)
    assert whole | brief == whole and "document words" not in brief, "what it said before stays"
    assert whole["document words"]["max"] == 11 and whole["set test: grades"] == {"0": 1, "1": 3, "2": 1}
    rows = dict(csv.reader(io.StringIO(intrex("collection info c --format csv").out)))
    assert rows["document words: max"] == "11" and rows["set test: grades: 1"] == "3"
    table = intrex("collection info c --format table").out
    assert "min 0, median 6.5, mean 6.5, p95 11, max 11" in table


def test_info_of_a_damaged_corpus_is_an_error(work: Path, intrex) -> None:
    file = work / "c" / "corpus.jsonl"
    file.write_bytes(file.read_bytes().replace(b"lift", b"lost"))
    said = intrex("collection info c")
    assert said.code == 1 and "corpus.jsonl differs from what was written" in said.err
    assert intrex("collection info c --brief").code == 0

"""intrex show: an index asked a text, a query of a run."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Said

CONTROLS = "\x1b[31m\x1b]0;title\x07\x9b1m\u202e"


@pytest.fixture
def here(small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_well) -> Path:
    monkeypatch.chdir(tmp_path)
    all_well("index bm25 small idx/bm25", "search idx/bm25 small:test -o run.txt")
    return tmp_path


def page(said: Said) -> dict:
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_an_index_is_asked_a_text(here: Path, intrex: Callable[[str], Said]) -> None:
    found = page(intrex("show idx/bm25 'flat boundary layer' --format json"))
    ranked = [line.split() for line in Path("run.txt").read_text().splitlines() if line.startswith("q2 ")]
    assert [(d["document"], d["rank"]) for d in found["documents"]] == [(r[2], int(r[3])) for r in ranked]
    for shown, line in zip(found["documents"], ranked, strict=True):
        assert shown["score"] == float(line[4]) == pytest.approx(sum(p["score"] for p in shown["parts"]))
        assert [p["name"] for p in shown["parts"]] == ["flat", "boundari", "layer"]
    first = found["documents"][0]
    assert first["text"] == "boundary layers on a flat plate"
    assert [first["text"][a:b] for a, b in first["text_matches"]] == ["boundary", "layers", "flat"]
    assert len(page(intrex("show idx/bm25 'flat boundary layer' -k 1 --format json"))["documents"]) == 1
    rows = [json.loads(line) for line in intrex("show idx/bm25 heat --format jsonl").out.splitlines()]
    assert [(row["document"], row["missed"]) for row in rows] == [("d3", False)]


def test_any_document_has_its_score_and_rank(here: Path, intrex: Callable[[str], Said]) -> None:
    said = intrex("show idx/bm25 'flat boundary layer' -k 1 --document d3 --document d1 --format json")
    third, none = page(said)["documents"]
    everything = page(intrex("show idx/bm25 'flat boundary layer' --format json"))["documents"]
    (same,) = [d for d in everything if d["document"] == "d3"]
    assert third == same and third["rank"] == 3
    assert (none["document"], none["rank"], none["score"]) == ("d1", None, None)
    assert [p["tf"] for p in none["parts"]] == [0, 0, 0], "it has none of the terms"
    said = intrex("show idx/bm25 heat --document d99")
    assert said.code == 1 and "the index has no document 'd99'" in said.err


def test_a_page_for_people(
    here: Path, intrex: Callable[[str], Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = intrex("show idx/bm25 'lift of wings' -k 1")
    assert said.code == 0 and "**lift** of a **wing** in" in said.out and "\x1b" not in said.out
    assert "term" in said.out and "idf" in said.out and "sum" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert "idf" not in intrex("show idx/bm25 'lift of wings' -k 1 --no-parts").out
    said = intrex("show idx/bm25 'lift of wings' -k 1 --format md")
    assert "### 1 · d1 · " in said.out and "**Wings**" in said.out and "| lift | 1 |" in said.out
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    said = intrex("show idx/bm25 'lift of wings' -k 1")
    assert "\x1b[1mlift\x1b[0m of a \x1b[1mwing\x1b[0m" in said.out and "**" not in said.out


def test_a_query_of_a_run_with_grades_and_what_it_missed(here: Path, intrex: Callable[[str], Said]) -> None:
    Path("r.txt").write_text("q2 Q0 d1 1 3 mine\nq2 Q0 d5 2 2 mine\nq2 Q0 d2 3 1 mine\n")
    found = page(intrex("show r.txt q2 --qrels small:test -k 2 --format json"))
    assert (found["tag"], found["query"]) == ("mine", "flat boundary layer")
    assert [(d["document"], d["rank"], d["grade"]) for d in found["documents"]] == [
        ("d1", 1, 0),
        ("d5", 2, None),
    ]
    assert [(d["document"], d["rank"], d["grade"]) for d in found["missed"]] == [
        ("d2", 3, 1),
        ("d3", None, 1),
    ]
    said = intrex("show r.txt q2 --qrels small:test -k 2")
    assert said.code == 0 and "2 relevant documents are not among these" in said.out
    assert "not found  d3  grade 1" in said.out and "d5  2.0000  not judged" in said.out
    assert "**boundary** **layers** on a **flat** plate" in said.out
    missed = intrex("show r.txt q2 --qrels small:test -k 3 --format md").out
    assert (
        "**1 relevant document is not among these:**" in missed and "### not found · d3 · grade 1" in missed
    )
    said = intrex("show r.txt q1 --qrels small:test")
    assert said.code == 0 and "no line of this query" in said.err and "not found  d1  grade 2" in said.out
    plain = intrex("show r.txt q2")
    assert plain.code == 0 and "no collection is named" in plain.err and "grade" not in plain.out
    Path("q.tsv").write_text("q2\tplates\n")
    said = intrex("show r.txt q2 --queries q.tsv --collection small --document d2")
    assert said.code == 0 and "flat **plate**" in said.out and "  3  d2" in said.out


def test_mistakes(here: Path, intrex: Callable[[str], Said]) -> None:
    for line, code, message in (
        ("show run.txt q77", 1, "the run has no query 'q77'"),
        ("show run.txt q1 --rm3", 2, "--rm3 is for an index, run.txt is a run"),
        ("show idx/bm25 heat --qrels small:test", 2, "--qrels is for runs"),
        ("show idx/bm25 heat --candidates 3", 2, "--candidates is for"),
        ("show nothing heat", 1, "nothing"),
        ("show idx/bm25 heat --format csv", 2, "csv"),
    ):
        said = intrex(line)
        assert said.code == code and message in said.err, (line, said.err)


def test_texts_come_from_the_collection_that_was_indexed(
    here: Path, intrex: Callable[[str], Said], all_well
) -> None:
    Path("small").rename("elsewhere-c")
    Path("away").mkdir()
    Path("elsewhere-c").rename("away/c")
    said = intrex("show idx/bm25 heat")
    assert (
        said.code == 0 and "there are no texts; --collection PATH" in said.err and "transfer" not in said.out
    )
    said = intrex("show idx/bm25 heat --collection away/c")
    assert said.code == 0 and "**heat** transfer" in said.out
    Path("o.jsonl").write_text('{"_id": "d3", "text": "heat of another corpus"}\n')
    all_well("collection import o.jsonl other")
    said = intrex("show idx/bm25 heat")
    assert said.code == 0 and "another corpus" not in said.out
    assert intrex("show idx/bm25 heat --collection other").code == 1


def test_what_a_terminal_would_obey_is_spelled(tmp_path: Path, monkeypatch, intrex, all_well) -> None:
    monkeypatch.chdir(tmp_path)
    record = {
        "_id": "d1",
        "title": f"a{CONTROLS}title",
        "text": f"heat{CONTROLS} of *stars* | <b>\n\n# head heat",
    }
    Path("c.jsonl").write_text(json.dumps(record) + "\n")
    Path("q.qrels").write_text("q1 0 d1 1\n")
    all_well("collection import c.jsonl c", "index bm25 c i", "index verify i")
    Path("r.txt").write_text("q1 Q0 d1 1 2 t\n")
    Path("q.tsv").write_text(f"q1\theat{CONTROLS}\n")
    for line in (
        f"show i 'heat{CONTROLS}'",
        "show i heat --format md",
        "show r.txt q1 --qrels q.qrels --collection c --queries q.tsv",
    ):
        said = intrex(line)
        assert said.code == 0 and "\\x1b[31m" in said.out.replace("\\\\", "\\").replace("\\[", "["), said
        assert not [c for c in said.out + said.err if not c.isprintable() and c != "\n"], line
    escaped = intrex("show i heat --format md").out
    assert r"\*stars\* \| \<b\> \# head **heat**" in escaped
    assert json.loads(intrex("show i heat --format json").out)["documents"][0]["text"] == record["text"]


def test_long_texts_are_cut_around_what_matches(tmp_path: Path, monkeypatch, intrex, all_well) -> None:
    monkeypatch.chdir(tmp_path)
    text = "filler words " * 200 + "the heat of stars and heat " + "more of it " * 200
    Path("c.jsonl").write_text(json.dumps({"_id": "d1", "text": text}) + "\n")
    all_well("collection import c.jsonl c", "index bm25 c i")
    said = intrex("show i 'heat stars' --length 120 --no-parts").out
    assert "**heat** of **stars** and **heat**" in said and len(said) < 320
    body = " ".join(said.split("\n", 3)[3].split())
    assert body.startswith("... ") and body.endswith(" ...") and "fille " not in body
    assert len(intrex("show i 'heat stars' --length 0 --no-parts").out) > len(text)

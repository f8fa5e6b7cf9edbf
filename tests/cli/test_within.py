"""``search --within`` and ``--filter``: which documents, what is said, what is refused."""

import json
from pathlib import Path

import pytest

from intrex.data.runformats import read_any_run as read_run

ROWS = [
    ("d1", "ferry to the island", {"year": 2019, "lang": "en", "tags": ["sea"]}),
    ("d2", 'a ferry, "metadata": {"year": 2020}', {"year": 2020, "lang": "de"}),
    ("d3", "harbour and ferry", {"year": "2020", "lang": "en", "place": {"town": "Ely"}}),
    ("d4", "ferry timetable", {}),
    ("d5", "ferry ferry", {"year": 2021, "lang": "en"}),
]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_well) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [{"_id": i, "title": "", "text": t, **({"metadata": m} if m else {})} for i, t, m in ROWS]
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "q.tsv").write_text("q1\tferry\n")
    (tmp_path / "t.qrels").write_text("q1 0 d1 1\n")
    (tmp_path / "ids").write_text("d3\nd1\nd1\nd9\n")
    all_well("collection import docs.jsonl c --queries q.tsv --qrels test=t.qrels --name c", "index bm25 c i")
    return tmp_path


def found(name: str = "r") -> list[str]:
    return list(read_run(Path(name)).to_dict()["q1"])


def test_documents_by_id(work: Path, intrex, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="intrex"):
        said = intrex("search i c:test --within ids -o r")
    assert said.code == 0 and sorted(found()) == ["d1", "d3"]
    assert "1 ids of ids are no documents of the index" in caplog.messages
    assert "2 of 5 documents are searched, exactly (within=" in said.err and ":2)" in said.err
    all_of_them = intrex("search i c:test -o all")
    assert "within" not in all_of_them.err
    whole = read_run(Path("all")).to_dict()["q1"]
    assert read_run(Path("r")).to_dict()["q1"] == {d: whole[d] for d in found()}, "scores are those among all"


def test_ids_from_stdin_are_one_of_its_uses(work: Path, intrex) -> None:
    said = intrex("search i - --within - -o r")
    assert said.code == 2 and "standard input (-) is named twice" in said.err


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("year >= 2020", ["d2", "d5"]),
        ("lang = en and not year = 2019", ["d3", "d5"]),
        ("not lang = en", ["d2", "d4"]),
        ("place.town = Ely or tags = sea", ["d1", "d3"]),
        ("year in (2019, '2020')", ["d1", "d3"]),
    ],
)
def test_documents_by_metadata(work: Path, intrex, text: str, documents: list[str]) -> None:
    said = intrex(f'search i c:test --filter "{text}" -o r')
    assert said.code == 0, said.err
    assert sorted(found()) == documents


def test_both_are_both(work: Path, intrex) -> None:
    assert intrex("search i c:test --within ids --filter 'year = 2019' -o r").code == 0
    assert found() == ["d1"]
    said = intrex("search i c:test --within ids --filter 'year = 2021' -o r2")
    assert said.code == 1 and "no document of the index is left by --within and --filter" in said.err


def test_the_collection_of_an_index(work: Path, intrex, all_well) -> None:
    said = intrex("search i q.tsv --filter 'year = 2021' -o r")
    assert said.code == 2 and "name it with --collection" in said.err
    assert intrex("search i q.tsv --filter 'year = 2021' --collection c -o r").code == 0
    assert found() == ["d5"]
    (work / "other.jsonl").write_text('{"_id": "d5", "text": "ferry", "metadata": {"year": 2021}}\n')
    all_well("collection import other.jsonl other")
    said = intrex("search i q.tsv --filter 'year = 2021' --collection other -o r2")
    assert said.code == 1 and "built from another collection" in said.err
    (work / "other.jsonl").write_text('{"_id": "e", "text": "ferry"}\n')
    all_well("collection import other.jsonl more", "index add i more")
    said = intrex("search i q.tsv --filter 'year = 2021' --collection c -o r2")
    assert said.code == 2 and "documents of several" in said.err and "--within" in said.err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ("--filter 'yaer > 2000'", 1, ["no document of c has the field 'yaer'", "did you mean year?"]),
        ("--filter 'place.twon = x'", 1, ["'place.twon'", "did you mean place.town?"]),
        ("--filter 'lang = 3'", 1, ["lang is compared with an integer, the documents have a string ('en')", "in quotes"]),
        ("--filter 'year = 1066'", 1, ["no document of c matches the filter"]),
        ("--filter 'year >'", 2, ["--filter", "a value is needed at character 7"]),
        ("--filter ''", 2, ["--filter is empty"]),
        ("--within none", 1, ["not found", "none"]),
        ("--within q.tsv", 1, ["white space"]),
        ("--within other", 1, ["no id of other is a document of the index"]),
    ],
)  # fmt: skip
def test_what_is_refused(work: Path, intrex, options: str, code: int, words: list[str]) -> None:
    (work / "other").write_text("x1\nx2\n")
    said = intrex(f"search i c:test {options} -o r")
    assert said.code == code, said.err
    for word in words:
        assert word in said.err
    assert not (work / "r").exists()


def test_a_collection_without_metadata(work: Path, intrex, all_well) -> None:
    (work / "plain.jsonl").write_text('{"_id": "d1", "text": "ferry"}\n')
    all_well("collection import plain.jsonl p --name p", "index bm25 p ip")
    said = intrex("search ip q.tsv --collection p --filter 'year = 1' -o r")
    assert said.code == 1 and "no document of p has metadata" in said.err


def test_damaged_documents_are_noticed(work: Path, intrex) -> None:
    corpus = work / "c" / "corpus.jsonl"
    corpus.write_bytes(corpus.read_bytes().replace(b"2021", b"2020"))
    said = intrex("search i c:test --filter 'year = 2020' -o r")
    assert said.code == 1 and "corpus.jsonl differs from what was written" in said.err


def test_a_recipe_searches_a_subset_again_when_its_ids_change(work: Path, intrex) -> None:
    recipe = """name = "r"
queries = "test"
measures = ["R@1"]
[collection]
import = "c"
[[system]]
name = "some"
index = "bm25"
within = "ids"
filter = "year = 2019 or lang = en"
"""
    (work / "r.toml").write_text(recipe)
    (work / "ids").write_text("d1\nd2\nd3\n")
    assert intrex("experiment run r.toml --output e").code == 0
    (run,) = Path("e").glob("**/some*.txt.gz")
    assert sorted(read_run(run).to_dict()["q1"]) == ["d1", "d3"]
    (work / "ids").write_text("d2\nd5\n")
    said = intrex("experiment run r.toml --output e")
    assert said.code == 0, said.err
    (run,) = Path("e").glob("**/some*.txt.gz")
    assert sorted(read_run(run).to_dict()["q1"]) == ["d5"]

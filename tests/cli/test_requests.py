"""A command given again, and commands that name an input as their output."""

import os
import shlex
import shutil
import time
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from tests.conftest import contents


@pytest.fixture
def work(small: Collection, tmp_path: Path, all_well, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The collection ``c``, a BM25 index ``i`` of it and two runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "cache"))
    shutil.copytree(small.path, tmp_path / "c")
    all_well(
        "index bm25 c i", "search i c:test -o r.txt", "search i c:test --k 2 -o s.txt --tag s",
        "evaluate c:test r.txt s.txt --scores scores.jsonl",
    )  # fmt: skip
    return tmp_path


REPEATED = (
    "index bm25 c i",
    "search i c:test -o r.txt",
    "collection import c2 p",
    "convert r.txt r.json",
    "fuse r.txt s.txt -o f.txt",
    "index dense c d --encoder hashing:16",
    "index multivector c m --encoder hashing:16",
    "index sparse c sp --encoder hashing:64",
)


@pytest.mark.parametrize("line", REPEATED)
def test_a_repetition_says_so_and_changes_nothing(work: Path, intrex, line: str) -> None:
    shutil.copytree(work / "c", work / "c2")
    (work / "c2" / "collection.json").unlink()
    if line not in REPEATED[:2]:
        assert intrex(line).code == 0
    before = contents(work)
    said = intrex(line)
    assert (said.code, said.out) == (0, "") and said.err.startswith("note: done already: "), said.err
    after = contents(work)
    assert {k: v for k, v in after.items() if "cache/" not in k} == {
        k: v for k, v in before.items() if "cache/" not in k
    }


def test_another_command_is_still_refused(work: Path, intrex) -> None:
    for line in ("index bm25 c i --k1 2", "search i c:test -o r.txt --k 3", "search i c:test -o s.txt"):
        said = intrex(line)
        assert said.code == 1 and "the output exists" in said.err, said.err


def test_what_has_changed_since_is_no_repetition(work: Path, intrex) -> None:
    """The input, the output, or a file of a folder that is read."""
    line = "search i c:test -o r.txt"
    assert intrex(line).code == 0
    (work / "r.txt").write_bytes((work / "r.txt").read_bytes())
    assert intrex(line).code == 1
    assert intrex(line + " --overwrite").code == 0
    assert intrex("index bm25 c i --overwrite").code == 0
    assert intrex(line).code == 1
    shutil.copytree(work / "c", work / "folder")
    (work / "folder" / "collection.json").unlink()
    assert intrex("collection import folder n").code == 0
    assert "done already" in intrex("collection import folder n").err
    os.utime(work / "folder" / "queries.jsonl", (time.time(), time.time() + 5))
    assert intrex("collection import folder n").code == 1


def test_results_are_printed_again(work: Path, intrex) -> None:
    """Commands that print beside what they write are run again, onto their own output only."""
    line = "evaluate c:test r.txt s.txt --scores scores.jsonl"
    first = intrex(line)
    assert first.code == 0 and first.out
    assert intrex(line).out == first.out
    assert intrex("evaluate c:test r.txt --scores scores.jsonl").code == 1


def test_changes_of_an_index_are_not_made_twice(work: Path, intrex) -> None:
    assert intrex("index remove i d1").code == 0
    said = intrex("index remove i d1")
    assert said.code == 0 and "done already" in said.err
    assert intrex("index remove i d2").code == 0
    assert intrex("index remove i d1").code == 1, "the index has changed since"


ONTO_INPUTS = (
    "evaluate c:test r.txt --scores r.txt",
    "evaluate c:test r.txt --scores ./r.txt",
    "evaluate c:test r.txt --scores {cwd}/r.txt",
    "evaluate c:test r.txt --scores link.txt",
    "evaluate c:test r.txt --scores hard.txt",
    "evaluate c:test r.txt --scores c/queries.jsonl",
    "fuse r.txt s.txt -o s.txt",
    "fuse r.txt s.txt -o folder/s.txt",
    "convert r.txt r.txt --format json",
    "search i c:test -o i",
    "search i c:test -o i/manifest.json",
    "search i c:test -o c/corpus.jsonl",
    "search i q.jsonl -o q.jsonl",
    "rerank r.txt c:test --with hashing -o r.txt",
    "index bm25 c c",
    "index dense c i/0 --encoder static:i",
    "collection pool c c2 c",
    "leaderboard build scores.jsonl -o scores.jsonl",
    "overlap c:train c:test -o c/queries.jsonl",
    "check r.txt --fix r.txt",
)


@pytest.mark.parametrize("line", ONTO_INPUTS)
def test_no_input_is_replaced_by_any_of_its_names(work: Path, intrex, line: str) -> None:
    shutil.copytree(work / "c", work / "c2")
    (work / "link.txt").symlink_to("r.txt")
    os.link(work / "r.txt", work / "hard.txt")
    (work / "folder").symlink_to(".")
    shutil.copy(work / "c" / "queries.jsonl", work / "q.jsonl")
    before = contents(work)
    said = intrex(shlex.join(shlex.split(line.format(cwd=work))) + " --overwrite")
    assert said.code == 2 and "the output" in said.err and "input" in said.err, said.err
    assert contents(work) == before


def test_an_output_that_changed_inside_is_not_done(work: Path, intrex) -> None:
    """A file of an index is another; and what is asked to be replaced is made again, whatever it was made of."""
    file = work / "i" / "0" / "postings.tfs.npy"
    whole = contents(work / "i")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    said = intrex("index bm25 c i")
    assert said.code == 1 and "the output exists" in said.err, said.err
    assert intrex("index bm25 c i --overwrite").code == 0
    assert contents(work / "i") == whole
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert intrex("index bm25 c i --overwrite").code == 0
    assert contents(work / "i") == whole


def test_an_input_that_changed_inside_is_another(work: Path, intrex) -> None:
    assert "done already" in intrex("search i c:test -o r.txt").err
    file = work / "c" / "queries.jsonl"
    file.write_bytes(file.read_bytes())
    said = intrex("search i c:test -o r.txt")
    assert said.code == 1 and "the output exists" in said.err

"""A command given again, and commands that name an input as their output."""

import os
import shlex
import shutil
import time
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.errors import IntrexError
from intrex.data.io.files import writing
from tests.conftest import contents
from tests.support.tinymodel import write_tiny_model


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
    "collection split c w --size 3 --stride 2",
    "collection sample c w --queries 2",
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


def _is_done(intrex, line: str) -> bool:
    """Give a command again: done already, or refused since its output exists."""
    said = intrex(line)
    assert ("done already" in said.err) == (said.code == 0) and (
        said.code == 0 or "output exists" in said.err
    )
    return said.code == 0


def test_a_model_is_an_input_of_what_is_done_with_an_index(work: Path, all_well, intrex) -> None:
    """The command line names the index alone; the model's folder is in its manifest. Kept vectors need no model."""
    pytest.importorskip("sentence_transformers")
    model = write_tiny_model(work, ["wing", "heat", "flat", "layer"])
    lines = ["index dense c d --encoder dense:model", "search d c:test --no-query-cache -o dense.txt"]
    for line in lines:
        all_well(line)
        assert _is_done(intrex, line)
    for file in ("config.json", "tokenizer.json"):
        (model / file).write_bytes((model / file).read_bytes())
        assert not _is_done(intrex, lines[1]), file
        all_well(f"{lines[1]} --overwrite")
        assert _is_done(intrex, lines[1])
    assert not _is_done(intrex, lines[0])


def test_the_tokens_of_an_fde_index_are_an_input_where_they_rank(work: Path, all_well, intrex) -> None:
    lines = [
        f"search f c:test -o {name}.txt{more}" for name, more in (("near", ""), ("exact", " --candidates 3"))
    ]
    all_well("index multivector c m --encoder hashing:16", "index fde m f --reps 2 --k-sim 2", *lines)
    assert all(_is_done(intrex, line) for line in lines)
    (work / "m" / "ids.txt").touch()
    assert [_is_done(intrex, line) for line in lines] == [True, False]


def test_a_training_is_done(work: Path, all_well, intrex) -> None:
    """The models that it reads on its way are no inputs that have gone."""
    pytest.importorskip("accelerate")
    write_tiny_model(work, ["wing", "heat", "flat", "layer"])
    line = "train dense c t --base model --epochs 1 --batch-size 2 --max-pairs 2 --device cpu"
    all_well(line)
    assert _is_done(intrex, line)
    (work / "model" / "config.json").touch()
    assert not _is_done(intrex, line)


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
    "collection split c c",
    "collection sample c c --queries 1",
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
    assert said.code == 2, said.err
    assert any(words in said.err for words in ("an input too", "parts of one another", "files are its own"))
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


def test_files_that_change_names_are_other_inputs(work: Path, intrex) -> None:
    shutil.copytree(work / "c", work / "folder")
    (work / "folder" / "collection.json").unlink()
    assert intrex("collection import folder n").code == 0
    qrels = work / "folder" / "qrels"
    (qrels / "test.tsv").rename(qrels / "x")
    (qrels / "train.tsv").rename(qrels / "test.tsv")
    (qrels / "x").rename(qrels / "train.tsv")
    assert intrex("collection import folder n").code == 1


@pytest.mark.parametrize(
    "line",
    [
        "search i c:test -o test",
        "index dense c hashing --encoder hashing:64",
        "index dense c 64 --encoder hashing:64",
        "fuse r.txt s.txt -o rrf --method rrf",
        "evaluate c:test r.txt --scores test",
        "split resttest c:train c:test train --encoder bm25 --k 2 --min-queries 1",
    ],
)
def test_an_output_may_be_named_like_a_part_of_an_argument(work: Path, intrex, line: str) -> None:
    first = intrex(line)
    if line.startswith("split"):  # too few queries for a split: the names are looked at first
        assert "input too" not in first.err
        return
    assert first.code == 0, first.err
    for again in (line, f"{line} --overwrite", line):
        said = intrex(again)
        assert said.code == 0, said.err


def test_what_appears_or_goes_is_another_input(work: Path, intrex) -> None:
    line = "index dense c d --encoder hashing:16"
    assert intrex(line).code == 0 and "done already" in intrex(line).err
    (work / "hashing:16").mkdir()
    assert intrex(line).code == 1
    (work / "hashing:16").rmdir()
    shutil.copytree(work / "c", work / "c3")
    assert intrex("search i c3:test -o t.txt").code == 0
    shutil.rmtree(work / "c3")
    assert intrex("search i c3:test -o t.txt").code == 1


def test_nothing_is_written_into_an_artifact(work: Path, intrex) -> None:
    before = contents(work)
    for line in ("search i c/queries.jsonl -o c/corpus.jsonl --overwrite", "search i c:test -o i/r.txt"):
        said = intrex(line)
        assert said.code == 2 and "whose files are its own" in said.err, said.err
    assert contents(work) == before
    assert intrex("index bm25 c -o -").code == 2


def test_two_commands_at_one_new_file(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that ends last is refused: it would replace what it was not asked to."""
    with pytest.raises(IntrexError, match="another process has written"), writing(work / "new") as stream:
        stream.write(b"mine")
        (work / "new").write_bytes(b"theirs")
    assert (work / "new").read_bytes() == b"theirs"
    assert not [p for p in work.iterdir() if p.name.startswith(".new")]


def test_damaged_queries_are_named(work: Path, intrex) -> None:
    file = work / "c" / "queries.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"text"', b'"texu"', 1))
    said = intrex("search i c:test -o n.txt")
    assert said.code == 1 and "damaged: no query (queries.jsonl:1)" in said.err, said.err


def test_a_folder_of_judgements_may_be_a_link(work: Path, intrex) -> None:
    shutil.copytree(work / "c", work / "folder")
    (work / "folder" / "collection.json").unlink()
    (work / "folder" / "qrels").rename(work / "real")
    (work / "folder" / "qrels").symlink_to("../real")
    (work / "real" / "loop").symlink_to("..")
    said = intrex("collection import folder n")
    assert said.code == 0 and "test" in said.err and "train" in said.err, said.err

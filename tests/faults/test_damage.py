"""Damage is never given sound hashes: what is read is compared with what was written before anything is made of it."""

import json
import os
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.io import hidden
from intrex.data.store.manifest import verify_artifact
from tests.faults.jobs import write_sources
from tests.faults.test_kill import in_child


@pytest.fixture
def work(tmp_path: Path, all_well, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_sources(tmp_path)
    all_well("collection import src c", "collection import more m", "index bm25 c i", "index remove i d3")
    return tmp_path


def flip(file: Path, at: int = -20) -> None:
    raw = bytearray(file.read_bytes())
    raw[at] ^= 1
    file.write_bytes(bytes(raw))


@pytest.mark.parametrize("name", ["0/postings.tfs.npy", "0/postings.docs.npy", "0/norms.npy", "ids.txt"])
def test_a_merge_makes_no_damage_sound(work: Path, intrex, name: str) -> None:
    flip(work / "i" / name)
    said = intrex("index merge i")
    assert said.code != 0 and ("differs from what was written" in said.err or "damaged" in said.err), said.err
    assert intrex("index verify i").code == 3


def test_neither_does_a_removal_or_an_addition(work: Path, intrex) -> None:
    flip(work / "i" / "0/postings.tfs.npy")
    said = intrex("index remove i d5")
    assert said.code == 3 and "0/postings.tfs.npy differs from what was written" in said.err
    flip(work / "i" / "0/postings.tfs.npy")
    flip(work / "i" / "ids.txt", -2)
    said = intrex("index add i m")
    assert said.code == 3 and "ids.txt differs from what was written" in said.err, said.err


@pytest.mark.parametrize(
    "line",
    [
        "index bm25 c n",
        "index dense c n --encoder hashing:16",
        "index sparse c n --encoder hashing:16",
        "index multivector c n --encoder hashing:16",
        "index impact c n --weights weights.jsonl",
        "collection pool c m n",
        "collection split c n --size 3",
        "collection sample c n --queries 1",
        "collection sample c n --documents 3",
    ],
)
@pytest.mark.parametrize("damage", ["letter", "cut"])
def test_no_index_is_made_of_another_corpus(work: Path, intrex, line: str, damage: str) -> None:
    """A letter is another, or the file is cut at the end of a line after it was opened."""
    file = work / "c" / "corpus.jsonl"
    raw = file.read_bytes()
    at = raw.index(b"lift" if b"lift" in raw else b"a")
    if damage == "letter":
        file.write_bytes(raw[:at] + b"L" + raw[at + 1 :])
    else:
        head = raw[: raw.rindex(b"\n", 0, len(raw) // 2) + 1]
        last = json.loads(head.splitlines()[-1])
        spare = len(raw) - len(head)
        file.write_bytes(head[:-1] + b" " * spare + b"\n")
        assert last["_id"]
    said = intrex(line)
    assert said.code == 1 and "corpus.jsonl differs from what was written" in said.err, said.err
    assert not (work / "n").exists()


def test_a_corpus_that_is_cut_while_it_is_read_makes_no_index(
    work: Path, intrex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a line's end, after it was opened and its size was looked at: what is left reads as a sound corpus."""
    file, raw = work / "c" / "corpus.jsonl", (work / "c" / "corpus.jsonl").read_bytes()
    checked = Collection.checked

    def cut(self: Collection, pieces):
        def read():
            file.write_bytes(raw[: raw.rindex(b"\n", 0, len(raw) // 2) + 1])
            yield from pieces

        return checked(self, read())

    monkeypatch.setattr(Collection, "checked", cut)
    for kind in ("bm25", "dense --encoder hashing:16", "sparse --encoder hashing:16"):
        name, _, options = kind.partition(" ")
        said = intrex(f"index {name} c n {options}")
        assert said.code == 1 and "corpus.jsonl differs from what was written" in said.err, said.err
        assert not (work / "n").exists()
        file.write_bytes(raw)
    monkeypatch.undo()
    monkeypatch.chdir(work)
    assert intrex("index bm25 c n").code == 0


def test_a_leaderboard_that_changed_is_made_again(work: Path, intrex) -> None:
    assert intrex("experiment run my.toml --output e").code == 0
    (stage,) = (work / "e" / ".stages").glob("leaderboard-*/leaderboard.csv")
    whole = stage.read_bytes()
    assert (work / "e" / "leaderboard.csv").read_bytes() == whole
    at = whole.index(b"0.") + 2
    stage.write_bytes(whole[:at] + (b"1" if whole[at : at + 1] != b"1" else b"2") + whole[at + 1 :])
    assert intrex("experiment run my.toml --output e").code == 0
    assert stage.read_bytes() == whole == (work / "e" / "leaderboard.csv").read_bytes()


def test_a_killed_stage_leaves_nothing_after_the_next_run(work: Path, intrex) -> None:
    """Neither beside its output nor in the folder of the experiment."""

    def killed() -> None:
        from intrex.cli.app import run

        make = hidden._make
        hidden._make = lambda path: (make(path), os._exit(9)) if path.name == "run.txt.gz" else make(path)
        run(["experiment", "run", "my.toml", "--output", "e"])

    os.waitpid(in_child(killed), 0)
    (left,) = (work / "e").rglob("*.part")
    assert left.name.startswith(".run.txt.gz.")
    assert intrex("experiment run my.toml --output e").code == 0
    assert list((work / "e").rglob("*.part")) == []


def test_a_stage_that_changed_is_run_again(work: Path, intrex) -> None:
    """A score of another digit, of the same size; the leaderboard is then made of scores that were computed again."""
    assert intrex("experiment run my.toml --output e").code == 0
    board = (work / "e" / "leaderboard.csv").read_bytes()
    (scores,) = (work / "e" / ".stages").glob("evaluate-*/scores.jsonl")
    whole = scores.read_bytes()
    at = whole.index(b"0.")
    scores.write_bytes(whole[: at + 2] + (b"1" if whole[at + 2 : at + 3] != b"1" else b"2") + whole[at + 3 :])
    assert intrex("experiment run my.toml --output e").code == 0
    assert scores.read_bytes() == whole and (work / "e" / "leaderboard.csv").read_bytes() == board
    runs = sorted((work / "e" / ".stages").glob("*/run.txt.gz"))
    flip(runs[0])
    assert intrex("experiment run my.toml --output e").code == 0
    assert (work / "e" / "leaderboard.csv").read_bytes() == board


def test_a_stage_is_not_built_upon_a_damaged_index(work: Path, intrex) -> None:
    assert intrex("experiment run my.toml --output e").code == 0
    (index,) = (work / "e" / ".stages").glob("bm25-*/index")
    flip(index / "0" / "postings.tfs.npy")
    for run in (work / "e" / ".stages").glob("*/run.txt.gz"):
        run.unlink()
    said = intrex("experiment run my.toml --output e")
    assert said.code == 3 and "its stage will run again" in said.err, said.err
    with pytest.raises(Exception, match="differs"):
        verify_artifact(index)

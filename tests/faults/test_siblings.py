"""Where two names cannot be exchanged in one step, and what killed commands leave beside an output."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intrex.data.errors import IntrexError
from intrex.data.io.download import download
from intrex.data.io.hidden import hidden_sibling
from intrex.data.io.request import Request
from intrex.data.store import siblings
from intrex.data.store.manifest import verify_artifact
from tests.conftest import contents
from tests.faults.jobs import write_sources
from tests.faults.test_kill import in_child


@pytest.fixture
def work(tmp_path: Path, all_well, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_sources(tmp_path)
    all_well("collection import src c", "collection import more m", "index bm25 c i --k1 2")
    return tmp_path


READERS = (
    "search i c:test -o r.txt", "index bm25 c i --overwrite", "index info i", "index remove i d1", "index add i m",
    "index merge i",
)  # fmt: skip
CHANGES = ("index bm25", "index remove", "index add")
"""What makes another index of it; the merge of an index of one segment does not."""


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("renames", [1, 2])
def test_a_kill_between_two_renames_is_mended(work: Path, intrex, renames: int, reader: str) -> None:
    """As on NFS, some FUSE and macOS: the old index stands aside for a moment; the next command puts it back or drops it."""
    old = verify_artifact(work / "i").fingerprint
    real, seen = Path.rename, []

    def killed() -> None:
        siblings.exchange = lambda *_: False
        Path.rename = counted
        from intrex.cli.app import run

        run(["index", "bm25", "c", "i", "--overwrite"])

    def counted(self: Path, target: Path) -> Path:
        if self.name.endswith(".building") and target.name == "i" and target.exists():
            return real(self, target)  # fails: a folder that is not empty
        moved = real(self, target)
        seen.append(self)
        if len(seen) == renames:
            os._exit(9)
        return moved

    os.waitpid(in_child(killed), 0)
    left = sorted(p.name for p in work.iterdir() if p.name.startswith(".i."))
    assert any(name.endswith(".old") for name in left), left
    said = intrex(reader)
    assert said.code == 0, said.err
    found = verify_artifact(work / "i").fingerprint
    assert (found == old) == (renames == 1 and not reader.startswith(CHANGES))
    assert intrex("index bm25 c i --overwrite").code == 0
    assert not [p.name for p in work.iterdir() if p.name.startswith(".i.")]


def test_hidden_names_are_not_followed_nor_foreseen(tmp_path: Path) -> None:
    """Names differ each time, and the file is made anew: what stands there is never written through."""
    names = set()
    for _ in range(3):
        with hidden_sibling(tmp_path / "out.txt") as (hidden, stream):
            names.add(hidden.name)
            stream.write(b"x")
    assert len(names) == 3 and all(str(os.getpid()) not in name for name in names)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_search_left_goes_with_the_next_one(work: Path, intrex) -> None:
    """And what a living one writes stays."""
    code = (
        "import sys, time; from pathlib import Path; from intrex.data.io.hidden import hidden_sibling\n"
        "with hidden_sibling(Path('r.txt')) as (hidden, stream):\n"
        "    stream.write(b'x' * 1000); stream.flush(); print('begins', flush=True); time.sleep(60)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code], cwd=work, stdout=subprocess.PIPE) for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.stdout.close()
    assert len(list(work.glob(".r.txt.*"))) == 2
    writers[0].send_signal(signal.SIGKILL)
    writers[0].wait()
    deadline = time.monotonic() + 10
    assert intrex("search i c:test -o r.txt").code == 0 and time.monotonic() < deadline
    assert len(list(work.glob(".r.txt.*"))) == 1, "that of the process that lives"
    writers[1].kill()
    writers[1].wait()
    assert intrex("search i c:test -o r.txt --overwrite").code == 0
    assert list(work.glob(".r.txt.*")) == []


def test_a_killed_change_leaves_nothing_after_the_next(work: Path, intrex) -> None:
    before = contents(work / "i")
    (work / ".i.0123456789abcdef.building").mkdir()
    shutil.copy(work / "i" / "manifest.json", work / ".i.0123456789abcdef.building" / "manifest.json")
    assert intrex("index remove i d1").code == 0
    assert not [p.name for p in work.iterdir() if p.name.startswith(".i.")]
    assert contents(work / "i") != before


@pytest.fixture
def victim(work: Path) -> Path:
    """A folder of the user's own that somebody plants links to."""
    folder = work / "victim"
    folder.mkdir()
    (folder / "precious").write_text("mine")
    return folder


def untouched(victim: Path) -> bool:
    return contents(victim) == {"precious": b"mine"}


def test_the_folder_of_a_zip_file_is_no_link(work: Path, victim: Path, intrex) -> None:
    (work / ".src.zip.unpacked").symlink_to("victim")
    said = intrex("collection import src.zip n --name z")
    assert untouched(victim) and said.code == 1, said.err
    assert ".src.zip.unpacked is a symbolic link" in said.err and "remove it" in said.err
    (work / ".src.zip.unpacked").unlink()
    assert intrex("collection import src.zip n --name z").code == 0 and not (work / "n").is_symlink()


@pytest.mark.parametrize("line", ["collection import src n", "index bm25 c n", "index remove i d1"])
def test_the_folder_of_a_build_is_no_link(
    work: Path, victim: Path, intrex, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name comes from the inputs alone: whoever built the same knows it."""

    def killed() -> None:
        from intrex.cli.app import run
        from intrex.data.store import artifact

        artifact.Build._finish = lambda *_: os._exit(9)
        run(line.split())

    os.waitpid(in_child(killed), 0)
    (hidden,) = work.glob(".*.building")
    shutil.rmtree(hidden)
    hidden.symlink_to("victim")
    said = intrex(line)
    assert untouched(victim) and said.code == 1, said.err
    assert f"{hidden.name} is a symbolic link" in said.err
    assert not (work / "n").exists() and not (work / "i").is_symlink()
    hidden.unlink()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    hidden.mkdir()
    said = intrex(line)
    assert said.code == 1 and f"{hidden.name} is a folder of another user" in said.err
    monkeypatch.undo()
    monkeypatch.chdir(work)
    assert intrex(line).code == 0 and not (work / "n").is_symlink()


def test_a_link_at_a_hidden_file_is_not_written_through(
    work: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda _: "0" * 16)
    planted = work / ".out.txt.0000000000000000.part"
    planted.symlink_to("victim/precious")
    with pytest.raises(FileExistsError), hidden_sibling(work / "out.txt") as (_, stream):
        stream.write(b"x")
    assert untouched(victim) and planted.is_symlink()


def test_the_record_of_a_command_is_not_written_through_a_link(
    work: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a cache that several share."""
    monkeypatch.setenv("INTREX_CACHE", str(work / "cache"))
    commands = work / "cache" / "commands"
    commands.mkdir(parents=True)
    (work / "o.txt").write_text("o")
    request = Request(["some", "words"], [])
    for name in (f"{request._file.stem}.{os.getpid()}.part", request._file.name):
        (commands / name).symlink_to(victim / "precious")
    request.record(work / "o.txt", work / "o.txt")
    assert untouched(victim) and not request._file.is_symlink() and "o.txt" in request._file.read_text()


def test_files_that_are_taken_up_again_are_not_written_through_a_link(
    work: Path, victim: Path, intrex, all_well
) -> None:
    """Scores of pairs in a cache that several share, and what a download left."""
    all_well("search i c:test -o r.txt", "rerank r.txt c:test --with hashing --cache k -o q.txt")
    (scores,) = (work / "k").rglob("0000*")
    scores.unlink()
    scores.symlink_to(victim / "precious")
    said = intrex("rerank r.txt c:test --with hashing --cache k -o q.txt --overwrite")
    assert untouched(victim) and said.code == 1 and f"{scores.name} is a symbolic link" in said.err, said.err
    for name in (".z.zip.part", ".z.zip.part.json"):
        (work / name).symlink_to(victim / "precious")
    with pytest.raises(IntrexError, match="is a symbolic link"):
        download("http://127.0.0.1:9/z.zip", work / "z.zip")
    assert untouched(victim)

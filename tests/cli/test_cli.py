"""The command line as a process: pipes, interrupts, start-up."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from tests.conftest import write_beir

COMMAND = [sys.executable, "-m", "intrex.cli"]


def test_a_closed_pipe_is_no_error(small: Collection, tmp_path: Path, intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path}/i").code == 0
    line = f"{' '.join(COMMAND)} collection list {tmp_path} --format csv | head -1"
    said = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True)
    assert (
        said.returncode == 0
        and said.stdout == "name,how,what,documents,query sets\n"
        and "rror" not in said.stderr
    )


def test_interrupted_is_130_and_leaves_nothing(tmp_path: Path) -> None:
    lines = (json.dumps({"_id": str(i), "text": f"text {i} " * 20}) for i in range(150_000))
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines))
    child = subprocess.Popen(
        [*COMMAND, "collection", "import", str(tmp_path / "corpus.jsonl"), str(tmp_path / "c")],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".c.*.building/corpus.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130 and "interrupted" in err and "Traceback" not in err
    assert sorted(os.listdir(tmp_path)) == ["corpus.jsonl"]


def test_debug_shows_the_traceback_and_without_it_there_is_none(tmp_path: Path) -> None:
    plain = subprocess.run([*COMMAND, "collection", "info", str(tmp_path)], capture_output=True, text=True)
    debug = subprocess.run(
        [*COMMAND, "collection", "info", str(tmp_path), "--debug"], capture_output=True, text=True
    )
    assert plain.returncode == debug.returncode == 1
    assert "Traceback" not in plain.stderr and "Traceback" in debug.stderr


def test_doctor_names_what_there_is(intrex) -> None:
    said = intrex("doctor --format csv")
    assert said.code == 0
    found = {line.split(",")[0] for line in said.out.splitlines()}
    assert {"intrex", "Python", "cores", "memory", "extra dense", "extra ann", "kernels", "Java"} <= found
    lines = [line for line in said.out.splitlines() if not line.startswith("extra entities,")]
    assert not [line for line in lines if "missing" in line], (
        "the tests run with every extra of `all` installed"
    )


def test_version(intrex) -> None:
    assert intrex("--version").out.startswith("intrex ")


def test_stdin_and_stdout_are_a_dash(small: Collection, tmp_path: Path, intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path}/i").code == 0
    cli = " ".join(COMMAND)
    line = f"echo 'q1\tlift of wings' | {cli} search {tmp_path}/i - -o - | {cli} evaluate {small.path}:test - -m RR@10"
    said = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[1].startswith("i,RR@10,0.3333333333333333,3,2,")


def test_a_pipe_is_read_whole(small: Collection, tmp_path: Path, intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path}/i").code == 0
    assert intrex(f"search {tmp_path}/i {small.path}:test -o {tmp_path}/r").code == 0
    cli = " ".join(COMMAND)
    plain = intrex(f"evaluate {small.path}:test {tmp_path}/r --format csv").out
    for run in ("/dev/stdin", f"<(cat {tmp_path}/r)"):
        line = f"cat {tmp_path}/r | {cli} evaluate <(cat {small.path}/qrels/test.tsv) {run} --format csv"
        said = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
        assert [x.split(",")[1:3] for x in said.stdout.splitlines()] == [
            x.split(",")[1:3] for x in plain.splitlines()
        ]


def test_an_import_never_replaces_its_own_source(small: Collection, intrex) -> None:
    said = intrex(f"collection import {small.path} {small.path} --overwrite")
    assert said.code == 2 and "the output is an input too" in said.err
    assert intrex(f"index bm25 {small.path} {small.path} --overwrite").code == 2
    assert Collection.open(small.path).fingerprint == small.fingerprint


def test_tags_that_would_break_a_run_are_refused(small: Collection, tmp_path: Path, intrex) -> None:
    assert intrex(f"index bm25 {small.path} '{tmp_path}/my index'").code == 0
    assert intrex(f"search '{tmp_path}/my index' {small.path}:test -o {tmp_path}/r").err.endswith(
        "tag my_index\n"
    )
    for command in (
        f"fuse {tmp_path}/r {tmp_path}/r --tag 'a b'",
        f"convert {tmp_path}/r {tmp_path}/c --tag 'a b'",
    ):
        assert intrex(command).code == 2
    assert intrex(f"fuse {tmp_path}/r {tmp_path}/r --rrf-k nan").code == 2


def test_experiments_write_only_into_their_own_folder(tmp_path: Path, intrex) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "leaderboard.csv").write_text("mine")
    said = intrex(f"experiment run demo -o {tmp_path}/o")
    assert said.code == 1 and "not the folder of an experiment" in said.err
    assert (tmp_path / "o" / "leaderboard.csv").read_text() == "mine"


def test_devices_pipes_and_open_files_are_written_directly(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("q1 Q0 d1 1 2.0 a\n")
    (tmp_path / "b").write_text("q1 Q0 d1 1 1.0 b\n")
    said = subprocess.run(
        ["bash", "-c", f"""set -e
        intrex() {{ {sys.executable} -m intrex.cli "$@"; }}
        intrex fuse a b -o /dev/null
        intrex convert a /dev/null
        intrex fuse a b -o >(cat > piped); wait $!
        intrex fuse a b -o /dev/stdout > opened
        intrex fuse a b -o /dev/fd/3 3> third
        intrex fuse a b -o plain
        cmp plain opened; cmp plain third; cmp plain piped
        if intrex fuse b a -o plain; then exit 9; fi"""],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert said.returncode == 0 and "the output exists: plain" in said.stderr, said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "opened", "piped", "plain", "third"]


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"},
    ],
)
def test_text_is_utf8_whatever_the_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    write_beir(tmp_path / "größe")
    (tmp_path / "größe" / "queries.jsonl").write_bytes('{"_id": "qü", "text": "Straße 東京"}\n'.encode())
    (tmp_path / "größe" / "qrels" / "test.tsv").write_bytes("qü\tünï-6\t1\n".encode())
    (tmp_path / "größe" / "qrels" / "train.tsv").unlink()
    lines = [
        "collection import größe kü",
        "index bm25 kü iü",
        "search iü kü:test -o rü",
        "search iü kü:test",
        "evaluate kü:test rü -q -m RR --scores sü",
        "evaluate kü:test rü --format table",
        "convert rü ü.json",
        "evaluate nö rü",
    ]
    said = []
    for line in lines:
        done = subprocess.run(
            [*COMMAND, *line.split()], cwd=tmp_path, capture_output=True, env={**os.environ, **locale}
        )
        assert done.returncode == (1 if "nö" in line else 0), done
        said.append((done.stdout.decode("utf-8"), done.stderr.decode("utf-8")))
    assert said[1][1].startswith("iü: bm25 index") and said[3][0].startswith("qü Q0 ünï-6 1 ")
    assert "iü" in said[4][0] and "qü" in said[4][0] and "─" in said[5][0]
    assert "ünï-6" in (tmp_path / "ü.json").read_text(encoding="utf-8") and "not found: nö" in said[7][1]

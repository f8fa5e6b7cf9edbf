"""A rerank by a program whose own process is killed or interrupted: the program ends, and the next rerank goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intrex.data.writer import RecordSource, write_collection

SLOW = """
import json, os, sys, time
log = open("log", "a")
print("pid", os.getpid(), file=log, flush=True)
for line in sys.stdin:
    pair = json.loads(line)
    time.sleep(0.02)
    print(pair["docid"], file=log, flush=True)
    print(int(pair["docid"][1:]) % 7, flush=True)
"""
COUNT = 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def fill(writer):
        for i in range(COUNT):
            writer.document(f"d{i}", "", f"text {i}", RecordSource("made", i))
        writer.query("q", "text", RecordSource("made", 0))

    write_collection(tmp_path / "c", "c", {"source": "test"}, fill)
    (tmp_path / "run.txt").write_text("".join(f"q Q0 d{i} {i + 1} {COUNT - i} t\n" for i in range(COUNT)))
    (tmp_path / "q.jsonl").write_text(json.dumps({"_id": "q", "text": "text"}) + "\n")
    (tmp_path / "slow.py").write_text(SLOW)
    return tmp_path


def start(folder: Path) -> subprocess.Popen[str]:
    line = [
        sys.executable,
        "-m",
        "intrex.cli",
        "rerank",
        "run.txt",
        "q.jsonl",
        "--collection",
        "c",
        "--depth",
        str(COUNT),
    ]
    line += ["--with", f"command:{sys.executable} slow.py", "--batch-size", "10", "-o", "out.txt"]
    environment = {**os.environ, "INTREX_CACHE": str(folder / "cache")}
    return subprocess.Popen(line, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def scored(folder: Path) -> list[str]:
    return [line for line in (folder / "log").read_text().splitlines() if not line.startswith("pid")]


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def gone(folder: Path) -> bool:
    pids = [
        int(line.split()[1]) for line in (folder / "log").read_text().splitlines() if line.startswith("pid")
    ]
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_program_ends_and_the_next_rerank_goes_on(folder, end):
    process = start(folder)
    wait_for(lambda: (folder / "log").exists() and len(scored(folder)) > 45)
    process.send_signal(end)
    process.communicate(timeout=20)
    assert process.returncode == {signal.SIGINT: 130}.get(end, -end)
    wait_for(lambda: gone(folder))
    assert not (folder / "out.txt").exists()
    before = len(scored(folder))
    again = start(folder)
    _, said = again.communicate(timeout=60)
    assert again.returncode == 0, said
    assert before <= len(scored(folder)) <= COUNT + 20, (
        "at most the batch that was not answered whole is asked again"
    )
    scores = {row[2]: float(row[4]) for row in map(str.split, (folder / "out.txt").read_text().splitlines())}
    assert scores == {f"d{i}": float(i % 7) for i in range(COUNT)}

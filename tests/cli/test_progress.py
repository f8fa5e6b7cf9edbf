"""Progress: a line now and then off a terminal, a bar at once on one, neither with --quiet."""

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intrex.cli.app import run
from intrex.cli.common.progress import bars, progress
from intrex.data.collection import Collection
from intrex.data.progress import seconds_between_lines
from tests.support.tinymodel import write_tiny_model

EVERY = "INTREX_PROGRESS_SECONDS"
CALL = [sys.executable, "-m", "intrex.cli"]


def next_line(capsys, wanted: str) -> str:
    """Wait for a line that matches."""
    text, end = "", time.monotonic() + 20
    while time.monotonic() < end:
        text += capsys.readouterr().err
        if found := next((line for line in text.splitlines() if re.fullmatch(wanted, line)), None):
            return found
        time.sleep(0.02)
    raise AssertionError(f"no line as {wanted!r} in {text!r}")


def test_lines_say_how_far_and_how_long(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv(EVERY, "0.2")
    with progress("encoding", 1000) as step:
        next_line(capsys, r"encoding: 0 of 1,000, \d+ s")  # nothing has moved, and that is said
        step(400)
        next_line(capsys, r"encoding: 400 of 1,000, [\d.,]+/s, \d+ s, about \d+ s left")
        step(600)
        next_line(capsys, r"encoding: all 1,000 done after \d+ s, to be finished")
    capsys.readouterr()
    time.sleep(0.5)
    assert capsys.readouterr().err == ""


def test_what_was_done_before_is_no_speed(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv(EVERY, "0.2")
    with bars() as add:
        step = add("encoding", 1000)
        step(900)
        next_line(capsys, r"encoding: 900 of 1,000, \d+ s")
        add("compressing", 7)(7)
        next_line(capsys, r"compressing: all 7 done after .*")


@pytest.mark.parametrize(
    ("value", "seconds"), [("5", 5), ("0", 0), ("-1", 0), ("inf", 0), ("x", 60), (None, 60)]
)
def test_interval(monkeypatch: pytest.MonkeyPatch, value: str | None, seconds: float) -> None:
    monkeypatch.delenv(EVERY, raising=False)
    if value is not None:
        monkeypatch.setenv(EVERY, value)
    assert seconds_between_lines() == seconds


@pytest.fixture
def line(small: Collection, tmp_path: Path) -> list[str]:
    """A command that loads a model, for which it needs seconds."""
    model = write_tiny_model(tmp_path, ["word", "wing"])
    return ["index", "dense", str(small.path), str(tmp_path / "idx"), "--encoder", str(model)]


def test_a_command_off_a_terminal(line: list[str]) -> None:
    environment = {**os.environ, EVERY: "0.002"}
    said = subprocess.run([*CALL, *line], capture_output=True, text=True, env=environment)
    assert said.returncode == 0 and re.search(r"^encoding: (0|6|all 6)", said.stderr, re.MULTILINE), (
        said.stderr
    )
    again = subprocess.run([*CALL, *line], capture_output=True, text=True, env={**environment, EVERY: "0"})
    assert "done already" in again.stderr, "how often something is said makes no other command"
    quiet = [*CALL, *line, "--overwrite", "--quiet"]
    said = subprocess.run(quiet, capture_output=True, text=True, env=environment)
    assert said.returncode == 0 and "encoding" not in said.stderr and "6 documents" in said.stderr


SLOW = """
import sys, time
from intrex.cli.common.progress import bars, without_progress
with without_progress(sys.argv[1] == "quiet"), bars() as add:
    add("importing", 100)
    add("downloading", None)
    time.sleep(1.5)
"""


@pytest.mark.parametrize("mode", ["shown", "quiet"])
def test_a_bar_on_a_terminal_before_anything_moves(mode: str) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, mode],
        stderr=slave,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(slave)
    seen = b""
    try:
        while part := os.read(master, 4096):
            seen += part
    except OSError:  # the other end is closed
        pass
    assert process.wait() == 0
    os.close(master)
    assert (b"importing" in seen and b"0/100" in seen) == (mode == "shown")
    assert b"downloading" not in seen, "a part after one that has not moved"


def test_quiet_is_not_part_of_a_command(small: Collection, tmp_path: Path, capsys) -> None:
    line = ["index", "bm25", str(small.path), str(tmp_path / "b")]
    assert run(["--quiet", *line]) == 0 and run([*line, "--quiet"]) == 0
    assert "done already" in capsys.readouterr().err

"""What reaches a terminal, and what a terminal does to a command: closed streams, interrupts, control characters."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intrex.cli.common.output import emit, printable

CALL = [sys.executable, "-m", "intrex.cli"]


def test_control_characters_of_data_are_spelled() -> None:
    assert printable("a\x1b]0;title\x07b\x9b31m\u202ec\n") == "a\\x1b]0;title\\x07b\\x9b31m\\x202ec\\x0a"
    assert printable("Größe 東京 [/x] \\[/x]") == "Größe 東京 [/x] \\[/x]"


@pytest.mark.parametrize("name", ["\\[/x]", "[bold]x", "[/]", "a[0]", "\x1b[31mred"])
def test_names_that_look_like_markup(capsys: pytest.CaptureFixture[str], name: str) -> None:
    emit(["system", "value"], [[name, 0.5]], "table")
    out = capsys.readouterr().out
    assert printable(name) in out and "\x1b" not in out


@pytest.mark.parametrize("form", ["table", "md", "latex"])
def test_what_people_read_has_no_control_characters(capsys: pytest.CaptureFixture[str], form: str) -> None:
    emit(["query", "text"], [["q1", "a\x1b[2Jb\x9b31m\u202ec"]], form)
    out = capsys.readouterr().out
    assert not set(out) & {"\x1b", "\x9b", "\u202e"} and "x1b" in out


def test_a_name_has_one_line(small, intrex) -> None:
    (small.path / "collection.json").unlink()
    for name in ("a\nb", "a\x1b[1mb"):
        said = intrex(f"collection import {small.path} {small.path}-n --name '{name}'")
        assert said.code == 2 and "one line of printable characters" in said.err, said.err


def test_closed_streams(tmp_path: Path) -> None:
    """Nothing is printed, and the file that is written does not get the number of the stream."""
    (tmp_path / "q").write_text("q1 0 d1 1\n")
    (tmp_path / "r").write_text("q1 Q0 d1 1 2.0 a\n")
    command = f"{sys.executable} -m intrex.cli evaluate q r --scores s.jsonl -m RR"
    for closed in (">&-", "<&-", ">&- <&-", "2>&-"):
        (tmp_path / "s.jsonl").unlink(missing_ok=True)
        said = subprocess.run(
            ["bash", "-c", f"{command} {closed}"], cwd=tmp_path, capture_output=True, text=True
        )
        assert said.returncode == 0 and "unforeseen" not in said.stderr, said.stderr
        assert ("standard output is closed" in said.stderr) == (">&-" in closed and "2>&-" not in closed)
        assert (tmp_path / "s.jsonl").read_text().startswith("{")


def test_an_interrupt_at_any_time_ends_in_one_message(tmp_path: Path) -> None:
    (tmp_path / "q").write_text("q1 0 d1 1\n")
    (tmp_path / "r").write_text("q1 Q0 d1 1 2.0 a\n")
    for i in range(12):
        process = subprocess.Popen(
            [*CALL, "evaluate", "q", "r", "-m", "RR"], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        time.sleep(0.05 + 0.02 * i)  # Python itself takes the first of it
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
        assert process.returncode in (0, 130, -signal.SIGINT)
        if "cli" in said or process.returncode == 130:
            assert "Traceback" not in said, said


def test_toml_that_is_nested_too_deeply(tmp_path: Path, intrex) -> None:
    (tmp_path / "r.toml").write_text("a = " + "[" * 3000 + "]" * 3000)
    said = intrex(f"experiment plan {tmp_path / 'r.toml'}")
    assert said.code == 1 and "broken TOML" in said.err and "unforeseen" not in said.err

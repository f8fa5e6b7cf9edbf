"""What each command prints, errors included, compared with tests/golden/out/NAME.txt; `make golden` rewrites them.

A file there shows each command, its stdout, its stderr (lines with ``!``) and its exit code.
"""

import difflib
import os
import re
import shlex
from pathlib import Path

import pytest

from intrex.cli.app import run as run_cli
from tests.golden.cases import CASES, Case

OUT = Path(__file__).parent / "out"


def play(case: Case, capfd: pytest.CaptureFixture[str]) -> str:
    for name, content in case.files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lines = []
    for step in case.steps:
        if callable(step):
            lines.append(f"# {step.__doc__}")
            step()
            continue
        capfd.readouterr()
        code = run_cli(shlex.split(step))
        said = capfd.readouterr()
        lines += [
            f"$ intrex {step}",
            *said.out.splitlines(),
            *(f"! {line}" for line in said.err.splitlines()),
        ]
        lines += [f"[exit {code}]"] if code else []
    left = sorted(p.as_posix() for p in Path().rglob("*") if p.is_file() and p.as_posix() not in case.files)
    lines += (
        [f"left: {', '.join(p for p in left if '/' not in p or p.startswith('.')) or 'nothing'}"]
        if case.shows_files
        else []
    )
    return _stable("\n".join(line.rstrip() for line in lines) + "\n")


def _stable(text: str) -> str:
    """What differs between machines and versions, replaced."""
    text = re.sub(r"^! note: compiling .*\n", "", text, flags=re.MULTILINE)  # once on a machine
    text = re.sub(r"intrex=\d[^|\s,]*", "intrex=VERSION", text)
    text = re.sub(r"\bintrex \d+\.\d+\S*", "intrex VERSION", text)
    text = re.sub(r"\bC?Python \d\.\d+\.\d+\S*", "Python VERSION", text)
    return re.sub(re.escape(os.getcwd()), "HERE", text)


@pytest.mark.parametrize("name", sorted(CASES))
def test_golden(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "cache"))
    got = play(CASES[name], capfd)
    file = OUT / f"{name}.txt"
    if os.environ.get("INTREX_GOLDEN") == "write":
        OUT.mkdir(exist_ok=True)
        file.write_text(got, encoding="utf-8")
    expected = file.read_text(encoding="utf-8") if file.exists() else ""
    diff = "\n".join(
        difflib.unified_diff(expected.splitlines(), got.splitlines(), "expected", "got", lineterm="")
    )
    assert not diff, f"{diff}\n(`make golden` rewrites the expected output)"


def test_no_expected_output_is_left_over() -> None:
    assert {p.stem for p in OUT.glob("*.txt")} == set(CASES)

"""Start-up imports nothing heavy, layers hold, every command is documented."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = (
    "numpy",
    "scipy",
    "torch",
    "sentence_transformers",
    "faiss",
    "ranx",
    "beir",
    "ir_datasets",
    "pandas",
    "numba",
    "regex",
)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["evaluate", "--help"],
        ["check", "--help"],
        ["compare", "--help"],
        ["--version"],
        ["search", "--help"],
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = f"import sys; from intrex.cli.app import run; run({arguments!r}); print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stderr.strip() == "[]"
    assert said.stdout


def test_the_command_reference_is_current_and_complete() -> None:
    said = subprocess.run(
        [sys.executable, "tests/support/reference.py", "--check", "docs/cli.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    for line in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8").splitlines():
        assert not line.startswith("| `") or not line.rstrip().endswith("|  |"), f"no help text: {line}"


def test_files_stay_short() -> None:
    sizes = {
        p: len(p.read_text(encoding="utf-8").splitlines())
        for folder in ("cli", "eval", "retrievers", "encoders", "data")
        for p in (ROOT / folder).rglob("*.py")
    }
    assert not {str(p.relative_to(ROOT)): n for p, n in sizes.items() if n > 300}


def test_no_page_holds_both_sides_of_a_merge() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    marks = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
    assert pages and not [str(p) for p in pages if marks.search(p.read_text(encoding="utf-8"))]


def test_packages_are_all_listed_for_the_wheel() -> None:
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "packages"
    ]
    there = {
        ".".join(("intrex", *p.parent.relative_to(ROOT).parts))
        for f in ("cli", "eval", "retrievers", "encoders", "data")
        for p in (ROOT / f).rglob("__init__.py")
    }
    assert sorted(there) == sorted(listed)


def test_no_stray_top_level_import_spelling() -> None:
    for folder in ("cli", "eval", "retrievers", "encoders", "data"):
        for path in Path(ROOT / folder).rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                words = line.split()
                assert not (
                    words[:1] in (["import"], ["from"])
                    and words[1].split(".")[0] in ("cli", "eval", "retrievers", "encoders", "data")
                ), (path, line)


def test_every_measure_is_documented() -> None:
    from intrex.eval.measures import MEASURES

    text = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    rows = "".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`([A-Za-z_0-9]+)", rows))
    assert set(MEASURES.table) - named == set()

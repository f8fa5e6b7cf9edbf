"""Every import contract is seen to fail: one forbidden import is planted for each, in a copy."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

PLANTED = {
    "cli -> eval -> retrievers": ("data/ids.py", "import intrex.cli.app"),
    "retrievers: front door": ("retrievers/base.py", "import intrex.retrievers.fusion.fuse"),
    "eval: pipelines -> leaderboard": ("eval/scoring/rules.py", "import intrex.eval.leaderboard.rows"),
    "only eval.pipelines composes": ("eval/scoring/rules.py", "import intrex.retrievers.base"),
    "encoders: training -> encoders": ("encoders/base.py", "import intrex.encoders.hashing"),
    "data: checks and locators": ("data/io/files.py", "import intrex.data.collection"),
    "kernels are imported by kernels": (
        "retrievers/bm25/searcher.py",
        "import intrex.retrievers.bm25.kernels",
    ),
    "torch and its family": ("retrievers/base.py", "import torch"),
    "faiss, the JVM": ("retrievers/bm25/searcher.py", "import faiss"),
    "what a user may choose": ("retrievers/fde/options.py", "import numpy"),
    "no package goes round": ("eval/compare/inputs.py", "import intrex.eval.compare.report"),
}
FOLDERS = ("cli", "eval", "retrievers", "encoders", "data")


def contracts() -> list[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return [one["name"] for one in tomllib.loads(text)["tool"]["importlinter"]["contracts"]]


def test_every_contract_has_a_planted_import() -> None:
    for name in contracts():
        assert sum(name.startswith(beginning) for beginning in PLANTED) == 1, name


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code as one package, where import-linter finds it."""
    folder = tmp_path_factory.mktemp("layers")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / "intrex" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("contract", PLANTED)
def test_a_wrong_import_breaks_its_contract(copy: Path, contract: str) -> None:
    place, line = PLANTED[contract]
    file = copy / "intrex" / place
    whole = file.read_text(encoding="utf-8")
    file.write_text(f"{whole}\n\n{line}\n", encoding="utf-8")
    try:
        code = (
            "import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]; "
            f"sys.path.insert(0, {str(copy)!r}); from importlinter.cli import lint_imports_command as lint; lint()"
        )
        said = subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True)
    finally:
        file.write_text(whole, encoding="utf-8")
    broken = " ".join(part for part in said.stdout.split() if part)
    (name,) = (name for name in contracts() if name.startswith(contract))
    assert said.returncode == 1 and f"{name} BROKEN" in broken, said.stdout + said.stderr

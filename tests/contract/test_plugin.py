"""The example of docs/plugins.md: a kind of index of another package, from a wheel."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from tests.conftest import ROOT

RECIPE = """name = "r"
queries = "test"
measures = ["nDCG@10"]
[collection]
import = "{source}"
[[system]]
name = "near"
index = "jaccard"
least_length = {least}
threshold = 0.01
[[system]]
name = "bm25"
index = "bm25"
[[system]]
name = "both"
fuse = ["near", "bm25"]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the example's wheel was unpacked into, as an installer does."""
    work = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(ROOT / "docs" / "examples" / "plugin", work / "source")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(work / "dist"), str(source)]
    said = subprocess.run(command, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    (wheel,) = (work / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work / "site")
    return work / "site"


def run(installed: Path, line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "intrex.cli", *line.split()]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def test_it_is_built_searched_described_and_listed(
    installed: Path, small: Collection, tmp_path: Path
) -> None:
    for line, words in (
        (f"index jaccard {small.path} i --least-length 2", "i: jaccard index, 6 documents"),
        (f"search i {small.path}:test -o run.txt --threshold 0.01", "queries"),
        ("index verify i", "sound"),
        ("index info i --format csv", "least_length,2"),
        ("index jaccard --help", "--least-length N"),
        ("search i --help", "--threshold X"),
        ("search --help-all", "For jaccard: Least score of a document."),
        ("doctor --format csv", "from intrex-jaccard 0.1: Words in common"),
        (f"evaluate {small.path}:test run.txt -m nDCG@10 --format csv", "nDCG@10"),
    ):
        said = run(installed, line, tmp_path)
        assert said.returncode == 0 and words in said.stdout + said.stderr, (line, said)
    again = run(installed, f"search i {small.path}:test", tmp_path).stdout
    assert again.startswith("q1 Q0 d1 1 "), "the document with the words of the query"


def test_a_change_of_it_is_a_change_of_what_it_made(
    installed: Path, small: Collection, tmp_path: Path
) -> None:
    """Code and version of a package count where it is used, and there alone."""
    copy = Path(shutil.copytree(installed, tmp_path / "packages"))
    used = [f"index jaccard {small.path} i", f"search i {small.path}:test -o r.txt"]
    unused = [f"index bm25 {small.path} b", f"search b {small.path}:test -o s.txt"]
    for line in (*used, *unused):
        assert run(copy, line, tmp_path).returncode == 0
        assert "done already" in run(copy, line, tmp_path).stderr
    metadata = next(copy.glob("*.dist-info")) / "METADATA"
    for file, old, new in (
        (copy / "intrex_jaccard" / "index.py", '"""', '"""Or so. '),
        (metadata, "Version: 0.1", "Version: 0.2"),
    ):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        for line in used:
            said = run(copy, line, tmp_path)
            assert said.returncode == 1 and "the output exists" in said.stderr, said
            assert run(copy, f"{line} --overwrite", tmp_path).returncode == 0
        for line in unused:
            assert "done already" in run(copy, line, tmp_path).stderr, line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("index jaccard {c} x --least-length 0", "0 is not in the range"),
        ("search {i} {c}:test --threshold 2", "--threshold is 2.0, needed: 0 to 1"),
        ("search {b} {c}:test --threshold 0.1", "--threshold is for jaccard indexes, this one is bm25"),
        ("search {i} {c}:test --rm3", "--rm3 is for bm25 and lucene indexes, this one is jaccard"),
    ],
)
def test_what_cannot_be_is_refused(
    installed: Path, small: Collection, tmp_path: Path, line: str, words: str
) -> None:
    for kind in ("jaccard", "bm25"):
        assert run(installed, f"index {kind} {small.path} {kind}", tmp_path).returncode == 0
    said = run(installed, line.format(c=small.path, i="jaccard", b="bm25"), tmp_path)
    assert said.returncode == 2 and words in said.stderr


def test_a_recipe_uses_it(installed: Path, small: Collection, tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    for least, ran in ((1, "8 of 8"), (1, "0 of 8"), (3, "5 of 8")):
        recipe.write_text(RECIPE.format(source=small.path, least=least), encoding="utf-8")
        said = run(installed, "experiment run r.toml --output out", tmp_path)
        assert said.returncode == 0 and f"{ran} stages ran" in said.stderr, said
    recipe.write_text(
        RECIPE.format(source=small.path, least=0).replace("threshold", "treshold"), encoding="utf-8"
    )
    said = run(installed, "experiment run r.toml --output out", tmp_path)
    assert "least_length is 0, needed: a finite number of 1 or more" in said.stderr
    assert "unknown key 'treshold': did you mean threshold?" in said.stderr


def test_one_that_is_broken_takes_nothing_else_along(
    installed: Path, small: Collection, tmp_path: Path
) -> None:
    """Its kind is left out with a note that names the package; a builder that is not there is said when it is asked for."""
    copy = Path(shutil.copytree(installed, tmp_path / "packages"))
    options = copy / "intrex_jaccard" / "options.py"
    whole = options.read_text(encoding="utf-8")
    options.write_text("raise ValueError('broken')\n", encoding="utf-8")
    for line in (f"index bm25 {small.path} b", f"search b {small.path}:test -o r.txt", "index info b"):
        said = run(copy, line, tmp_path)
        assert said.returncode == 0 and "unforeseen" not in said.stderr, said
        assert "'jaccard' is left out: the package intrex_jaccard names" in said.stderr, said.stderr
    options.write_text(whole.replace(":build", ":no_such"), encoding="utf-8")
    said = run(copy, f"index jaccard {small.path} j", tmp_path)
    assert said.returncode == 1 and "the package intrex_jaccard names" in said.stderr, said.stderr

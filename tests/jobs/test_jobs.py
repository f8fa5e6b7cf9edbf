"""Two jobs from end to end, by scripts without a line of Python: an engineer's own files, and a researcher's new collection."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.needs import MINILM_PACKAGES, needs

HERE = Path(__file__).parent


def job(script: str, folder: Path, *arguments: Path) -> str:
    """Run a script in a folder as a user's shell does; return what it printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    line = ["sh", str(HERE / script), *map(str, arguments)]
    done = subprocess.run(
        line,
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


def figures(leaderboard: Path, measure: str) -> dict[str, float]:
    with leaderboard.open() as stream:
        return {
            row["system"]: float(row["value"]) for row in csv.DictReader(stream) if row["measure"] == measure
        }


@pytest.mark.model
@needs(*MINILM_PACKAGES)
def test_an_engineer_with_a_catalogue_a_click_log_and_answers_of_an_engine(tmp_path: Path) -> None:
    """The catalogue, the log and the answers are made up; clicks were drawn from examination (1 / position) ** 0.7."""
    shutil.copytree(HERE / "shop", tmp_path / "shop.files")
    for file in (tmp_path / "shop.files").iterdir():
        file.rename(tmp_path / file.name)
    said = job("engineer.sh", tmp_path)
    values = figures(tmp_path / "leaderboard.csv", "nDCG@10")
    assert set(values) == {"today", "bm25", "static", "rrf"} and min(values.values()) > 0.6
    assert "examination by position: 1 1.000, 2 0.606" in said, "drawn from 1, 0.616"
    assert "made of clicks by the model position" in said, "and the bias is said when they are imported"
    assert "msearch.json: run (elasticsearch), 1 line, 24 queries" in said
    for part in ("climbing **rope**, **red**", "1.0317", "grade 3"):
        assert part in said


@pytest.mark.model
@needs(*MINILM_PACKAGES)
def test_a_researcher_with_a_new_collection(shared: Path, tmp_path: Path) -> None:
    said = job("researcher.sh", tmp_path, shared / "stackfaq")
    values = figures(tmp_path / "leaderboard.csv", "nDCG@10")
    assert values["bm25"] == pytest.approx(0.7432, abs=5e-5)
    assert set(values) == {"bm25", "bm25+rm3", "static", "rrf"}
    assert "0 of 18 stages ran, 18 were done before" in said, "the recipe that was kept is what was run"
    for name in ("report.md", "tests.csv", "generalization.png", "recipe.toml", "packages.txt"):
        assert (tmp_path / "study" / name).stat().st_size > 0
    assert "quick" in (tmp_path / "study" / "leaderboard.csv").read_text()

"""The page of the generalisation study says what its CSV files say, and the checks of its target can fail."""

import re
from pathlib import Path

import pytest

from intrex.eval.leaderboard.rows import LeaderboardRow, read_leaderboard
from intrex.eval.pipelines.studies.generalization import reproduce as generalization
from intrex.eval.pipelines.studies.generalization.page import check_page, make_page
from intrex.eval.pipelines.studies.generalization.reproduce import commands, unexpected
from tests.conftest import ROOT

DOCS = ROOT / "docs" / "studies"
NAMES = ("stackfaq", "metatool")


@pytest.fixture(scope="module")
def found() -> dict[str, list[LeaderboardRow]]:
    return {name: read_leaderboard(DOCS / f"generalization-{name}-leaderboard.csv") for name in NAMES}


def test_the_page_is_made_of_its_csv_files() -> None:
    made = make_page(NAMES, DOCS, [c for name in NAMES for c in commands(name)])
    assert (DOCS / "generalization.md").read_text(encoding="utf-8") == made


def test_another_figure_on_the_page_is_found(found: dict[str, list[LeaderboardRow]], tmp_path: Path) -> None:
    assert check_page(DOCS / "generalization.md", found) == []
    text = (DOCS / "generalization.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if re.match(r"\| bm25 \| 0\.", line))
    changed = tmp_path / "page.md"
    changed.write_text(text.replace(line, line.replace("| 0.", "| 1.", 1)), encoding="utf-8")
    assert len(check_page(changed, found)) == 1
    changed.write_text(text.replace(line + "\n", ""), encoding="utf-8")
    assert len(check_page(changed, found)) == 1, "a line that is missing"


@pytest.mark.parametrize("change", ["0.0100", "-0.0100"])
def test_scores_on_either_side_of_the_expected_are_found(
    found: dict[str, list[LeaderboardRow]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    assert unexpected(found) == []
    lines = generalization.EXPECTED.read_text(encoding="utf-8").splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("stackfaq,bm25,macro,interpolation"))
    cells = lines[place].split(",")
    cells[4] = f"{float(cells[4]) + float(change):.4f}"
    moved = tmp_path / "expected.csv"
    monkeypatch.setattr(generalization, "EXPECTED", moved)
    moved.write_text(
        "\n".join([*lines[:place], ",".join(cells), *lines[place + 1 :]]) + "\n", encoding="utf-8"
    )
    assert [p.split(":")[0] for p in unexpected(found)] == ["stackfaq bm25 macro interpolation"]
    moved.write_text("\n".join(lines[:place] + lines[place + 1 :]) + "\n", encoding="utf-8")
    assert unexpected(found) == ["stackfaq bm25 macro interpolation: not expected"]
    moved.unlink()
    assert "no scores are expected" in unexpected(found)[0]

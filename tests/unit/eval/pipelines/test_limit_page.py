"""The page of the LIMIT studies says what its CSV files say, and the checks of its target can fail."""

import re
import shutil
from pathlib import Path

import pytest

from intrex.eval.pipelines.studies.limit.free_report import read_table
from intrex.eval.pipelines.studies.limit.page import COLLECTIONS, FREE, command_lines, make_page, unexpected
from intrex.eval.pipelines.studies.limit.published import CRITICAL, FULL, SMALL
from tests.conftest import ROOT

DOCS = ROOT / "docs" / "studies"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for file in DOCS.glob("limit-*.csv"):
        shutil.copyfile(file, tmp_path / file.name)
    return tmp_path


def test_the_page_is_that_of_its_files() -> None:
    text = (DOCS / "limit.md").read_text(encoding="utf-8")
    assert text == make_page(DOCS)
    assert unexpected(DOCS) == []
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert len(pictures) == len(COLLECTIONS) + len(FREE) and all((DOCS / name).is_file() for name in pictures)


def test_another_figure_is_another_page(copy: Path) -> None:
    for file in sorted(copy.glob("limit-*.csv")):
        whole = file.read_text(encoding="utf-8")
        head, first, *rest = whole.splitlines(keepends=True)
        cells = first.rstrip("\n").split(",")
        place = (
            head.rstrip("\n")
            .split(",")
            .index("solved" if "shares" in file.name else "critical_n" if "critical" in file.name else "R@10")
        )
        cells[place] = "0.4444" if "recall" in file.name else "77"
        file.write_text(head + ",".join(cells) + "\n" + "".join(rest), encoding="utf-8")
        assert make_page(copy) != (DOCS / "limit.md").read_text(encoding="utf-8"), file.name
        file.write_text(whole, encoding="utf-8")
    assert make_page(copy) == (DOCS / "limit.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "limit-free-critical.csv",
            "\n4,2,5,9,",
            "\n4,2,5,11,",
            "free d = 4 critical n: 11, expected 9 within 1",
        ),
        (
            "limit-free-critical.csv",
            "\n4,2,5,9,",
            "\n4,2,5,7,",
            "free d = 4 critical n: 7, expected 9 within 1",
        ),
        ("limit-free-critical.csv", "\n4,2,5,9,", "\n3,2,5,9,", "free d = 4 critical n: missing"),
        (
            "limit-published-small-recall.csv",
            "bm25,,,0,0.98",
            "bm25,,,0,0.99",
            "published-small bm25 R@2: 0.99",
        ),
    ],
)
def test_figures_that_are_not_expected_are_said(copy: Path, file: str, old: str, new: str, said: str) -> None:
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    (problem,) = unexpected(copy)
    assert said in problem


def test_published_figures_stand_beside_ours() -> None:
    """Those of the dossier, and in the page, marked as published."""
    text = (DOCS / "limit.md").read_text(encoding="utf-8")
    assert [CRITICAL[d] for d in range(4, 9)] == [10, 14, 19, 24, 28]
    assert FULL["BM25"] == (85.7, 90.4, 93.6) and SMALL["BM25"][0] == 97.8 and FULL.keys() == SMALL.keys()
    for row in read_table(DOCS / "limit-free-critical.csv"):
        assert int(row["published"]) == CRITICAL[int(row["dimensions"])]
        assert int(row["difference"]) == int(row["critical_n"]) - int(row["published"])
    assert "| GTE-ModernColBERT (multi-vector) | 23.1 | 34.6 | 54.8 | 83.5 | 97.6 | 99.1 |" in text


def test_no_claim_of_what_cannot_be() -> None:
    """A limit of optimisation and precision: never called impossible."""
    text = (DOCS / "limit.md").read_text(encoding="utf-8").lower()
    assert (
        "a limit of this optimisation" in text
        and "impossible" not in text
        and "cannot be represented" not in text
    )


def test_commands_are_those_of_the_page() -> None:
    text = (DOCS / "limit.md").read_text(encoding="utf-8")
    assert all(line in text for _, line in command_lines())

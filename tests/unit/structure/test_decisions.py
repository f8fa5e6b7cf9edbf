"""Pages of decisions: each number once, the same in name and heading, each listed on the index page."""

import re

from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "decisions"
PAGES = sorted(p for p in FOLDER.glob("*.md") if p.name != "README.md")


def test_numbers_run_from_one_and_none_stands_twice() -> None:
    numbers = [int(p.name[:4]) for p in PAGES]
    assert numbers == list(range(1, len(PAGES) + 1))


def test_a_heading_has_the_number_of_its_file() -> None:
    for page in PAGES:
        heading = page.read_text(encoding="utf-8").splitlines()[0]
        assert heading.startswith(f"# {int(page.name[:4])}. "), page.name


def test_the_index_lists_every_page_by_its_number() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\d+)\. .*?\]\((\S+)\) \|", text, re.MULTILINE)
    assert [(f"{int(number):04}", file) for number, file in listed] == [(p.name[:4], p.name) for p in PAGES]

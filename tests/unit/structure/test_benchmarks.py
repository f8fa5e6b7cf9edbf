"""The history of the benchmarks: sound files, a current page, and no figure on the page that no file has."""

import re

import pytest

from tests.bench import figures, history
from tests.conftest import ROOT

TABLE = """
| collection | documents | encoder | docs/s | times as fast | ms a query | peak MB | score | score |
| --- | --: | --- | --: | --: | --: | --: | --: | --: |
| adi | 82 | theirs | 1,033 | 1.00 | 2.5 | 10 | – | 0.1 |
| adi | 82 | ours | 2,066 | 2.00 | 1.2 | 12 | 0.5 | 0.2 |
"""
FILES = sorted(figures.FOLDER.glob("*.csv"))


def test_a_table_becomes_figures() -> None:
    (table,) = figures.tables_in(TABLE)
    cells = {cell.name: cell for cell in figures.cells_of(table)}
    theirs = "adi, documents 82, theirs: "
    ours = cells["adi, documents 82, ours: times as fast"]
    assert cells[theirs + "docs/s"] == figures.Cell(theirs + "docs/s", "1033", "docs/s", "")
    assert (ours.value, ours.unit, ours.ratio_to) == ("2.00", "", "theirs")
    assert cells[theirs + "ms a query"].unit == "ms" and cells[theirs + "peak MB"].unit == "MB"
    assert cells[theirs + "score score"].value == "0.1"
    assert len(cells) == 11


def test_files_are_read_back_and_appended_to(tmp_path) -> None:
    row = figures.Figure("2026-01-01", "abc", "2 cores", "x", "a, b: s", "1.5", "s", "", "load 0.1 before")
    assert figures.append(tmp_path / "x.csv", [row]) == figures.append(tmp_path / "x.csv", [row]) == 1
    assert figures.read(tmp_path / "x.csv") == [row, row]


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_a_file_is_sound_and_of_a_benchmark_that_exists(file) -> None:
    assert (ROOT / "tests" / "bench" / f"bench_{file.stem}.py").is_file()
    rows = figures.read(file)
    assert [row.date for row in rows] == sorted(row.date for row in rows)
    for row in rows:
        assert row.benchmark == file.stem and row.name and row.commit and row.machine
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row.date) and figures.number(row.value) == row.value
    runs = [(row.date, row.commit, row.note, row.name) for row in rows]
    assert len(set(runs)) == len(runs)


def test_the_page_of_the_history_is_current() -> None:
    assert history.PAGE.read_text(encoding="utf-8") == history.text()


def test_every_figure_of_the_page_of_benchmarks_is_in_a_file() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        names = re.findall(r"tests/bench/bench_(\w+)\.py", section.splitlines()[0])
        if not names:
            continue
        kept = {row.value for name in names for row in figures.read(figures.FOLDER / f"{name}.csv")}
        shown = {cell.value for table in figures.tables_in(section) for cell in figures.cells_of(table)}
        assert shown <= kept, (names, sorted(shown - kept))

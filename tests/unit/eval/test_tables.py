"""One writer for every table: what breaks a cell is escaped."""

import csv
import io
import logging

import pytest

from intrex.eval.tables import csv_text, escape_latex, latex_lines, markdown_lines


def test_markdown_escapes_what_ends_a_cell() -> None:
    assert markdown_lines(["a", "b|c"], [[1, "x|y"]]) == ["| a | b\\|c |", "| --- | --- |", "| 1 | x\\|y |"]
    assert markdown_lines(["a"], [], ["---:"])[1] == "| ---: |"


def test_markdown_shows_tags_of_html_as_text() -> None:
    assert markdown_lines(["a"], [["p < .05<sup>a</sup>"]])[2] == "| p < .05<sup>a</sup> |"
    assert markdown_lines(["a"], [["<b>x</b>|"]])[2] == "| \\<b>x\\</b>\\| |"


@pytest.mark.parametrize("first", ["[b]", " [x", "*"])
def test_latex_rows_are_no_arguments_of_what_stands_before_them(first: str) -> None:
    r"""``\\`` and ``\midrule`` take ``[length]``, and ``\\`` a star, also from the next line."""
    lines = latex_lines([first, "b"], [[first, "1"], ["a", first], [first, "2"]], "lr")
    assert lines[2] == rf"{{}}{first} & b \\"
    assert lines[4:7] == [rf"{{}}{first} & 1 \\", rf"a & {first} \\", rf"{{}}{first} & 2 \\"]


@pytest.mark.parametrize("cell", ["=1+1", "+x", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1"])
def test_csv_is_lossless_and_formulas_are_noted(cell: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="intrex"):
        text = csv_text(["tag", "value"], [[cell, -0.5], ["b", cell]])
    assert list(csv.reader(io.StringIO(text))) == [["tag", "value"], [cell, "-0.5"], ["b", cell]]
    assert f"2 cells of the CSV begin with =, +, - or @, for example {cell!r}" in caplog.text


def test_numbers_are_no_formulas(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="intrex"):
        csv_text(["a", "b"], [[-1, "-0.25"], ["+1e-5", "-"], ["a=b", ""]])
    assert not caplog.text


def test_latex_has_rules_and_escaped_text() -> None:
    lines = latex_lines(["a", "b"], [[escape_latex("50 % ~"), "2"]], "lr")
    assert lines[0] == r"\begin{tabular}{lr}"
    assert lines[4] == r"50 \% \~{} & 2 \\"
    assert lines[-1] == r"\end{tabular}"


def test_csv_quotes_and_ends_lines_with_a_line_feed() -> None:
    assert csv_text(["a", "b"], [["x,y", 0.1], ['"', ""]]) == 'a,b\n"x,y",0.1\n"""",\n'

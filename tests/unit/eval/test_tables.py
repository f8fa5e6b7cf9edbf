"""One writer for every table: what breaks a cell is escaped."""

from intrex.eval.tables import csv_text, escape_latex, latex_lines, markdown_lines


def test_markdown_escapes_what_ends_a_cell() -> None:
    assert markdown_lines(["a", "b|c"], [[1, "x|y"]]) == ["| a | b\\|c |", "| --- | --- |", "| 1 | x\\|y |"]
    assert markdown_lines(["a"], [], ["---:"])[1] == "| ---: |"


def test_latex_has_rules_and_escaped_text() -> None:
    lines = latex_lines(["a", "b"], [[escape_latex("50 % ~"), "2"]], "lr")
    assert lines[0] == r"\begin{tabular}{lr}"
    assert lines[4] == r"50 \% \~{} & 2 \\"
    assert lines[-1] == r"\end{tabular}"


def test_csv_quotes_and_ends_lines_with_a_line_feed() -> None:
    assert csv_text(["a", "b"], [["x,y", 0.1], ['"', ""]]) == 'a,b\n"x,y",0.1\n"""",\n'

"""Tables on a terminal and in documents."""

import re
import sys

import pytest

from intrex.cli.common.output import Format, between, emit
from intrex.eval.tables import Cell

HEADERS = ["system", "query", *(f"measure{i}" for i in range(9))]


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()


@pytest.mark.parametrize("columns", [80, 81, 60, 40, 20])
def test_a_wide_table_comes_in_blocks(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_terminal(monkeypatch, columns)
    rows: list[list[Cell]] = [["bm25", f"query-{i}", *(i + j / 10 for j in range(9))] for i in range(3)]
    emit(HEADERS, rows, Format.table, lead=2)
    lines = [line.split() for line in printed(capsys) if line.strip(" ─")]
    heads = [line for line in lines if line[0] == "system"]
    assert len(heads) > 1 and [h for line in heads for h in line[2:]] == HEADERS[2:]
    for i, row in enumerate(rows):
        own = [line[2:] for line in lines if line[:2] == ["bm25", f"query-{i}"]]
        assert [cell for cells in own for cell in cells] == [f"{v:.4f}" for v in row[2:]]


def test_no_line_is_wider_than_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for columns in range(40, 130):
        on_a_terminal(monkeypatch, columns)
        emit(HEADERS, [["bm25", "q1", *([0.5] * 9)]], Format.table, lead=2)
        assert max(map(len, printed(capsys))) <= columns


def test_ids_stand_whole_and_text_gives_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_terminal(monkeypatch, 80)
    long = "query-" + "0123456789" * 4
    row: list[Cell] = ["nDCG@10", long, 0.25, "left out", "", "a rule of many words " * 5]
    emit(["measure", "query", "intrex", "beir", "difference", "rules"], [row], Format.table)
    lines = printed(capsys)
    assert any(long in line and "0.2500" in line for line in lines)
    assert "many words" in " ".join("".join(lines).split())
    emit(["query", "text"], [["q" * 50, "some words " * 9]], Format.table)
    lines = printed(capsys)
    assert any("q" * 50 in line for line in lines) and max(map(len, lines)) <= 80


def test_every_line_of_a_caption(capsys: pytest.CaptureFixture[str]) -> None:
    emit(["a"], [[1]], Format.latex, "one\ntwo")
    assert capsys.readouterr().out.endswith("\\end{tabular}\n% one\n% two\n")
    emit(["a"], [[1]], Format.md, "one\ntwo")
    between(Format.md)
    assert capsys.readouterr().out.endswith("| 1 |\n\n`one`\n\n`two`\n\n")
    between(Format.table)
    assert capsys.readouterr().out == ""

"""The file of ``--theirs``: what is read of it, and what is refused."""

import gzip
import json
from pathlib import Path

import pytest

from intrex.data.errors import BadInput
from intrex.eval.dialects.output import read_tool_output
from intrex.eval.measures import Measure

LINES = "map\tq1\t0.5000\nmap\tq2\t0.2500\nrunid\tall\tmy run\nmap\tall\t0.3750\n"
JSON = '{"q1": {"map": 0.5}, "q2": {"map": 0.25}}'


@pytest.mark.parametrize("text", [LINES, JSON])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_and_json_plain_and_zipped(text: str, zipped: bool, mark: bytes, tmp_path: Path) -> None:
    raw = mark + text.encode()
    path = tmp_path / "theirs"
    path.write_bytes(gzip.compress(raw) if zipped else raw)
    cells = read_tool_output(path).cells
    assert {key: value for key, (value, _) in cells.items()} == {("map", "q1"): 0.5, ("map", "q2"): 0.25}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("map q1 0.5\nmap q2 inf\n", r"finite number is needed \(theirs:2\)"),
        ("map q1 -inf\n", r"theirs:1"),
        ("map q1 1e999\n", r"theirs:1"),
        ("map q1 0.5\n\nmap q1 0.5\n", r"map of query q1 a second time \(theirs:3\)"),
        ("map q1 half\n", r"theirs:1"),
        ("map q1\n", r"3 columns"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(text)
    with pytest.raises(BadInput, match=said):
        read_tool_output(tmp_path / "theirs")


def test_nan_of_one_measure_is_no_matter_for_another(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.write_text("map\tq1\t0.5000\n11pt_avg\tq1\t  -nan\n11pt_avg\tq2\tnan\n")
    printed = read_tool_output(path)
    values, _ = printed.values(Measure("AP"), ["q1"])
    assert values.tolist() == [0.5]
    with pytest.raises(BadInput, match="nan for 11pt_avg of query q2"):
        printed.values(Measure("IPrecAvg"), ["q0", "q2"])


@pytest.mark.parametrize(
    "text",
    [
        '{"q1": {"map": NaN}}',
        '{"q1": {"map": -Infinity}}',
        '{"q1": {"map": 1e999}}',
        '{"q1": {"map": "0.5"}}',
        '{"q1": {"map": true}}',
        '{"q1": {"map": null}}',
        '{"q1": 0.5}',
        '{"q1": {"map": 0.5}, "q1": {"map": 0.6}}',
        '{"q1": {"map": 0.5, "map": 0.6}}',
        '{"q1": {"map": ' + "9" * 400 + "}}",
        '{"q1": {"map": ' + "9" * 5000 + "}}",
        '{"q1": ' * 100_000,
        '{"q1": {',
        "{} {}",
    ],
)
def test_json_that_cannot_be_used_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(text)
    with pytest.raises(BadInput, match="theirs"):
        read_tool_output(tmp_path / "theirs")


@pytest.mark.parametrize(
    "raw", [b"map q\xe9 0.5\n", json.dumps(JSON).encode()[:9] + b"\xff", b'{"q\xe9": {}}']
)
def test_what_is_not_utf8_is_refused(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(raw)
    with pytest.raises(BadInput):
        read_tool_output(tmp_path / "theirs")


def test_a_cut_gzip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(gzip.compress(LINES.encode())[:-9])
    with pytest.raises(BadInput, match="ends early"):
        read_tool_output(tmp_path / "theirs")

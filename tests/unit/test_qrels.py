from pathlib import Path

import pytest

from intrex.data.errors import BadInput
from intrex.data.qrels import Qrels, read_qrels, write_qrels

JUDGED = {"007": {"a": 1, "ü": -1}, "q10": {"x": 0}, "q2": {"b": 3, "a": 2}}


@pytest.mark.parametrize("name", ["q.tsv", "q.txt", "q.tsv.gz", "q.txt.gz"])
def test_both_forms_round_trip(tmp_path: Path, name: str) -> None:
    qrels = Qrels.from_dict(JUDGED)
    write_qrels(qrels, tmp_path / name)
    assert read_qrels(tmp_path / name).to_dict() == JUDGED


def test_a_tsv_without_header_and_crlf(tmp_path: Path) -> None:
    (tmp_path / "q").write_bytes(b"\xef\xbb\xbfq1\td1\t2\r\nq1\td0\t0\r\n")
    assert read_qrels(tmp_path / "q").to_dict() == {"q1": {"d0": 0, "d1": 2}}


@pytest.mark.parametrize("grade", ["1.0", "x", "", "1e0", "99999999999", "1_0", "nan"])
def test_grades_must_be_integers(tmp_path: Path, grade: str) -> None:
    (tmp_path / "q").write_text(f"q1 0 d1 1\nq1 0 d2 {grade}\n")
    with pytest.raises(BadInput, match="q:2"):
        read_qrels(tmp_path / "q")


def test_a_pair_judged_twice_names_the_second_line(tmp_path: Path) -> None:
    (tmp_path / "q").write_text("q1 0 d1 1\nq2 0 d1 1\nq1 0 d1 0\n")
    with pytest.raises(BadInput, match=r"query q1, document d1 .q:3"):
        read_qrels(tmp_path / "q")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "q").write_text("\n")
    with pytest.raises(BadInput, match="no judgement"):
        read_qrels(tmp_path / "q")


@pytest.mark.parametrize("judged", [{"q": {"d d": 1}}, {"": {"d": 1}}, {"q": {"d": 1.5}}, {"q": {"d": True}}])
def test_dicts_are_checked(judged: dict) -> None:
    with pytest.raises(BadInput):
        Qrels.from_dict(judged)

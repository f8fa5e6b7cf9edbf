from pathlib import Path

import pytest

from intrex.data.errors import BadInput, Problems
from intrex.data.io.columns import read_columns
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


def test_comments_of_qrels_begin_a_line_as_in_trec_eval(tmp_path: Path) -> None:
    (tmp_path / "q").write_text("# one\n# two in a row\nq1 0 d#1 1\n#q1 0 d2 1\n #q 0 d3 1\nq1 0 #4 0\n")
    assert read_qrels(tmp_path / "q").to_dict() == {"#q": {"d3": 1}, "q1": {"d#1": 1, "#4": 0}}
    (tmp_path / "q").write_text("# one\nq1 0 d1 1\n # two\nq1 0 d2 one\n")
    with pytest.raises(BadInput, match=r"(?s)2 columns.*q:3.*grade is 'one'.*q:4"):
        read_qrels(tmp_path / "q")


def test_in_three_columns_nothing_is_a_comment(tmp_path: Path) -> None:
    (tmp_path / "q").write_text("query-id\tcorpus-id\tscore\n#1\td1\t1\n")
    assert read_qrels(tmp_path / "q").to_dict() == {"#1": {"d1": 1}}


@pytest.mark.parametrize(
    "head", ["query-id\tcorpus-id\tscore", "qid iteration docid rel", "# x\nquery_id 0 doc rel"]
)
def test_header_rows_are_skipped_in_every_form(tmp_path: Path, head: str) -> None:
    width = len(head.splitlines()[-1].split())
    (tmp_path / "q").write_text(f"{head}\nqid{' 0' * (width - 3)} d1 1\n")
    assert read_qrels(tmp_path / "q").to_dict() == {"qid": {"d1": 1}}
    (tmp_path / "q").write_text(f"qid{' 0' * (width - 3)} d1 1\n")
    assert read_qrels(tmp_path / "q").to_dict() == {"qid": {"d1": 1}}


@pytest.mark.parametrize("name", ["qrels.comments.123", "qrels.test.with-comments"])
def test_the_fixtures_of_trec_eval_10(shared: Path, name: str) -> None:
    path = shared / "trec-eval-fixtures" / "trec_eval" / name
    if not path.exists():
        pytest.skip("trec_eval's fixtures are not here")
    rows = [line.split()[2] for line in path.read_text().splitlines() if not line.startswith("#")]
    problems = Problems(name)
    pieces = read_columns(
        path, 4, "", problems, comments="first"
    )  # the first judges its pairs three times over
    assert [d.decode() for piece in pieces for d in piece.column(2).tolist()] == rows and not problems.count
    assert any("#" in row for row in rows)


def test_ids_that_cannot_be_are_refused_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "q").write_text('q1 0 d1 1\nq1 0 d\u00a02 1\n"q1" 0 d3 1\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"(?s)U\+00A0.*q:2.*a quote .q:3"):
        read_qrels(tmp_path / "q")

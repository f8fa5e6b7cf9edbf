import gzip
import logging
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, Problems
from intrex.data.ids import BLANKS, CONTROLS, id_problem
from intrex.data.io import columns
from intrex.data.io.files import read_pieces
from intrex.data.qrels import read_qrels
from intrex.data.rankings.write import write_run
from intrex.data.run import Run
from intrex.data.runformats import read_any_run, read_table_and_run, write_any_run
from intrex.data.runformats import read_any_run as read_run


def test_blanks_of_any_kind_separate_and_ids_stay_strings(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(b"\xef\xbb\xbf007\tQ0  d1 1 2.5 t\r\n  007 Q0 1e3\t2 1.5 t\n\n7 Q0 d1 1 1 t")
    assert read_run(path).to_dict() == {"007": {"d1": 2.5, "1e3": 1.5}, "7": {"d1": 1.0}}


def test_ties_are_by_document_id_descending_after_rounding_to_float32() -> None:
    run = Run.from_dict({"q": {"a": 1.0, "b": 1.0 + 1e-9, "é": 1.0, "c": 2.0}})
    assert list(run.to_dict()["q"]) == ["c", "é", "b", "a"]


def test_order_of_the_file_does_not_matter_but_the_table_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_text("q2 Q0 b 1 1 t\nq1 Q0 a 9 0.5 t\nq1 Q0 b 1 0.75 t\nq2 Q0 c 1 1 t\n")
    assert list(read_run(path).to_dict()) == ["q1", "q2"]
    assert list(read_run(path).to_dict()["q2"]) == ["c", "b"]
    table, _ = read_table_and_run(path)
    assert table.doc_ids.tolist() == [b"b", b"a", b"b", b"c"]
    assert table.scores.dtype == np.float64 and table.lines.tolist() == [1, 2, 3, 4]


def test_equal_runs_are_equal_bytes_plain_and_gzip(tmp_path: Path) -> None:
    one = Run.from_dict({"q1": {"a": 0.1, "b": -0.0}, "q2": {"c": 1e-20}})
    two = Run.from_dict({"q2": {"c": 1e-20}, "q1": {"b": 0.0, "a": 0.1}})
    for name in ("r.txt", "r.txt.gz"):
        write_run(one, tmp_path / f"1{name}")
        write_run(two, tmp_path / f"2{name}")
        assert (tmp_path / f"1{name}").read_bytes() == (tmp_path / f"2{name}").read_bytes()
    assert (
        tmp_path / "1r.txt"
    ).read_text() == "q1 Q0 a 1 0.1 intrex\nq1 Q0 b 2 0.0 intrex\nq2 Q0 c 1 1e-20 intrex\n"


def test_scores_read_back_as_the_same_float32(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal(2000).astype(np.float32) * np.float32(10) ** np.arange(
        -20, 20
    ).repeat(50)
    run = Run.from_dict({"q": {f"d{i}": float(v) for i, v in enumerate(values)}})
    write_run(run, tmp_path / "r.gz")
    assert np.array_equal(read_run(tmp_path / "r.gz").scores, run.scores)


@pytest.mark.parametrize(
    "score", ["nan", "NaN", "inf", "-Infinity", "1_0", "abc", "0x1", "1e999", "--1", "1e"]
)
def test_what_is_not_a_finite_number_is_refused(tmp_path: Path, score: str) -> None:
    path = tmp_path / "r"
    path.write_text(f"q Q0 a 1 1 t\nq Q0 b 2 {score} t\n")
    with pytest.raises(BadInput, match=r"r:2"):
        read_run(path)


def test_a_score_over_float32_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("q Q0 a 1 1 t\nq Q0 b 2 1e39 t\n")
    with pytest.raises(BadInput, match="r:2"):
        read_run(tmp_path / "r")


def test_pieces_are_cut_at_line_ends_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"q{i // 7} Q0 d{i} 1 {i / 3} t\n" for i in range(500)).encode() + b"q99 Q0 x 1 nan t"
    (tmp_path / "r.gz").write_bytes(gzip.compress(text))
    for size in (1, 13, 64, 1000):
        monkeypatch.setattr(columns, "read_pieces", lambda p, _, size=size: read_pieces(p, size))
        with pytest.raises(BadInput, match=r"r.gz:501"):
            read_run(tmp_path / "r.gz")
    (tmp_path / "ok").write_bytes(text.rpartition(b"\n")[0])
    whole = read_run(tmp_path / "ok").to_dict()
    for size in (1, 13, 64, 1000):
        monkeypatch.setattr(columns, "read_pieces", lambda p, _, size=size: read_pieces(p, size))
        assert read_run(tmp_path / "ok").to_dict() == whole


def test_every_problem_is_counted_and_five_are_shown(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("".join(f"q Q0 d{i} 1 x t\n" for i in range(8)))
    with pytest.raises(BadInput, match="8 problems in r") as caught:
        read_run(tmp_path / "r")
    assert caught.value.message.count("r:") == 5 and "and 3 more" in caught.value.message


def test_a_gzip_that_ends_early(tmp_path: Path) -> None:
    body = gzip.compress("".join(f"q Q0 d{i} 1 {i} t\n" for i in range(9999)).encode())
    (tmp_path / "r.gz").write_bytes(body[: len(body) // 2])
    with pytest.raises(BadInput, match="ends early"):
        read_run(tmp_path / "r.gz")


@pytest.mark.parametrize("form", ["trec", "json", "msmarco"])
def test_formats_round_trip_the_ranking(tmp_path: Path, form: str) -> None:
    run = Run.from_dict({"q1": {"a": 3.25, "ü": 3.25, "c": -1.5}, "q0": {"z": 0.1}})
    write_any_run(run, tmp_path / "r.gz", form)
    back = read_any_run(tmp_path / "r.gz")
    assert [list(d) for d in back.to_dict().values()] == [list(d) for d in run.to_dict().values()]
    if form != "msmarco":
        assert back.to_dict() == run.to_dict()


COMMENTED = b"""# a run
q1 Q0 d1 1 3 t
#q1 Q0 d2 2 2 t
  \t # after blanks, caf\xe9
q1 Q0 d#3 2 1 t

q1 Q0 #4 3 0.5 t
#"""


def test_comments_of_a_run_begin_after_blanks_as_in_trec_eval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "intrex")
    (tmp_path / "r").write_bytes(COMMENTED)
    for size in (None, 1, 20, 30):  # however the file is cut into pieces
        if size:
            monkeypatch.setattr(columns, "read_pieces", lambda path, _, size=size: read_pieces(path, size))
        table, _ = read_table_and_run(tmp_path / "r")
        assert table.doc_ids.tolist() == [b"d1", b"d#3", b"#4"] and table.lines.tolist() == [2, 5, 7]
    assert read_any_run(tmp_path / "r").to_dict() == {"q1": {"d1": 3.0, "d#3": 1.0, "#4": 0.5}}
    assert "r: 1 lines begin with # and are comments" in caplog.text
    (tmp_path / "r").write_bytes(COMMENTED + b"\nq1 Q0 d1 x t\n#\nq1 Q0 d1 1 x t\n")
    with pytest.raises(BadInput, match=r"(?s)5 columns.*\(r:9\).*score is 'x'.*\(r:11\)"):
        read_table_and_run(tmp_path / "r")


def test_a_run_of_nothing_but_comments_is_empty(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("# a\n#b\n")
    with pytest.raises(BadInput, match="no line"):
        read_any_run(tmp_path / "r")


def test_header_rows_of_runs_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("# from a table\nquery_id Q0 doc_id rank score run\nquery Q0 d1 1 3 t\n")
    assert read_any_run(tmp_path / "r").to_dict() == {"query": {"d1": 3.0}}
    (tmp_path / "m").write_text("qid docid rank\nqid d1 1\n#2 d1 1\n")
    assert read_any_run(tmp_path / "m").to_dict() == {"qid": {"d1": 1.0}, "#2": {"d1": 1.0}}
    (tmp_path / "q").write_text("query Q0 d1 1 3 t\nquery_id Q0 doc_id rank score run\n")
    with pytest.raises(BadInput, match=r"score is 'score'.*q:2"):
        read_any_run(tmp_path / "q")


def test_a_query_id_that_would_begin_a_comment_is_not_written(tmp_path: Path) -> None:
    run = Run.from_dict({"#1": {"d": 1.0}, "q": {"d": 1.0}})
    with pytest.raises(BadInput, match="1 query ids begin with #"):
        write_any_run(run, tmp_path / "r", "trec")
    for form in ("json", "msmarco"):
        write_any_run(run, tmp_path / form, form)
        assert list(read_any_run(tmp_path / form).to_dict()) == ["#1", "q"]


@pytest.mark.parametrize(
    "bad", [chr(c) for c in range(0x80, 0x3100) if chr(c).isspace() or c in (0x85, 0x2028)]
)
def test_ids_with_white_space_beyond_ascii_are_refused_with_their_line(tmp_path: Path, bad: str) -> None:
    assert id_problem(f"d{bad}1")
    (tmp_path / "r").write_text(f"# {bad}\nq Q0 dé\u200b1 1 3 t\nq Q0 d{bad}1 1 2 t\n", encoding="utf-8")
    with pytest.raises(BadInput, match=rf"U\+{ord(bad):04X}.*r:3"):
        read_table_and_run(tmp_path / "r")


@pytest.mark.parametrize("bad", [c for c in CONTROLS if not c.isascii()])
def test_ids_with_control_characters_beyond_ascii_are_refused_with_their_line(
    tmp_path: Path, bad: str
) -> None:
    """C1, such as the CSI of terminals, and what turns the direction of a text round: U+202E and its like."""
    named = rf"the control character U\+{ord(bad):04X}"
    assert re.search(named, id_problem(f"d{bad}1") or "")
    lines = {"run": "q Q0 d{} 1 3 t\n", "marco": "q d{} 1\n", "qrels": "q 0 d{} 1\n", "beir": "q\td{}\t1\n"}
    for name, line in lines.items():
        (tmp_path / name).write_text(line.format("é\u200f") + line.format(f"2{bad}"), encoding="utf-8")
        read = read_any_run if name in ("run", "marco") else read_qrels
        with pytest.raises(BadInput, match=rf"{named}, which no id may hold \({name}:2\)"):
            read(tmp_path / name)
    (tmp_path / "json").write_text(f'{{"q": {{"d{bad}": 1}}}}', encoding="utf-8")
    with pytest.raises(BadInput, match=named):
        read_any_run(tmp_path / "json")


def test_the_characters_that_no_id_may_hold_are_those_of_unicode() -> None:
    controls = {c for c in map(chr, range(0x110000)) if unicodedata.category(c) == "Cc"}
    turning = {c for c in map(chr, range(0x3000)) if re.match("(LR|RL|FS|PD)", unicodedata.bidirectional(c))}
    assert set(CONTROLS) == (controls - set(BLANKS)) | turning
    separators = {"\x1c", "\x1d", "\x1e", "\x1f"}  # white space to Python alone
    assert set(BLANKS) == {c for c in map(chr, range(0x110000)) if c.isspace()} - separators


def test_ids_that_begin_with_a_quote_are_refused_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "r").write_text('q Q0 d"1 1 3 t\nq Q0 "d1" 1 2 t\n')
    with pytest.raises(BadInput, match=r"a quote .r:2"):
        read_table_and_run(tmp_path / "r")


@pytest.mark.parametrize("width", [7, 8, 9, 20])
def test_repeats_are_found_in_long_runs_whatever_the_ids_and_the_lengths_of_rankings(width: int) -> None:
    rng = np.random.default_rng(width)
    sizes = [3, 40_000, 1, 70_000, 2, 2]
    names = [f"{q}" for q, size in enumerate(sizes) for _ in range(size)]
    docs = [f"{d:0{width}d}" for size in sizes for d in rng.permutation(10 * size)[:size]]
    docs[39_999], docs[-1] = docs[3], docs[-2]  # one far from its first, one beside it
    problems = Problems("run")
    queries = np.array(names, np.bytes_)
    Run.from_columns(queries, np.array(docs, np.bytes_), np.arange(len(docs), 0.0, -1), "t", problems)
    assert problems.count == 2
    with pytest.raises(BadInput, match=f"query 1 lists document {docs[3]} twice"):
        problems.raise_if_any()

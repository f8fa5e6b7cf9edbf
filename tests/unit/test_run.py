import gzip
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.data.run import Run, read_run, read_run_table, write_run
from intrex.data.runformats import read_any_run, write_any_run


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
    table = read_run_table(path)
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
    import intrex.data.columns as columns
    from intrex.data.files import read_pieces

    text = "".join(f"q{i // 7} Q0 d{i} 1 {i / 3} t\n" for i in range(500)).encode() + b"q99 Q0 x 1 nan t"
    (tmp_path / "r.gz").write_bytes(gzip.compress(text))
    for size in (1, 13, 64, 1000):
        monkeypatch.setattr(columns, "read_pieces", lambda p, size=size: read_pieces(p, size))
        with pytest.raises(BadInput, match=r"r.gz:501"):
            read_run(tmp_path / "r.gz")
    (tmp_path / "ok").write_bytes(text.rpartition(b"\n")[0])
    whole = read_run(tmp_path / "ok").to_dict()
    for size in (1, 13, 64, 1000):
        monkeypatch.setattr(columns, "read_pieces", lambda p, size=size: read_pieces(p, size))
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

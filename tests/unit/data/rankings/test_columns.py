"""Runs of three and four columns: ranks and scores are told apart by a look at the whole column, or not at all."""

import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.rankings.options import RunSource, parse_columns
from intrex.data.runformats import read_any_run

QRELS = "q1 0 d1 1\nq1 0 d2 0\nq2 0 d3 2\n"
SCORES = "q1\td2\t9\nq1\td1\t5\nq2\td3\t7\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.qrels").write_text(QRELS)
    return tmp_path


def values(said):
    return [float(line.split(",")[2]) for line in said.out.splitlines()[1:]]


def test_scores_are_never_read_as_ranks(folder, intrex):
    """Case BR-06: as ranks it was 1.0 and 1.0."""
    (folder / "out.tsv").write_text(SCORES)
    line = "evaluate q.qrels out.tsv -m nDCG@10 -m RR@10 --format csv"
    refused = intrex(line)
    assert refused.code == 1 and "query q1: the third column is 9, 5, no ranks 1, 2, 3" in refused.err
    assert "--columns query,document,score" in refused.err and "--columns query,document,rank" in refused.err
    told = intrex(f"{line} --columns query,document,score")
    assert values(told) == pytest.approx([0.8154648767857288, 0.75])
    assert values(intrex(f"{line} --columns query,document,rank")) == [1.0, 1.0]


def test_check_says_the_same(folder, intrex):
    (folder / "out.tsv").write_text(SCORES)
    for line in ("check out.tsv", "check out.tsv --as run", "check q.qrels out.tsv"):
        said = intrex(f"{line} --format csv")
        assert said.code == 3 and "R021,error,out.tsv:1,2" in said.out
    assert intrex("check q.qrels out.tsv --columns query,document,score").code == 0
    (folder / "out.tsv").write_text("q1\td2\t2\nq1\td1\t0\nq2\td3\t1\n")
    assert "--as run" in intrex("check q.qrels out.tsv").out, "without a word on it, it could be judgements"


@pytest.mark.parametrize("command", [
    "compare q.qrels out.tsv b.txt --format csv", "fuse out.tsv b.txt -o f.txt", "convert out.tsv c.txt",
])  # fmt: skip
def test_every_command_that_reads_runs_has_the_option(folder, intrex, command):
    (folder / "out.tsv").write_text(SCORES)
    (folder / "b.txt").write_text(SCORES.replace("9", "9.5"))  # scores, by its fraction
    refused = intrex(command)
    assert refused.code == 1 and "no ranks 1, 2, 3" in refused.err
    assert intrex(f"{command} --columns query,document,score").code == 0


def test_rerank_has_it_too(folder, intrex, small):
    (folder / "r.tsv").write_text("q1\td1\t9\nq1\td2\t5\n")
    assert intrex(f"index bm25 {small.path} i").code == 0
    assert "no ranks" in intrex(f"rerank r.tsv {small.path}:test --index i").err
    said = intrex(f"rerank r.tsv {small.path}:test --index i --columns query,document,score")
    assert "no ranks" not in said.err


@pytest.mark.parametrize(("text", "run"), [
    ("q1 d1 1\nq1 d2 2\nq2 d3 1\n", {"q1": {"d1": 1.0, "d2": 0.5}, "q2": {"d3": 1.0}}),
    ("q1 d1 2\nq2 d3 1\nq1 d2 1\n", {"q1": {"d2": 1.0, "d1": 0.5}, "q2": {"d3": 1.0}}),
    ("q1 d1 0\nq1 d2 1\nq2 d3 0\n", {"q1": {"d1": 1.0, "d2": 0.5}, "q2": {"d3": 1.0}}),  # ranks from 0
    ("q1 d1 7\nq1 d2 6.5\nq2 d3 1\n", {"q1": {"d1": 7.0, "d2": 6.5}, "q2": {"d3": 1.0}}),  # a fraction: scores
    ("q1 d1 1\nq1 d2 1e-3\n", {"q1": {"d1": 1.0, "d2": 0.0010000000474974513}}),
    ("query doc score\nq1 d1 1\nq1 d2 2\n", {"q1": {"d2": 2.0, "d1": 1.0}}),  # the header says so
    ("qid docid rank\nq1 d1 3\nq1 d2 9\n", {"q1": {"d1": 0.3333333432674408, "d2": 0.1111111119389534}}),
    ("q1 d2 1 22.5\nq1 d1 2 20.0\n", {"q1": {"d2": 22.5, "d1": 20.0}}),
])  # fmt: skip
def test_what_a_look_decides(tmp_path, text, run):
    (tmp_path / "r").write_text(text)
    assert read_any_run(tmp_path / "r").to_dict() == run


@pytest.mark.parametrize("text", [
    "q1 d1 1\nq1 d2 3\n",  # a gap
    "q1 d1 1\nq1 d2 1\n",  # twice
    "q1 d1 2\nq1 d2 3\n",  # begins with 2
    "q1 d1 1\nq2 d1 -1\n",
    "q1 d1 1.0\nq1 d2 2.0\n",  # counts like ranks, written like scores
    "q1 d1 1\nq1 d2 x\n",
    "q1 d1 7 2.5\nq1 d2 9 2.0\n",  # four columns, and the third is no rank
])  # fmt: skip
def test_what_it_does_not_decide_is_refused_with_the_ways_out(tmp_path, text):
    (tmp_path / "r").write_text(text)
    with pytest.raises(BadInput) as error:
        read_any_run(tmp_path / "r")
    assert "(r:" in error.value.message and "--columns query,document,score" in error.value.hint


def test_columns_by_position_and_by_name(tmp_path):
    (tmp_path / "r").write_text("sku when term value\nd1 x q1 2\nd2 y q1 3\n")
    for columns in ("document,-,query,score", "query=term,document=sku,score=value"):
        with RunSource(columns=(columns,)).declared():
            assert read_any_run(tmp_path / "r").to_dict() == {"q1": {"d2": 3.0, "d1": 2.0}}
    source = RunSource(columns=("query=term,document=SKU,score=value",))
    with source.declared(), pytest.raises(BadInput, match="no column is called 'SKU'") as error:
        read_any_run(tmp_path / "r")
    assert "sku, when, term, value" in error.value.hint


@pytest.mark.parametrize("text", [
    "query,document", "query,document,scores", "query,query,score", "document,score", "query=a,document,score", "query,document,score,score",
])  # fmt: skip
def test_columns_that_cannot_be(text):
    with pytest.raises(UsageError):
        parse_columns((text,))
    with pytest.raises(UsageError):
        RunSource(columns=(text,))


def test_large_files_with_columns_do_not_take_the_fast_path(folder, intrex):
    rows = "".join(f"q{i} d{j} {j * 2 + 1} {100 - j}.5 x y\n" for i in range(400) for j in range(200))
    (folder / "r.txt").write_text(rows)  # six columns, which are not TREC's
    said = intrex("convert r.txt o.txt --columns query,document,score,-,-,-")
    assert said.code == 0, said.err
    assert read_any_run(folder / "o.txt").to_dict()["q0"]["d199"] == 399.0

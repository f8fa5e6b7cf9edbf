"""Click logs: forms, columns, faults with their lines, memory; judgements of them in a collection."""

import gzip
import json
import tracemalloc

import pytest

from intrex.data.clicks.judgements import judge_clicks, write_click_judgements
from intrex.data.clicks.log import read_clicks
from intrex.data.clicks.options import click_columns
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, Problems, UsageError
from intrex.data.listing import describe_collection
from intrex.data.qrels import read_qrels

# session, query, document, position, clicked
ROWS = [
    ("s1", "q1", "a", 1, 1),
    ("s1", "q1", "b", 2, 0),
    ("s2", "q1", "b", 1, 0),
    ("s2", "q1", "a", 2, 1),
    ("s3", "q2", "c", 1, 0),
]
NAMES = ("session_id", "query_id", "doc_id", "rank", "click")
COUNTED = [(0, 1, 1, 1), (0, 2, 1, 1), (1, 1, 1, 0), (1, 2, 1, 0), (2, 1, 1, 0)]


def delimited(between, header=True):
    rows = ([NAMES] if header else []) + ROWS
    return "".join(between.join(map(str, row)) + "\n" for row in rows)


def counted(path, columns=()):
    counts = read_clicks(path, click_columns(columns) if columns else None, Problems(path.name))
    return [tuple(row) for row in zip(*(part.tolist() for part in counts.table()), strict=True)]


def test_csv_tsv_json_lines_and_parquet_say_the_same(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "log.csv").write_text(delimited(","))
    (tmp_path / "log.tsv").write_text(delimited("\t"))
    (tmp_path / "log.gz").write_bytes(gzip.compress(delimited(";").encode()))
    objects = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in objects))
    truths = [{**row, "click": bool(row["click"])} for row in objects]
    (tmp_path / "truths.jsonl").write_text("".join(json.dumps(row) + "\n" for row in truths))
    parquet.write_table(arrow.Table.from_pylist(truths), tmp_path / "log.parquet")
    for name in ("log.csv", "log.tsv", "log.gz", "log.jsonl", "truths.jsonl", "log.parquet"):
        assert counted(tmp_path / name) == COUNTED, name


def test_columns_by_position_and_by_name(tmp_path):
    (tmp_path / "bare.tsv").write_text(delimited("\t", header=False))
    assert counted(tmp_path / "bare.tsv", ("session,query,document,position,clicked",)) == COUNTED
    (tmp_path / "log.csv").write_text("term;sku;slot_no;hit\nq1;a;1;yes\nq1;a;1;no\n")
    names = ("query=term,document=sku", "position=slot_no,clicked=hit")
    assert counted(tmp_path / "log.csv", names) == [(0, 1, 2, 1)]
    with pytest.raises(UsageError, match="no column is the document"):
        click_columns(("query,-,position",))
    with pytest.raises(BadInput, match="no column is called 'gone'"):
        counted(tmp_path / "log.csv", ("query=gone,document=sku",))
    with pytest.raises(BadInput, match="no telling which columns are query and document: term, sku"):
        counted(tmp_path / "log.csv")


def test_counts_of_impressions_are_read(tmp_path):
    (tmp_path / "log.csv").write_text(
        "query,document,position,impressions,clicks\nq1,a,1,10,4\nq1,a,1,5,1\nq1,b,2,3,0\n"
    )
    assert counted(tmp_path / "log.csv") == [(0, 1, 15, 5), (1, 2, 3, 0)]


def test_faults_are_all_named_with_their_lines(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(
        "query,document,position,clicked\nq1,a,1,1\nq1,b,first,0\nq1,,2,0\nq1,c,3,perhaps\nq1,c,4\n"
    )
    with pytest.raises(BadInput) as error:
        judge_clicks(log)
    for part in ("4 problems", "log.csv:3", "'first'", "log.csv:4", "log.csv:5", "'perhaps'", "log.csv:6"):
        assert part in error.value.message
    log.write_text("query,document,impressions,clicks\nq1,a,2,3\n")
    with pytest.raises(BadInput, match=r"3 clicks of 2 impressions \(log.csv:2\)"):
        judge_clicks(log, model="ctr")


def test_models_say_what_they_lack(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("query,document\nq1,a\nq1,a\nq1,b\n")
    with pytest.raises(BadInput, match="no column says whether a document was clicked"):
        judge_clicks(log)
    with pytest.raises(UsageError, match="--min-impressions"):
        judge_clicks(log, model="count", min_impressions=2)
    judged = judge_clicks(log, model="count", grades=3)
    assert dict(zip(judged.pairs, judged.grades.tolist(), strict=True)) == {("q1", "a"): 2, ("q1", "b"): 1}
    log.write_text("query,document,clicked\nq1,a,1\n")
    with pytest.raises(BadInput, match="no column is the position"):
        judge_clicks(log)


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak(times):
        log = tmp_path / f"{times}.tsv"
        log.write_text("\t".join(NAMES) + "\n" + delimited("\t", header=False) * times)
        tracemalloc.start()
        counts = read_clicks(log, None, Problems("log"))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert counts.rows == 5 * times
        return top

    peak(10)
    assert peak(20_000) < peak(2_000) + 200_000


def test_a_collection_keeps_how_its_judgements_were_made(tmp_path, monkeypatch, intrex):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs.jsonl").write_text("".join(f'{{"_id": "{d}", "text": "{d}"}}\n' for d in "abc"))
    head = "query,document,position,clicked\n"
    rows = [f"{r[1].replace('q', 'the query ')},{r[2]},{r[3]},{r[4]}\n" for r in ROWS]
    (tmp_path / "log.csv").write_text(head + "".join(rows))
    said = intrex("collection clicks log.csv clicks.qrels --queries-output queries.jsonl --grades 2")
    assert (said.code, said.out) == (0, "")
    assert "note: bias that is left (model position): only what was shown is judged" in said.err
    assert read_qrels(tmp_path / "clicks.qrels").to_dict() == {
        "the%20query%201": {"a": 1, "b": 0},
        "the%20query%202": {"c": 0},
    }
    said = intrex("collection import docs.jsonl c --queries queries.jsonl --qrels clicks.qrels")
    assert said.code == 0
    assert "the judgements of the set test were made of clicks by the model position" in said.err
    made = Collection.open(tmp_path / "c")
    assert made.queries("test").texts == ["the query 1", "the query 2"]
    kept = made.manifest.params["origin"]["qrels"]["test"]["clicks"]
    assert (kept["model"], kept["rows"], kept["clicks"], kept["impressions"]) == ("position", 5, 2, 5)
    assert "model position" in describe_collection(made)["judgements of test"]


def test_two_runs_write_the_same_bytes_and_tsv_is_of_beir(tmp_path):
    (tmp_path / "log.tsv").write_text(delimited("\t"))
    judged = [judge_clicks(tmp_path / "log.tsv", min_impressions=2) for _ in range(2)]
    assert judged[0].record["left_out"] == 1
    for i, name in enumerate(("1.qrels", "2.qrels", "3.tsv")):
        write_click_judgements(judged[i % 2], tmp_path / name)
    assert (tmp_path / "1.qrels").read_bytes() == (tmp_path / "2.qrels").read_bytes()
    assert (tmp_path / "3.tsv").read_text() == "query-id\tcorpus-id\tscore\nq1\ta\t1\nq1\tb\t0\n"
    with pytest.raises(BadInput, match="no texts of queries"):
        write_click_judgements(judged[0], tmp_path / "4.tsv", tmp_path / "q.jsonl")


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"query": "q1", "doc_id": "b", "rank": 2}, "has no clicked, other than the first row"),
        ({"query": "q1", "doc_id": "b", "click": 0}, "has no position, other than the first row"),
        ({"query": "q1", "doc_id": "b", "rank": 2, "click": 0, "impressions": 3}, "impressions, other than"),
    ],
)
def test_a_row_without_a_key_that_others_have_is_no_click_at_no_position(tmp_path, second, message):
    first = {"query": "q1", "doc_id": "a", "rank": 1, "click": 1}
    log = tmp_path / "log.jsonl"
    log.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    with pytest.raises(BadInput, match=rf"{message}.*log.jsonl:2"):
        judge_clicks(log)


def test_a_log_without_a_click_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("query,document,position,clicked\nq1,a,1,0\nq1,b,2,0\n")
    for model in ("position", "ctr", "count"):
        with pytest.raises(BadInput, match="no row is a click"):
            judge_clicks(tmp_path / "log.csv", model=model)


def test_grades_are_as_many_as_can_be_told_apart_and_listed(tmp_path, intrex):
    (tmp_path / "log.csv").write_text("query,document,position,clicked\nq1,a,1,1\n")
    assert intrex(f"collection clicks {tmp_path / 'log.csv'} {tmp_path / 'a'} --grades 100").code == 0
    said = intrex(f"collection clicks {tmp_path / 'log.csv'} {tmp_path / 'b'} --grades 101")
    assert said.code == 2 and not (tmp_path / "b").exists()

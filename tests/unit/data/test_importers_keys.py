"""Corpora, queries and judgements with keys and columns of any name: JSON lines, CSV, TSV, Parquet, Arrow."""

import importlib.util
import json

import pytest

from intrex.data.check.check import check_paths
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, MissingExtra, UsageError
from intrex.data.importers.options import TopicOptions
from intrex.data.importers.sources import import_collection
from intrex.data.locate import find_qrels, read_query_file
from intrex.data.qrels import read_qrels
from intrex.data.runformats import read_any_run

BR_20 = {
    "a": (
        '{"docid": "d1", "title": "Ferry", "text": "summer timetable"}\n',
        ("d1", "Ferry", "summer timetable"),
    ),
    "b": (
        '{"id": "d1", "title": "Ferry", "text": "summer timetable"}\n',
        ("d1", "Ferry", "summer timetable"),
    ),
    "c": (
        '{"docid": "s_0#1", "title": "Ferry", "headings": "H", "segment": "summer timetable"}\n',
        ("s_0#1", "Ferry", "summer timetable"),
    ),
    "d": ('{"pid": "d1", "passage": "summer timetable"}\n', ("d1", "", "summer timetable")),
    "e": ('{"docno": 7, "body": "summer timetable"}\n', ("7", "", "summer timetable")),
    "f": ('{"doc_id": "d1", "contents": "summer timetable"}\n', ("d1", "", "summer timetable")),
}


def rows(folder):
    lines = (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["_id"], row["title"], row["text"]) for row in map(json.loads, lines)]


@pytest.fixture
def here(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "intrex")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", BR_20)
def test_common_keys_are_known(here, name, intrex, caplog):
    """Case BR-20."""
    text, row = BR_20[name]
    (here / "x.jsonl").write_text(text)
    said = intrex("collection import x.jsonl c")
    assert said.code == 0 and rows(here / "c") == [row]
    assert ("keys that are not read, with the records that have them: headings (1)" in caplog.text) == (
        name == "c"
    )
    assert intrex("check x.jsonl --as corpus").code == 0


def test_keys_of_any_name(here, intrex, caplog):
    (here / "x.jsonl").write_text(BR_20["c"][0])
    assert intrex("collection import x.jsonl c --text-fields title,headings,segment").code == 0
    assert rows(here / "c") == [("s_0#1", "Ferry", "H summer timetable")]
    (here / "y.jsonl").write_text(
        '{"sku": 1, "name": "Ferry", "about": "x", "price": 3}\n{"sku": 2, "name": "Boat", "price": 4}\n'
    )
    refused = intrex("collection import y.jsonl d")
    assert refused.code == 1 and "--id-field NAME --text-fields NAME,NAME" in refused.err
    intrex("collection import y.jsonl d --id-field sku --text-fields name,about")
    assert rows(here / "d") == [("1", "", "Ferry x"), ("2", "", "Boat")] and "price (2)" in caplog.text
    wrong = intrex("collection import y.jsonl e --id-field SKU --text-fields name")
    assert (
        wrong.code == 1
        and "the document has no id, its keys are sku, name, about, price (y.jsonl:1)" in wrong.err
    )


def test_a_title_beside_contents_is_named(here, intrex, caplog):
    """The note of case BR-10: pyserini's contents stay whole, and the title that is not read is said."""
    (here / "x.jsonl").write_text('{"id": "d1", "title": "island harbour", "contents": "ferry timetable"}\n')
    intrex("collection import x.jsonl c")
    assert "title (1)" in caplog.text and rows(here / "c") == [("d1", "", "ferry timetable")]
    assert intrex("collection import x.jsonl d --text-fields title,contents").code == 0
    assert rows(here / "d") == [("d1", "island harbour", "ferry timetable")]


def test_quotes_of_csv(here, intrex, caplog):
    """Case BR-23."""
    (here / "psgs.tsv").write_text('id\ttext\ttitle\n1\t"A ""fast"" ferry"\tFerry\n')
    (here / "q.tsv").write_text("1\tferry\n")
    intrex("collection import psgs.tsv c --queries q.tsv")
    assert rows(here / "c") == [("1", "Ferry", '"A ""fast"" ferry"')] and "--layout dpr" in caplog.text
    assert intrex("collection import psgs.tsv d --queries q.tsv --layout dpr").code == 0
    assert rows(here / "d") == [("1", "Ferry", 'A "fast" ferry')]
    assert "C007,warning" in intrex("check psgs.tsv --format csv").out


PRODUCTS = 'sku,name,about,price\nd1,"Boat, fast","summer\ntimetable",3\nd2,Ankle brace,,4\n'


def test_a_csv_of_products_becomes_a_collection_and_a_result(here, intrex):
    """Item 2 of section 2 of new-user.md: products, queries and judgements as CSV, and a run as CSV."""
    (here / "products.csv").write_text(PRODUCTS)
    (here / "queries.csv").write_text("query_id,query\nq1,boat\nq2,brace\n")
    (here / "labels.csv").write_text("term,item,label\nq1,d1,2\nq2,d2,1.0\n")
    (here / "found.csv").write_text("query_id,doc_id,score\nq1,d2,9\nq1,d1,5\nq2,d2,7\n")
    done = intrex(
        "collection import products.csv c --id-field sku --text-fields name,about --queries queries.csv "
        "--qrels test=labels.csv --qrels-columns query=term,document=item,grade=label"
    )
    assert done.code == 0, done.err
    assert rows(here / "c") == [("d1", "", "Boat, fast summer\ntimetable"), ("d2", "", "Ankle brace")]
    assert find_qrels("c:test").qrels.to_dict() == {"q1": {"d1": 2}, "q2": {"d2": 1}}
    said = intrex("evaluate c:test found.csv -m RR --format csv")
    assert [line.split(",")[2] for line in said.out.splitlines()[1:]] == ["0.75"]
    same = intrex(
        "evaluate labels.csv found.csv -m RR --format csv --qrels-columns query=term,document=item,grade=label"
    )
    assert same.out.splitlines()[1].split(",")[2] == "0.75", same.err
    assert (
        intrex("check labels.csv --as qrels --qrels-columns query=term,document=item,grade=label").code == 0
    )
    assert intrex("check queries.csv found.csv").code == 0


@pytest.mark.parametrize(("text", "message"), [
    ("a,b\n1,2\n", "the table has no an id, a text: a, b"),
    ("id,text\nd1,x,y\n", r"3 values between commas, the header has 2 \(x.csv:2\)"),
    ('id,text\nd1,"x"y\n', r"broken quotes: .*\(x.csv:2\)"),
    ('id,text\nd1,x\nd2,"y\n', r"broken quotes: unexpected end of data \(x.csv:3\)"),
    ("id,text\nd1,x\nd1,y\n", r"the document id d1 occurred before, at x.csv:2 \(x.csv:3\)"),
])  # fmt: skip
def test_faults_of_tables_are_named_with_their_line(here, text, message):
    (here / "x.csv").write_text(text)
    with pytest.raises(BadInput, match=message):
        import_collection("x.csv", here / "c")


@pytest.mark.parametrize(("name", "text"), [
    ("j.jsonl", '{"query-id": "q1", "corpus-id": "d1", "score": 1}\n{"query-id": "q1", "corpus-id": "d2", "score": 0}\n'),
    ("j.json", '{"q1": {"d1": 1, "d2": 0}}'),  # ranx, pytrec_eval
    ("j.csv", "query-id,corpus-id,score\nq1,d1,1.0\nq1,d2,0.0\n"),
    ("j.qrels.csv", "docno;rel;qid\nd1;1;q1\nd2;0;q1\n"),
])  # fmt: skip
def test_judgements_in_json_and_csv(here, name, text, intrex):
    (here / name).write_text(text)
    assert read_qrels(here / name).to_dict() == {"q1": {"d1": 1, "d2": 0}}
    said = intrex(f"check {name} --as qrels --format csv")
    assert said.code == 0 and "qrels" in said.err
    (here / name).write_text(text.replace("1.0", "0.5").replace(": 1", ": 0.5").replace(";1;", ";0.5;"))
    with pytest.raises(BadInput, match=r"the grade is '?0.5'?, a whole number of 32 bits is needed"):
        read_qrels(here / name)
    assert intrex(f"check {name} --as qrels").code == 3


pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402


def write_arrow(path, table):
    if path.suffix == ".parquet":
        pq.write_table(table, path)
        return
    opened = pa.ipc.new_stream if "stream" in path.name else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as sink, opened(sink, table.schema) as writer:
        writer.write_table(table)


KINDS = ["x.parquet", "x.arrow", "x.stream.arrow"]


@pytest.mark.parametrize("ending", KINDS)
def test_the_layout_of_hugging_face(here, ending, intrex):
    """Case BR-21."""
    tail = ending.removeprefix("x")
    for folder, table in {
        "corpus": pa.table({"_id": ["d1"], "title": ["Ferry"], "text": ["summer timetable"]}),
        "queries": pa.table({"_id": ["q1"], "text": ["ferry"]}),
        "default": pa.table({"query-id": ["q1"], "corpus-id": ["d1"], "score": [1.0]}),
    }.items():
        (here / "hf" / folder).mkdir(parents=True)
        write_arrow(here / "hf" / folder / f"test-00000-of-00001{tail}", table)
    if "stream" in ending:  # its name has another dot: the set is called so
        return
    assert intrex("collection import hf c").code == 0
    assert rows(here / "c") == [("d1", "Ferry", "summer timetable")]
    assert find_qrels("c:test").qrels.to_dict() == {"q1": {"d1": 1}}
    assert Collection.open(here / "c").queries("test").texts == ["ferry"]
    assert intrex("check hf").code == 0


def test_the_layout_of_hugging_face_with_json_lines(here, intrex):
    (here / "hf" / "qrels").mkdir(parents=True)
    (here / "hf" / "corpus.jsonl").write_text('{"_id": "d1", "title": "", "text": "ferry"}\n')
    (here / "hf" / "queries.jsonl").write_text('{"_id": "q1", "text": "ferry"}\n')
    (here / "hf" / "qrels" / "test.jsonl").write_text('{"query-id": "q1", "corpus-id": "d1", "score": 1}\n')
    assert intrex("collection import hf c").code == 0
    assert find_qrels("c:test").qrels.to_dict() == {"q1": {"d1": 1}}
    assert intrex("check hf").code == 0


@pytest.mark.parametrize("name", KINDS)
def test_runs_queries_and_judgements_in_files_of_columns(here, name, intrex):
    write_arrow(here / name, pa.table({"q_id": ["q1", "q1"], "doc_id": ["d2", "d1"], "score": [2.0, 2.5]}))
    assert read_any_run(here / name).to_dict() == {"q1": {"d1": 2.5, "d2": 2.0}}
    assert intrex(f"check {name}").code == 0
    write_arrow(here / name, pa.table({"a": ["q1", "q1"], "b": pa.array([7, 8]), "c": pa.array([1, 2])}))
    assert "name them: --columns query=NAME" in intrex(f"convert {name} o.txt").err
    assert intrex(f"convert {name} o.txt --columns query=a,document=b,rank=c").code == 0
    assert read_any_run(here / "o.txt").to_dict() == {"q1": {"7": 1.0, "8": 0.5}}
    write_arrow(
        here / name, pa.table({"query_id": ["q1"], "doc_id": ["d1"], "rel": pa.array([2], pa.int8())})
    )
    assert read_qrels(here / name).to_dict() == {"q1": {"d1": 2}}
    write_arrow(here / name, pa.table({"qid": pa.array([1, 2]), "query": ["ferry", "ankle"]}))
    assert read_query_file(here / name).ids == ["1", "2"]


@pytest.mark.parametrize(("ids", "message"), [
    (["q 1", "q2"], "white space"), (["", "q2"], "the id is empty"), ([None, "q2"], "a string is needed"),
    (["q1", '"q2'], "leading quote"), (["q1", "q\u00a02"], "white space"), (["q1", "q\n2"], "white space"),
])  # fmt: skip
def test_ids_of_files_of_columns_are_checked(here, ids, message):
    write_arrow(here / "r.parquet", pa.table({"qid": ids, "docid": ["d1", "d2"], "score": [1.0, 2.0]}))
    with pytest.raises(BadInput, match=message):
        read_any_run(here / "r.parquet")
    write_arrow(
        here / "r.parquet", pa.table({"qid": ["1", "2"], "docid": ["d1", "d2"], "score": [1.0, None]})
    )
    with pytest.raises(BadInput, match=r"the score is None, a finite number is needed \(r.parquet:2\)"):
        read_any_run(here / "r.parquet")


def test_ranx_writes_parquet_that_is_read(here):
    ranx = pytest.importorskip("ranx")
    ranx.Run({"q1": {"d1": 2.5, "d2": 2.0}}, name="r").save("r.parquet")
    ranx.Qrels({"q1": {"d1": 2}}).save("q.parquet")
    assert read_any_run(here / "r.parquet").to_dict() == {"q1": {"d1": 2.5, "d2": 2.0}}
    assert read_qrels(here / "q.parquet").to_dict() == {"q1": {"d1": 2}}


def test_a_damaged_file_of_columns_is_named(here):
    write_arrow(here / "r.parquet", pa.table({"qid": ["1"], "docid": ["d1"], "score": [1.0]}))
    (here / "r.parquet").write_bytes((here / "r.parquet").read_bytes()[:-9])
    with pytest.raises(BadInput, match="not a sound file of columns"):
        read_any_run(here / "r.parquet")


def test_without_pyarrow_the_extra_is_named(here, monkeypatch):
    write_arrow(here / "r.parquet", pa.table({"qid": ["1"], "docid": ["d1"], "score": [1.0]}))
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else find(name))
    with pytest.raises(MissingExtra) as error:
        read_any_run(here / "r.parquet")
    assert "pyarrow" in error.value.message and error.value.hint == "pip install 'intrex[parquet]'"
    with pytest.raises(MissingExtra):
        check_paths([here / "r.parquet"])


def test_check_names_the_columns_of_a_table_that_it_cannot_tell(here, intrex):
    (here / "p.csv").write_text("sku,name,price\n1,a,2\n")
    said = intrex("check p.csv --format csv")
    assert (
        said.code == 3
        and "a table with the columns sku, name, price" in said.out
        and "--id-field" in said.out
    )


def test_judgements_of_quepid_name_queries_by_their_text(here, intrex, caplog):
    """Quepid's documentation, "Exporting Judgements": CSV with query, docid and rating; the query is what was typed."""
    (here / "products.csv").write_text(PRODUCTS)
    (here / "queries.csv").write_text("id,query\nq1,fast boat\nq2,brace\nq3,brace \n")
    (here / "quepid.csv").write_text('query,docid,rating\n"fast boat",d1,3\nq2,d2,1\n')
    line = "collection import products.csv c --id-field sku --text-fields name --queries queries.csv --qrels quepid.csv"
    said = intrex(line)
    assert said.code == 0, said.err
    assert find_qrels("c:test").qrels.to_dict() == {"q1": {"d1": 3}, "q2": {"d2": 1}}
    assert "quepid.csv: 1 judgements name their query by its text" in caplog.text
    (here / "quepid.csv").write_text("query,docid,rating\nbrace,d2,1\n")  # of two queries
    refused = intrex(f"{line} --overwrite")
    assert refused.code == 1 and "unknown query 'brace'" in refused.err


def test_a_field_of_topics_is_refused_for_tables(here, intrex):
    (here / "corpus.csv").write_text("id,text\nd1,one\n")
    (here / "q.csv").write_text("qid,query\nq1,one\n")
    said = intrex("collection import corpus.csv c --queries q.csv --topic-field title")
    assert said.code == 2 and "--topic-field is for topics of TREC, in XML and in JSON" in said.err
    with pytest.raises(UsageError, match="--topic-field is for topics"):
        read_query_file(here / "q.csv", options=TopicOptions(topic_field="title"))
    with pytest.raises(UsageError, match="--strip-zeros is for topics"):
        read_query_file(here / "q.csv", options=TopicOptions(strip_zeros=True))


def test_zeros_of_topic_numbers_fit_judgements_in_named_columns(here, intrex, caplog):
    (here / "d.csv").write_text("id,text\nd1,one\n")
    (here / "t.xml").write_text("<topics><topic number='051'><title>one</title></topic></topics>\n")
    (here / "j.csv").write_text("a,b,c\n51,d1,1\n")
    said = intrex(
        "collection import d.csv c --topics t.xml --qrels test=j.csv --qrels-columns query=a,document=b,grade=c"
    )
    assert said.code == 0, said.err
    assert Collection.open(here / "c").qrels("test").to_dict() == {"51": {"d1": 1}}


def test_an_id_that_is_a_list_is_named_with_its_line(here):
    (here / "d.csv").write_text("id,text\nd1,one\n")
    (here / "q.jsonl").write_text('{"_id": [1], "text": "one"}\n')
    with pytest.raises(BadInput, match=r"q\.jsonl:1"):
        import_collection(here / "d.csv", here / "c", queries=here / "q.jsonl")

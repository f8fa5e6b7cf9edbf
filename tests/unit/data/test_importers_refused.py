"""Options that an import cannot follow are refused, not passed over; judgements by subtopic are taken in by one rule."""

import re

import pytest

from intrex.data.builders.pool import pool_collections
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.exclusions import read_exclusions
from intrex.data.importers.sources import import_collection

BEIR = '{"_id": "d1", "title": "", "text": "x", "body": "y"}\n{"_id": "d2", "title": "", "text": "x"}\n'
PYSERINI = '{"id": "d1", "contents": "x"}\n'
SUBTOPICS = "q1 1 d1 1\nq1 2 d1 3\nq1 1 d2 2\nq1 2 d2 0\n"
QUERIES = "q1\tferry\n"


@pytest.mark.parametrize(
    ("name", "text", "layout"),
    [
        ("c.jsonl", BEIR, "beir"),
        ("c.jsonl", PYSERINI, "pyserini"),
        ("c.tsv", "d1\tx\n", "colbert"),
        ("c.tsv", "d1\tx\n", "auto"),
        ("c.txt", "<DOC>\n<DOCNO> d1 </DOCNO>\n<TEXT>x</TEXT>\n</DOC>\n", "sgml"),
        ("c.txt", "<DOC>\n<DOCNO> d1 </DOCNO>\n<TEXT>x</TEXT>\n</DOC>\n", "auto"),
    ],
)
@pytest.mark.parametrize("named", [{"id_field": "docno"}, {"text_fields": ("body",)}])
def test_names_of_fields_are_refused_where_a_layout_has_its_own(tmp_path, name, text, layout, named):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match="--id-field and --text-fields are for the layouts json, table, dpr"):
        import_collection(tmp_path / name, tmp_path / "out", layout=layout, **named)
    assert not (tmp_path / "out").exists()


def test_names_of_fields_apply_to_json_that_looks_like_beir(tmp_path):
    (tmp_path / "c.jsonl").write_text(BEIR.replace('"text": "x"}', '"text": "x", "body": "z"}'))
    made = import_collection(tmp_path / "c.jsonl", tmp_path / "out", text_fields=("body",))
    assert [doc.text for doc in made.documents()] == ["y", "z"]


def test_names_of_fields_and_columns_are_refused_for_ir_datasets(tmp_path):
    for named in (
        {"id_field": "docno"},
        {"text_fields": ("body",)},
        {"qrels_columns": ("query,document,grade",)},
    ):
        with pytest.raises(UsageError, match="irds:vaswani says itself what its fields are"):
            import_collection("irds:vaswani", tmp_path / "out", **named)


@pytest.mark.parametrize("layout", ["table", "dpr", "colbert"])
def test_a_layout_of_tables_does_not_take_json_instead(tmp_path, layout):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "docs.jsonl").write_text(BEIR)
    with pytest.raises(BadInput, match="no corpus in the folder itself") as error:
        import_collection(tmp_path / "in", tmp_path / "out", layout=layout)
    looked = {"table": "corpus.csv, corpus.tsv, corpus.parquet", "dpr": "corpus.tsv, collection.tsv, psgs_w100.tsv", "colbert": "collection.tsv"}  # fmt: skip
    assert f"looked for {looked[layout]}" in error.value.hint


def test_a_folder_of_dpr_is_read_with_the_quotes_of_csv(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "psgs_w100.tsv").write_text('id\ttext\ttitle\n1\t"A ""fast"" ferry"\tFerry\n')
    (doc,) = import_collection(tmp_path / "in", tmp_path / "out", layout="dpr").documents()
    assert (doc.title, doc.text) == ("Ferry", 'A "fast" ferry')


def test_judgements_by_subtopic_are_imported_with_the_highest_grade_as_a_file_of_them_is_scored(
    tmp_path, monkeypatch, intrex
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs.jsonl").write_text(BEIR)
    (tmp_path / "q.tsv").write_text(QUERIES)
    (tmp_path / "s.qrels").write_text(SUBTOPICS)
    (tmp_path / "r.run").write_text("q1 Q0 d2 1 2.5 t\nq1 Q0 d1 2 2.0 t\n")
    said = intrex("collection import docs.jsonl c --queries q.tsv --qrels test=s.qrels")
    assert said.code == 0
    assert "2 judgements of the set test are of another subtopic of the same document" in said.err
    made = Collection.open(tmp_path / "c")
    assert made.sets["test"] == {"queries": 1, "judgements": 2, "merged": 2}
    assert made.qrels("test").to_dict() == {"q1": {"d1": 3, "d2": 2}}
    rows = [
        intrex(f"evaluate {q} r.run -m nDCG@10 --format csv").out.splitlines()[1].split(",")
        for q in ("c:test", "s.qrels")
    ]
    assert rows[0][2] == rows[1][2]
    assert all("subtopics=highest" in row[-1] for row in rows)
    assert "subtopics of test" in intrex("collection info c --format csv").out
    pooled = pool_collections(
        [made, import_collection(tmp_path / "docs.jsonl", tmp_path / "d", name="d")], tmp_path / "p"
    )
    assert pooled.sets["test"]["merged"] == 2


def test_one_subtopic_twice_is_an_error_and_an_iteration_of_one_value_none(tmp_path):
    (tmp_path / "docs.jsonl").write_text(BEIR)
    (tmp_path / "q.tsv").write_text(QUERIES)
    for text, line in (
        (SUBTOPICS + "q1 2 d1 3\n", 5),
        ("q1 0 d1 1\nq1 0 d1 1\n", 2),
        (SUBTOPICS + "q1 1 d2 2\n", 5),
    ):
        (tmp_path / "s.qrels").write_text(text)
        with pytest.raises(BadInput, match=re.escape("judged twice") + rf".*s\.qrels:{line}\)"):
            import_collection(
                tmp_path / "docs.jsonl",
                tmp_path / "out",
                queries=tmp_path / "q.tsv",
                qrels=[tmp_path / "s.qrels"],
            )


def test_exclusions_are_read_from_tables_by_their_header(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "x.csv").write_text("qid,note,doc_id\nq1,seen,d9\n")
    pq.write_table(pa.table({"query": ["q1"], "document": ["d9"]}), tmp_path / "x.parquet")
    (tmp_path / "x.txt").write_text("q1 d9\n")
    names = {read_exclusions(tmp_path / name).name for name in ("x.csv", "x.parquet", "x.txt")}
    assert len(names) == 1
    (tmp_path / "x.csv").write_text("term,sku,n\nq1,d9,1\n")
    with pytest.raises(BadInput, match="no column is the query and none the document"):
        read_exclusions(tmp_path / "x.csv")


def test_columns_of_judgements_are_refused_where_there_are_answers(tmp_path, monkeypatch, intrex):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs.jsonl").write_text(BEIR)
    (tmp_path / "a.jsonl").write_text('{"_id": "q1", "answers": ["x"]}\n')
    (tmp_path / "r.run").write_text("q1 Q0 d1 1 2.0 t\n")
    assert intrex("collection import docs.jsonl c").code == 0
    said = intrex("evaluate a.jsonl r.run --answers c -m accuracy@1 --qrels-columns query,document,grade")
    assert (
        said.code == 2 and "--qrels-columns is for judgements, and with --answers there are none" in said.err
    )

"""Runs as other tools write them: recognised by their content, or named with --from."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from intrex.data.check.check import check_paths
from intrex.data.errors import BadInput, UsageError
from intrex.data.rankings.options import FORMS, RunSource
from intrex.data.runformats import read_any_run

RUN = {"q1": {"d2": 2.5, "d1": 2.0}}
NDCG = 0.6309297535714575  # d1, the only relevant document, at rank 2


def write(path: Path, value: object) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


# rank_llm 0.25.7, DataWriter.write_in_jsonl_format of two Results
RANK_LLM = (
    '{"query": {"text": "ferry", "qid": "q1"}, "candidates": [{"docid": "d2", "score": 2.5, "doc": {"contents": "x"}}, '
    '{"docid": "d1", "score": 2.0, "doc": {"contents": "y"}}]}\n'
    '{"query": {"text": "ankle", "qid": 2}, "candidates": [{"docid": 7, "score": 1.0, "doc": {"contents": "z"}}]}\n'
)
# the response of "Run a search" in Elasticsearch's documentation, with ids of our own; OpenSearch's is the same
SEARCH = {
    "took": 5, "timed_out": False, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
    "hits": {
        "total": {"value": 2, "relation": "eq"}, "max_score": 2.5,
        "hits": [
            {"_index": "shop", "_id": "d2", "_score": 2.5, "_source": {"title": "x"}},
            {"_index": "shop", "_id": "d1", "_score": 2.0, "_source": {"title": "y"}},
        ],
    },
}  # fmt: skip
# "Default JSON Result Format" of Vespa's documentation
VESPA = {
    "root": {
        "id": "toplevel", "relevance": 1.0, "fields": {"totalCount": 2},
        "coverage": {"coverage": 100, "documents": 2, "full": True, "nodes": 1, "results": 1, "resultsFull": 1},
        "children": [
            {"id": "id:shop:item::d2", "relevance": 2.5, "source": "shop", "fields": {"documentid": "id:shop:item::d2"}},
            {"id": "index:shop/0/c81e728d", "relevance": 2.0, "source": "shop",
             "fields": {"documentid": "id:shop:item::d1"}},
        ],
    }
}  # fmt: skip
# "JSON Response Writer" of Solr's reference guide, with fl=id,score
SOLR = {
    "responseHeader": {"status": 0, "QTime": 1, "params": {"q": "ferry", "fl": "id,score"}},
    "response": {
        "numFound": 2, "start": 0, "maxScore": 2.5, "numFoundExact": True,
        "docs": [{"id": "d2", "score": 2.5}, {"id": "d1", "score": 2.0}],
    },
}  # fmt: skip
# DPR's README, "Retriever validation": scores are written as text
DPR = [{
    "question": "ferry", "answers": ["Port Ellen"],
    "ctxs": [
        {"id": "d2", "title": "x", "text": "y", "score": "2.5", "has_answer": False},
        {"id": "d1", "title": "x", "text": "y", "score": "2.0", "has_answer": True},
    ],
}]  # fmt: skip
# pyserini's convert_trec_run_to_dpr_retrieval_run
PYSERINI_DPR = {"q1": {
    "question": "ferry", "answers": ["Port Ellen"],
    "contexts": [
        {"docid": "d2", "score": "2.5", "text": "y", "has_answer": False},
        {"docid": "d1", "score": "2.0", "text": "y", "has_answer": True},
    ],
}}  # fmt: skip
# KILT's README, "KILT data format": predictions; a page may stand several times, by passage
KILT = {"id": "q1", "input": "ferry", "output": [{"answer": "x", "provenance": [
    {"wikipedia_id": "d2", "start_paragraph_id": 1}, {"wikipedia_id": "d2", "start_paragraph_id": 4},
    {"wikipedia_id": "d1", "start_paragraph_id": 2},
]}]}  # fmt: skip


@pytest.mark.parametrize(("name", "value", "form"), [
    ("tevatron.txt", "q1\td2\t22.5\nq1\td1\t20.0\n", "tevatron"),  # tevatron 0.1.0, faiss_retriever's write_ranking
    ("ranking.tsv", "q1\td2\t1\t22.5\nq1\td1\t2\t20.0\n", "colbert"),  # ColBERT's Ranking.save
    ("predictions.json", {"model": {"name": "x"}, "default": {"test": RUN}}, "mteb"),
    ("cand.jsonl", RANK_LLM.splitlines(keepends=True)[0], "rank_llm"),
    ("contexts.json", PYSERINI_DPR, "dpr"),
    ("kilt.jsonl", json.dumps(KILT) + "\n", "kilt"),
    ("st.jsonl", json.dumps({"query_id": "q1", "query": "f", "results": [{"corpus_id": "d2", "score": 2.5}, {"corpus_id": "d1", "score": 2.0}]}) + "\n", "sentence_transformers"),
])  # fmt: skip
def test_rankings_of_other_tools(tmp_path, monkeypatch, intrex, name, value, form):
    """Case BR-25, with the lists of candidates of BR-12: nDCG@10 0.6309 for each, told or named."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name, value)
    write(tmp_path / "q.qrels", "q1 0 d1 1\n")
    for more in ("", f" --from {form}"):
        said = intrex(f"evaluate q.qrels {name} -m nDCG@10 --format csv{more}")
        assert said.code == 0, said.err
        assert float(said.out.splitlines()[1].split(",")[2]) == pytest.approx(NDCG)
    assert intrex(f"check q.qrels {name}").code == 0
    assert intrex(f"convert {name} o.txt --from {form}").code == 0
    assert list(read_any_run(tmp_path / "o.txt").to_dict()["q1"]) == ["d2", "d1"]


def test_candidates_whatever_the_lines_and_with_ids_that_are_numbers(tmp_path):
    expected = {"2": {"7": 1.0}, **RUN}
    rows = [json.loads(line) for line in RANK_LLM.splitlines()]
    for name, value in (("a.jsonl", RANK_LLM), ("b.json", rows), ("c.json", json.dumps(rows, indent=2))):
        assert read_any_run(write(tmp_path / name, value)).to_dict() == expected
        assert check_paths([tmp_path / name]).files[0].kind == "run"


def test_check_of_candidates_says_what_evaluate_says(tmp_path, intrex, monkeypatch):
    """Case BR-12: `check` broke with a ValueError; lists that are none of the known ones are refused by both."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "q.qrels", "622 0 a1 1\n")
    write(tmp_path / "bad.json", '{"622": [["a1", 9.5], ["a2", 8.5]]}')
    evaluated = intrex("evaluate q.qrels bad.json -m RR")
    assert evaluated.code == 1 and "the ranking is a list, an object is needed" in evaluated.err
    for more in ("", " --as run"):
        checked = intrex(f"check bad.json{more} --format csv")
        assert checked.code == 3 and "R018" in checked.out and "a list, an object is needed" in checked.out
    write(tmp_path / "up.jsonl", RANK_LLM.splitlines()[0].replace("2.5", "1.5"))
    evaluated, checked = intrex("evaluate q.qrels up.jsonl -m RR"), intrex("check up.jsonl --format csv")
    said = "query 'q1': the list and its scores disagree: 1.5 stands before 2"
    assert evaluated.code == 1 and said in evaluated.err and "--columns query,document,rank" in evaluated.err
    assert checked.code == 3 and said in checked.out


def test_a_list_against_its_scores_is_ranked_as_told(tmp_path):
    path = write(tmp_path / "up.jsonl", RANK_LLM.splitlines()[0].replace("2.5", "1.5"))
    with RunSource(columns=("query,document,rank",)).declared():
        assert read_any_run(path).to_dict() == {"q1": {"d2": 1.0, "d1": 0.5}}
    with RunSource(columns=("query,document,score",)).declared():
        assert read_any_run(path).to_dict() == {"q1": {"d1": 2.0, "d2": 1.5}}


def test_a_list_without_scores_is_ranked_by_its_order(tmp_path):
    docs = {"responseHeader": {}, "response": {"docs": [{"id": "d2"}, {"id": "d1"}]}}
    (tmp_path / "answers").mkdir()
    write(tmp_path / "answers" / "q1.json", docs)
    assert read_any_run(tmp_path / "answers").to_dict() == {"q1": {"d2": 1.0, "d1": 0.5}}


@pytest.mark.parametrize(("form", "value"), [("elasticsearch", SEARCH), ("vespa", VESPA), ("solr", SOLR)])
def test_answers_of_search_engines(tmp_path, monkeypatch, intrex, form, value):
    """One file a query in a folder, or several answers in the order in which the queries were asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers").mkdir()
    write(tmp_path / "answers" / "q1.json", value)
    write(tmp_path / "answers" / "q.2.json", json.dumps(value, indent=2))
    expected = {"q.2": RUN["q1"], **RUN}
    assert read_any_run(tmp_path / "answers").to_dict() == expected
    lines = write(tmp_path / "lines.jsonl", f"{json.dumps(value)}\n{json.dumps(value)}\n")
    with pytest.raises(BadInput, match=f"2 of 2 answers do not name their query .{form}") as error:
        read_any_run(lines)
    assert "--query-order" in error.value.hint
    write(tmp_path / "order.tsv", "q1\tferry\nq.2\tankle\n")
    said = intrex("convert lines.jsonl o.txt --query-order order.tsv")
    assert said.code == 0 and read_any_run(tmp_path / "o.txt").to_dict() == expected
    write(tmp_path / "short.txt", "q1\n")
    assert intrex("convert lines.jsonl p.txt --query-order short.txt").code == 2
    write(tmp_path / "q.qrels", "q1 0 d1 1\n")
    said = intrex("evaluate q.qrels answers -m nDCG@10 --format csv")
    assert float(said.out.splitlines()[1].split(",")[2]) == pytest.approx(NDCG)


def test_msearch(tmp_path):
    """Item 2 of section 2 of new-user.md; "Run multiple searches" of Elasticsearch's documentation."""
    responses = {"took": 12, "responses": [{**SEARCH, "status": 200}, {**SEARCH, "status": 200}]}
    path, order = (
        write(tmp_path / "m.json", responses),
        write(tmp_path / "o", '{"_id": "a", "text": "x"}\n{"_id": "b"}\n'),
    )
    with RunSource(query_order=order).declared():
        assert read_any_run(path).to_dict() == {"a": RUN["q1"], "b": RUN["q1"]}
    (tmp_path / "q.csv").write_text(
        'qid,query\n"a","ferry, blue"\nb,ankle\n'
    )  # the file that is imported, too
    with RunSource(query_order=tmp_path / "q.csv").declared():
        assert read_any_run(path).to_dict() == {"a": RUN["q1"], "b": RUN["q1"]}
    responses["responses"][0] = {"error": {"type": "index_not_found_exception"}, "status": 404}
    with (
        RunSource(query_order=order).declared(),
        pytest.raises(BadInput, match="query 'a' has no list of documents"),
    ):
        read_any_run(write(path, responses))
    with pytest.raises(BadInput, match="do not name their query"):
        read_any_run(write(path, responses))


def test_dpr_names_no_queries(tmp_path):
    path, order = write(tmp_path / "dpr.json", DPR), write(tmp_path / "o", "q1\n")
    with pytest.raises(BadInput, match="1 of 1 answers do not name their query"):
        read_any_run(path)
    with RunSource(query_order=order).declared():
        assert read_any_run(path).to_dict() == RUN


def test_mteb_writes_what_is_read(tmp_path):
    abstask = pytest.importorskip("mteb.abstasks.abstask")
    task = SimpleNamespace(
        prediction_file_name="T_predictions.json", _predictions_path=lambda folder: folder / "p.json"
    )
    model = SimpleNamespace(mteb_model_meta=SimpleNamespace(name="m", revision="1"))
    save = abstask.AbsTask._save_task_predictions
    save(task, RUN, model, tmp_path, "test", "default")
    assert read_any_run(tmp_path / "p.json").to_dict() == RUN
    assert [f.form for f in check_paths([tmp_path / "p.json"]).files] == ["mteb"]
    save(task, RUN, model, tmp_path, "dev", "default")
    with pytest.raises(BadInput, match="hold 2 runs: default/test, default/dev"):
        read_any_run(tmp_path / "p.json")


def test_ranx_writes_what_is_read(tmp_path):
    ranx = pytest.importorskip("ranx")
    run = ranx.Run(RUN, name="r")
    for name in ("r.json", "r.trec"):
        run.save(str(tmp_path / name))
        assert read_any_run(tmp_path / name).to_dict() == RUN


def test_every_command_takes_tables_folders_and_lists(tmp_path, monkeypatch, intrex):
    """Compare, fuse and rerank read what evaluate reads."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"q_id": ["q1"], "doc_id": ["d1"], "score": [1.0]}), tmp_path / "r.parquet")
    (tmp_path / "answers").mkdir()
    write(tmp_path / "answers" / "q1.json", SEARCH)
    write(tmp_path / "c.jsonl", RANK_LLM)
    write(tmp_path / "q.qrels", "q1 0 d1 1\n")
    said = intrex("compare q.qrels r.parquet answers c.jsonl -m nDCG@10 --format csv")
    assert said.code == 0, said.err
    assert intrex("fuse r.parquet answers c.jsonl -o f.txt").code == 0
    assert set(read_any_run(tmp_path / "f.txt").to_dict()) == {"q1", "2"}


@pytest.mark.parametrize(
    "name", ["root", "hits", "response", "responses", "candidates", "model", "output", "results"]
)
def test_a_query_may_be_called_like_a_key_of_other_forms(tmp_path, name):
    run = {name: {"hits": 2.0, "id": 1.5, "docs": 1.0, "children": 0.5}, "q1": {"d1": 1.0}}
    assert read_any_run(write(tmp_path / "r.json", run)).to_dict() == run


def test_what_is_in_no_known_form_is_named_with_its_keys(tmp_path):
    for name, value in (("a.json", [{"a": 1, "b": 2}]), ("b.jsonl", '{"x": 1}\n{"x": 2}\n')):
        with pytest.raises(BadInput, match="no run is in this JSON") as error:
            read_any_run(write(tmp_path / name, value))
        assert "the keys are" in error.value.message
    with RunSource(form="rank_llm").declared(), pytest.raises(BadInput, match="not in the form rank_llm"):
        read_any_run(write(tmp_path / "c.json", [1]))
    with pytest.raises(UsageError):
        RunSource(form="rankllm")
    assert set(FORMS) >= {"trec", "msmarco", "json", "table"}

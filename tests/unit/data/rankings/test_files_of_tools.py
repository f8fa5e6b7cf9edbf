"""Runs in files that the tools themselves have written, kept in ``files`` under the tool's name and version.

- ranx 0.3.21: ``Run.save`` of kinds json, trec and parquet.
- mteb 2.26.24: ``AbsTask._save_task_predictions``.
- rank_llm 0.25.7: ``DataWriter``, its three forms.
- tevatron 0.1.0: ``write_ranking`` of faiss_retriever.
- sentence-transformers 6.2.0: ``InformationRetrievalEvaluator(write_predictions=True)`` with all-MiniLM-L6-v2.
- pylate 1.6.0 (on sentence-transformers 5.3.0): ``PyLateInformationRetrievalEvaluator(write_predictions=True)`` with an untrained
  projection of all-MiniLM-L6-v2.

Of the other forms, in test_forms.py, each says which documentation it is from: Elasticsearch, Vespa and Solr need a server.
"""

from pathlib import Path

import pytest

from intrex.data.check.check import check_paths
from intrex.data.rankings.options import RunSource
from intrex.data.runformats import read_any_run

FILES = Path(__file__).parent / "files"
RUN = {"q1": {"d2": 22.5, "d1": 20.0}, "q2": {"d3": 7.25, "d1": 6.5}}
FORMS = {
    "mteb-2.26.24.json": "mteb",
    "pylate-1.6.0.jsonl": "sentence_transformers",
    "rank_llm-0.25.7.json": "rank_llm",
    "rank_llm-0.25.7.jsonl": "rank_llm",
    "rank_llm-0.25.7.trec": "trec",
    "ranx-0.3.21.json": "json",
    "ranx-0.3.21.parquet": "table",
    "ranx-0.3.21.trec": "trec",
    "sentence_transformers-6.2.0.jsonl": "sentence_transformers",
    "tevatron-0.1.0.txt": "tevatron",
}


def test_every_file_is_tried():
    assert sorted(FORMS) == sorted(path.name for path in FILES.iterdir())


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_tools_own_file_is_told_and_can_be_named(name):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    run = read_any_run(FILES / name).to_dict()
    with RunSource(form=FORMS[name]).declared():
        assert read_any_run(FILES / name).to_dict() == run
    if name.startswith("pylate"):
        assert {query: list(docs) for query, docs in run.items()} == {
            "q1": ["d1", "d2", "d3"],
            "q2": ["d3", "d2", "d1"],
        }
        assert run["q2"]["d3"] == pytest.approx(15.400644302368164)
    elif name.startswith("sentence"):
        assert {query: list(docs) for query, docs in run.items()} == {
            "q1": ["d1", "d2", "d3"],
            "q2": ["d3", "d2", "d1"],
        }
        assert run["q1"]["d1"] == pytest.approx(0.8549057245254517)
    else:
        assert run == RUN
    (checked,) = check_paths([FILES / name]).files
    assert checked.kind == "run"

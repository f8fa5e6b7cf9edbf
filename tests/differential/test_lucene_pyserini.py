"""Languages and fields of Lucene indexes: the same rankings as pyserini's ``LuceneSearcher`` gives on the same index."""

import json
import subprocess
import sys

import pytest

from intrex.data.collection import Queries
from intrex.data.importers.sources import import_collection
from intrex.data.run import Run
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.lucene.build import build_lucene
from intrex.retrievers.lucene.options import LuceneSearch
from intrex.retrievers.options import BuildTask
from tests.conftest import SHARED, write_beir

pytest.importorskip("pyserini", reason="needs the extra lucene")

SEARCH = """
import json, os, sys
os.environ.setdefault("OPENAI_API_KEY", "none")
from intrex.retrievers.lucene import jvm
jvm.start()
from pyserini.search.lucene import LuceneSearcher
for asked in json.load(sys.stdin):
    searcher = LuceneSearcher(asked["index"])
    searcher.set_language(asked["language"])
    found = searcher.batch_search(asked["texts"], asked["ids"], k=asked["k"], threads=2, fields=asked["fields"])
    print(json.dumps({q: [[h.docid, h.score] for h in hits] for q, hits in found.items() if hits}))
"""

CASES = {
    "small": ("small", "en", {}),
    "japanese": ("jsquad-ja", "ja", {}),
    "multifield": ("cacm", "en", {"contents": 1.0, "title": 1.0}),
    "weights": ("cacm", "en", {"title": 0.3, "contents": 1.7}),
}


@pytest.fixture(scope="module")
def answers(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[Run, dict[str, list[tuple[str, float]]]]]:
    """Our run and pyserini's hits by case: its import takes so long that one process answers all."""
    cases = {case: what for case, what in CASES.items() if what[0] == "small" or SHARED.is_dir()}
    work = tmp_path_factory.mktemp("pyserini")
    ours, asked = [], []
    for case, (name, language, fields) in cases.items():
        folder = write_beir(work / "beir") if name == "small" else SHARED / name
        collection = import_collection(folder, work / f"{case}.c")
        index = build_lucene(
            collection,
            BuildTask(work / case),
            Bm25Build(engine="lucene", language=language, fields=("title",) if fields else ()),
        )
        every = collection.queries("test")
        queries = Queries(every.ids[:50], every.texts[:50])
        ours.append(index.search(queries, LuceneSearch(k=100, ties="anserini", fields=fields)))
        asked.append({"index": str(work / case), "language": language, "ids": queries.ids, "texts": queries.texts,
                      "k": 100, "fields": fields})  # fmt: skip
    said = subprocess.run(
        [sys.executable, "-c", SEARCH], input=json.dumps(asked), capture_output=True, text=True, timeout=300
    )
    assert said.returncode == 0, said.stderr
    theirs = map(json.loads, said.stdout.strip().splitlines()[-len(cases) :])
    return dict(zip(cases, zip(ours, theirs, strict=True), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_same_documents_in_the_same_order(
    answers: dict[str, tuple[Run, dict[str, list[tuple[str, float]]]]], case: str
) -> None:
    if case not in answers:
        pytest.skip("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    run, theirs = answers[case]
    ours = run.to_dict()
    assert len(theirs) > (2 if case == "small" else 40) and ours.keys() == theirs.keys()
    for query, hits in theirs.items():
        assert [doc for doc, _ in hits] == list(ours[query])
        assert all(abs(score - ours[query][doc]) < 3e-4 for doc, score in hits)

"""The native RM3, Rocchio and BM25-PRF against Anserini's own rerankers: the same documents, order and scores."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.importers.sources import import_collection
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.eval.pipelines.parity.bm25 import bm25_parity, compare_runs
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.lucene.build import build_lucene
from intrex.retrievers.lucene.index import LuceneIndex
from intrex.retrievers.lucene.options import LuceneSearch
from intrex.retrievers.options import TIE_ORDERS, BuildTask
from intrex.retrievers.prf.base import Expansion
from intrex.retrievers.prf.bm25prf import BM25PRF
from intrex.retrievers.prf.rm3 import RM3
from intrex.retrievers.prf.rocchio import Rocchio
from tests.support.feedback import flat_values

pytest.importorskip("pyserini", reason="needs the extra lucene")

METHODS = [
    RM3(),
    RM3(fb_terms=37, fb_docs=23, original_query_weight=0.3, no_term_filter=True),
    RM3(original_query_weight=0),
    Rocchio(),
    Rocchio(
        top_fb_terms=25,
        top_fb_docs=5,
        bottom_fb_terms=15,
        bottom_fb_docs=7,
        alpha=0.8,
        beta=0.6,
        gamma=0.4,
        use_negative=True,
    ),
    Rocchio(alpha=-0.5, beta=1.5, top_fb_docs=60),
    BM25PRF(),
    BM25PRF(fb_terms=35, fb_docs=17, k1=1.3, b=0.7, new_term_weight=0.55),
    BM25PRF(fb_terms=1, fb_docs=60, new_term_weight=-0.1),
]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Collection, BM25Index, LuceneIndex]:
    from tests.conftest import SHARED

    if not SHARED.is_dir():
        pytest.skip("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    work = tmp_path_factory.mktemp("feedback")
    collection = import_collection(SHARED / "adi", work / "adi")
    lucene = build_lucene(
        collection, BuildTask(work / "lucene"), Bm25Build(engine="lucene", store_docvectors=True)
    )
    return collection, build_bm25(collection, BuildTask(work / "native")), lucene


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_equal_to_the_last_bit(engines: tuple[Collection, BM25Index, LuceneIndex], method: Expansion) -> None:
    collection, native, lucene = engines
    every = collection.queries("test")
    queries = Queries(every.ids[:20], every.texts[:20])
    for k, ties in ((1000, TIE_ORDERS[1]), (7, TIE_ORDERS[0])):
        options = LuceneSearch(k=k, ties=ties, **flat_values(method))
        ours, theirs = native.search(queries, options), lucene.search(queries, options)
        assert np.array_equal(ours.offsets, theirs.offsets) and np.array_equal(ours.doc_ids, theirs.doc_ids)
        assert np.array_equal(ours.scores, theirs.scores)
        if ties == TIE_ORDERS[1]:
            assert not compare_runs(ours, lucene.anserini(queries, options), None)


def test_documents_of_stop_words_only_count_for_feedback(tmp_path: Path) -> None:
    """Anserini's number of documents is of those with text; BM25's, of those with a term."""

    def fill(writer: CollectionWriter) -> None:
        for i in range(30):
            words = f"wing{i % 3} lift{i % 4} drag{i % 5} w{i}" if i % 2 else "of the and"
            writer.document(
                f"d{i}", "the" if i == 2 else "", words if i else " \x1f ", RecordSource("corpus", i)
            )
        writer.query("q", "wing1 lift2", RecordSource("queries", 1))
        writer.judgement("test", "q", "d1", 1, RecordSource("qrels"))

    collection = write_collection(tmp_path / "c", "c", {"source": "test"}, fill)
    for fields in ({}, {"contents": 1.0, "title": 1.0}):
        result = bm25_parity(collection, "test", LuceneSearch(fields=fields, bm25_prf=True))
        assert result.at_parity and result.lucene.manifest.params["documents"] == 29
        assert result.statistics["documents_with_terms"] == (15, 15)


@pytest.mark.parametrize(("title", "method"), [(0.3, None), (1.0, Rocchio())], ids=["bm25", "rocchio"])
def test_multifield_parity(shared: Path, tmp_path: Path, title: float, method: Expansion | None) -> None:
    collection = import_collection(shared / "cacm", tmp_path / "c")
    feedback = flat_values(method) if method is not None else {}
    options = LuceneSearch(k=100, fields={"title": title, "contents": 1.0}, **feedback)
    result = bm25_parity(collection, "test", options)
    assert result.at_parity and not result.bridge

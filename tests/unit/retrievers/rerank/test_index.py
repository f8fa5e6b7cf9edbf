"""Reranking by an index: the scores of a search for the documents of a run."""

import numpy as np
import pytest

from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import IdTable, IdWriter, as_bytes
from intrex.data.run import Run
from intrex.encoders.base import make_encoder, make_sparse_encoder, make_token_encoder
from intrex.encoders.fde.config import FdeConfig
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.fde.build import build_fde
from intrex.retrievers.fde.source import EncodedCollection
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.rerank.index import rerank
from intrex.retrievers.sparse.build import build_sparse

MAKE = {
    "bm25": lambda small, out: build_bm25(small, BuildTask(out)),
    "dense": lambda small, out: build_dense(
        small, BuildTask(out), make_encoder("hashing:32", EncoderOptions())
    ),
    "impact": lambda small, out: build_sparse(
        small, BuildTask(out), make_sparse_encoder("hashing", EncoderOptions())
    ),
    "multivector": lambda small, out: build_multivector(
        small, BuildTask(out), make_token_encoder("hashing:32", EncoderOptions())
    ),
}


@pytest.fixture(params=sorted(MAKE))
def index(request, small, tmp_path):
    return MAKE[request.param](small, tmp_path / "index")


def everything(small):
    ids = [d.id for d in small.documents()]
    return Run.from_dict(
        {q: {d: float(len(ids) - i) for i, d in enumerate(ids)} for q in small.queries().ids}
    )


def test_a_run_of_all_documents_gives_the_search(index, small):
    searched = index.search(small.queries(), SearchOptions(k=10))
    seen = []
    options = SearchOptions(k=10, batch_size=3, threads=2, progress=seen.append)
    again = rerank(everything(small), small.queries(), index, 10, options, "t")
    assert again.tag == "t" and sum(seen) == len(small.queries())
    assert again.doc_ids.tolist() == searched.doc_ids.tolist()
    assert np.array_equal(again.scores, searched.scores)


def test_what_is_below_the_depth_is_dropped(index, small):
    run = everything(small)
    searched = index.search(small.queries(), SearchOptions(k=10)).to_dict()
    again = rerank(run, small.queries(), index, 2, SearchOptions(), "t").to_dict()
    for query, docs in run.to_dict().items():
        in_search = searched.get(query, {})
        scored = {d: in_search[d] for d in list(docs)[:2] if d in in_search}
        assert again.get(query, {}) == scored and (scored or index.manifest.kind in ("bm25", "impact"))


def test_queries_without_candidates_have_no_line(index, small):
    run = Run.from_dict({"q2": {"d2": 1.0}})
    assert rerank(run, small.queries(), index, 5, SearchOptions(), "t").query_ids.tolist() == [b"q2"]
    nothing = Run.from_dict({})
    assert len(rerank(nothing, small.queries(), index, 5, SearchOptions(), "t")) == 0


def test_what_cannot_be_reranked_is_named(index, small, tmp_path):
    run = Run.from_dict({"q1": {"d1": 1.0, "d99": 2.0}, "q7": {"d0": 1.0}})
    with pytest.raises(BadInput) as caught:
        rerank(run, small.queries(), index, 5, SearchOptions(), "t")
    assert "3 problems" in caught.value.message
    for words in ("document d99 is not in the index (query q1)", "no text for it (query q7)", "document d0"):
        assert words in caught.value.message
    with pytest.raises(UsageError, match="not a tag"):
        rerank(everything(small), small.queries(), index, 5, SearchOptions(), "a b")
    source = EncodedCollection(small, make_token_encoder("hashing:32", EncoderOptions()))
    other = build_fde(source, BuildTask(tmp_path / "f"), FdeConfig(32, reps=2, k_sim=2, d_proj=8))
    with pytest.raises(UsageError, match="of kind fde does not score given documents"):
        rerank(everything(small), small.queries(), other, 5, SearchOptions(), "t")


def test_documents_without_a_score_are_dropped(small, tmp_path):
    index = MAKE["multivector"](small, tmp_path / "index")
    run = Run.from_dict({"q1": {"d4": 9.0, "d1": 1.0}, "q2": {"d4": 1.0}})
    found = rerank(run, small.queries(), index, 5, SearchOptions(), "t").to_dict()
    assert list(found) == ["q1"] and list(found["q1"]) == ["d1"], "d4 is empty"
    assert len(rerank(run, Queries(["q1", "q2"], ["", ""]), index, 5, SearchOptions(), "t")) == 0


def test_ids_are_found_by_binary_search(tmp_path):
    rng = np.random.default_rng(0)
    ids = sorted({"".join(rng.choice(list("aé9#"), rng.integers(1, 9))) for _ in range(300)})
    rng.shuffle(ids)
    writer = IdWriter(tmp_path)
    writer.extend(ids)
    writer.close()
    table = IdTable(tmp_path)
    wanted = [*ids[::3], "", "zzz", "a" * 40, *ids[:2]]
    expected = [ids.index(i) if i in ids else -1 for i in wanted]
    assert table.find(as_bytes(wanted)).tolist() == expected
    assert table.find(as_bytes([])).tolist() == []

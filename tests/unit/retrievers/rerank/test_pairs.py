"""Reranking by a scorer of pairs: order, depth, ties, what the cache answers; by an encoder as by its index."""

import numpy as np
import pytest

from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.run import Run
from intrex.data.specs import EncoderSpec
from intrex.data.store.scorecache import ScoreCache
from intrex.encoders.base import make_encoder
from intrex.encoders.cross import scorer as cross
from intrex.encoders.cross.base import PairScorer
from intrex.encoders.cross.scorer import EncoderScorer, make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.rerank import pairs as module
from intrex.retrievers.rerank.index import rerank
from intrex.retrievers.rerank.pairs import count_pairs, rerank_pairs


class Longest(PairScorer):
    """Scores a document by its length, last batch first; remembers the pairs."""

    def __init__(self, name="longest", bad=None):
        self.spec = EncoderSpec("fake", name)
        self.seen, self.bad = [], bad

    def parts(self, queries, documents):
        self.seen += zip(queries, documents, strict=True)
        for row in reversed(range(len(queries))):
            score = np.nan if documents[row] == self.bad else len(documents[row]) - 10.5
            yield np.array([row]), np.array([score], np.float32)


def everything(small, queries=None):
    ids = [d.id for d in small.documents()]
    asked = queries or small.queries().ids
    return Run.from_dict({q: {d: float(len(ids) - i) for i, d in enumerate(ids)} for q in asked})


def contents(small):
    return {d.id: d.contents for d in small.documents()}


def test_the_order_is_that_of_the_scores_and_ties_go_by_id(small):
    seen = []
    run = rerank_pairs(everything(small), small.queries(), small, Longest(), 10, "t", progress=seen.append)
    wanted = sorted(contents(small).items(), key=lambda d: (len(d[1]), d[0].encode()), reverse=True)
    for docs in run.to_dict().values():
        assert list(docs) == [d for d, _ in wanted]
        assert list(docs.values()) == [len(text) - 10.5 for _, text in wanted]
    assert run.tag == "t" and len(run) == 4
    assert sum(seen) == count_pairs(everything(small), 10) == 24


def test_what_is_below_the_depth_is_dropped(small):
    run = everything(small)
    new = rerank_pairs(run, small.queries(), small, Longest(), 2, "t").to_dict()
    assert {q: set(docs) for q, docs in new.items()} == {
        q: set(list(d)[:2]) for q, d in run.to_dict().items()
    }
    assert count_pairs(run, 2) == 8


def test_equal_texts_are_scored_once(small):
    scorer = Longest()
    rerank_pairs(everything(small), small.queries(), small, scorer, 10, "t")
    assert len(scorer.seen) == len(set(scorer.seen)) == 4 * 5, "d2 and d5 have one text"
    again = [text for _, text in scorer.seen]
    assert again == sorted(again, key=again.index), "pairs of a document are neighbours"


def test_blocks_change_nothing(small, monkeypatch):
    whole = rerank_pairs(everything(small), small.queries(), small, Longest(), 10, "t")
    monkeypatch.setattr(module, "AT_ONCE", 3)
    parts = rerank_pairs(everything(small), small.queries(), small, Longest(), 10, "t")
    assert parts.to_dict() == whole.to_dict()


def test_the_cache_answers_what_was_scored_before(small, tmp_path):
    cache, first = ScoreCache(tmp_path), Longest()
    shallow = rerank_pairs(everything(small), small.queries(), small, first, 2, "t", cache)
    assert (cache.hits, cache.added, len(first.seen)) == (0, 8, 8)
    deeper = Longest()
    seen = []
    whole = rerank_pairs(everything(small), small.queries(), small, deeper, 10, "t", cache, seen.append)
    assert not set(deeper.seen) & set(first.seen) and len(deeper.seen) == 12 and sum(seen) == 24
    repeat = Longest()
    again = rerank_pairs(everything(small), small.queries(), small, repeat, 10, "t", cache)
    assert repeat.seen == [] and again.scores.tobytes() == whole.scores.tobytes()
    assert again.to_dict() == whole.to_dict()
    assert {q: set(d) for q, d in shallow.to_dict().items()} == {
        q: set(list(d)[:2]) for q, d in everything(small).to_dict().items()
    }


def test_another_model_or_text_is_not_answered(small, tmp_path):
    cache = ScoreCache(tmp_path)
    rerank_pairs(everything(small, ["q1"]), small.queries(), small, Longest(), 10, "t", cache)
    other = Longest("another")
    rerank_pairs(everything(small, ["q1"]), small.queries(), small, other, 10, "t", cache)
    assert len(other.seen) == 5
    changed = Longest()
    rerank_pairs(everything(small, ["q1"]), Queries(["q1"], ["other text"]), small, changed, 10, "t", cache)
    assert len(changed.seen) == 5 and cache.hits == 0


def test_a_score_that_is_no_number_names_the_pair(small, tmp_path):
    cache = ScoreCache(tmp_path)
    bad = Longest(bad=contents(small)["d3"])
    with pytest.raises(BadInput, match=r"score of query q\d and document d3 is nan"):
        rerank_pairs(everything(small), small.queries(), small, bad, 10, "t", cache)
    sound = Longest()
    rerank_pairs(everything(small), small.queries(), small, sound, 10, "t", cache)
    assert contents(small)["d3"] in {text for _, text in sound.seen}, "it was not kept"


def test_what_cannot_be_reranked_is_named(small):
    run = Run.from_dict({"q1": {"d1": 1.0, "d99": 2.0}, "q7": {"d0": 1.0}})
    with pytest.raises(BadInput) as caught:
        rerank_pairs(run, small.queries(), small, Longest(), 5, "t")
    for words in ("3 problems", "d99 is not in the collection (query q1)", "no text for it (query q7)"):
        assert words in caught.value.message
    with pytest.raises(UsageError, match="not a tag"):
        rerank_pairs(run, small.queries(), small, Longest(), 5, "a b")


def test_an_empty_run_stays_empty(small, tmp_path):
    assert (
        len(rerank_pairs(Run.from_dict({}), small.queries(), small, Longest(), 5, "t", ScoreCache(tmp_path)))
        == 0
    )


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_an_encoder_scores_as_its_dense_index(small, tmp_path, similarity, monkeypatch):
    encoder = make_encoder("hashing:32", EncoderOptions())
    if similarity == "cosine":
        plain = encoder.encode
        monkeypatch.setattr(encoder, "encode", lambda texts, role: 3 * plain(texts, role))
        encoder.spec = EncoderSpec("hashing", "three", dim=32, params={"similarity": "cosine"})
    index = build_dense(small, BuildTask(tmp_path / "index"), encoder)
    monkeypatch.setattr(index._encoder, "get", lambda *_: encoder)
    by_index = rerank(everything(small), small.queries(), index, 4, SearchOptions(), "t").to_dict()
    monkeypatch.setattr(cross, "ENCODED_AT_ONCE", 2)
    by_texts = rerank_pairs(
        everything(small), small.queries(), small, EncoderScorer(encoder), 4, "t"
    ).to_dict()
    for query, docs in by_index.items():
        assert list(by_texts[query]) == list(docs)
        assert list(by_texts[query].values()) == pytest.approx(list(docs.values()), abs=1e-5)


def test_an_encoder_encodes_each_text_once(small):
    scorer = make_pair_scorer("hashing:32", EncoderOptions())
    asked = []
    plain = scorer._encoder.encode
    scorer._encoder.encode = lambda texts, role: asked.extend((role, t) for t in texts) or plain(texts, role)
    rerank_pairs(everything(small), small.queries(), small, scorer, 10, "t")
    rerank_pairs(everything(small), small.queries(), small, scorer, 1, "t")
    assert sum(role == "query" for role, _ in asked) == 4
    documents = [text for role, text in asked if role == "document"]
    assert sorted(documents[:5]) == sorted(set(contents(small).values()))


def test_spellings(small):
    assert isinstance(make_pair_scorer("hashing", EncoderOptions()), EncoderScorer)
    with pytest.raises(UsageError, match="a head is drawn for a cross-encoder"):
        make_pair_scorer("hashing", EncoderOptions(), head_seed=1)
    with pytest.raises(UsageError, match="no --max-length"):
        make_pair_scorer("hashing", EncoderOptions(max_length=3))

"""Single vectors beside the tokens: stored, resumed, mixed into MaxSim exactly, and weighed by gamma."""

from math import exp

import numpy as np
import pytest

from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.specs import EncoderSpec
from intrex.data.store.manifest import verify_artifact
from intrex.data.store.vectors import PackedVectors
from intrex.retrievers.multivector import maxsim
from intrex.retrievers.multivector.blend import Blend
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.multivector.options import MultiVectorSearch
from intrex.retrievers.multivector.tokens import StoredTokens
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.search import prepare_search


class Lettered:
    """A weightless encoder with both forms: a vector a word, and one of the text's letters."""

    def __init__(self, gamma=0.0, single="cls"):
        params = {
            "normalized": True,
            **({"single": single, "single_dim": 5, "gamma": gamma} if single else {}),
        }
        self.spec = EncoderSpec("test", "lettered", dim=8, params=params)

    def save(self, folder):
        pass

    def encode(self, texts, role):
        words = [text.split() for text in texts]
        vectors = [self.vector(word, 8) for text in words for word in text]
        single = np.array([self.vector(text, 5) for text in texts], np.float32).reshape(-1, 5)
        offsets = np.cumsum([0, *map(len, words)])
        packed = np.array(vectors, np.float32).reshape(-1, 8)
        return PackedVectors(packed, offsets, single if "single" in self.spec.params else None)

    @staticmethod
    def vector(text, dim):
        return np.random.default_rng(list(text.encode()) or 0).normal(size=dim)


QUERIES = Queries(["q1", "q2", "q3"], ["lift of wings", "flat boundary layer", ""])


def expected(encoder, collection, gamma, store=np.float16):
    weight = 1 / (1 + exp(-gamma))
    documents = {d.id: d.contents for d in collection.documents()}
    packed = encoder.encode(list(documents.values()), "document")
    found = {}
    for query, text in zip(QUERIES.ids, QUERIES.texts, strict=True):
        asked = encoder.encode([text], "query")
        scores = {}
        for i, name in enumerate(documents):
            own = packed.vectors[packed.offsets[i] : packed.offsets[i + 1]].astype(store).astype(float)
            if len(own) and len(asked.vectors):
                tokens = (asked.vectors.astype(float) @ own.T).max(axis=1).sum()
                scores[name] = weight * float(asked.single[0] @ packed.single[i]) + (1 - weight) * tokens
        if scores:
            found[query] = scores
    return found


@pytest.mark.parametrize("gamma", [0.0, 1.5, -800.0, 800.0])
def test_the_score_is_the_weighted_sum(small, tmp_path, gamma):
    encoder = Lettered()
    index = build_multivector(small, BuildTask(tmp_path / "i"), encoder)
    verify_artifact(tmp_path / "i")
    found = index.search(QUERIES, MultiVectorSearch(gamma=gamma), encoder).to_dict()
    gamma = max(-700.0, min(700.0, gamma))
    assert {q: set(d) for q, d in found.items() if d} == {
        q: set(d) for q, d in expected(encoder, small, gamma).items()
    }
    for query, scores in expected(encoder, small, gamma).items():
        assert found[query] == pytest.approx(scores, abs=1e-5)
    rows = [np.arange(len(index.ids))] * 3
    exact = index.score(encoder.encode(QUERIES.texts, "query"), rows, 1, gamma)
    assert sorted(exact[0][np.isfinite(exact[0])].tolist()) == sorted(found["q1"].values())


def test_gamma_comes_from_the_encoder(small, tmp_path):
    encoder = Lettered(gamma=0.7)
    found = build_multivector(small, BuildTask(tmp_path / "i"), encoder).search(
        QUERIES, SearchOptions(), encoder
    )
    assert found.to_dict()["q1"] == pytest.approx(expected(encoder, small, 0.7)["q1"], abs=1e-5)


def test_batches_threads_and_cuts_change_nothing(small, tmp_path):
    encoder = Lettered()
    index = build_multivector(small, BuildTask(tmp_path / "i"), encoder)
    whole = index.search(QUERIES, SearchOptions(), encoder).to_dict()
    for batch, threads, k in ((1, 1, 2), (2, 3, 4), (64, 2, 1)):
        options = SearchOptions(k=k, batch_size=batch, threads=threads)
        cut = index.search(QUERIES, options, encoder).to_dict()
        assert cut == {q: dict(list(docs.items())[:k]) for q, docs in whole.items()}


@pytest.mark.parametrize("seed", range(4))
def test_the_best_are_found_whatever_the_weight(seed):
    """Many near ties: the k best by search equal the k best of all exact scores."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 4, 400)
    vectors = rng.integers(-1, 2, (lengths.sum(), 6)).astype(np.float32)
    tokens = StoredTokens(PackedVectors(vectors, np.cumsum([0, *lengths])), 3.0)
    queries = PackedVectors(rng.normal(size=(9, 6)).astype(np.float32), np.array([0, 4, 4, 9]))
    singles = rng.integers(-2, 3, (400, 3)).astype(np.float32)
    blend = Blend(singles, rng.normal(size=(3, 3)).astype(np.float32), float(rng.normal()), 4.0)
    rank = rng.permutation(400).astype(np.uint32)
    every = maxsim.scores(tokens, queries, [np.arange(400)] * 3, 1, blend)
    for k in (1, 7, 50):
        found = maxsim.search(tokens, queries, rank, k, 2, blend=blend)
        for scores, (rows, own) in zip(every, found, strict=True):
            order = np.lexsort((-rank.astype(np.int64), -scores))[: min(k, np.isfinite(scores).sum())]
            assert np.array_equal(rows, order) and np.array_equal(own, scores[order])


def test_a_killed_build_goes_on(small, tmp_path, monkeypatch):
    from intrex.retrievers import encoded

    monkeypatch.setattr(encoded, "SECONDS_BETWEEN_SAVES", 0.0)
    build_multivector(small, BuildTask(tmp_path / "whole", block=2), Lettered())

    class Dying(Lettered):
        calls = 0

        def encode(self, texts, role):
            self.calls += 1
            if self.calls == 3:
                raise KeyboardInterrupt
            return super().encode(texts, role)

    with pytest.raises(KeyboardInterrupt):
        build_multivector(small, BuildTask(tmp_path / "i", block=2), Dying())
    build_multivector(small, BuildTask(tmp_path / "i", block=2), Lettered())
    for name in ("single.npy", "tokens.npy", "manifest.json"):
        assert (tmp_path / "i" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert np.load(tmp_path / "i" / "single.npy").shape == (6, 5)


def test_what_does_not_fit_is_refused(small, tmp_path):
    index = build_multivector(small, BuildTask(tmp_path / "i"), Lettered())
    with pytest.raises(UsageError, match="XTR does not score the single vectors"):
        prepare_search(index, {"scoring": "xtr"})
    with pytest.raises(UsageError, match="--gamma is nan, needed: a finite number"):
        prepare_search(index, {"gamma": float("nan")})
    bare = build_multivector(small, BuildTask(tmp_path / "bare"), Lettered(single=None))
    assert not (tmp_path / "bare" / "single.npy").exists()
    with pytest.raises(UsageError, match="--gamma is for indexes built with --single"):
        prepare_search(bare, {"gamma": 1.0})
    asked = Lettered().encode(["a"], "query")
    with pytest.raises(BadInput, match="the queries have no single vectors"):
        list(index.rank(asked._replace(single=None), SearchOptions()))
    for bad, words in ((np.ones((1, 4)), "of 4 dimensions"), (np.full((1, 5), np.nan), "not finite")):
        with pytest.raises(BadInput, match=words):
            list(index.rank(asked._replace(single=bad.astype(np.float32)), SearchOptions()))
    (tmp_path / "i" / "single.npy").write_bytes(b"nothing")
    with pytest.raises(BadInput, match=r"single\.npy"):
        MultiVectorIndex.open(tmp_path / "i")

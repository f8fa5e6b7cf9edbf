"""Whole words, stop words and pooled tokens: against plain loops, sentence-transformers and the checks of the papers."""

from importlib.util import find_spec

import numpy as np
import pytest

from intrex.data.errors import UsageError
from intrex.data.specs import EncoderSpec
from intrex.data.store.vectors import PackedVectors
from intrex.encoders.base import load_token_encoder, make_token_encoder
from intrex.encoders.multivector.reductions import Reductions, gate_stopwords, pool_tokens, pool_words, select
from intrex.encoders.options import EncoderOptions, TokenEncoderOptions


def packed(*lengths: int, dim: int = 8, seed: int = 0) -> PackedVectors:
    """Random vectors of length 1."""
    vectors = np.random.default_rng(seed).normal(size=(sum(lengths), dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    single = np.arange(len(lengths), dtype=np.float32)[:, None]
    return PackedVectors(vectors, np.cumsum([0, *lengths]), single)


def parts(found: PackedVectors) -> list[np.ndarray]:
    return [found.vectors[a:b] for a, b in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


def maxsim(query: np.ndarray, document: np.ndarray) -> float:
    return float((query @ document.T).max(axis=1).sum())


def test_words_become_the_means_of_their_tokens():
    given = packed(5, 0, 2)
    words = np.array([-1, 4, 2, 4, -1, 4, 2])
    found, kept = pool_words(given, words)
    v = given.vectors
    expected = [[v[0], (v[1] + v[3]) / 2, v[2], v[4]], [], [v[5], v[6]]]
    assert np.diff(found.offsets).tolist() == [4, 0, 2] and kept.tolist() == [-1, 4, 2, -1, 4, 2]
    np.testing.assert_allclose(found.vectors, [row for text in expected for row in text], atol=1e-7)
    assert found.vectors.dtype == np.float32 and found.single is given.single


def test_words_of_random_texts_against_a_loop():
    rng = np.random.default_rng(1)
    for seed in range(50):
        lengths = rng.integers(0, 12, 6)
        given = packed(*lengths, seed=seed)
        words = rng.integers(-1, 5, lengths.sum())
        expected = []
        for i, text in enumerate(parts(given)):
            own = words[given.offsets[i] : given.offsets[i + 1]]
            keys = [-9 - j if w < 0 else w for j, w in enumerate(own)]
            expected += [text[[k == key for k in keys]].mean(axis=0) for key in dict.fromkeys(keys)]
        found, _ = pool_words(given, words)
        np.testing.assert_allclose(found.vectors, np.reshape(expected, (-1, 8)), atol=1e-6)
        assert found.offsets[-1] == len(expected)
        assert (np.linalg.norm(found.vectors, axis=1) <= 1 + 1e-6).all()


def test_words_that_all_differ_change_nothing():
    given = packed(4, 3)
    found, _ = pool_words(given, np.array([0, 1, 2, 3, 0, -1, 1]))
    assert np.array_equal(found.vectors, given.vectors) and np.array_equal(found.offsets, given.offsets)


def test_the_gate_scales_and_drops():
    given = packed(3, 2, 0)
    weight = np.ones(8, np.float32)
    r = np.maximum(given.vectors.astype(float) @ weight - 0.2, 0)
    assert 0 < (r > 0).sum() < 5
    found, kept = gate_stopwords(given, weight, -0.2)
    assert np.array_equal(kept, r > 0)
    np.testing.assert_allclose(found.vectors, (given.vectors * r[:, None])[r > 0], atol=1e-6)
    assert np.diff(found.offsets).tolist() == [(r[:3] > 0).sum(), (r[3:] > 0).sum(), 0]
    everything, _ = gate_stopwords(given, np.zeros(8, np.float32), 1.0)
    assert np.array_equal(everything.vectors, given.vectors), (
        "at the start of training all words pass unchanged"
    )
    nothing, _ = gate_stopwords(given, np.zeros(8, np.float32), 0.0)
    assert nothing.vectors.shape == (0, 8) and nothing.offsets.tolist() == [0, 0, 0, 0]


def test_select_keeps_rows_and_texts():
    given = packed(2, 0, 3)
    found = select(given, np.array([True, False, False, False, True]))
    assert found.offsets.tolist() == [0, 1, 1, 2] and np.array_equal(found.vectors, given.vectors[[0, 4]])


def test_pooling_by_one_changes_nothing():
    given = packed(9, 0, 1, 4)
    found = pool_tokens(given, 1)
    assert np.array_equal(found.vectors, given.vectors) and np.array_equal(found.offsets, given.offsets)


@pytest.mark.parametrize("protected", [0, 1, 3])
def test_pooling_by_all_gives_the_mean_of_the_unprotected(protected):
    given = packed(9, 2, 1, 0)
    found = pool_tokens(given, 9, protected)
    for before, after in zip(parts(given), parts(found), strict=True):
        assert np.array_equal(after[:protected], before[:protected])
        if len(before) > protected:
            np.testing.assert_allclose(after[protected:], [before[protected:].mean(axis=0)], atol=1e-6)


@pytest.mark.parametrize("factor", [1.5, 2, 3, 7])
def test_pooled_vectors_are_few_and_short(factor):
    given = packed(30, 17, 5)
    found = pool_tokens(given, factor, 1)
    for before, after in zip(parts(given), parts(found), strict=True):
        assert 1 <= len(after) - 1 <= max(1, int((len(before) - 1) // factor))
        assert np.array_equal(after[0], before[0])
    assert (np.linalg.norm(found.vectors, axis=1) <= 1 + 1e-6).all()
    assert found.single is given.single


def test_a_text_is_pooled_the_same_beside_any_others():
    given = packed(20, 12)
    whole = pool_tokens(given, 2)
    alone = pool_tokens(PackedVectors(given.vectors[20:], np.array([0, 12])), 2)
    assert np.array_equal(parts(whole)[1], alone.vectors)


def test_clusters_are_those_that_one_sees():
    """Three directions, four tokens each, in turns: the pooled vectors are the three means, in order."""
    rng = np.random.default_rng(0)
    tokens = np.tile(np.eye(3, 8), (4, 1)) + rng.normal(scale=0.01, size=(12, 8))
    tokens = (tokens / np.linalg.norm(tokens, axis=1, keepdims=True)).astype(np.float32)
    found = pool_tokens(PackedVectors(tokens, np.array([0, 12])), 4, 0)
    np.testing.assert_allclose(found.vectors, [tokens[i::3].mean(axis=0) for i in range(3)], atol=1e-6)


@pytest.mark.model
@pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="not installed: sentence_transformers")
@pytest.mark.parametrize(("factor", "protected"), [(2, 1), (3, 0), (1.5, 2), (40, 1)])
def test_pooling_equals_sentence_transformers(factor, protected):
    import torch
    from sentence_transformers.multi_vector_encoder.modules import HierarchicalTokenPooling

    given = packed(33, 2, 20)
    theirs = HierarchicalTokenPooling(factor, num_protected_tokens=protected, normalize_embeddings=False)
    ours = pool_tokens(given, factor, protected)
    for before, after in zip(parts(given), parts(ours), strict=True):
        expected = theirs.pool_one(torch.from_numpy(before)).numpy()
        assert np.array_equal(after[:protected], expected[:protected]), (
            "only the order of the clusters differs"
        )
        a, b = (x[protected:][np.lexsort(x[protected:].round(4).T)] for x in (after, expected))
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_options_and_specs_say_the_same():
    options = TokenEncoderOptions(whole_words=True, pool_factor=2.0, protected_tokens=0)
    made = Reductions.of(options)
    assert made.params() == {"whole_words": True, "pool_factor": 2.0, "protected_tokens": 0}
    assert Reductions.of(EncoderSpec("hashing", "hashing", params=made.params())) == made
    assert Reductions.of(TokenEncoderOptions()).params() == {}
    assert repr(Reductions.of(TokenEncoderOptions(pool_factor=2)).params()["pool_factor"]) == "2.0"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pool_factor": 0.5}, "--pool-factor is 0.5"),
        ({"pool_factor": float("nan")}, "--pool-factor is nan"),
        ({"protected_tokens": -1}, "--protected-tokens is -1"),
    ],
)
def test_impossible_reductions_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        make_token_encoder("hashing", TokenEncoderOptions(**options))


def test_hashed_tokens_can_be_reduced(tmp_path):
    texts = ["a wing and a wing", "", "heat"]
    plain = make_token_encoder("hashing", EncoderOptions())
    words = make_token_encoder("hashing", TokenEncoderOptions(whole_words=True))
    before, after = plain.encode(texts, "document"), words.encode(texts, "document")
    assert np.diff(after.offsets).tolist() == [3, 0, 1] and np.array_equal(
        after.vectors[:3], before.vectors[:3]
    )
    query = plain.encode(["a wing"], "query").vectors
    assert maxsim(query, after.vectors[:3]) == maxsim(query, before.vectors[:5])
    assert words.spec.fingerprint != plain.spec.fingerprint
    pooled = make_token_encoder("hashing", TokenEncoderOptions(pool_factor=2.0, protected_tokens=0))
    assert np.diff(pooled.encode(texts, "document").offsets).tolist() == [2, 0, 1]
    assert np.diff(pooled.encode(texts, "query").offsets).tolist() == [5, 0, 1], "queries are not pooled"
    again = load_token_encoder(pooled.spec, tmp_path, EncoderOptions())
    assert again.spec == pooled.spec
    assert np.array_equal(again.encode(texts, "document").vectors, pooled.encode(texts, "document").vectors)

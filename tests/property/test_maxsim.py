"""MaxSim and XTR are exact: equal to their definitions, and the same bits however they are computed."""

import math
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.data.errors import BadInput
from intrex.data.native.library import Library
from intrex.data.numeric.rows import row_norms
from intrex.data.store.vectors import PackedVectors
from intrex.retrievers.multivector import maxsim, xtr
from intrex.retrievers.multivector.tokens import StoredTokens


def pack(texts, dtype=np.float32):
    """Packed vectors of texts [tokens, d] each."""
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in texts])]).astype(np.int64)
    return PackedVectors(np.concatenate(texts).astype(dtype), offsets)


def stored(texts, dtype=np.float32):
    packed = pack(texts, dtype)
    longest = row_norms(packed.vectors.astype(np.float32)).max(initial=0.0)
    return StoredTokens(packed, float(longest))


def text_of(packed, i):
    return packed.vectors[packed.offsets[i] : packed.offsets[i + 1]].astype(np.float64)


@contextmanager
def blocks_of(sizes, without_kernels=False):
    """Small blocks, so that documents cross them; perhaps by numpy alone."""
    names = ("TOGETHER", "PRODUCTS", "STRIPE", "GATHERED")
    patches = dict(zip(names, sizes, strict=True))
    with mock.patch.multiple(maxsim, **patches), mock.patch.object(xtr, "GATHERED", sizes[-1]):
        if not without_kernels:
            yield
            return
        with mock.patch.object(Library, "kernels", lambda *_: None):
            yield


def products(tokens, queries, query, document):
    """Exact products [q, d] of a query with a document's tokens as stored."""
    one, other = text_of(queries, query), text_of(tokens, document)
    return np.array([[math.fsum(p) for p in q * other] for q in one]).reshape(len(one), len(other))


def order(scores, rank, k):
    """Documents by (float32 score, rank) descending; those without a score are left out."""
    found = [(np.float32(s) + np.float32(0), rank[i], i) for i, s in enumerate(scores) if s is not None]
    best = sorted(found, reverse=True)[:k]
    return [i for _, _, i in best], [s for s, _, _ in best]


@st.composite
def problems(draw):
    """Documents and queries of few values (ties, equal maxima, all negative products), nearly equal ones, or any."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dim, kind = (
        draw(st.sampled_from([1, 2, 3, 8, 17])),
        draw(st.sampled_from(["few", "near", "any", "negative"])),
    )
    centre = rng.standard_normal(dim)

    def text(most):
        shape = int(rng.integers(0, most + 1)), dim
        if kind == "few":
            return rng.integers(-2, 3, shape) / 4
        if kind == "near":
            return centre + rng.integers(-3, 4, shape) * 2.0**-11
        return rng.standard_normal(shape)

    most = draw(st.sampled_from([12, 12, 12, 60]))  # maxima of 16 tokens and more are taken by another loop
    documents = [text(most) for _ in range(draw(st.integers(1, 300 // most)))]
    queries = [text(5) for _ in range(draw(st.integers(1, 4)))]
    if kind == "negative":
        documents, queries = [-np.abs(d) for d in documents], [np.abs(q) for q in queries]
    if not sum(map(len, documents)):
        documents.append(np.ones((1, dim)))
    dtype = draw(st.sampled_from([np.float16, np.float32]))
    rank = rng.permutation(len(documents)).astype(np.uint32)
    return pack(documents, dtype), stored(documents, dtype), pack(queries), rank


BLOCKS = st.sampled_from([(256, 1 << 17, 1 << 15, 1 << 11), (1, 1, 99, 1), (3, 9, 1, 5), (9, 40, 30, 7)])


@settings(derandomize=True, deadline=None, max_examples=250)
@given(
    problems(),
    st.sampled_from([1, 2, 5, 100]),
    st.sampled_from([1, 3]),
    BLOCKS,
    st.booleans(),
)
def test_maxsim_is_its_definition(problem, k, threads, block, plain):
    packed, tokens, queries, rank = problem
    with blocks_of(block, plain):
        found = maxsim.search(tokens, queries, rank, k, threads)
    for i, (rows, scores) in enumerate(found):
        expected = [
            math.fsum(sims.max(axis=1)) if sims.size else None
            for sims in (products(packed, queries, i, d) for d in range(len(rank)))
        ]
        best, values = order(expected, rank, k)
        assert rows.tolist() == best
        assert scores.tolist() == values


@settings(derandomize=True, deadline=None, max_examples=250)
@given(
    problems(),
    st.integers(1, 60),
    st.sampled_from([1, 4, 100]),
    st.sampled_from([1, 3]),
    BLOCKS,
    st.booleans(),
)
def test_xtr_is_its_definition(problem, token_top_k, k, threads, block, plain):
    packed, tokens, queries, rank = problem
    with blocks_of(block, plain):
        found = xtr.search(tokens, queries, rank, k, token_top_k, threads)
    for i, (rows, scores) in enumerate(found):
        sims = [products(packed, queries, i, d) for d in range(len(rank))]
        n = int(np.diff(queries.offsets)[i])
        every = np.sort(np.concatenate(sims, axis=1), axis=1)[:, ::-1]
        least = every[:, min(token_top_k, every.shape[1]) - 1]
        expected = [
            math.fsum(np.maximum(s.max(axis=1), least)) / n
            if s.size and (s.max(axis=1) >= least).any()
            else None
            for s in sims
        ]
        best, values = order(expected, rank, k)
        if token_top_k >= every.shape[1]:  # MaxSim is rounded before it is divided
            np.testing.assert_allclose(scores, values, rtol=3e-7)
            continue
        assert rows.tolist() == best
        assert scores.tolist() == values


@settings(derandomize=True, deadline=None, max_examples=100)
@given(problems(), st.integers(0, 2**32), BLOCKS, st.booleans())
def test_candidates_given_get_the_score_of_a_search(problem, seed, block, plain):
    _, tokens, queries, rank = problem
    rng = np.random.default_rng(seed)
    found = maxsim.search(tokens, queries, rank, len(rank), 1)
    rows = [rng.permutation(len(rank)) for _ in found]
    with blocks_of(block, plain):
        every = maxsim.scores(tokens, queries, rows, 2)
    for given_rows, scores, (best, expected) in zip(rows, every, found, strict=True):
        known = dict(zip(best.tolist(), expected.tolist(), strict=True))
        assert scores.tolist() == [known.get(row, -math.inf) for row in given_rows.tolist()]


def one_score(query, document):
    return float(maxsim.scores(stored([document]), pack([query]), [np.array([0])], 1)[0][0])


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 6), st.sampled_from([1, 2, 5, 64]))
def test_what_a_score_may_depend_on(seed, m, q, dim):
    rng = np.random.default_rng(seed)
    document, query = (
        v / np.linalg.norm(v, axis=1, keepdims=True)
        for v in (rng.standard_normal((m, dim)), rng.standard_normal((q, dim)))
    )
    document, query = document.astype(np.float32), query.astype(np.float32)
    score = one_score(query, document)
    assert one_score(query, rng.permutation(document)) == score
    assert one_score(rng.permutation(query), document) == pytest.approx(score, rel=2e-7, abs=1e-12)
    assert one_score(query, np.concatenate([document, document[:1]])) == score, "a token twice"
    assert one_score(query, np.concatenate([document, -query[:1]])) >= score, "one more token"
    assert score <= q * (1 + 1e-6)
    assert one_score(query, np.concatenate([document, query])) == pytest.approx(q, rel=1e-6)


def test_worked_examples():
    query = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    assert one_score(query, np.array([[0.6, 0.8], [-1.0, 0.0]], np.float32)) == pytest.approx(1.4)
    assert one_score(query[:1], np.array([[-1.0, 0.0]], np.float32)) == -1.0, "no floor at 0"
    # algorithms by hand: q1 finds A .9 and B .7, q2 finds C .8 and A .5
    tokens = stored([[[0.9, 0.5]], [[0.7, 0.1]], [[0.2, 0.8]]])
    (rows, scores), *_ = xtr.search(tokens, pack([query]), np.arange(3, dtype=np.uint32), 3, 2, 1)
    assert rows.tolist() == [2, 0, 1]
    assert scores == pytest.approx([0.75, 0.70, 0.60])


def test_queries_that_cannot_be_are_refused():
    tokens, rank = stored([np.ones((2, 4))]), np.zeros(1, np.uint32)
    with pytest.raises(BadInput, match="3 dimensions do not fit the index's 4"):
        maxsim.search(tokens, pack([np.ones((1, 3))]), rank, 1, 1)
    for bad in (np.nan, np.inf, 3e38):
        with pytest.raises(BadInput, match="not finite"):
            maxsim.search(tokens, pack([np.full((1, 4), bad)]), rank, 1, 1)

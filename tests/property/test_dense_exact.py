"""Dense search is exact: equal to brute force, ties included, and the same bits however it is computed."""

import math
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.data.ids import IdWriter
from intrex.data.numeric.rows import error_bound, row_norms
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import build_artifact
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import VectorWriter
from intrex.retrievers.dense.index import DenseIndex
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.vectors import nearest
from intrex.retrievers.vectors.exact import Pool
from intrex.retrievers.vectors.native import exact_dot
from intrex.retrievers.vectors.options import NearestOptions

ENGINES = ["native", *(["faiss"] if find_spec("faiss") else [])]
DIMS = (1, 2, 3, 7, 16, 33)


@contextmanager
def index_of(vectors):
    """A real index of given vectors, with ids whose byte order is not the rows' order."""
    with tempfile.TemporaryDirectory() as folder:

        def make(build):
            writer = VectorWriter(build.path / "vectors.npy", vectors.shape)
            writer.append(vectors)
            writer.close()
            ids = IdWriter(build.path)
            ids.extend([f"{(i * 7919) % 10007:x}-{i}" for i in range(len(vectors))])
            ids.close()
            params = {"similarity": "dot", "max_norm": float(row_norms(vectors).max())}
            return Manifest(
                "dense", "none", EncoderSpec("hashing", "table", dim=vectors.shape[1]).to_dict(), params
            )

        build_artifact(Path(folder) / "index", "0" * 64, make)
        yield DenseIndex.open(Path(folder) / "index")


@contextmanager
def scanned(numbers):
    before, nearest.SCANNED_AT_ONCE = nearest.SCANNED_AT_ONCE, numbers
    try:
        yield
    finally:
        nearest.SCANNED_AT_ONCE = before


def brute_force(index, query, k):
    """Exact sums (fsum of exact products) rounded once to float32, then sorted by (score, id) descending."""
    products = np.asarray(index.vectors, np.float64) * query.astype(np.float64)
    scores = np.array([math.fsum(p) for p in products]).astype(np.float32) + np.float32(0)
    order = sorted(range(len(scores)), key=lambda i: (scores[i], index.ids.rank[i]), reverse=True)[:k]
    return order, scores[order]


def same(one, other):
    return all(
        np.array_equal(a, c) and np.array_equal(b.view(np.uint32), d.view(np.uint32))
        for (a, b), (c, d) in zip(one, other, strict=True)
    )


@st.composite
def problems(draw):
    """Vectors and queries of one of four kinds: few values (many ties), nearly equal, of very different length, any."""
    n, q, d = draw(st.integers(1, 60)), draw(st.integers(1, 5)), draw(st.sampled_from(DIMS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["few", "near", "long", "any"]))
    if kind == "few":
        vectors, queries = rng.integers(-2, 3, (n, d)) / 4, rng.integers(-2, 3, (q, d)) / 4
    elif kind == "near":
        vectors = rng.standard_normal(d) + rng.integers(-3, 4, (n, d)) * 2.0**-24
        queries = np.repeat(rng.standard_normal((1, d)), q, axis=0)
    elif kind == "long":
        vectors = rng.standard_normal((n, d)) * 10.0 ** rng.integers(-30, 15, (n, 1))
        queries = rng.standard_normal((q, d)) * 10.0 ** rng.integers(-30, 15, (q, 1))
    else:
        vectors, queries = rng.standard_normal((n, d)), rng.standard_normal((q, d))
    vectors[rng.random(n) < 0.1] = 0
    k = draw(st.integers(1, n + 2))
    return vectors.astype(np.float32), queries.astype(np.float32), k


@settings(derandomize=True, deadline=None, max_examples=150)
@given(problems())
def test_equal_to_brute_force(problem):
    vectors, queries, k = problem
    with index_of(vectors) as index:
        for query, (rows, scores) in zip(queries, index.rank(queries, SearchOptions(k=k)), strict=True):
            order, expected = brute_force(index, query, k)
            assert rows.tolist() == order
            assert (scores + np.float32(0)).tolist() == expected.tolist()


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    problems(),
    st.integers(1, 5),
    st.sampled_from([1, 2]),
    st.sampled_from([1, 100, 1000]),
    st.sampled_from(ENGINES),
)
def test_batch_threads_blocks_and_faiss_change_no_bit(problem, batch_size, threads, block, engine):
    vectors, queries, k = problem
    with index_of(vectors) as index:
        usual = list(index.rank(queries, SearchOptions(k=k)))
        with scanned(block):
            other = list(
                index.rank(
                    queries, NearestOptions(k=k, batch_size=batch_size, threads=threads, engine=engine)
                )
            )
    assert same(usual, other)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("vector", [0.0, 0.1])
def test_when_all_documents_tie_the_highest_ids_win(engine, vector):
    vectors = np.full((3000, 24), vector, np.float32)
    query = np.random.default_rng(1).standard_normal((1, 24)).astype(np.float32)
    with index_of(vectors) as index, scanned(24 * 700):
        [(rows, scores)] = index.rank(query, NearestOptions(k=10, engine=engine))
        assert rows.tolist() == np.argsort(index.ids.rank)[::-1][:10].tolist()
        assert len(set(scores.tolist())) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_larger_index_of_near_duplicates_is_exact(engine):
    rng = np.random.default_rng(3)
    base = rng.standard_normal((40, 64))
    vectors = (base[rng.integers(0, 40, 4000)] + rng.integers(-1, 2, (4000, 64)) * 2.0**-23).astype(
        np.float32
    )
    queries = rng.standard_normal((6, 64)).astype(np.float32)
    with index_of(vectors) as index, scanned(64 * 900):
        for query, (rows, scores) in zip(
            queries, index.rank(queries, NearestOptions(k=100, batch_size=4, engine=engine)), strict=True
        ):
            order, expected = brute_force(index, query, 100)
            assert rows.tolist() == order and scores.tolist() == expected.tolist()


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 3, 5, 8, 31, 64, 384]), st.integers(1, 40))
def test_the_kernel_gives_a_row_the_same_bits_beside_any_others(seed, dim, n):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, dim), dtype=np.float32)
    query = rng.standard_normal(dim, dtype=np.float32)
    whole = exact_dot(vectors, np.arange(n), query)
    alone = np.concatenate([exact_dot(vectors, np.array([i]), query) for i in range(n)])
    some = rng.permutation(n)[: n // 2 + 1]
    assert np.array_equal(whole, alone) and np.array_equal(exact_dot(vectors, some, query), whole[some])
    exact = np.array([math.fsum(p) for p in vectors.astype(np.float64) * query.astype(np.float64)]).astype(
        np.float32
    )
    assert np.array_equal(whole, exact)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 16, 100, 768]), st.sampled_from([1, 7, 64]))
def test_matrix_products_stay_within_the_bound(seed, dim, n):
    rng = np.random.default_rng(seed)
    vectors = (rng.standard_normal((n, dim)) * 10.0 ** rng.integers(-3, 4, (n, 1))).astype(np.float32)
    queries = rng.standard_normal((3, dim), dtype=np.float32)
    longest = row_norms(vectors).max()
    exact = vectors.astype(np.float64) @ queries.astype(np.float64).T
    for products in ((queries @ vectors.T).T, np.stack([vectors @ q for q in queries], axis=1)):
        bounds = [error_bound(dim, norm, longest) for norm in row_norms(queries)]
        assert (np.abs(products - exact) <= bounds).all()


def test_a_pool_keeps_all_that_may_be_in_the_top():
    pool = Pool(2, 0.2)
    pool.add(np.array([1.0, 0.9, 0.75, 0.1], np.float32))
    assert pool.rows.tolist() == [0, 1, 2]
    pool.add(np.array([0.69, 2.0, 0.95], np.float32), start=4)
    assert pool.rows.tolist() == [0, 1, 5, 6]
    pool.forget(5)
    assert pool.rows.tolist() == [0, 1]

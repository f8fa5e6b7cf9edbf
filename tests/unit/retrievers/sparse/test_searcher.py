"""Dot products by kernels are those of numpy, to the bit: for any type of weight, window, thread count, k and pruning."""

import numpy as np
import pytest

from intrex.data.native.library import Library
from intrex.retrievers.inverted import search as lexical
from intrex.retrievers.inverted.search import Weighted
from intrex.retrievers.sparse.searcher import LIBRARIES, Impacts, ImpactSearcher

N, TERMS = 3_000, 60
pytestmark = pytest.mark.skipif(
    LIBRARIES["uint8"].kernels() is None, reason="the kernels cannot be compiled here"
)


def made(dtype, values, bounded=True):
    """Postings of TERMS terms, more for the first ones; ``values(draw, n)`` makes the weights."""
    draw = np.random.default_rng(5)
    lists = [np.sort(draw.choice(N, N // (i + 1), replace=False)) for i in range(TERMS)]
    offsets = np.cumsum([0, *map(len, lists)])
    docs = np.concatenate(lists).astype(np.int32)
    weights = values(draw, len(docs)).astype(dtype)
    starts = np.arange(0, len(docs), 128)
    bounds = np.maximum.reduceat(weights, starts).astype(np.float32) if bounded else None
    return ImpactSearcher(
        Impacts(offsets, docs, weights), draw.permutation(N).astype(np.uint32), bounds, 2.0**-3
    )


def asked(weights):
    draw = np.random.default_rng(6)
    sizes = draw.integers(0, 40, 50)
    terms = np.concatenate([draw.permutation(TERMS)[:size] for size in sizes])
    return Weighted(
        np.concatenate([[0], np.cumsum(sizes)]), terms, weights(draw, len(terms)).astype(np.float32)
    )


def one_by_one(searcher, queries, q):
    """The scores of a query by definition, row by row in Python, best first."""
    offsets, docs, weights = searcher.postings
    sums = {}
    for t in range(queries.offsets[q], queries.offsets[q + 1]):
        for p in range(offsets[queries.terms[t]], offsets[queries.terms[t] + 1]):
            product = float(queries.weights[t]) * searcher.scale * float(weights[p])
            sums[int(docs[p])] = sums.get(int(docs[p]), 0.0) + product
    return sorted(((np.float32(s), int(searcher.rank[d]), d) for d, s in sums.items()), reverse=True)


SMALL = {"uint8": lambda d, n: d.integers(1, 256, n), "uint16": lambda d, n: d.integers(1, 65536, n)}
FLOATS = {
    "even": lambda d, n: d.random(n) + 0.01,
    "wide": lambda d, n: 10.0 ** d.uniform(-30, 3, n),
    # Sums of these lie between two float32 numbers or a hair beside, as the order of the additions has it.
    "halves": lambda d, n: d.choice([1.0, 1.0 + 2.0**-23, 2.0**-24, 2.0**-27, 2.0**-28], n),
}


@pytest.mark.parametrize("kind", [*SMALL, *FLOATS])
@pytest.mark.parametrize("query", ["even", "wide", "halves"])
def test_every_path_gives_the_same_bits(monkeypatch, kind, query):
    searcher = made(kind, SMALL[kind]) if kind in SMALL else made("float32", FLOATS[kind])
    queries = asked(FLOATS[query])
    for k in (1, 10, N):
        with monkeypatch.context() as patch:
            patch.setattr(Library, "kernels", lambda *_: None)
            plain = searcher.search(queries, k)
        for window, prune, threads in ((256, True, 1), (512, False, 2), (1 << 14, True, 3)):
            monkeypatch.setattr(lexical, "WINDOW", window)
            searcher.prune = prune
            for one, other in zip(plain, searcher.search(queries, k, threads), strict=True):
                assert one.tobytes() == other.tobytes(), (k, window, prune, threads)
    starts = np.concatenate([[0], np.cumsum(plain.sizes)])
    for q in (0, 7, 20):
        expected = one_by_one(searcher, queries, q)
        here = slice(starts[q], starts[q + 1])
        assert plain.rows[here].tolist() == [d for _, _, d in expected]
        assert plain.scores[here].tolist() == [s for s, _, _ in expected]


def test_a_sum_next_to_a_change_of_rounding_is_added_up_in_order(monkeypatch):
    """Adding 1 first loses the 3 * 2**-54 that lift the sum over the middle of two float32 numbers."""
    monkeypatch.setattr(lexical, "WINDOW", 256)
    many = list(range(256, 512))
    lists = [many, many, many, many, [*range(20), 300]]  # three tiny terms, a small one, the one that decides
    weights = np.concatenate([*([np.full(256, 2.0**-54)] * 3), np.full(256, 2.0**-24), [0.9] * 20, [1.0]])
    found = Impacts(
        np.cumsum([0, *map(len, lists)]),
        np.concatenate(lists).astype(np.int32),
        weights.astype(np.float32),
    )
    bounds = np.maximum.reduceat(found.weights, np.arange(0, len(found.docs), 128))
    searcher = ImpactSearcher(found, np.arange(512, dtype=np.uint32), bounds)
    query = Weighted(np.array([0, 5]), np.arange(5), np.ones(5, np.float32))
    best = searcher.search(query, 1)
    assert (best.rows.tolist(), best.scores.tolist()) == ([300], [1 + 2.0**-23])
    monkeypatch.setattr(ImpactSearcher, "_exact", lambda self, queries: np.ones(1, np.uint8))
    assert searcher.search(query, 1).scores.tolist() == [1.0], "else the check is never made"


def test_no_bounds_no_postings_no_queries():
    searcher = made("uint8", SMALL["uint8"], bounded=False)
    queries = asked(FLOATS["even"])
    whole = made("uint8", SMALL["uint8"]).search(queries, 5)
    for one, other in zip(whole, searcher.search(queries, 5), strict=True):
        assert one.tobytes() == other.tobytes()
    nothing = Impacts(np.zeros(3, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint16))
    empty = ImpactSearcher(nothing, np.arange(4, dtype=np.uint32), np.zeros(0, np.float32))
    found = empty.search(Weighted(np.array([0, 2]), np.array([0, 1]), np.ones(2, np.float32)), 5)
    assert found.sizes.tolist() == [0] and len(found.rows) == 0
    none = Weighted(np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    assert [len(part) for part in empty.search(none, 5)] == [0, 0, 0]

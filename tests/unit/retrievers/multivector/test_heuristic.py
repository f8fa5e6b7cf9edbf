"""The single-vector heuristic: its order by hand and written out, duplicates, exact reranking."""

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.data.store.vectors import PackedVectors
from intrex.retrievers.multivector import maxsim
from intrex.retrievers.multivector.heuristic import candidates, distinct, ordered_documents
from intrex.retrievers.multivector.tokens import StoredTokens
from tests.support.residuals import query_vectors, token_vectors


def packed(*texts: list[list[float]]) -> PackedVectors:
    offsets = np.cumsum([0, *map(len, texts)])
    rows = [row for text in texts for row in text]
    return PackedVectors(np.array(rows, np.float32).reshape(len(rows), -1), offsets)


def test_by_hand() -> None:
    """First the nearest tokens of both query tokens, then the second nearest, and so on."""
    documents = packed([[1, 0], [0.9, 0]], [[0, 1], [0.8, 0]], [[0, 0.7], [0.2, 0.3]])
    # products with (1, 0): a 1, a .9, b .8, c .2, b 0, c 0; with (0, 1): b 1, c .7, c .3, a 0, a 0, b 0
    query = packed([[1, 0], [0, 1]])
    rank = np.arange(3, dtype=np.uint32)
    [found] = ordered_documents(StoredTokens(documents, 1), query, 4, rank, 1)
    assert found.tolist() == [0, 1, 0, 2, 1, 2, 2, 1], "of the three equals at 0, the larger id"
    assert distinct(found).tolist() == [0, 1, 2]
    assert ordered_documents(StoredTokens(documents, 1), query, 99, rank, 1)[0].shape == (12,)
    [one] = candidates(StoredTokens(documents, 1), query, 2, rank, 1)
    assert one.tolist() == [0, 1]
    down = rank[::-1].copy()
    [other] = ordered_documents(StoredTokens(documents, 1), query, 4, down, 1)
    assert other.tolist() == [0, 1, 0, 2, 1, 2, 2, 0]


@pytest.mark.parametrize("seed", range(3))
def test_as_written_out(seed: int) -> None:
    documents, queries = token_vectors(80, 6, seed), query_vectors(12, 6, seed)
    rank = np.random.default_rng(seed).permutation(80).astype(np.uint32)
    owners = np.repeat(np.arange(80), np.diff(documents.offsets))
    found = ordered_documents(StoredTokens(documents, 1.01), queries, 25, rank, 2)
    for i, listed in enumerate(found):
        query = queries.vectors[queries.offsets[i] : queries.offsets[i + 1]].astype(np.float64)
        neighbours = []
        for row in query:
            products = documents.vectors.astype(np.float64) @ row
            # products of equal tokens differ in the last bits of numpy's sum
            order = sorted(
                range(len(products)), key=lambda t: (-round(products[t], 12), -int(rank[owners[t]]), t)
            )
            neighbours.append([int(owners[t]) for t in order[:25]])
        assert listed.tolist() == [near[j] for j in range(25) for near in neighbours]


def test_threads_and_stacks_change_nothing() -> None:
    documents, queries = token_vectors(200, 10, most=30), query_vectors(40, 10)
    rank, tokens = np.arange(200, dtype=np.uint32), StoredTokens(documents, 1.01)
    whole = ordered_documents(tokens, queries, 30, rank, 1)
    assert [r.tolist() for r in ordered_documents(tokens, queries, 30, rank, 3)] == [
        r.tolist() for r in whole
    ]
    for i in (0, 7, 39):
        own = queries.vectors[queries.offsets[i] : queries.offsets[i + 1]]
        [alone] = ordered_documents(tokens, PackedVectors(own, np.array([0, len(own)])), 30, rank, 1)
        assert alone.tolist() == whole[i].tolist()


def test_all_tokens_find_all_documents_and_then_it_is_exact() -> None:
    documents, queries = token_vectors(60, 10), query_vectors(20, 10)
    rank, tokens = np.arange(60, dtype=np.uint32), StoredTokens(documents, 1.01)
    found = candidates(tokens, queries, 10_000, rank, 1)
    exact = maxsim.search(tokens, queries, rank, 10, 1)
    reranked = maxsim.search(tokens, queries, rank, 10, 1, rows=found)
    for (rows, scores), (wanted, best) in zip(reranked, exact, strict=True):
        assert rows.tolist() == wanted.tolist() and scores.tobytes() == best.tobytes()


def test_nothing_and_bad_queries() -> None:
    tokens, rank = StoredTokens(token_vectors(10, 4), 1.01), np.arange(10, dtype=np.uint32)
    empty = PackedVectors(np.empty((0, 4), np.float32), np.array([0, 0]))
    assert [r.tolist() for r in candidates(tokens, empty, 5, rank, 1)] == [[]]
    nothing = StoredTokens(PackedVectors(np.empty((0, 4), np.float16), np.array([0, 0])), 0)
    assert [r.tolist() for r in candidates(nothing, query_vectors(3, 4), 5, rank, 1)] == [[]] * 3
    with pytest.raises(BadInput, match="3 dimensions"):
        candidates(tokens, query_vectors(3, 3), 5, rank, 1)

"""Token vectors of some documents: the same scores as among all, single vectors mixed in too."""

import numpy as np
import pytest

from intrex.data.store.vectors import PackedVectors
from intrex.retrievers.multivector import maxsim
from intrex.retrievers.multivector.blend import Blend
from intrex.retrievers.multivector.part import PartTokens
from intrex.retrievers.multivector.tokens import StoredTokens

DRAWS = np.random.default_rng(3)
LENGTHS = np.array([3, 0, 2, 1, 0, 4, 2, 2, 0, 5, 1, 0])
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
N = len(LENGTHS)


def vectors(n: int, dim: int, dtype: type = np.float32) -> np.ndarray:
    return DRAWS.normal(size=(n, dim)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_reads_and_gathers_what_all_have(dtype: type) -> None:
    stored = vectors(OFFSETS[-1], 4, dtype)
    tokens = StoredTokens(PackedVectors(stored, OFFSETS), 9.0)
    part = np.array([1, 2, 4, 5, 9, 11])
    some = PartTokens(tokens, part)
    expected = np.concatenate([stored[OFFSETS[row] : OFFSETS[row + 1]] for row in part]).astype(np.float32)
    room = np.empty((len(expected), 4), np.float32)
    assert np.diff(some.offsets).tolist() == LENGTHS[part].tolist()
    assert np.array_equal(some.read(slice(0, len(expected)), room), expected)
    assert np.array_equal(some.read(slice(3, 8)), expected[3:8])
    assert np.array_equal(some.read(np.array([10, 0, 5])), expected[[10, 0, 5]])
    assert np.array_equal(some.gather(np.array([4, 1]), room), expected[[*range(6, 11), 0, 1]])


@pytest.mark.parametrize("k", [1, 3, N])
def test_mixed_scores_are_those_among_all(k: int) -> None:
    tokens = StoredTokens(PackedVectors(vectors(OFFSETS[-1], 4), OFFSETS), 9.0)
    queries = PackedVectors(vectors(7, 4), np.array([0, 2, 7]), vectors(2, 3))
    documents, rank = vectors(N, 3), np.arange(N, dtype=np.uint32)[::-1].copy()
    every = maxsim.search(tokens, queries, rank, N, 1, blend=Blend(documents, queries.single, 0.3, 9.0))
    part = np.array([0, 1, 3, 5, 6, 10])
    blend = Blend(documents, queries.single, 0.3, 9.0, part)
    found = maxsim.search(PartTokens(tokens, part), queries, rank[part], k, 1, blend=blend)
    for (rows, scores), (all_rows, all_scores) in zip(found, every, strict=True):
        inside = np.isin(all_rows, part)
        assert part[rows].tolist() == all_rows[inside][:k].tolist()
        assert scores.tolist() == all_scores[inside][:k].tolist()

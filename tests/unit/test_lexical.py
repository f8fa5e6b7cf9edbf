"""Search by kernels is search by numpy, to the bit: with and without pruning, for any window, thread count and k."""

from pathlib import Path

import numpy as np
import pytest

from intrex.retrievers import lexical
from intrex.retrievers.lexical import Searcher, Weighted
from intrex.retrievers.native import kernels
from intrex.retrievers.postings import Postings, PostingsWriter
from intrex.retrievers.similarity import encode_lengths, inverse_norms

N, VOCABULARY = 3_000, 400
pytestmark = pytest.mark.skipif(kernels() is None, reason="the kernels cannot be compiled here")


def corpus(folder: Path, k1: float = 0.9, b: float = 0.4) -> Searcher:
    draw = np.random.default_rng(3)
    chance = 1 / np.arange(1, VOCABULARY + 1)
    sizes = draw.integers(0, 60, N)
    tokens = draw.choice(VOCABULARY, sizes.sum(), p=chance / chance.sum()).astype(np.int32)
    tokens[1000:1600] = 7  # some counts over 255
    writer = PostingsWriter(folder, run=10_000)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    for low in range(0, N, 500):
        here = offsets[low : low + 501]
        writer.add(tokens[here[0] : here[-1]], here - here[0])
    sizes[0] += 600
    writer.close([f"t{i}" for i in range(VOCABULARY)])
    postings, norms = Postings(folder), encode_lengths(sizes)
    inverse = inverse_norms(k1, b, float(sizes.mean()))
    rank = draw.permutation(N).astype(np.uint32)
    longest = inverse[norms.max()]
    return Searcher(postings, norms, rank, inverse, postings.bounds(norms, inverse), longest)


def asked(searcher: Searcher, spread: float = 1.0) -> Weighted:
    draw = np.random.default_rng(4)
    sizes = draw.integers(0, 12, 60)
    terms = np.concatenate([draw.permutation(VOCABULARY)[:size] for size in sizes])
    df = np.diff(searcher.postings.offsets)[terms]
    weights = (np.log(1 + (N - df + 0.5) / (df + 0.5)) * spread ** draw.random(len(terms))).astype(np.float32)
    return Weighted(np.concatenate([[0], np.cumsum(sizes)]), terms.astype(np.int64), weights)


@pytest.mark.parametrize(("k1", "b", "spread"), [(0.9, 0.4, 1), (0, 0, 1), (3, 1, 1), (0.9, 0.4, 1e-30)])
def test_every_path_gives_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, k1: float, b: float, spread: float
) -> None:
    searcher = corpus(tmp_path, k1, b)
    queries = asked(searcher, spread)
    for k in (1, 10, 100, N):
        with monkeypatch.context() as patch:
            patch.setattr(lexical, "kernels", lambda: None)
            plain = searcher.search(queries, k)
        assert plain.sizes.max() <= k
        for window, prune, threads in (
            (256, True, 1), (512, True, 2), (256, False, 1), (1 << 14, True, 3), (2048, True, 1),
        ):  # fmt: skip
            monkeypatch.setattr(lexical, "WINDOW", window)
            searcher.prune = prune
            found = searcher.search(queries, k, threads)
            for one, other in zip(plain, found, strict=True):
                assert one.tobytes() == other.tobytes(), (k, window, prune, threads)


def test_where_sums_could_be_rounded_is_known(tmp_path: Path) -> None:
    searcher = corpus(tmp_path)
    assert searcher._exact(asked(searcher)).all()
    uneven = searcher._exact(asked(searcher, 1e-30))
    assert 0 < uneven.sum() < len(uneven)


def test_more_results_than_fit_a_buffer_twice(tmp_path: Path) -> None:
    searcher = corpus(tmp_path)
    hits = searcher.search(Weighted(np.array([0, 1]), np.array([0]), np.ones(1, np.float32)), 2)
    whole = searcher.search(Weighted(np.array([0, 1]), np.array([0]), np.ones(1, np.float32)), 10**9)
    assert hits.rows.tolist() == whole.rows[:2].tolist()
    assert whole.sizes.tolist() == [len(searcher.postings.of(0)[0])]


def test_no_query_and_no_document(tmp_path: Path) -> None:
    searcher = corpus(tmp_path)
    nothing = Weighted(np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    assert [len(part) for part in searcher.search(nothing, 5)] == [0, 0, 0]

"""Residual codes: a small case by hand, numpy written out as the reference, the same bits with and without kernels."""

import numpy as np
import pytest

from intrex.data.native.library import Library
from intrex.data.store.vectors import PackedVectors
from intrex.retrievers.multivector import residual
from intrex.retrievers.multivector.residual import GRID, Codec, train


def unit_rows(n: int, dim: int, seed: int = 0, groups: int = 20) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((groups, dim))
    rows = centres[rng.integers(0, groups, n)] + 0.5 * rng.standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def packed(rows: np.ndarray, size: int = 7) -> PackedVectors:
    return PackedVectors(rows, np.minimum(np.arange(0, len(rows) + size, size), len(rows)))


@pytest.fixture(params=["kernels", "numpy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(Library, "kernels", lambda *_: None)
    return str(request.param)


def test_by_hand(way: str) -> None:
    """Centroids are the axes; cutoffs -.5, 0, .5; (.6, .8) is nearest to the second: residual (.6, -.2)."""
    codec = Codec(
        np.array([[4096, 0], [0, 4096]], np.int16),
        np.array([-0.5, 0, 0.5], np.float32),
        np.array([-0.75, -0.25, 0.25, 0.75], np.float32),
    )
    codes, bytes_ = codec.encode(np.array([[0.6, 0.8], [1, 0], [-0.6, -0.8]], np.float32))
    assert codes.tolist() == [1, 0, 0]
    # buckets: .6 -> 3, -.2 -> 1; 0 is not above the cutoff 0 -> 1, 1; -1.6 and -.8 -> 0, 0
    assert bytes_.tolist() == [[3 | 1 << 2], [1 | 1 << 2], [0]]
    # (0, 1) + (.75, -.25) = (.75, .75); (1, 0) + (-.25, -.25) = (.75, -.25); (1, 0) + (-.75, -.75) = (.25, -.75)
    wanted = np.array([[0.75, 0.75], [0.75, -0.25], [0.25, -0.75]])
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(codec.decode(codes, bytes_), wanted, atol=1e-7)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("dim", [3, 8, 13, 32])
def test_as_numpy_written_out(bits: int, dim: int, way: str) -> None:
    rows = unit_rows(700, dim)
    codec = train(packed(rows), bits)
    assert (codec.bits, codec.width) == (bits, -(-dim * bits // 8))
    centroids = codec.grid.astype(np.float64) * GRID
    scores = rows.astype(np.float64) @ centroids.T
    codes, bytes_ = codec.encode(rows)
    assert bytes_.shape == (700, codec.width) and codes.dtype == np.int32
    np.testing.assert_allclose(scores[np.arange(700), codes], scores.max(1), rtol=0, atol=1e-13)
    for i in range(0, 700, 23):
        number = int.from_bytes(bytes_[i].tobytes(), "little")
        decoded = np.empty(dim)
        for j in range(dim):
            left = rows[i, j] - np.float32(centroids[codes[i], j])
            bucket = sum(int(cut < left) for cut in codec.cutoffs)
            assert (number >> (bits * j)) % (1 << bits) == bucket
            decoded[j] = np.float32(centroids[codes[i], j]) + codec.weights[bucket]
        assert number >> (bits * dim) == 0, "bits that are left over are zero"
        np.testing.assert_allclose(
            codec.decode(codes[i : i + 1], bytes_[i : i + 1])[0], decoded / np.linalg.norm(decoded), atol=2e-7
        )


def test_cutoffs_and_weights_are_quantiles_of_what_is_held_out() -> None:
    rows, others = np.split(unit_rows(4000, 16), 2)
    one, two, four = (train(packed(rows), bits) for bits in (1, 2, 4))
    assert np.array_equal(one.grid, two.grid), "the centroids do not depend on the bits"
    assert one.weights.tolist() == [two.cutoffs[0], two.cutoffs[2]], "quantiles 1/4 and 3/4 are both"
    assert one.cutoffs[0] == two.cutoffs[1] == four.cutoffs[7]
    assert (np.diff(four.weights) > 0).all() and (np.diff(four.cutoffs) > 0).all()
    left = others - two.centroids[two.encode(others)[0]]
    below = [(left <= cut).mean() for cut in two.cutoffs]
    np.testing.assert_allclose(below, [0.25, 0.5, 0.75], atol=0.03)


def test_more_bits_come_closer(way: str) -> None:
    rows = unit_rows(3000, 24)
    error = []
    for bits in (1, 2, 4):
        codec = train(packed(rows), bits)
        again = codec.decode(*codec.encode(rows))
        np.testing.assert_allclose(np.linalg.norm(again, axis=1), 1, atol=1e-6)
        error.append(float((1 - (again * rows).sum(1)).mean()))
    plain = float((1 - (codec.centroids[codec.encode(rows)[0]] * rows).sum(1)).mean())
    assert plain > 1.5 * error[0] > 1.5 * 1.5 * error[1] > 1.5**3 * error[2]


def test_kernels_and_numpy_agree_in_every_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = unit_rows(900, 21)
    found = []
    for _ in range(2):
        for bits in (1, 2, 4):
            codec = train(packed(rows), bits)
            codes, bytes_ = codec.encode(rows)
            found.append((codes.tobytes(), bytes_.tobytes(), codec.decode(codes, bytes_).tobytes()))
        monkeypatch.setattr(Library, "kernels", lambda *_: None)
    assert found[:3] == found[3:]


def test_any_block_gives_the_same_codes() -> None:
    rows = unit_rows(500, 16)
    codec = train(packed(rows), 2)
    codes, bytes_ = codec.encode(rows)
    parts = [codec.encode(rows[i : i + 33]) for i in range(0, 500, 33)]
    assert np.concatenate([c for c, _ in parts]).tobytes() == codes.tobytes()
    assert np.concatenate([b for _, b in parts]).tobytes() == bytes_.tobytes()


@pytest.mark.parametrize(
    ("vectors", "centroids"),
    [(1, 1), (2, 1), (40, 32), (2000, 512), (4000, 1 << int(np.log2(16 * 4000**0.5)))],
)
def test_number_of_centroids(vectors: int, centroids: int) -> None:
    """2^floor(log2(16 sqrt(N))), but a power of two that does not exceed the vectors there are to train with."""
    assert len(train(packed(unit_rows(vectors, 8)), 1).grid) == centroids


def test_float16_trains_as_the_float32_it_is() -> None:
    half = unit_rows(600, 8).astype(np.float16)
    one, two = train(packed(half), 2), train(packed(half.astype(np.float32)), 2)
    assert np.array_equal(one.grid, two.grid) and np.array_equal(one.weights, two.weights)


def test_the_sample_is_bounded_and_of_whole_documents() -> None:
    rows = unit_rows(30_000, 4)
    packed_ = packed(rows, 300)
    kept = residual._sample(packed_, 1000, np.random.PCG64(0))
    assert 1000 <= len(kept) < 1300 and len(kept) % 300 == 0
    assert len(residual._sample(packed_, 10**9, np.random.PCG64(0))) == 30_000


def test_zeros_and_nothing() -> None:
    zeros = np.zeros((5, 6), np.float32)
    for rows in (zeros, zeros[:0]):
        codec = train(packed(rows), 2)
        assert np.array_equal(codec.decode(*codec.encode(rows)), rows)

"""k-means: small cases by hand, the same bits however it is computed, faiss and scikit-learn as peers."""

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.native.library import Library
from intrex.data.numeric import kmeans as module
from intrex.data.numeric.kmeans import kmeans, nearest_centroids


def mixture(n: int, dim: int, groups: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((groups, dim))
    return (centres[rng.integers(0, groups, n)] + 0.4 * rng.standard_normal((n, dim))).astype(np.float32)


def test_two_pairs_by_hand() -> None:
    found = kmeans(np.array([[0, 0], [10, 0], [0, 2], [10, 2]], np.float32), 2, seed=3)
    assert sorted(map(tuple, found.centroids.tolist())) == [(0, 1), (10, 1)]
    assert found.labels[0] == found.labels[2] != found.labels[1] == found.labels[3]
    assert found.inertia == 4.0


def test_spherical_by_hand() -> None:
    """Lengths do not matter: the directions 0 and 90 degrees, and 8 and 82 degrees, make two clusters at 4 and 86."""
    angles = np.radians([0, 90, 8, 82])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1) * np.array([[1], [5], [0.01], [2]])
    found = kmeans(vectors.astype(np.float32), 2, spherical=True)
    at = np.degrees(np.arctan2(found.centroids[:, 1], found.centroids[:, 0]))
    np.testing.assert_allclose(sorted(at), [4, 86], atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found.centroids, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(found.inertia, 4 * (1 - np.cos(np.radians(4))), atol=1e-6)


@pytest.mark.parametrize("spherical", [False, True])
def test_the_same_bits_for_any_blocks_threads_and_without_kernels(
    spherical: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.repeat(mixture(300, 19, 12), 2, axis=0)  # every vector twice: ties abound

    def run(threads: int = 1) -> tuple[bytes, bytes, float]:
        found = kmeans(vectors, 12, spherical=spherical, restarts=3, seed=5, threads=threads)
        return found.centroids.tobytes(), found.labels.tobytes(), found.inertia

    whole = run()
    assert run(2) == run(8) == whole
    threadpoolctl = pytest.importorskip("threadpoolctl")
    for threads in (1, 2):
        with threadpoolctl.threadpool_limits(threads):
            assert run() == whole
    for numbers in (1, 500, 3000):
        monkeypatch.setattr(module, "_SCORES_AT_ONCE", numbers)
        monkeypatch.setattr(module, "_NUMBERS_AT_ONCE", 2 * numbers)
        assert run() == whole
    monkeypatch.setattr(Library, "kernels", lambda *_: None)
    assert run() == whole


def test_ties_go_to_the_lower_centroid_even_where_the_product_is_rounded() -> None:
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((500, 64)).astype(np.float32)
    centroids = rng.standard_normal((40, 64)).astype(np.float32)
    labels = nearest_centroids(rows, np.concatenate([centroids, centroids[::-1]]))
    assert np.array_equal(labels, (rows.astype(np.float64) @ centroids.astype(np.float64).T).argmax(1))
    labels = nearest_centroids(rows, np.concatenate([centroids, centroids]), euclidean=True)
    gaps = rows[:, None].astype(np.float64) - centroids
    assert np.array_equal(labels, (gaps**2).sum(2).argmin(1))


def test_close_calls_are_decided_in_float64() -> None:
    """Centroids a few units of the last place apart: float32 products see them equal, in an order that varies."""
    rng = np.random.default_rng(7)
    base = rng.standard_normal(96).astype(np.float32)
    centroids = np.stack([base] * 30)
    for i in range(30):
        centroids[i, i] = np.nextafter(centroids[i, i], np.float32(9), dtype=np.float32)
    rows = rng.standard_normal((200, 96)).astype(np.float32)
    exact = rows.astype(np.float64) @ centroids.astype(np.float64).T
    labels = nearest_centroids(rows, centroids)
    best = exact.max(1)
    assert np.allclose(exact[np.arange(200), labels], best, rtol=0, atol=1e-13)
    rounded = (rows @ centroids.T).argmax(1)
    assert (exact[np.arange(200), rounded] < best - 1e-9).any(), "or this test shows nothing"


def test_no_cluster_stays_empty_while_there_are_vectors_enough() -> None:
    vectors = np.concatenate([np.zeros((50, 2)), [[5, 5]], [[9, 9]]]).astype(np.float32)
    for seed in range(20):
        found = kmeans(vectors, 3, init="sample", seed=seed)
        assert set(found.labels.tolist()) == {0, 1, 2} and found.inertia == 0


def test_fewer_different_vectors_than_clusters() -> None:
    vectors = np.repeat(np.array([[1, 0], [0, 1]], np.float32), 5, axis=0)
    for spherical in (False, True):
        found = kmeans(vectors, 4, spherical=spherical)
        assert found.inertia == 0 and len(set(found.labels.tolist())) == 2


def test_float16_and_memory_maps(tmp_path) -> None:
    vectors = mixture(400, 8, 4).astype(np.float16)
    np.save(tmp_path / "v.npy", vectors)
    mapped = kmeans(np.load(tmp_path / "v.npy", mmap_mode="r"), 4)
    plain = kmeans(vectors.astype(np.float32), 4)
    assert mapped.centroids.tobytes() == plain.centroids.tobytes() and mapped.inertia == plain.inertia


def test_a_zero_vector_has_no_direction() -> None:
    vectors = np.array([[1, 0], [0, 0], [0, 1], [0, 0]], np.float32)
    found = kmeans(vectors, 2, spherical=True)
    assert np.isfinite(found.centroids).all() and found.inertia == 2.0


def test_more_restarts_are_never_worse() -> None:
    vectors = mixture(400, 6, 9)
    losses = [kmeans(vectors, 9, init="sample", restarts=n, seed=1).inertia for n in (1, 2, 4, 8)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]


def test_it_stops_when_few_vectors_still_change() -> None:
    vectors = mixture(3000, 6, 9)
    whole = kmeans(vectors, 9, iterations=200, seed=3)
    soon = kmeans(vectors, 9, iterations=200, seed=3, settled=0.01)
    assert 1 < soon.iterations < whole.iterations
    assert whole.inertia <= soon.inertia
    before = kmeans(vectors, 9, iterations=soon.iterations - 1, seed=3)
    earlier = kmeans(vectors, 9, iterations=soon.iterations - 2, seed=3)
    assert (soon.labels != before.labels).sum() <= 30 < (before.labels != earlier.labels).sum()


def test_bad_input() -> None:
    vectors = mixture(10, 3, 2)
    for k in (0, 11):
        with pytest.raises(UsageError, match="clusters of 10 vectors"):
            kmeans(vectors, k)
    for wrong in (np.nan, np.inf, 1e19):
        vectors[4, 1] = wrong
        with pytest.raises(BadInput, match="vector 5 is not finite"):
            kmeans(vectors, 2)


@pytest.mark.parametrize("spherical", [False, True])
def test_as_good_as_faiss(spherical: bool) -> None:
    faiss = pytest.importorskip("faiss")
    vectors = mixture(4000, 16, 60)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ours = kmeans(vectors, 64, spherical=spherical, init="sample", restarts=3, seed=1).inertia
    peer = faiss.Kmeans(16, 64, niter=25, nredo=3, spherical=spherical, seed=1)
    peer.train(vectors)
    best = (vectors @ peer.centroids.T).max(1)
    theirs = (1 - best).sum() if spherical else faiss.knn(vectors, peer.centroids, 1)[0].sum()
    assert ours < 1.05 * theirs


def test_as_scikit_learn_from_the_same_start() -> None:
    cluster = pytest.importorskip("sklearn.cluster")
    vectors = mixture(600, 10, 8)
    ours = kmeans(vectors, 8, init="sample", iterations=300, seed=4)
    points = module._Points(vectors, False, lambda _: None)
    start = module._draw_sample(points, 8, np.random.PCG64(4))
    theirs = cluster.KMeans(8, init=start, n_init=1, max_iter=300, tol=0).fit(vectors)
    assert np.array_equal(ours.labels, theirs.labels_)
    np.testing.assert_allclose(ours.inertia, theirs.inertia_, rtol=1e-5)
    np.testing.assert_allclose(ours.centroids, theirs.cluster_centers_, atol=1e-5)

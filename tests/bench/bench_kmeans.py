"""k-means against faiss.Kmeans: time and inertia from equally many iterations, on vectors about random topics.

Prints Markdown. ``--queries N`` and ``--tokens N`` make it smaller: the first table is clustering queries for a split
(k = 5, 384 dimensions, k-means++), the second training centroids (128 dimensions, sampled, 4 iterations).
"""

import argparse
import time

import faiss
import numpy as np

from intrex.data.numeric.kmeans import kmeans


def mixture(n, dim, topics):
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((topics, dim), np.float32)
    vectors = rng.standard_normal((n, dim), np.float32)
    vectors *= np.float32(0.8)
    vectors += centres[rng.integers(0, topics, n)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--queries", type=int, default=500_000)
    parser.add_argument("--tokens", type=int, default=250_000)
    given = parser.parse_args()
    print("| vectors | dim | k | kind | ours, s | faiss, s | ratio | inertia, ours / faiss |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    tokens = 1 << int(np.log2(16 * given.tokens**0.5))
    for n, dim, topics, k, init, most in (
        (given.queries, 384, 50, 5, "k-means++", 25),
        (given.tokens, 128, 3000, tokens, "sample", 4),
    ):
        vectors = mixture(n, dim, topics)
        for spherical in (True, False):
            start = time.perf_counter()
            ours = kmeans(vectors, k, spherical=spherical, init=init, iterations=most, seed=1)
            middle = time.perf_counter()
            theirs = faiss.Kmeans(dim, k, niter=most, spherical=spherical, seed=1, max_points_per_centroid=n)
            theirs.train(vectors)
            end = time.perf_counter()
            metric = faiss.METRIC_INNER_PRODUCT if spherical else faiss.METRIC_L2
            best, _ = faiss.knn(vectors, theirs.centroids, 1, metric=metric)
            inertia = float((1 - best if spherical else best).sum(dtype=np.float64))
            kind = "spherical" if spherical else "Euclidean"
            own, peer = middle - start, end - middle
            print(
                f"| {n:,} | {dim} | {k:,} | {kind} | {own:.1f} | {peer:.1f} | {peer / own:.2f} | {ours.inertia / inertia:.3f} |"
            )


if __name__ == "__main__":
    main()

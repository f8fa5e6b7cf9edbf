"""k-means, Euclidean or spherical, the same bits for any thread count, block size and BLAS.

S. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28(2), 1982; the spherical form
is that of I. Dhillon and D. Modha, Machine Learning 42, 2001. Matrix products, whose last bits vary, only say which
centroids may be nearest; where several may, `intrex.data.numeric.rows` decides. Ties are decided for the lower number: of
centroids, of vectors, of restarts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from intrex.data.arrays import Array, Bools, Float32s, Float64s, Int32s, Rows
from intrex.data.errors import BadInput, UsageError
from intrex.data.numeric.rows import add_rows, gamma, pair_dots, row_norms
from intrex.data.progress import Progress
from intrex.data.system.threads import on_threads

Init = Literal["k-means++", "sample"]

_SCORES_AT_ONCE = 1 << 21
"""Numbers of a matrix product that are held: 8 MB."""
_NUMBERS_AT_ONCE = 1 << 21
"""Numbers of the vectors that are read together: 8 MB."""
_LONGEST = 1e18
_ZERO = 1e-12
"""Distances of unit vectors below it are rounding."""


class Clusters(NamedTuple):
    """Clustering of n vectors into k clusters.

    Attributes:
        centroids: [k, d] float32; of length 1 if spherical.
        labels: [n] int32, the cluster of each vector: that of the nearest centroid.
        inertia: sum over the vectors of the squared Euclidean distance to the nearest centroid, or of 1 - cosine.
        iterations: how often the centroids were moved.
    """

    centroids: Float32s
    labels: Int32s
    inertia: float
    iterations: int


def kmeans(
    vectors: Array,
    k: int,
    *,
    spherical: bool = False,
    init: Init = "k-means++",
    iterations: int = 25,
    settled: float = 0.0,
    restarts: int = 1,
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> Clusters:
    """Cluster vectors: the best of some restarts, each until vectors no longer change their cluster or the iterations are used up.

    A cluster that is left without a vector takes the one farthest from its own centroid, unless that one is alone
    there. A cluster is empty in the end only if there are fewer different vectors than clusters, or if the last
    iteration emptied it.

    Args:
        vectors: [n, d] float16 or float32, may be memory-mapped: blocks of it are converted. Scaling a vector by a
            power of two changes nothing if spherical, by another number no more than rounding does; a zero vector
            has cosine 0 with everything.
        k: how many clusters, from 1 to n.
        spherical: maximise cosines, with centroids of length 1, instead of minimising squared distances.
        init: where the centroids begin: ``k-means++`` (D. Arthur and S. Vassilvitskii, SODA 2007; k passes over the
            vectors) or ``sample``, k different vectors drawn evenly.
        iterations: at most so many for each restart.
        settled: share of the vectors that may still change their cluster when it stops; 0 waits until none does.
        restarts: how many; the one of the smallest inertia is returned.
        seed: of what is drawn: the raw 64-bit numbers of PCG64, which are the same in every version of numpy.
        threads: restarts that run at once, each with one thread of the matrix products; 1 leaves these as they are.
        progress: called with the number of vectors after each pass over them, from any of the threads.

    Raises:
        UsageError: k is not from 1 to n.
        BadInput: a vector is not finite, or longer than 1e18.
    """
    if not 1 <= k <= len(vectors):
        raise UsageError(f"{k:,} clusters of {len(vectors):,} vectors", "ask for fewer clusters, at least 1")
    points = _Points(vectors, spherical, progress or (lambda _: None))
    if restarts < 1:
        raise UsageError(f"{restarts} restarts of k-means", "at least 1")
    bits = np.random.PCG64(seed)
    draw = _draw_plus_plus if init == "k-means++" else _draw_sample
    # one after another, whoever takes them
    starts = enumerate(draw(points, k, bits) for _ in range(restarts))

    def best_of(numbered: Iterator[tuple[int, Float32s]]) -> tuple[float, int, Clusters] | None:
        clusterings = ((number, _lloyd(points, start, iterations, settled)) for number, start in numbered)
        ranked = ((clusters.inertia, number, clusters) for number, clusters in clusterings)
        return min(ranked, key=lambda result: result[:2], default=None)

    results = [best_of(starts)] if threads == 1 else on_threads(best_of, starts, min(threads, restarts))
    return min((result for result in results if result is not None), key=lambda result: result[:2])[2]


def nearest_centroids(
    rows: Float32s, centroids: Float32s, *, euclidean: bool = False, squares: Float64s | None = None
) -> Int32s:
    """Return the centroid of the largest dot product, or of the smallest distance, of each row; the lower number on ties.

    Dot products count as equal if their float64 sums are (see `rowmath.pair_dots`). In memory: blocks of the matrix
    product, never all of it.

    Args:
        rows: [n, d] float32, finite and not longer than 1e18.
        centroids: [k, d] float32.
        euclidean: whether the distance decides, not the dot product.
        squares: [n] the squared lengths of the rows, where they are known.
    """
    squares_of = _squares(centroids)
    longest = float(np.sqrt(squares_of.max(initial=0.0)))
    half = squares_of / 2 if euclidean else np.zeros(len(centroids))
    norms = np.sqrt(_squares(rows) if squares is None else squares)
    labels = np.empty(len(rows), np.int32)
    step = max(1, _SCORES_AT_ONCE // max(1, len(centroids)))
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        scores = block @ centroids.T
        if euclidean:
            scores -= half.astype(np.float32)
        labels[start : start + step] = _decide(
            block, norms[start : start + step], centroids, half, scores, longest
        )
    return labels


def _squares(rows: Float32s) -> Float64s:
    """Return squared lengths [n]."""
    numbers = np.arange(len(rows))
    return pair_dots(rows, numbers, rows, numbers)


def _decide(
    block: Float32s, norms: Float64s, centroids: Float32s, half: Float64s, scores: Float32s, longest: float
) -> Int32s:
    """Return the best column of each row of approximate scores, which are changed; those within their error are recomputed."""
    numbers = np.arange(len(block))
    labels: Int32s = scores.argmax(axis=1).astype(np.int32)
    best = scores[numbers, labels].astype(np.float64)
    # as `error_bound`, with the roundings of the subtraction
    least = best - 2 * gamma(block.shape[1] + 8) * (norms + longest) * longest - 2.0**-100
    scores[numbers, labels] = -np.inf
    close = np.flatnonzero(scores.max(axis=1) >= least)
    if len(close):
        at, column = np.nonzero(scores[close] >= least[close, None])
        row = np.concatenate([close, close[at]])
        column = np.concatenate([labels[close], column])
        exact = pair_dots(block, row, centroids, column) - half[column]
        order = np.lexsort((column, -exact, row))
        firsts = order[np.unique(row[order], return_index=True)[1]]
        labels[row[firsts]] = column[firsts]
    return labels


class _Points:
    """Vectors in blocks, with what is computed of them once.

    Attributes:
        squares: [n] float64, squared lengths.
        scale: [n] float64, what a vector is multiplied by before it is added: 1, or 1 over its length if spherical.
    """

    def __init__(self, vectors: Array, spherical: bool, progress: Progress) -> None:
        self._vectors, self.spherical, self._progress = vectors, spherical, progress
        self.n, self.dim = vectors.shape
        self.squares = np.empty(self.n)
        for part, block in self.blocks():
            self.squares[part] = _squares(block)
        if bad := np.flatnonzero(~(self.squares <= _LONGEST**2)).tolist():
            raise BadInput(
                f"vector {bad[0] + 1} is not finite, or longer than {_LONGEST:g}", "check the encoder"
            )
        lengths = np.sqrt(self.squares)
        self.scale = 1 / np.where(lengths > 0, lengths, 1.0) if spherical else np.ones(self.n)

    def blocks(self) -> Iterator[tuple[slice, Float32s]]:
        step = max(1, _NUMBERS_AT_ONCE // max(1, self.dim))
        for start in range(0, self.n, step):
            block = self._vectors[start : start + step]
            yield slice(start, start + len(block)), np.ascontiguousarray(block, np.float32)
        self._progress(self.n)

    def pick(self, rows: Rows) -> Float32s:
        """Return the vectors ``rows`` as centroids."""
        return self._finish(
            np.asarray(self._vectors[rows], np.float64), np.zeros((len(rows), self.dim), np.float32)
        )

    def distances(self, centroids: Float32s, labels: Int32s) -> Float64s:
        """Return what each vector's distance to its centroid adds to the inertia."""
        out = np.empty(self.n)
        squares = _squares(centroids)
        for part, block in self.blocks():
            at = labels[part].astype(np.int64)
            dots = pair_dots(block, np.arange(len(block)), centroids, at)
            if self.spherical:
                out[part] = 1 - dots * self.scale[part]
            else:
                out[part] = np.maximum(self.squares[part] + squares[at] - 2 * dots, 0)
        return out

    def assign(self, centroids: Float32s) -> Int32s:
        """Return the nearest centroid of each vector."""
        labels = np.empty(self.n, np.int32)
        for part, block in self.blocks():
            euclidean, squares = not self.spherical, self.squares[part]
            labels[part] = nearest_centroids(block, centroids, euclidean=euclidean, squares=squares)
        return labels

    def centroids(self, labels: Int32s, old: Float32s) -> Float32s:
        """Return the mean of each cluster; an empty one, or one without a direction, keeps its old centroid."""
        sums = np.zeros(old.shape)
        for part, block in self.blocks():
            add_rows(block, labels[part], self.scale[part], sums)
        sizes = np.bincount(labels, minlength=len(old))
        means = sums if self.spherical else sums / np.maximum(sizes, 1)[:, None]
        return self._finish(means, old, sizes == 0)

    def _finish(self, means: Float64s, old: Float32s, empty: Bools | None = None) -> Float32s:
        unchanged = np.zeros(len(means), np.bool_) if empty is None else empty
        if self.spherical:
            lengths = row_norms(means)
            unchanged = unchanged | (lengths == 0)
            means = means / np.where(lengths > 0, lengths, 1.0)[:, None]
        return np.where(unchanged[:, None], old, means).astype(np.float32)


def _lloyd(points: _Points, centroids: Float32s, iterations: int, settled: float) -> Clusters:
    labels = np.full(points.n, -1, np.int32)
    moved = 0
    while True:
        assigned = points.assign(centroids)
        if moved == iterations or np.count_nonzero(assigned != labels) <= settled * points.n:
            return Clusters(centroids, assigned, float(points.distances(centroids, assigned).sum()), moved)
        labels = assigned
        centroids = points.centroids(_fill_empty(points, centroids, labels), centroids)
        moved += 1


def _fill_empty(points: _Points, centroids: Float32s, labels: Int32s) -> Int32s:
    """Return the labels after each empty cluster, in order, took the farthest vector of a cluster that keeps another."""
    sizes = np.bincount(labels, minlength=len(centroids))
    empty = np.flatnonzero(sizes == 0)
    if not len(empty):
        return labels
    labels = labels.copy()
    farthest = iter(np.argsort(-points.distances(centroids, labels), kind="stable").tolist())
    for cluster in empty.tolist():
        row = next(r for r in farthest if sizes[labels[r]] > 1)
        sizes[labels[row]] -= 1
        labels[row] = cluster
    return labels


def _uniform(bits: np.random.PCG64, count: int) -> Float64s:
    """Draw numbers in [0, 1) from a generator whose raw stream numpy promises to keep."""
    return (bits.random_raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _draw_sample(points: _Points, k: int, bits: np.random.PCG64) -> Float32s:
    return points.pick(np.sort(np.argsort(bits.random_raw(points.n), kind="stable")[:k]))


def _draw_plus_plus(points: _Points, k: int, bits: np.random.PCG64) -> Float32s:
    """Draw by k-means++: each next centroid is a vector drawn in proportion to its distance from the nearest one so far."""
    near = np.full(points.n, np.inf)
    rows: list[int] = []
    for draw in _uniform(bits, k).tolist():
        sums = np.cumsum(near if rows else np.ones(points.n))
        if sums[-1] > 0:
            row = int(np.searchsorted(sums, draw * sums[-1], side="right"))
        else:  # fewer different vectors than clusters: the first one that was not taken
            row = next(r for r in range(points.n) if r not in set(rows))
        rows.append(min(row, points.n - 1))
        centroid = points.pick(np.array(rows[-1:]))
        far = points.distances(centroid, np.zeros(points.n, np.int32))
        near = np.minimum(near, np.where(far < _ZERO, 0, far) if points.spherical else far)
    return points.pick(np.array(rows))

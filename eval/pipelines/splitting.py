"""``intrex split``: queries are embedded, compared and clustered, and become a split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from intrex.data.arrays import Float32s, Float64s, Int64s
from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import as_strings
from intrex.data.locate import find_qrels, find_queries
from intrex.data.numeric.kmeans import kmeans
from intrex.data.qrels import Qrels
from intrex.data.system.threads import cores
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.eval.splits.closeness import with_similarity
from intrex.eval.splits.options import UNITS, RestrainOptions, ResttestOptions, ShiftOptions
from intrex.eval.splits.queries import QueryVectors
from intrex.eval.splits.restrain import check_restrain, restrain
from intrex.eval.splits.resttest import check_resttest, resttest
from intrex.eval.splits.shift import by_length, by_question_word, far_groups, shift
from intrex.eval.splits.similarity import Vectors, bm25_vectors
from intrex.eval.splits.split import Split, check_disjoint
from intrex.retrievers.text.analyzer import Analyzer

BM25 = "bm25"
PROJECTED = 384
"""Dimensions to which BM25 weights are projected before they are clustered."""
ITERATIONS = 100
SETTLED = 1e-4
"""Share of the queries that may still change their bucket when k-means stops: none of fewer than 10,000."""
ROWS_AT_ONCE = 1 << 14
TOPICS, KEPT, GROWN = 100, 5, 0.5
"""Clusters of queries; those kept as topics; the share of all queries, the nearest ones, that the topics grow to."""


@dataclass(frozen=True)
class Sides:
    """Training and test queries of a split, with what compares them.

    Attributes:
        train: training queries; of a judged set those that have a relevant document.
        test: test queries.
        sources: where they came from.
        encoder: the spelling of an encoder, ``bm25`` or ``bm25:LANGUAGE``; None compares nothing.
        device: where the encoder computes.
        positives: how many relevant documents each training query has, where they are judged.
        unusable: training queries that were left out because they have none.
    """

    train: Queries
    test: Queries
    sources: Mapping[str, str]
    encoder: str | None = None
    device: str | None = None
    positives: Mapping[str, int] | None = None
    unusable: int = 0

    @classmethod
    def find(cls, train: str, test: str, encoder: str | None = None, device: str | None = None) -> Sides:
        """Read both sides; each is a query file or COLLECTION:SET.

        Raises:
            BadInput: one cannot be read, or no training query has a relevant document.
        """
        (train_queries, collection), (test_queries, _) = find_queries(train), find_queries(test)
        sources = {"train": train, "test": test}
        if collection is None:
            return cls(train_queries, test_queries, sources, encoder, device)
        counts = _positives(find_qrels(train).qrels)
        usable = train_queries.only({i for i, n in counts.items() if n})
        if not len(usable):
            raise BadInput(
                f"no training query of {train} has a relevant document", "name a set with judgements above 0"
            )
        return cls(usable, test_queries, sources, encoder, device, counts, len(train_queries) - len(usable))

    def embed(self) -> tuple[QueryVectors, QueryVectors, dict[str, Any]]:
        """Return both sides with vectors, and what made these."""
        texts, n = [*self.train.texts, *self.test.texts], len(self.train)
        vectors, spec = _vectors(texts, self.encoder or BM25, self.device)
        return QueryVectors.of(self.train.ids, vectors[:n]), QueryVectors.of(self.test.ids, vectors[n:]), spec

    def finish(self, split: Split, spec: Mapping[str, Any] | None, **params: Any) -> Split:
        """Complete the split with what made it."""
        return replace(split, params={**split.params, **params}, encoder=spec, sources=dict(self.sources))


def _positives(qrels: Qrels) -> dict[str, int]:
    """Count the documents relevant to each query."""
    counts = np.add.reduceat((qrels.grades > 0).astype(np.int64), qrels.offsets[:-1])
    return dict(zip(as_strings(qrels.query_ids), counts.tolist(), strict=True))


def _vectors(texts: list[str], name: str, device: str | None) -> tuple[Vectors, dict[str, Any]]:
    kind, _, language = name.partition(":")
    if kind == BM25:
        analyzer = Analyzer(language or "en")
        return bm25_vectors([analyzer(text) for text in texts]), {"kind": BM25, "analyzer": analyzer.spec()}
    encoder = make_encoder(name, EncoderOptions(device=device))
    return encoder.encode(texts, "query"), encoder.spec.to_dict()


def make_resttest(sides: Sides, options: ResttestOptions) -> Split:
    """Split by ReSTTest: spherical k-means over all queries, the best of some restarts; see `resttest` and `balance`."""
    check_resttest(sides.train.ids, sides.test.ids, options)
    train, test, spec = sides.embed()
    split = resttest(train, test, _by_size(_clusters(train, test, options)), options)
    return sides.finish(split, spec, restarts=options.restarts, balance=options.balance)


def _clusters(train: QueryVectors, test: QueryVectors, options: ResttestOptions) -> Int64s:
    """Return the cluster of each query [train + test]; every one of the k has a query."""
    joined, k = _dense(train.vectors, test.vectors, options.seed), options.k
    clustering = kmeans(
        joined, k, spherical=True, seed=options.seed, restarts=options.restarts, iterations=ITERATIONS,
        settled=SETTLED, threads=cores(),
    )  # fmt: skip
    labels = clustering.labels.astype(np.int64)
    if (filled := len(np.unique(labels))) < k:
        raise UsageError(
            f"the queries fill {filled} of {k} buckets: too many are alike to this encoder", f"--k {filled}"
        )
    return balance(_products(joined, clustering.centroids)) if options.balance else labels


def _products(vectors: Float32s, centroids: Float32s) -> Float64s:
    """Compute dot products [n, m] in float64, from blocks of vectors."""
    wide = centroids.T.astype(np.float64)
    out = np.empty((len(vectors), len(centroids)))
    for low in range(0, len(vectors), ROWS_AT_ONCE):
        block = slice(low, low + ROWS_AT_ONCE)
        out[block] = vectors[block].astype(np.float64) @ wide
    return out


def _dense(train: Vectors, test: Vectors, seed: int) -> Float32s:
    """Return all queries as dense vectors; BM25 weights through a random projection, which keeps cosines within some 0.05."""
    if isinstance(train, np.ndarray):
        return np.concatenate([train, test])
    from scipy import sparse

    signs = np.random.Generator(np.random.PCG64(seed)).integers(0, 2, (train.shape[1], PROJECTED), np.int8)
    projection = (signs.astype(np.float32) * 2 - 1) / np.float32(PROJECTED**0.5)
    return np.asarray(sparse.vstack([train, test]) @ projection, np.float32)


def _by_size(labels: Int64s) -> Int64s:
    """Renumber clusters by size, the largest first, equal ones by their first member."""
    names, first, counts = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    place = np.empty(int(names.max(initial=0)) + 1, np.int64)
    place[names[order]] = np.arange(len(names))
    return place[labels]


def balance(similarity: Float64s) -> Int64s:
    """Make clusters of sizes that differ by one at most: the query that would lose most chooses first.

    Args:
        similarity: [n, k] similarity of each query to each centroid.

    Returns:
        [n] int64.
    """
    n, k = similarity.shape
    room = np.full(k, n // k, np.int64)
    room[: n % k] += 1
    ranked = np.sort(similarity, axis=1)
    loss = ranked[:, -1] - ranked[:, -2] if k > 1 else np.zeros(n)
    out = np.empty(n, np.int64)
    for row in np.argsort(-np.round(loss, 9), kind="stable").tolist():
        choice = next(c for c in np.argsort(-similarity[row], kind="stable").tolist() if room[c])
        room[choice] -= 1
        out[row] = choice
    return out


def make_restrain(sides: Sides, options: RestrainOptions) -> Split:
    """Split by ReSTrain; see `restrain`. The unit ``judgements`` needs the training side to be judged."""
    if options.unit == UNITS[1] and sides.positives is None:
        raise UsageError(
            "the unit judgements needs judged training queries",
            "name them as COLLECTION:SET, or --unit queries",
        )
    check_restrain(sides.train.ids, sides.test.ids, options)
    train, test, spec = sides.embed()
    return sides.finish(restrain(train, test, options, sides.positives), spec)


def make_shift(sides: Sides, options: ShiftOptions) -> Split:
    """Split by a shift of query length, question word or topic; see `shift`."""
    if options.by == "topic":
        _check_topics(sides, options)
        train, test, spec = sides.embed()
        split = shift(*_topics(train, test, options.seed), options)
        return sides.finish(with_similarity(split, train, test), spec)
    group = by_length if options.by == "length" else by_question_word
    train_groups, test_groups = (
        dict(zip(q.ids, group(q.texts), strict=True)) for q in (sides.train, sides.test)
    )
    return sides.finish(shift(train_groups, test_groups, options), None)


def _check_topics(sides: Sides, options: ShiftOptions) -> None:
    """Raise where no vectors could make two topics, before the queries are encoded."""
    check_disjoint(sides.train.ids, sides.test.ids)
    if (both := len(sides.train) + len(sides.test)) < KEPT:
        raise UsageError(f"{both} queries are too few for {KEPT} topics", "more queries")
    if len(sides.test) < 2 * max(options.min_queries, 1):
        raise UsageError(
            f"a shift needs two groups of {options.min_queries} test queries or more, there are {len(sides.test):,} "
            "test queries",
            "a smaller --min-queries, or more test queries",
        )


def _topics(train: QueryVectors, test: QueryVectors, seed: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return the topic of training and of test queries near one of a few centroids that are far from each other."""
    joined = _dense(train.vectors, test.vectors, seed)
    clusters = min(TOPICS, max(len(joined) // 10, KEPT))
    centroids = kmeans(joined, clusters, spherical=True, seed=seed, iterations=ITERATIONS).centroids
    similarity = np.round(_products(joined, centroids[far_groups(centroids, KEPT)]), 9)
    closest = similarity.max(axis=1)
    inside = np.zeros(len(joined), np.bool_)
    inside[np.argsort(-closest, kind="stable")[: max(1, int(GROWN * len(joined)))]] = True
    topics = zip(similarity.argmax(axis=1), inside, strict=True)
    names = [f"topic-{topic + 1}" if near else "" for topic, near in topics]
    groups = dict(zip([*train.ids, *test.ids], names, strict=True))
    parts = [{i: groups[i] for i in side.ids if groups[i]} for side in (train, test)]
    return parts[0], parts[1]

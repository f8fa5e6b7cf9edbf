"""Reranking by a scorer of pairs of texts: each pair is scored once, and its score kept in a cache."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial

import numpy as np

from intrex.data.arrays import Bytes, Rows, Scores
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, Problems
from intrex.data.ids import as_bytes, as_strings
from intrex.data.numeric.spans import owners_of
from intrex.data.progress import Progress, no_progress
from intrex.data.run import Run, check_tag
from intrex.data.specs import EncoderSpec
from intrex.data.store.scorecache import ScoreCache, StoredScores, pair_keys, text_digest
from intrex.encoders.cross.base import PairScorer
from intrex.encoders.runtime.batching import AT_ONCE
from intrex.retrievers.rerank.index import candidates
from intrex.retrievers.rerank.outside import OutsideScorer, TextPair


def rerank_pairs(
    run: Run,
    queries: Queries,
    collection: Collection,
    scorer: PairScorer | OutsideScorer,
    depth: int,
    tag: str,
    cache: ScoreCache | None = None,
    progress: Progress = no_progress,
) -> Run:
    """Score the ``depth`` best documents of each query of a run by their texts, and rank them by that.

    Documents below the depth are dropped. Equal texts have equal scores, to the bit, since each pair of texts is scored
    once. Scores go into the cache as they are computed: a killed call goes on there, and a repeated one gives the same
    bits without computing any.

    Args:
        run: the rankings to score again.
        queries: the texts of at least the run's queries.
        collection: the texts of at least the run's documents.
        scorer: scores pairs.
        depth: how many of each query.
        tag: of the new run.
        cache: keeps scores; None keeps none.
        progress: called with the number of pairs just scored or read from the cache.

    Raises:
        UsageError: ``tag`` has white space.
        BadInput: a query of the run has no text, one of its documents is not in the collection, or a score is not a
            finite number.
        IntrexError: a scorer elsewhere does not answer, or not as agreed.
    """
    check_tag(tag)
    pairs = Pairs(run, queries, collection, depth, scorer.spec)
    with contextlib.nullcontext() if cache is None else cache.open(scorer.spec) as stored:
        scores = _score(pairs, scorer, stored, progress)
    columns = as_bytes(pairs.queries)[pairs.owner], pairs.ids, scores[pairs.numbers]
    return Run.from_columns(*columns, tag, Problems(f"run {tag}"))


def count_pairs(run: Run, depth: int) -> int:
    """Count the pairs of `rerank_pairs`."""
    return int(np.minimum(np.diff(run.offsets), depth).sum())


class Pairs:
    """Pairs of a run, and the different ones among their texts.

    Attributes:
        queries: [q] the ids of the queries that the run answers.
        owner: [n] the query of each pair, its place in ``queries``.
        ids: [n] the document of each pair.
        rows: [n] its row in the collection.
        keys: [m] keys of the different pairs of texts.
        first: [m] the first pair of each.
        numbers: [n] the place in ``keys`` of each pair.
        counts: [m] the number of pairs of each key.
    """

    def __init__(
        self, run: Run, queries: Queries, collection: Collection, depth: int, spec: EncoderSpec
    ) -> None:
        self._collection, digests = collection, dict[int, bytes]()
        hint = "name the collection that was searched: --collection COLLECTION"
        find = partial(find_texts, collection, digests)
        pool = candidates(run, queries, find, depth, "the collection", hint)
        self.queries, self.ids, self.rows = pool.queries, pool.ids, pool.rows
        self.owner = owners_of(pool.sizes)
        text_of = dict(zip(queries.ids, queries.texts, strict=True))
        self._texts = [text_of[query] for query in pool.queries]
        query_digests = [text_digest(text) for text in self._texts]
        keys = pair_keys(
            spec, [query_digests[i] for i in self.owner.tolist()], [digests[r] for r in self.rows.tolist()]
        )
        self.keys, self.first, self.numbers = np.unique(keys, return_index=True, return_inverse=True)
        self.counts = np.bincount(self.numbers, minlength=len(self.keys))

    def by_document(self, pairs: Rows) -> Rows:
        """Order different pairs so that those of one document are neighbours: its text is read, and encoded, once."""
        first = self.first[pairs]
        return pairs[np.lexsort((self.owner[first], self.rows[first]))]

    def texts(self, pairs: Rows) -> tuple[list[str], list[str]]:
        """Read the texts of the queries and documents of different pairs."""
        first = self.first[pairs]
        rows = self.rows[first].tolist()
        contents = {row: self._collection.document(row).passage for row in dict.fromkeys(rows)}
        return [self._texts[i] for i in self.owner[first].tolist()], [contents[row] for row in rows]

    def by_query(self, pairs: Rows) -> Rows:
        """Order different pairs as the run has them: query by query, best first."""
        return pairs[np.argsort(self.first[pairs])]

    def named(self, pairs: Rows) -> list[TextPair]:
        """Return the texts of different pairs with their ids."""
        first = self.first[pairs]
        names = [self.queries[i] for i in self.owner[first].tolist()]
        queries, documents = self.texts(pairs)
        return list(map(TextPair, names, queries, as_strings(self.ids[first]), documents))

    def check(self, pairs: Rows, scores: Scores) -> None:
        """Raise `BadInput` that names the first of different pairs whose score is not a finite number."""
        bad = np.flatnonzero(~np.isfinite(scores))
        if len(bad):
            pair = self.first[pairs[bad[0]]]
            query, document = self.queries[self.owner[pair]], self.ids[pair].decode()
            raise BadInput(
                f"the score of query {query} and document {document} is {scores[bad[0]]}",
                "check the model, and its --dtype; or the program or server that gave it",
            )


def find_texts(collection: Collection, digests: dict[int, bytes], ids: Bytes) -> Rows:
    """Return the rows of documents, -1 for an unknown one, by one pass over the collection; ``digests`` gets theirs by row."""
    names = as_strings(ids)
    rows = dict.fromkeys(names, -1)
    for row, document in enumerate(collection.documents()):
        if len(digests) == len(rows):
            break
        if document.id in rows:
            rows[document.id] = row
            digests[row] = text_digest(document.passage)
    return np.array([rows[name] for name in names], np.int64)


def _score(
    pairs: Pairs, scorer: PairScorer | OutsideScorer, stored: StoredScores | None, progress: Progress
) -> Scores:
    """Score [m] the different pairs."""
    scores = np.full(len(pairs.keys), np.nan, np.float32) if stored is None else stored.find(pairs.keys)
    missing = np.isnan(scores)
    progress(int(pairs.counts[~missing].sum()))
    outside = isinstance(scorer, OutsideScorer)
    order = pairs.by_query(np.flatnonzero(missing)) if outside else pairs.by_document(np.flatnonzero(missing))
    for start in range(0, len(order), AT_ONCE):
        block = order[start : start + AT_ONCE]
        for places, values in _parts(scorer, pairs, block):
            batch = block[places]
            pairs.check(batch, values)
            scores[batch] = values
            if stored is not None:
                stored.add(pairs.keys[batch], values)
            progress(int(pairs.counts[batch].sum()))
    return scores


def _parts(scorer: PairScorer | OutsideScorer, pairs: Pairs, block: Rows) -> Iterator[tuple[Rows, Scores]]:
    if isinstance(scorer, OutsideScorer):
        return scorer.score_pairs(pairs.named(block))
    return scorer.parts(*pairs.texts(block))

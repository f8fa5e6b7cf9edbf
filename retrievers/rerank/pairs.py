"""Reranking by a scorer of pairs of texts: each pair once, what was scored before from a cache."""

from __future__ import annotations

import contextlib

import numpy as np

from intrex.data.arrays import Bytes, Rows, Scores
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, Problems
from intrex.data.ids import as_bytes, as_strings
from intrex.data.progress import Progress, no_progress
from intrex.data.run import Run, check_tag
from intrex.data.specs import EncoderSpec
from intrex.data.store.scorecache import ScoreCache, StoredScores, pair_keys, text_digest
from intrex.encoders.cross.base import PairScorer
from intrex.encoders.runtime.batching import AT_ONCE
from intrex.retrievers.rerank.index import candidates


def rerank_pairs(
    run: Run,
    queries: Queries,
    collection: Collection,
    scorer: PairScorer,
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
        run: what was found.
        queries: the texts of at least the run's queries.
        collection: the texts of at least the run's documents.
        scorer: scores pairs.
        depth: how many of each query.
        tag: of the new run.
        cache: scores that are kept; None keeps none.
        progress: called with the number of pairs just scored or found in the cache.

    Raises:
        UsageError: ``tag`` has white space.
        BadInput: a query of the run has no text, one of its documents is not in the collection, or a score is not a
            finite number.
    """
    check_tag(tag)
    pairs = _Pairs(run, queries, collection, depth, scorer.spec)
    with contextlib.nullcontext() if cache is None else cache.open(scorer.spec) as stored:
        scores = _score(pairs, scorer, stored, progress)
    columns = as_bytes(pairs.queries)[pairs.owner], pairs.ids, scores[pairs.which]
    return Run.from_columns(*columns, tag, Problems(f"run {tag}"))


def count_pairs(run: Run, depth: int) -> int:
    """How many pairs `rerank_pairs` has to do with."""
    return int(np.minimum(np.diff(run.offsets), depth).sum())


class _Pairs:
    """The pairs of a run, and what is different among their texts.

    Attributes:
        queries: [q] the ids of the queries that the run answers.
        owner: [n] the query of each pair, its place in ``queries``.
        ids: [n] the document of each pair.
        rows: [n] its row in the collection.
        keys: [m] keys of the different pairs of texts.
        first: [m] the first pair of each.
        which: [n] the place in ``keys`` of each pair.
        counts: [m] how many pairs have each key.
    """

    def __init__(
        self, run: Run, queries: Queries, collection: Collection, depth: int, spec: EncoderSpec
    ) -> None:
        self._collection = collection
        documents = _Documents(collection)
        hint = "name the collection that was searched: --collection COLLECTION"
        found = candidates(run, queries, documents.find, depth, "the collection", hint)
        self.queries, self.ids, self.rows = found.queries, found.ids, found.rows
        self.owner = np.repeat(np.arange(len(found.queries)), found.sizes)
        known = dict(zip(queries.ids, queries.texts, strict=True))
        self._texts = [known[query] for query in found.queries]
        asked = [text_digest(text) for text in self._texts]
        keys = pair_keys(
            spec, [asked[i] for i in self.owner.tolist()], [documents.digests[r] for r in self.rows.tolist()]
        )
        self.keys, self.first, self.which = np.unique(keys, return_index=True, return_inverse=True)
        self.counts = np.bincount(self.which, minlength=len(self.keys))

    def by_document(self, some: Rows) -> Rows:
        """Different pairs, those of one document beside each other: its text is read, and encoded, once."""
        first = self.first[some]
        return some[np.lexsort((self.owner[first], self.rows[first]))]

    def texts(self, some: Rows) -> tuple[list[str], list[str]]:
        """The texts of the queries and documents of different pairs."""
        first = self.first[some]
        rows = self.rows[first].tolist()
        contents = {row: self._collection.document(row).contents for row in dict.fromkeys(rows)}
        return [self._texts[i] for i in self.owner[first].tolist()], [contents[row] for row in rows]

    def check(self, some: Rows, scores: Scores) -> None:
        """Raise `BadInput` that names the first of different pairs whose score is not a finite number."""
        bad = np.flatnonzero(~np.isfinite(scores))
        if len(bad):
            pair = self.first[some[bad[0]]]
            query, document = self.queries[self.owner[pair]], self.ids[pair].decode()
            raise BadInput(
                f"the score of query {query} and document {document} is {scores[bad[0]]}",
                "check the model, and its --dtype",
            )


def _score(pairs: _Pairs, scorer: PairScorer, stored: StoredScores | None, progress: Progress) -> Scores:
    """Scores [m] of the different pairs."""
    scores = np.full(len(pairs.keys), np.nan, np.float32) if stored is None else stored.find(pairs.keys)
    missing = np.isnan(scores)
    progress(int(pairs.counts[~missing].sum()))
    todo = pairs.by_document(np.flatnonzero(missing))
    for start in range(0, len(todo), AT_ONCE):
        block = todo[start : start + AT_ONCE]
        for places, new in scorer.parts(*pairs.texts(block)):
            some = block[places]
            pairs.check(some, new)
            scores[some] = new
            if stored is not None:
                stored.add(pairs.keys[some], new)
            progress(int(pairs.counts[some].sum()))
    return scores


class _Documents:
    """Documents of a collection by id.

    Attributes:
        digests: `text_digest` of the contents of the documents found, by row.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self.digests: dict[int, bytes] = {}

    def find(self, ids: Bytes) -> Rows:
        """The rows of some ids, -1 where there is no such document: by one pass over the collection."""
        names = as_strings(ids)
        rows = dict.fromkeys(names, -1)
        left = len(rows)
        for row, document in enumerate(self._collection.documents()):
            if not left:
                break
            if document.id in rows:
                rows[document.id] = row
                self.digests[row] = text_digest(document.contents)
                left -= 1
        return np.array([rows[name] for name in names], np.int64)

"""Calls of a scorer: scores of queries and rows of a collection, each pair once, counted and kept in a cache."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from intrex.data.arrays import Bytes, Rows, Scores
from intrex.data.collection import Collection, parse_document
from intrex.data.errors import BadInput
from intrex.data.ids import as_strings
from intrex.data.store.scorecache import StoredScores, pair_keys, text_digest
from intrex.encoders.cross.base import PairScorer
from intrex.encoders.runtime.batching import AT_ONCE

TEXTS_KEPT = 1 << 16
"""Documents whose text is kept in memory: anchors are the same for many queries."""


def check_scores(scores: Scores, query: Callable[[int], str], document: Callable[[int], str]) -> None:
    """Raise `BadInput` that names the first pair [n] whose score is not a finite number, or was not given."""
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        at = int(bad[0])
        raise BadInput(
            f"the score of query {query(at)} and document {document(at)} is {scores[at]}",
            "check the scorer, and its --dtype",
        )


class Texts:
    """Texts of documents by row, those asked for last kept in memory.

    Attributes:
        get: returns the text of a row and its `text_digest`; raises `BadInput` where the file is damaged.
    """

    def __init__(self, collection: Collection) -> None:
        self._offsets = collection.offsets
        self._file = (collection.path / "corpus.jsonl").open("rb")
        self.get = lru_cache(TEXTS_KEPT)(self._read)

    def _read(self, row: int) -> tuple[str, bytes]:
        start, end = self._offsets[row : row + 2].tolist()
        text = parse_document(os.pread(self._file.fileno(), end - start, start), row).passage
        return text, text_digest(text)


class Calls:
    """Scorer of a search over the documents of a collection.

    Args:
        scorer: scores pairs of texts.
        texts: the documents by row.
        id_of: returns the ids of rows, for messages.
        stored: scores kept by earlier searches, to which new ones are added; or None.
        seconds: told of the seconds of every call of the scorer.

    Attributes:
        asked: pairs that were asked for, those of the cache included.
        computed: pairs that the scorer scored.
    """

    def __init__(
        self, scorer: PairScorer, texts: Texts, id_of: Callable[[Rows], Bytes],
        stored: StoredScores | None, seconds: Callable[[float], None],
    ) -> None:  # fmt: skip
        self._scorer, self._text, self._id_of = scorer, texts.get, id_of
        self._stored, self._seconds = stored, seconds
        self.asked = self.computed = 0

    def score(self, names: Sequence[str], texts: Sequence[str], rows: Sequence[Rows]) -> list[Scores]:
        """Return the scores [len(rows[i])] of the documents ``rows[i]`` for each query; equal texts have equal scores.

        Args:
            names: of the queries, for messages.
            texts: of the queries.
            rows: for each query different documents.

        Raises:
            BadInput: a score is not a finite number, or was not given; or a document cannot be read.
        """
        sizes = [len(part) for part in rows]
        owner = np.repeat(np.arange(len(rows)), sizes)
        flat = np.concatenate([np.empty(0, np.int64), *rows])
        self.asked += len(flat)
        queries = [text_digest(text) for text in texts]
        documents = [self._text(row)[1] for row in flat.tolist()]
        keys = pair_keys(self._scorer.spec, [queries[i] for i in owner.tolist()], documents)
        keys, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
        pairs = _Pairs(names, texts, owner[first], flat[first], keys)
        scores = self._score(pairs)[numbers]
        return np.split(scores, np.cumsum(sizes)[:-1])

    def _score(self, pairs: _Pairs) -> Scores:
        """Return the scores [m] of different pairs; those computed are kept as they come."""
        scores = np.full(len(pairs.keys), np.nan, np.float32)
        if self._stored is not None:
            scores = self._stored.find(pairs.keys)
        missing = np.flatnonzero(np.isnan(scores))
        missing = missing[
            np.lexsort((pairs.owner[missing], pairs.rows[missing]))
        ]  # a document's are neighbours
        for start in range(0, len(missing), AT_ONCE):
            part = missing[start : start + AT_ONCE]
            queries = [pairs.texts[i] for i in pairs.owner[part].tolist()]
            documents = [self._text(row)[0] for row in pairs.rows[part].tolist()]
            begun = time.perf_counter()
            for places, values in self._scorer.parts(queries, documents):
                self._check(pairs, part[places], values)
                scores[part[places]] = values
                if self._stored is not None:
                    self._stored.add(pairs.keys[part[places]], values)
            self._seconds(time.perf_counter() - begun)
            self._check(pairs, part, scores[part])
            self.computed += len(part)
        return scores

    def _check(self, pairs: _Pairs, part: Rows, scores: Scores) -> None:
        def query(at: int) -> str:
            return pairs.names[int(pairs.owner[part[at]])]

        def document(at: int) -> str:
            (name,) = as_strings(self._id_of(pairs.rows[part[at : at + 1]]))
            return name

        check_scores(scores, query, document)


class _Pairs(NamedTuple):
    """Different pairs of texts.

    Attributes:
        names: of the queries.
        texts: of the queries.
        owner: [m] the query of each pair.
        rows: [m] the document of each pair.
        keys: [m] of the cache.
    """

    names: Sequence[str]
    texts: Sequence[str]
    owner: Rows
    rows: Rows
    keys: Bytes

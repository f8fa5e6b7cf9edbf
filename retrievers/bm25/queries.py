"""Queries to weighted terms: each term's count times its idf, in every segment of an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, islice
from threading import Lock
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int64s
from intrex.retrievers.bm25.multifield import field_of
from intrex.retrievers.bm25.segment import Segment
from intrex.retrievers.bm25.similarity import Idfs
from intrex.retrievers.inverted.search import Weighted

KEPT = 1 << 20
"""Terms of queries that are remembered; then they are all forgotten."""


class _Numbers(dict[str, int]):
    """Term to number, in the order in which the terms first come."""

    def __missing__(self, term: str) -> int:
        self[term] = number = len(self)
        return number


class _Known(NamedTuple):
    """What an index says of n terms: ids [segments, n], -1 for none; documents that have it; the field; its idf."""

    ids: Int64s
    df: Int64s
    fields: Int64s
    idf: npt.NDArray[np.float32]

    def joined(self, more: Self) -> Self:
        """These terms and more."""
        pairs = zip(self, more, strict=True)
        return type(self)(*(np.concatenate([one, other], axis=-1) for one, other in pairs))


class Weigher:
    """Weighs the terms of queries; what was looked up is remembered, since queries have many terms in common.

    Safe to share between threads.

    Args:
        segments: of the index; a term's document frequency is that of all of them together.
        idfs: for each field of the index.
    """

    def __init__(self, segments: Sequence[Segment], idfs: Mapping[str, Idfs]) -> None:
        self._segments, self._idfs, self._fields = segments, idfs, list(idfs)
        self._lock = Lock()
        self._forget()

    def _forget(self) -> None:
        self._numbers = _Numbers()
        self._known = self._look_up([])

    def _look_up(self, terms: Sequence[str]) -> _Known:
        ids = np.array([one.postings.find(terms) for one in self._segments], np.int64)
        df = np.zeros(len(terms), np.int64)
        for one, own in zip(self._segments, ids, strict=True):
            df += one.df(own)
        of = [field_of(one) for one in terms] if len(self._fields) > 1 else self._fields * len(terms)
        fields = np.array([self._fields.index(name) for name in of], np.int64)
        idf = [self._idfs[name][n] for name, n in zip(of, df.tolist(), strict=True)]
        return _Known(ids, df, fields, np.array(idf, np.float32))

    def _places(self, queries: Sequence[Mapping[str, float]]) -> tuple[Int64s, _Known]:
        """The number of each term of each query, and what is known by number."""
        with self._lock:
            if len(self._numbers) > KEPT:
                self._forget()
            at = np.array(list(map(self._numbers.__getitem__, chain.from_iterable(queries))), np.int64)
            before = len(self._known.df)
            if len(self._numbers) > before:
                new = list(islice(self._numbers, before, None))
                self._known = self._known.joined(self._look_up(new))
            return at, self._known

    def __call__(
        self, queries: Sequence[Mapping[str, float]], boosts: Mapping[str, float], with_idf: bool = True
    ) -> list[Weighted]:
        """The terms of queries that each segment knows, with their weights.

        Args:
            queries: terms as the vocabulary spells them, those of a field together, with their counts or boosts.
            boosts: weights of fields, which the counts contain. Where there are several, Lucene rounds the sum of a
                field whose weight is not 1 before it adds it to the others.
            with_idf: False leaves idf out.
        """
        at, known = self._places(queries)
        weights = np.array(list(chain.from_iterable([one.values() for one in queries])), np.float32)
        if with_idf:
            weights *= known.idf[at]
        owners = np.repeat(np.arange(len(queries)), list(map(len, queries)))
        alone = np.array([len(boosts) > 1 and boosts.get(name, 1.0) != 1 for name in self._fields], np.uint8)
        found = known.df[at] > 0

        def kept(ids: Int64s) -> Weighted:
            has = np.flatnonzero((ids >= 0) & found)
            sizes = np.bincount(owners[has], minlength=len(queries))
            cuts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
            if len(self._fields) == 1:
                return Weighted(cuts, ids[has], weights[has])
            fields = known.fields[at[has]]
            group = owners[has] * len(self._fields) + fields
            last = np.append(group[1:] != group[:-1], True)[: len(group)]
            rounds = (alone[fields] * (1 + last)).astype(np.uint8)
            return Weighted(cuts, ids[has], weights[has], fields, rounds)

        return [kept(ids[at]) for ids in known.ids]

"""Queries as weighted terms: each term's count times its idf, in every segment of an index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, islice
from threading import Lock
from typing import NamedTuple, Self

import numpy as np

from intrex.data.arrays import Float32s, Int64s
from intrex.data.numeric.spans import offsets_of
from intrex.retrievers.bm25.multifield import field_of
from intrex.retrievers.bm25.segment import Segment
from intrex.retrievers.inverted.search import Weighted
from intrex.retrievers.inverted.vocabulary import Numbers

REMEMBERED = 1 << 20
"""Terms of queries that are remembered; beyond that all are forgotten."""


class TermTable(NamedTuple):
    """Properties of n terms: numbers [segments, n], -1 for none; documents that have it; the field; its idf."""

    numbers: Int64s
    df: Int64s
    fields: Int64s
    idf: Float32s

    def joined(self, table: Self) -> Self:
        """Append another table."""
        pairs = zip(self, table, strict=True)
        return type(self)(*(np.concatenate([column, more], axis=-1) for column, more in pairs))


class QueryWeighting:
    """Weights of queries' terms; properties of terms are remembered, since queries have many terms in common.

    Safe to share between threads.

    Args:
        segments: of the index; a term's document frequency is that of all of them together.
        idfs: for each field of the index, the idf by document frequency.
    """

    def __init__(self, segments: Sequence[Segment], idfs: Mapping[str, Callable[[int], np.float32]]) -> None:
        self._segments, self._idfs, self._fields = segments, idfs, list(idfs)
        self._lock = Lock()
        self._forget()

    def _forget(self) -> None:
        self._numbers = Numbers()
        self._table = self.look_up([])

    def look_up(self, terms: Sequence[str]) -> TermTable:
        """Look up the properties of terms, spelled as the vocabulary has them."""
        numbers = np.array([segment.postings.find(terms) for segment in self._segments], np.int64)
        df = np.zeros(len(terms), np.int64)
        for segment, row in zip(self._segments, numbers, strict=True):
            df += segment.df(row)
        names = [field_of(term) for term in terms] if len(self._fields) > 1 else self._fields * len(terms)
        fields = np.array([self._fields.index(name) for name in names], np.int64)
        idf = [self._idfs[name](n) for name, n in zip(names, df.tolist(), strict=True)]
        return TermTable(numbers, df, fields, np.array(idf, np.float32))

    def _places(self, queries: Sequence[Mapping[str, float]]) -> tuple[Int64s, TermTable]:
        """Return the place in the table of each term of each query, and the table."""
        with self._lock:
            if len(self._numbers) > REMEMBERED:
                self._forget()
            places = np.array(list(map(self._numbers.__getitem__, chain.from_iterable(queries))), np.int64)
            before = len(self._table.df)
            if len(self._numbers) > before:
                terms = list(islice(self._numbers, before, None))
                self._table = self._table.joined(self.look_up(terms))
            return places, self._table

    def weigh(
        self, queries: Sequence[Mapping[str, float]], boosts: Mapping[str, float], with_idf: bool = True
    ) -> list[Weighted]:
        """Return the terms of queries that each segment has, with their weights.

        Args:
            queries: terms as the vocabulary spells them, those of a field together, with their counts or boosts.
            boosts: weights of fields, which the counts contain. Where there are several, Lucene rounds the sum of a
                field whose weight is not 1 before it adds it to the others.
            with_idf: False leaves idf out.
        """
        places, table = self._places(queries)
        weights = np.array(list(chain.from_iterable([query.values() for query in queries])), np.float32)
        if with_idf:
            weights *= table.idf[places]
        owners = np.repeat(np.arange(len(queries)), list(map(len, queries)))
        rounded = [len(boosts) > 1 and boosts.get(name, 1.0) != 1 for name in self._fields]
        rounding = np.array(rounded, np.uint8)
        in_index = table.df[places] > 0

        def in_segment(terms: Int64s) -> Weighted:
            rows = np.flatnonzero((terms >= 0) & in_index)
            sizes = np.bincount(owners[rows], minlength=len(queries))
            cuts = offsets_of(sizes)
            if len(self._fields) == 1:
                return Weighted(cuts, terms[rows], weights[rows])
            fields = table.fields[places[rows]]
            group = owners[rows] * len(self._fields) + fields
            last = np.append(group[1:] != group[:-1], True)[: len(group)]
            rounds = (rounding[fields] * (1 + last)).astype(np.uint8)
            return Weighted(cuts, terms[rows], weights[rows], fields, rounds)

        return [in_segment(numbers[places]) for numbers in table.numbers]

"""Queries to weighted terms: each term's count times its idf, in every segment of an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from intrex.retrievers.lexical import Ints, Weighted
from intrex.retrievers.multifield import field_of
from intrex.retrievers.segment import Segment
from intrex.retrievers.similarity import Idfs


def weigh(
    queries: Sequence[Mapping[str, float]],
    segments: Sequence[Segment],
    idfs: Mapping[str, Idfs] | None,
    boosts: Mapping[str, float],
) -> list[Weighted]:
    """The terms of queries that each segment knows, with their weights.

    Args:
        queries: terms as the vocabulary spells them, those of a field together, with their counts or boosts.
        segments: of the index; a term's document frequency is that of all of them together.
        idfs: for each field of the index; None leaves idf out.
        boosts: weights of fields, which the counts contain. Where there are several, Lucene rounds the sum of a field
            whose weight is not 1 before it adds it to the others.
    """
    terms: dict[str, int] = {}
    at = np.array([terms.setdefault(term, len(terms)) for query in queries for term in query], np.int64)
    known = [one.postings.find(list(terms)) for one in segments]
    df = np.zeros(len(terms), np.int64)
    for one, ids in zip(segments, known, strict=True):
        df += one.df(ids)
    names = list(segments[0].record.fields)
    of = [field_of(one) for one in terms] if len(names) > 1 else names * len(terms)
    fields = np.array([names.index(name) for name in of], np.int64)
    weights = np.array([count for query in queries for count in query.values()], np.float32)
    if idfs is not None:
        pairs = zip(of, df.tolist(), strict=True)
        weights = weights * np.array([idfs[name][n] for name, n in pairs], np.float32)[at]
    owners = np.repeat(np.arange(len(queries)), [len(query) for query in queries])
    alone = np.array([len(boosts) > 1 and boosts.get(name, 1.0) != 1 for name in names], np.uint8)

    def kept(ids: Ints) -> Weighted:
        has = np.flatnonzero((ids[at] >= 0) & (df[at] > 0))
        sizes = np.bincount(owners[has], minlength=len(queries))
        cuts, here = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]), at[has]
        if len(names) == 1:
            return Weighted(cuts, ids[here], weights[has])
        group = owners[has] * len(names) + fields[here]
        last = np.append(group[1:] != group[:-1], True)[: len(group)]
        rounds = (alone[fields[here]] * (1 + last)).astype(np.uint8)
        return Weighted(cuts, ids[here], weights[has], fields[here], rounds)

    return [kept(ids) for ids in known]

"""Relevance patterns of LIMIT: which documents belong together (Weller et al., arXiv 2508.21038, google-deepmind/limit)."""

from __future__ import annotations

from itertools import combinations, islice
from math import comb

import numpy as np

from intrex.data.arrays import Int64s
from intrex.data.builders.options import CYCLE, DENSE, DISJOINT, RANDOM
from intrex.data.errors import UsageError
from intrex.data.numeric.mix import numbers, shuffled, stream

_ENUMERATED = 4
"""Up to so many sets for each that is wanted, chance chooses among all of them; beyond, it draws until there is a new one."""


def members_needed(pattern: str, queries: int, relevant: int) -> int:
    """Return the fewest documents with which a pattern has so many different sets of ``relevant`` ones."""
    if pattern == DISJOINT:
        return queries * relevant
    if pattern in (DENSE, RANDOM):
        members = relevant
        while comb(members, relevant) < queries:
            members += 1
        return members
    return max(queries, relevant)


def relevant_sets(pattern: str, documents: int, queries: int, relevant: int, seed: int) -> Int64s:
    """Return the documents of each query: int64 [queries, relevant], no two rows the same set.

    - ``dense``: combinations of the fewest documents that have so many, in lexicographic order.
    - ``random``: sets drawn from all documents.
    - ``cycle``: on a ring of as many documents as queries, each with the ones that follow it.
    - ``disjoint``: no document twice.

    Raises:
        UsageError: so many documents do not have so many sets.
    """
    needed = members_needed(pattern, queries, relevant)
    if pattern == CYCLE and 1 < queries <= relevant:
        raise UsageError(
            f"a cycle of {queries:,} documents has one set of {relevant:,}, not {queries:,}",
            f"--queries is 1, or {relevant + 1:,} or more here",
        )
    if documents < needed:
        raise UsageError(
            f"the pattern {pattern} has no {queries:,} sets of {relevant:,} among {documents:,} documents",
            f"--documents {needed} or more, or fewer --queries",
        )
    if pattern == DENSE:
        return np.array(list(islice(combinations(range(needed), relevant), queries)), np.int64)
    if pattern == DISJOINT:
        return np.arange(queries * relevant, dtype=np.int64).reshape(queries, relevant)
    if pattern == RANDOM:
        return _random_sets(documents, queries, relevant, seed)
    return (np.arange(queries)[:, None] + np.arange(relevant)[None, :]) % needed


def _random_sets(documents: int, queries: int, relevant: int, seed: int) -> Int64s:
    base = stream(seed, 1)
    if (count := comb(documents, relevant)) <= _ENUMERATED * queries:
        order = sorted(shuffled(base, count)[:queries].tolist())
        every = combinations(range(documents), relevant)
        sets, last = [], -1
        for place in order:
            sets.append(next(islice(every, place - last - 1, None)))
            last = place
        return np.array(sets, np.int64)[shuffled(stream(seed, 2), queries)]
    rows: dict[tuple[int, ...], None] = {}
    block, used = np.empty(0, np.uint64), 0
    members: set[int] = set()
    while len(rows) < queries:
        if used == len(block):
            block, used = numbers(base, 4096)[0], 0
            base = block[-1:]
        members.add(int(block[used]) % documents)
        used += 1
        if len(members) == relevant:
            rows.setdefault(tuple(sorted(members)))
            members = set()
    return np.array(list(rows), np.int64)

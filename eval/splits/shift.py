"""Shifts between queries that have a name: their length, their question word, their topic.

Source: Lupart et al., "MS-Shift", ECIR 2023 (read through secondary pages only; see docs/methods/generalization.md):
each group of queries trains a model, which is tested on its own group and on the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from intrex.data.arrays import Float32s, Int64s
from intrex.data.errors import UsageError
from intrex.eval.splits.options import ShiftOptions
from intrex.eval.splits.queries import draw
from intrex.eval.splits.split import Fold, Split, check_disjoint, check_sizes

SHORT = 6
"""Words up to which a query is short."""
QUESTIONS = ("what", "how", "who", "when", "where", "which", "why")
_WORD = re.compile(r"[^\W_]+", re.UNICODE)


def by_length(texts: Sequence[str]) -> list[str]:
    """Tell ``short``, a query of at most `SHORT` words separated by blanks, from ``long``."""
    return ["short" if len(text.split()) <= SHORT else "long" for text in texts]


def by_question_word(texts: Sequence[str]) -> list[str]:
    """Return the first question word of each query, ``other`` for one without."""
    return [next((w for w in _WORD.findall(text.lower()) if w in QUESTIONS), "other") for text in texts]


def shift(train: Mapping[str, str], test: Mapping[str, str], options: ShiftOptions) -> Split:
    """Make a fold for each group that both sides have: it trains on the group; other groups are extrapolation.

    Args:
        train: group of each training query.
        test: group of each test query.
        options: the draw, by which every fold gets as many training queries as the smallest group has if ``equal``, and
            the fewest test queries of a regime in a fold; groups with fewer are left out, and named.

    Raises:
        BadInput: queries are in both sets.
        UsageError: fewer than two groups have enough queries.
    """
    check_disjoint(list(train), list(test))
    seed, min_queries = options.seed, options.min_queries
    sizes = {g: sum(v == g for v in test.values()) for g in sorted(set(train.values()) & set(test.values()))}
    groups = [g for g, n in sizes.items() if n >= max(min_queries, 1)]
    left_out = sorted((set(train.values()) | set(test.values())) - set(groups))
    if len(groups) < 2:
        counts = ", ".join(f"{g} {n}" for g, n in sizes.items()) or "none in both sets"
        raise UsageError(
            f"a shift needs two groups of {min_queries} test queries or more: {counts}",
            "a smaller --min-queries, or other queries",
        )
    members = {g: draw((i for i, v in train.items() if v == g), seed) for g in groups}
    size = min(map(len, members.values())) if options.equal else len(train)
    folds = []
    for g in groups:
        regimes = {
            "interpolation": tuple(sorted(i for i, v in test.items() if v == g)),
            "extrapolation": tuple(sorted(i for i, v in test.items() if v in groups and v != g)),
        }
        folds.append(Fold(g, tuple(sorted(members[g][:size])), regimes))
    check_sizes(folds, min_queries)
    params = {"kind": options.by, "seed": seed, "equal": options.equal, "left_out": left_out}
    return Split("shift", tuple(folds), params)


def far_groups(centroids: Float32s, keep: int) -> Int64s:
    """Choose clusters that are far from each other, greedily; ties by number.

    The two least similar ones come first, then the one whose highest similarity to those chosen is lowest.

    Args:
        centroids: [k, d], at length 1.
        keep: how many.

    Returns:
        [keep] int64.
    """
    similarity = np.round(centroids.astype(np.float64) @ centroids.T.astype(np.float64), 6)
    np.fill_diagonal(similarity, np.inf)
    if keep > len(centroids):
        raise UsageError(f"{keep} far clusters of {len(centroids)} are asked for")
    clusters = [int(i) for i in np.unravel_index(int(np.argmin(similarity)), similarity.shape)][:keep]
    while len(clusters) < keep:
        nearest = similarity[:, clusters].max(axis=1)
        nearest[clusters] = np.inf
        clusters.append(int(np.argmin(nearest)))
    return np.array(clusters, np.int64)

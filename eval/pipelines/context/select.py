"""Choice and order of passages: pure functions of scores, texts and lengths.

Sources: adaptive lists by a threshold, Mortaheb et al. 2025 (2501.04695); order, Jin et al. 2024 (2410.05983); near
duplicates, Broder 1997.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from intrex.data.arrays import Float32s, Int64s
from intrex.eval.overlap.documents import Shingles, jaccard, shingles


def order_ends(count: int) -> list[int]:
    """Return ranks from 0 in the order that has the best at both ends: the i-th best stands i/2 from one of them.

    >>> order_ends(6), order_ends(5), order_ends(2)
    ([0, 2, 4, 5, 3, 1], [0, 2, 4, 3, 1], [0, 1])
    """
    return [*range(0, count, 2), *range(1, count, 2)[::-1]]


def cut_by_threshold(scores: Float32s, threshold: float) -> int:
    """Count the scores [n], falling, of a float32 threshold or more."""
    return int(np.count_nonzero(scores >= np.float32(threshold)))


def cut_by_gap(scores: Float32s, at_least: int = 1) -> int:
    """Count the scores [n], falling, above the largest gap between neighbours; all where there is no gap.

    Of equal gaps the first counts; gaps within the first ``at_least`` scores do not.
    """
    first = max(at_least, 1)
    gaps = -np.diff(scores.astype(np.float64))[first - 1 :]
    return first + int(np.argmax(gaps)) if len(gaps) and gaps.max() > 0 else len(scores)


def cut_by_budget(lengths: Int64s, budget: int) -> int:
    """Count the lengths [n] from the first on whose sum is at most a budget."""
    return int(np.searchsorted(np.cumsum(lengths), budget, side="right"))


def distinct(texts: Iterable[str], least: float, count: int) -> list[int]:
    """Return the places of the first ``count`` texts that are no near duplicate of a place before them.

    Args:
        texts: read no further than needed.
        least: Jaccard similarity of word shingles from which two texts are near duplicates; an empty text never is.
        count: how many.
    """
    places: list[int] = []
    kept: list[Shingles] = []
    if count < 1:
        return places
    for place, text in enumerate(texts):
        one = shingles([text])
        if all(jaccard(other, 0, one, 0) < least for other in kept):
            places.append(place)
            kept.append(one)
            if len(places) == count:
                break
    return places


def shares_of(kept: Sequence[bool], relevant: int) -> tuple[float, float]:
    """Return precision and recall of passages, each relevant or not; 0 where there is nothing to divide by."""
    hits = sum(kept)
    return hits / max(len(kept), 1), hits / max(relevant, 1)

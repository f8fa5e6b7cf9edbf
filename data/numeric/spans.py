"""Items of different sizes one after another in flat arrays: item i has the entries ``offsets[i]:offsets[i + 1]``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int64s, Rows


def offsets_of(sizes: npt.ArrayLike) -> Int64s:
    """Return the offsets [n + 1] of items of these sizes [n]."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def owners_of(sizes: Int64s) -> Rows:
    """Return the item of each entry."""
    return np.repeat(np.arange(len(sizes)), sizes)


def ranges(starts: Int64s | int, sizes: Int64s) -> Int64s:
    """Return the numbers ``starts[i]``, ``starts[i] + 1`` and so on, ``sizes[i]`` of them, of one item after another."""
    begins = np.cumsum(sizes) - sizes
    return np.repeat(starts - begins, sizes) + np.arange(sizes.sum())


def cuts(offsets: Int64s, most: int, first: int = 0) -> Iterator[tuple[int, int]]:
    """Cut the items from ``first`` on into ranges of at most ``most`` entries, or of one item that has more."""
    while first < len(offsets) - 1:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + most, side="right")) - 1)
        yield first, last
        first = last

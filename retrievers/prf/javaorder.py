"""Order of strings in Java's HashMap and HashSet, which some of Anserini's rankings depend on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np


def java_order(terms: Sequence[str], size: int) -> list[str]:
    """List different terms as a HashMap of Java does, into which they came in this order.

    Source: the documentation of java.util.HashMap and of String.hashCode. A table has 16 places at first, and twice as
    many whenever it is more than three quarters full; terms of one place stay in the order in which they came (until
    there are eight of them, when Java makes a tree: that is left out here).

    Args:
        terms: all terms of the map, or some of them.
        size: number of terms of the map.
    """
    room = 16
    while size > room * 3 // 4:
        room *= 2
    return sorted(terms, key=lambda term: java_hash(term) & (room - 1))


@lru_cache(1 << 20)
def java_hash(term: str) -> int:
    """Compute String.hashCode with its upper half mixed into the lower, as HashMap does; unsigned."""
    value = 0
    for unit in np.frombuffer(term.encode("utf-16-le"), "<u2").tolist():
        value = (value * 31 + unit) & 0xFFFFFFFF
    return value ^ (value >> 16)

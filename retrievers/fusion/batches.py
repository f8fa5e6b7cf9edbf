"""Queries of several runs side by side, as the kernel takes them, and the space it works in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from intrex.data.arrays import Array, Bytes, Float32s, Int32s, Int64s, Uint8s
from intrex.data.errors import BadInput
from intrex.data.packed import WORD, PackedRun
from intrex.retrievers.fusion.plan import Plan

TWICE, NO_POSITIVE, BELOW = 1, 2, 3
"""Faults, as the kernel numbers them."""


@dataclass(frozen=True)
class Batch:
    """Some queries: query q has the rows ``starts[q * r + i]`` to ``starts[q * r + i + 1]`` in run i of r, in order.

    Attributes:
        queries: [q] ids.
        tags: of the runs.
        starts: [q * r + 1] int64.
        width: bytes of an id, a multiple of 8.
        docs: [n * width] bytes, zero-padded ids.
        scores: [n] float32.
        ranks: [n] int32, from 1.
    """

    queries: Bytes
    tags: tuple[str, ...]
    starts: Int64s
    width: int
    docs: Uint8s
    scores: Float32s
    ranks: Int32s

    def refuse(self, plan: Plan, fault: int, query: int, run: int) -> NoReturn:
        """Raise `BadInput` for a query of a run that cannot be fused."""
        where = f"query {self.queries[query].decode()} of {self.tags[run]}"
        if fault == TWICE:
            raise BadInput(
                f"{where} lists a document twice", "keep one line for each: intrex check finds them"
            )
        if fault == NO_POSITIVE:
            raise BadInput(f"{where} has no score above 0, by which --norm max divides", "use --norm min-max")
        raise BadInput(
            f"{where} has a score below {plan.infima[run]:g}, which --infima says is the lowest there could be",
            "name the lowest score of each run, in the order of the runs",
        )


class Space:
    """Arrays that are used again for each batch."""

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}

    def take(self, name: str, size: int, dtype: type) -> Array:
        """Return an array of at least ``size`` numbers, whatever they are."""
        if name not in self._arrays or len(self._arrays[name]) < size:
            self._arrays[name] = np.empty(size + size // 4, dtype)
        return self._arrays[name]

    def room(self, rows: int, runs: int) -> list[Array]:
        """Return what the kernel works in, for so many rows of one query."""
        most = rows + runs + 2
        kinds = {
            "slots": (1 << (2 * most + 4).bit_length(), np.int32), "code": (most, np.int32), "first": (most, np.int32),
            "value": (most, np.float64), "total": (most, np.float64), "count": (most, np.int32),
            "weight": (most, np.float64), "stamp": (most, np.int32), "many": (most * runs, np.float64),
            "places": (most * runs, np.int32), "order": (most, np.int32), "spare": (most, np.int32),
            "tree": (most, np.int32), "keys": (most, np.uint64), "more": (most, np.uint64), "bins": (256, np.int64),
        }  # fmt: skip
        return [self.take(name, size, dtype) for name, (size, dtype) in kinds.items()]

    def result(self, rows: int) -> tuple[Int32s, Float32s]:
        """Return where the kernel writes rows and scores."""
        return self.take("out_rows", rows, np.int32), self.take("out_scores", rows, np.float32)


def batch_of(runs: Sequence[PackedRun], queries: Sequence[bytes], space: Space) -> Batch:
    """Lay some queries of runs side by side; the arrays stand until the next call with this space."""
    found = [run.rows(query) for query in queries for run in runs]
    sizes = [0 if place is None else place[2] - place[1] for place in found]
    starts = np.zeros(len(found) + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    n = int(starts[-1])
    width = max((place[0].width for place in found if place is not None), default=WORD)
    docs = space.take("docs", n * width, np.uint8)[: n * width]
    scores, ranks = space.take("scores", n, np.float32)[:n], space.take("ranks", n, np.int32)[:n]
    padded = docs.reshape(n, width)
    for place, start, size in zip(found, starts.tolist(), sizes, strict=False):
        if place is None:
            continue
        part, low, high = place
        rows = slice(start, start + size)
        if part.width == width:
            docs[start * width : (start + size) * width] = part.docs[low * width : high * width]
        else:
            padded[rows, : part.width] = part.docs[low * part.width : high * part.width].reshape(
                size, part.width
            )
            padded[rows, part.width :] = 0
        scores[rows] = part.scores[low:high]
        if part.ranks is None:
            ranks[rows] = _count(size)
        else:
            ranks[rows] = part.ranks[low:high]
            ranks[rows] += part.ranks[low:high].min() == 0  # ranks from 0
    ids = np.array(list(queries) or np.empty(0, "S1"), np.bytes_)
    return Batch(ids, tuple(run.tag for run in runs), starts, width, docs, scores, ranks)


_COUNTED: list[Int32s] = [np.arange(1, 1025, dtype=np.int32)]


def _count(size: int) -> Int32s:
    """Return the numbers 1 ... ``size``."""
    if size > len(_COUNTED[0]):
        _COUNTED[0] = np.arange(1, 2 * size, dtype=np.int32)
    return _COUNTED[0][:size]

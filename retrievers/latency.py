"""Latency of a search: queries one at a time, the first apart from the others, encoding apart from the search."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from intrex.data.arrays import Float64s
from intrex.data.collection import Queries
from intrex.data.errors import UsageError
from intrex.data.progress import Progress, no_progress
from intrex.data.system.machine import resident
from intrex.retrievers.base import Index
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.placement import mixture_of

WARM_UP = 10
"""Queries after the first that are answered and not counted."""
MOST = 200
"""Queries that a search counts at most, at equal distances among all."""
SECONDS = 30.0
"""Time after which a search begins no further query."""


class Percentiles(NamedTuple):
    """Milliseconds of half, of 95 and of 99 in 100 queries at most, by linear interpolation."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, milliseconds: Float64s) -> Percentiles:
        """Compute them of the times of some queries [n]."""
        return cls(*np.percentile(milliseconds, (50, 95, 99)).tolist())

    def named(self, prefix: str) -> dict[str, float]:
        """Return ``PREFIXp50_ms`` and so on, to a thousandth of a millisecond."""
        return {f"{prefix}{name}_ms": round(value, 3) for name, value in self._asdict().items()}


@dataclass(frozen=True)
class Latency:
    """Milliseconds by query, and what they were measured with.

    Attributes:
        cold: of the first query, with all that is loaded and compiled for it: the encoder, kernels, pages of the index that
            the system does not hold. What the process has loaded before is not in it.
        cold_encode: how much of that is encoding; 0 where nothing is encoded.
        whole: of the queries after the warm-up.
        encode: of the encoding alone.
        search: of the rest of each.
        queries: how many were counted.
        threads: of the search; of the encoder it is the library's own number.
        peak: the most bytes that the process held up to the end of the measurement, mapped files included.
        index: bytes of the index's files; not those of an index that it refers to.
    """

    cold: float
    cold_encode: float
    whole: Percentiles
    encode: Percentiles
    search: Percentiles
    queries: int
    threads: int
    peak: int
    index: int

    def to_dict(self) -> dict[str, Any]:
        """Return what is printed, by name; ``_ms`` are milliseconds."""
        times = {"cold_ms": round(self.cold, 3), "cold_encode_ms": round(self.cold_encode, 3)}
        times |= self.whole.named("") | self.encode.named("encode_") | self.search.named("search_")
        counts = {"queries": self.queries, "warm_up": WARM_UP, "threads": self.threads}
        return {**times, **counts, "peak_bytes": self.peak, "index_bytes": self.index}


def measure_latency(
    index: Index,
    queries: Queries,
    options: SearchOptions,
    progress: Progress = no_progress,
    most: int = MOST,
    seconds: float = SECONDS,
) -> Latency:
    """Answer queries one at a time, as a search with these options would, and time them.

    The queries of the warm-up and those that are counted are drawn at equal distances; where there are too few, they are
    answered again. Nothing is taken from the cache of queries' vectors. Results are thrown away.

    Args:
        index: prepared for ``options``, see `intrex.retrievers.search.prepare_search`.
        queries: one at least.
        options: how they are searched.
        progress: told of each query.
        most: queries that are counted at most.
        seconds: after which no further query is begun; one is always counted.

    Raises:
        UsageError: no query, or options that mix in the list of another index or run.
        BadInput: as the index's search.
    """
    if not len(queries):
        raise UsageError("there is no query to measure", "name a set with queries")
    if mixture_of(options) is not None:
        raise UsageError(
            "--latency times an index by itself, not a mixture of two", "leave --interpolate out"
        )
    clock = _Clock(index, replace(options, query_cache=False, progress=no_progress))
    rows = np.unique(np.linspace(0, len(queries) - 1, most).astype(np.int64)).tolist()
    cold = clock.answer(queries, 0)
    for i in range(WARM_UP):
        clock.answer(queries, rows[i % len(rows)])
        progress(1)
    end, times = time.perf_counter() + seconds, []
    for row in rows:
        times.append(clock.answer(queries, row))
        progress(1)
        if time.perf_counter() > end:
            break
    whole, encode = np.array(times).T
    size = sum(entry["bytes"] for entry in index.manifest.files.values())
    parts = Percentiles.of(whole), Percentiles.of(encode), Percentiles.of(whole - encode)
    return Latency(*cold, *parts, len(times), options.threads, resident()[1], size)


class _Clock:
    """Stopwatch of single searches."""

    def __init__(self, index: Index, options: SearchOptions) -> None:
        self._index = index
        self._options = replace(options, encoding=self._add)
        self._encoding = 0.0

    def _add(self, seconds: float) -> None:
        self._encoding += seconds

    def answer(self, queries: Queries, row: int) -> tuple[float, float]:
        """Search with one query; return the milliseconds in all, and those of encoding."""
        weights = None if queries.weights is None else [queries.weights[row]]
        one = Queries([queries.ids[row]], [queries.texts[row]], weights)
        self._encoding = 0.0
        start = time.perf_counter()
        self._index.search(one, self._options)
        return 1000 * (time.perf_counter() - start), 1000 * self._encoding

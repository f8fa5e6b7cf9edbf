"""Costs of an experiment: what each stage took when it ran, and the latency of its searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from intrex.data.collection import Queries
from intrex.eval.pipelines.experiment.stages import Result, StageKind
from intrex.eval.tables import csv_text
from intrex.retrievers.base import Index
from intrex.retrievers.latency import measure_latency
from intrex.retrievers.options import SearchOptions

MEASURED = ("cold_ms", "p50_ms", "p95_ms", "p99_ms", "timed", "peak_bytes")
"""Columns that not every stage has: of single queries, how many were timed, and the most memory."""
MOST, SECONDS = 50, 5.0
"""Queries that are timed in a stage at most, and the time after which none is begun: a recipe may have a hundred searches."""


def latency_costs(index: Index, queries: Queries, options: SearchOptions) -> dict[str, float]:
    """Answer some queries one at a time, before a search; see `intrex.retrievers.latency.measure_latency`."""
    found = measure_latency(index, queries, options, most=MOST, seconds=SECONDS)
    return {"cold_ms": round(found.cold, 3), **found.whole.named(""), "timed": found.queries}


def costs_csv(results: Sequence[Result], kinds: Mapping[str, StageKind]) -> str:
    """Write a table of what each stage cost when it ran; see docs/formats.md."""
    rows = (
        [
            *(r.stage.name, r.stage.kind, f"{r.seconds:.3f}", r.bytes, kinds[r.stage.kind].unit, r.units),
            f"{r.units / r.seconds:.1f}" if r.seconds else "",
            *(str(r.costs.get(name, "")) for name in MEASURED),
        ]
        for r in results
    )
    return csv_text(["stage", "kind", "seconds", "bytes", "unit", "count", "per_second", *MEASURED], rows)

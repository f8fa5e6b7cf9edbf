"""``search --latency``: what is printed adds up, the run is the same, the cache is not asked."""

import csv
import io
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.errors import UsageError
from intrex.retrievers.base import open_index
from intrex.retrievers.latency import MOST, WARM_UP, Percentiles, measure_latency
from intrex.retrievers.options import SearchOptions

KINDS = {
    "bm25": "", "dense": "--encoder hashing:16", "multivector": "--encoder hashing:16",
    "fde": "--encoder hashing:16 --reps 2 --k-sim 2", "sparse": "--encoder hashing:16",
}  # fmt: skip
NAMES = [
    "cold_ms", "cold_encode_ms", *(f"{part}p{p}_ms" for part in ("", "encode_", "search_") for p in (50, 95, 99)),
    "queries", "warm_up", "threads", "peak_bytes", "index_bytes",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(small: Collection, tmp_path: Path, intrex, kind: str) -> None:
    assert intrex(f"index {kind} {small.path} {tmp_path / 'i'} {KINDS[kind]}").code == 0
    line = f"search {tmp_path / 'i'} {small.path}:test --threads 1 -o"
    assert intrex(f"{line} {tmp_path / 'plain'}").code == 0
    said = intrex(f"{line} {tmp_path / 'timed'} --latency --latency-format jsonl")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert list(found) == NAMES
    assert (tmp_path / "plain").read_bytes().replace(b"plain", b"timed") == (tmp_path / "timed").read_bytes()
    assert found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"] and found["threads"] == 1
    assert found["cold_ms"] > found["cold_encode_ms"] and found["warm_up"] == WARM_UP
    assert (found["encode_p50_ms"] > 0) == (kind != "bm25")
    assert found["index_bytes"] == sum(
        entry["bytes"] for entry in open_index(tmp_path / "i").manifest.files.values()
    )
    assert found["peak_bytes"] > 1 << 20
    csv_out = intrex(f"{line} {tmp_path / 'again'} --latency").out
    assert [row["what"] for row in csv.DictReader(io.StringIO(csv_out))] == NAMES


def test_a_run_on_stdout_leaves_no_place(small: Collection, tmp_path: Path, intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path / 'i'}").code == 0
    said = intrex(f"search {tmp_path / 'i'} {small.path}:test --latency")
    assert said.code == 2 and "add --output RUN" in said.err and not said.out


class Slow:
    """Stands for an index: the first query takes 60 ms, 40 of them encoding, every other one 4, of which 3."""

    def __init__(self, manifest) -> None:
        self.manifest, self.seen = manifest, []

    def search(self, queries: Queries, options: SearchOptions) -> None:
        assert len(queries) == 1 and not options.query_cache
        encode, rest = (0.003, 0.001) if self.seen else (0.04, 0.02)
        self.seen += queries.ids
        start = time.perf_counter()
        time.sleep(encode)
        options.encoding(time.perf_counter() - start)
        time.sleep(rest)


def queries(n: int) -> Queries:
    return Queries([f"q{i}" for i in range(n)], ["text"] * n)


def test_cold_and_warm_are_apart(small: Collection, tmp_path: Path, intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path / 'i'}").code == 0
    index = Slow(open_index(tmp_path / "i").manifest)
    found = measure_latency(index, queries(1000), SearchOptions(threads=1))  # type: ignore[arg-type]
    assert found.cold > 59 and 39 < found.cold_encode < found.cold
    assert found.whole.p50 < 40 and found.encode.p50 > 2.9 and found.search.p50 > 0.9
    assert found.queries == MOST and len(index.seen) == 1 + WARM_UP + MOST
    counted = [int(name[1:]) for name in index.seen[-MOST:]]
    assert counted == sorted(counted) and counted[0] == 0 and counted[-1] == 999, "all over the set"


def test_few_queries_and_a_short_time(small: Collection, tmp_path: Path, intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path / 'i'}").code == 0
    index = Slow(open_index(tmp_path / "i").manifest)
    assert measure_latency(index, queries(3), SearchOptions()).queries == 3  # type: ignore[arg-type]
    assert measure_latency(index, queries(30), SearchOptions(), seconds=0.0).queries == 1  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no query"):
        measure_latency(index, queries(0), replace(SearchOptions()))  # type: ignore[arg-type]


def test_percentiles() -> None:
    found = Percentiles.of(np.arange(101, dtype=np.float64))
    assert found == (50.0, 95.0, 99.0) and found.named("x_") == {
        "x_p50_ms": 50,
        "x_p95_ms": 95,
        "x_p99_ms": 99,
    }

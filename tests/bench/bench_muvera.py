"""FDE search with exact reranking against exact MaxSim: quality and time of a query, on a large pooled corpus.

python -m tests.bench.bench_muvera TOKENS COLLECTION:SET [--work DIR --limit 120 --threads 2 --batch-size 64]

TOKENS is a multivector index of the collection; the corpus of docs/benchmarks.md is all English shared collections and the
standard library in one (`collection pool`), whose encoding takes some 10 minutes on a quiet machine: without arguments this
prints how it is made. Both sides have the same batches and threads. The target is 95 % of the exact nDCG@10 in a tenth of its
time.
"""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from intrex.data.locate import find_qrels, find_queries
from intrex.encoders.fde.config import FdeConfig
from intrex.eval.pipelines.studies.muvera.measured import Cost, MeasurementCache
from intrex.eval.pipelines.studies.muvera.methods import RECIPE, fde_method
from intrex.eval.pipelines.studies.muvera.study import (
    costs_of,
    exact_cost,
    prepare_setting,
    sample_queries,
    with_truth,
)
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.vectors.options import AnnConfig
from tests.bench.targets import Targets

HOW = """bench_muvera: skipped, no index was named. The corpus of docs/benchmarks.md is made by
  intrex collection import SHARED/NAME NAME            for each English shared collection
  intrex collection build stdlib stdlib
  intrex collection pool NAME... stdlib pooled
  intrex index multivector pooled tokens --encoder all-MiniLM-L6-v2 --dtype bfloat16
  python -m tests.bench.bench_muvera tokens pooled:test"""
FINAL: dict[str, Any] = {"reps": RECIPE[0], "k_sim": RECIPE[1], "d_proj": None, "final_dim": 10240}
FDES: list[tuple[dict[str, Any], str]] = [
    *(
        ({"reps": reps, "k_sim": k, "d_proj": d}, "flat")
        for reps, k, d in ((60, 4, 32), (20, 5, 16), (40, 5, 16), (40, 5, 32))
    ),
    (FINAL, "flat"),
]
QUALITY, SPEED, ROUNDS, DEEPEST = 0.95, 10, 2, 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("index", nargs="?")
    parser.add_argument("queries", nargs="?")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--limit", type=int, default=120)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument(
        "--cpu", action="store_true", help="CPU time instead of the clock's, where others work too"
    )
    given = parser.parse_args()
    if given.queries is None:
        print(HOW)
        return
    index = MultiVectorIndex.open(Path(given.index))
    asked, judged = sample_queries(
        find_queries(given.queries)[0], find_qrels(given.queries).qrels, given.limit
    )
    options = SearchOptions(threads=given.threads, batch_size=given.batch_size)
    setting = prepare_setting(index, asked, judged, options, DEEPEST)
    clock = time.process_time if given.cpu else time.perf_counter
    kept = MeasurementCache((given.work or Path(mkdtemp())) / "measured", setting, [ROUNDS, given.cpu])
    setting = with_truth(setting, kept)
    exact = Cost(**kept.fetch("exact", lambda: asdict(exact_cost(setting, 2, clock))))
    print(
        f"{len(index.ids):,} documents, {len(asked)} queries, {given.threads} threads, batches of {given.batch_size}{', CPU time' * given.cpu}\n"
    )
    print(
        "| candidates by | bytes a document | reranked | nDCG@10 | of exact | ms a query | times as fast | exact top 10 |"
    )
    print("| --- | --: | --: | --: | --: | --: | --: | --: |")
    print(
        f"| exact MaxSim | {exact.bytes:,.0f} | – | {exact.value:.4f} | 1.000 | {exact.ms:.1f} | 1.0 | 1.000 |",
        flush=True,
    )
    targets, good = Targets(), list[float]()
    with TemporaryDirectory() as folder:
        for config, engine in FDES:
            fde = FdeConfig(index.spec.dim, **config)
            name = f"fde-{'final-' if fde.final_dim else ''}{fde.fde_dim}" + f"-{engine}" * (engine != "flat")
            method = fde_method(
                setting, given.work or Path(folder), fde, AnnConfig(engine=engine), name, lambda _: None
            )
            costs = list(costs_of(setting, method, ROUNDS, clock))
            for c in costs:
                print(
                    f"| {name} | {c.bytes:,.0f} | {c.candidates:,} | {c.value:.4f} | {c.value / exact.value:.3f} | {c.ms:.1f} | "
                    f"{exact.ms / c.ms:.1f} | {c.top10:.3f} |", flush=True,
                )  # fmt: skip
            good += [exact.ms / c.ms for c in costs if c.value >= QUALITY * exact.value]
    targets.at_least(f"speed at {QUALITY:.0%} of the exact nDCG@10", max(good, default=0), SPEED)
    targets.report()


if __name__ == "__main__":
    main()

"""Our bulk bridge to Lucene against pyserini's batch_search, on one index, in one process and run.

Prints the Markdown table of docs/benchmarks.md. The folder is ../shared/data, or INTREX_SHARED_DATA.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from intrex.data.collection import Queries
from intrex.data.importers.sources import import_collection
from intrex.retrievers.base import SearchOptions
from intrex.retrievers.bm25 import build_bm25
from tests.conftest import SHARED

ROUNDS = 7
WARM = 5
NEEDED = 10


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    if not SHARED.is_dir():
        sys.exit("bench_lucene: skipped, the folder of shared collections is not here (INTREX_SHARED_DATA)")
    if not find_spec("pyserini"):
        sys.exit("bench_lucene: skipped, it needs the extra lucene")
    from intrex.retrievers.lucene.build import build_lucene

    os.environ.setdefault("OPENAI_API_KEY", "none")  # pyserini's imports ask for it
    with tempfile.TemporaryDirectory() as work:
        collection = import_collection(SHARED / "scifact", Path(work) / "c")
        lucene = build_lucene(collection, Path(work) / "lucene")
        native = build_bm25(collection, Path(work) / "native")
        queries: Queries = collection.queries("test")
        from pyserini.search.lucene import LuceneSearcher

        searcher = LuceneSearcher(str(Path(work) / "lucene"))
        worst = measure(queries, lucene, native, searcher)
    if worst < NEEDED:
        sys.exit(f"the bridge is only {worst:.1f} times as fast as pyserini's batch_search, wanted: {NEEDED}")


def measure(queries: Queries, lucene, native, searcher) -> float:
    """Alternate all systems, after each has run a few times; the median round counts. Returns the smallest ratio."""
    print(
        "| k | threads | pyserini q/s | bulk q/s | bulk / pyserini | native q/s | first call, bulk / pyserini |"
    )
    print("| --: | --: | --: | --: | --: | --: | --: |")
    ratios = []
    for k in (1000, 100, 10):
        for threads in (1, 2):
            options = SearchOptions(k=k, threads=threads)

            def theirs(k: int = k, threads: int = threads) -> object:
                found = searcher.batch_search(queries.texts, queries.ids, k=k, threads=threads)
                return [(q, hit.docid, hit.score) for q, hits in found.items() for hit in hits]

            calls = {
                "bulk": lambda options=options: lucene.search(queries, options),
                "pyserini": theirs,
                "native": lambda options=options: native.search(queries, options),
            }
            first = {name: timed(call) for name, call in calls.items()}
            for _ in range(WARM):
                calls[
                    "bulk"
                ]()  # Java compiles what has run often; pyserini's call is long enough to do so at once
            rounds = [{name: timed(call) for name, call in calls.items()} for _ in range(ROUNDS)]
            speed = {name: len(queries) / statistics.median(r[name] for r in rounds) for name in calls}
            ratio = statistics.median(r["pyserini"] / r["bulk"] for r in rounds)
            if k == 1000:
                ratios.append(ratio)
            print(
                f"| {k} | {threads} | {speed['pyserini']:,.0f} | {speed['bulk']:,.0f} | {ratio:.1f} | {speed['native']:,.0f} | {first['pyserini'] / first['bulk']:.1f} |",
                flush=True,
            )
    return min(ratios)


if __name__ == "__main__":
    main()

"""BM25 on every English shared collection: our figures beside those stated in SOURCE.md, build time, queries/s.

Prints the Markdown table of docs/benchmarks.md. The folder is ../shared/data, or INTREX_SHARED_DATA.
"""

import re
import sys
import tempfile
import time
from pathlib import Path

from intrex.data.importers.sources import import_collection
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.score import score
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.options import BuildTask, SearchOptions
from tests.conftest import SHARED

TOLERANCE = 0.02
STATED = re.compile(
    r"BM25 on test \(bm25s, lucene variant.*Porter stemmer.*\): nDCG@10 ([\d.]+).* R@100 ([\d.]+)"
)


def measure(source: Path, work: Path) -> tuple[str, float]:
    stated = STATED.search((source / "SOURCE.md").read_text(encoding="utf-8"))
    assert stated, source
    collection = import_collection(source, work / source.name / "c")
    start = time.perf_counter()
    index = build_bm25(collection, BuildTask(work / source.name / "i"))
    built = time.perf_counter() - start
    queries = collection.queries("test")
    index.search(queries.only(set(queries.ids[:5])), SearchOptions())
    start = time.perf_counter()
    run = index.search(queries, SearchOptions(threads=1))
    searched = time.perf_counter() - start
    found = score(collection.qrels("test"), run, parse_measures(["nDCG@10", "R@100", "RR@10"])).means()
    difference = found["nDCG@10"] - float(stated[1])
    cells = [
        source.name,
        f"{collection.n_documents:,}",
        f"{len(queries):,}",
        f"{found['nDCG@10']:.4f}",
        stated[1],
        f"{difference:+.4f}",
    ]
    cells += [
        f"{found['R@100']:.4f}",
        stated[2],
        f"{found['RR@10']:.4f}",
        f"{built:.2f}",
        f"{len(queries) / searched:,.0f}",
    ]
    return "| " + " | ".join(cells) + " |", abs(difference)


def main() -> None:
    if not SHARED.is_dir():
        sys.exit("bench_bm25: skipped, the folder of shared collections is not here (INTREX_SHARED_DATA)")
    sources = sorted(
        p.parent for p in SHARED.glob("*/SOURCE.md") if STATED.search(p.read_text(encoding="utf-8"))
    )
    print(
        "| collection | documents | queries | nDCG@10 | stated | difference | R@100 | stated | RR@10 | build s | queries/s |"
    )
    print("| --- " + "| ---: " * 10 + "|")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            line, difference = measure(source, Path(folder))
            print(line, flush=True)
            worst = max(worst, difference)
    print(f"\nlargest difference {worst:.4f}, allowed {TOLERANCE}")
    if worst > TOLERANCE:
        sys.exit(1)


if __name__ == "__main__":
    main()

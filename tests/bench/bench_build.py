"""Building a BM25 index from texts against bm25s' index of ready term ids, and the memory that a build takes.

SciFact and Zipfian texts (``--documents N``, a million unless told). Ours goes from ``corpus.jsonl`` to a synced index on
disk; bm25s is given the term ids that our analysis makes, builds its arrays and saves them. The comparison with Anserini is in bench_lucene. Prints Markdown tables, then which targets were met.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import bm25s
from bm25s.tokenization import Tokenized

from intrex.data.collection import Collection
from intrex.data.importers.sources import import_collection
from intrex.data.store.manifest import read_manifest
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.inverted.native import INDEXING, SEARCH, WORTH_COMPILING
from intrex.retrievers.options import BuildTask
from intrex.retrievers.text.analyzer import Analyzer
from intrex.retrievers.text.batch import BatchAnalyzer
from intrex.retrievers.text.terms import read_terms
from tests.bench.targets import Targets
from tests.bench.zipf import write_zipf_collection
from tests.conftest import SHARED

ROUNDS = 3
MEMORIES = ("", "1G", "512M", "256M")
CHILD = """
import json, sys, time
from pathlib import Path
from intrex.cli.app import run
start = time.perf_counter()
code = run(sys.argv[1:])
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
told = {"wall": time.perf_counter() - start, "cpu": time.process_time(), "peak": int(status["VmHWM"].split()[0]) >> 10}
print(json.dumps(told))
sys.exit(code)
"""
"""Linux only: what getrusage says of a process begins with the memory of the one that started it."""


def process(collection: Collection, out: Path, memory: str) -> dict[str, float]:
    """Wall and CPU seconds and peak megabytes of a whole process that builds the index."""
    limit = ["--max-memory", memory] if memory else []
    command = ["index", "bm25", str(collection.path), str(out), "--overwrite", *limit]
    said = subprocess.run([sys.executable, "-c", CHILD, *command], capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(said.stdout)
    return told


def ours(collection: Collection, out: Path) -> dict[str, float]:
    """Wall and CPU seconds of a build in this process, from ``corpus.jsonl`` to a synced index."""
    start = time.perf_counter(), time.process_time()
    build_bm25(collection, BuildTask(out, overwrite=True))
    return {"wall": time.perf_counter() - start[0], "cpu": time.process_time() - start[1]}


def bm25s_index(collection: Collection, out: Path) -> dict[str, float]:
    """What bm25s takes for the same terms, analysis not counted; in this process."""
    analyzer = BatchAnalyzer(Analyzer(), WORTH_COMPILING)
    lists = [
        part.tokens[a:b].tolist()
        for part in read_terms(collection, analyzer)
        for a, b in pairwise(part.offsets.tolist())
    ]
    vocabulary = {str(i): i for i in range(len(analyzer.names().ends) - 1)}
    peer = bm25s.BM25(method="lucene", k1=0.9, b=0.4, backend="numba")
    start = time.perf_counter(), time.process_time()
    peer.index(Tokenized(ids=lists, vocab=vocabulary), show_progress=False)
    peer.save(str(out))
    return {"wall": time.perf_counter() - start[0], "cpu": time.process_time() - start[1]}


def compare(name: str, collection: Collection, out: Path, targets: Targets) -> None:
    """A table row for each; rounds in turn, medians."""
    rounds = [(ours(collection, out), bm25s_index(collection, out.with_name("bm25s"))) for _ in range(ROUNDS)]
    own, theirs = (
        {key: statistics.median(one[key] for one in side) for key in side[0]}
        for side in zip(*rounds, strict=True)
    )
    n = collection.n_documents
    for system, took in (("intrex, from text to disk", own), ("bm25s, from term ids to disk", theirs)):
        print(
            f"| {name} | {n:,} | {system} | {took['wall']:.2f} | {took['cpu']:.2f} | {n / took['wall']:,.0f} |",
            flush=True,
        )
    targets.at_least(f"{name}: documents/s by those of bm25s", theirs["wall"] / own["wall"], 1)
    targets.at_least(f"{name}: the same by CPU time", theirs["cpu"] / own["cpu"], 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=1_000_000)
    documents = parser.parse_args().documents
    assert SEARCH.kernels() and INDEXING.kernels()  # compiled before anything is measured
    targets = Targets()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        print(
            "| collection | documents | system | wall s | CPU s | documents/s |\n| --- | --: | --- | --: | --: | --: |"
        )
        if SHARED.is_dir():
            compare("SciFact", import_collection(SHARED / "scifact", work / "scifact"), work / "i", targets)
        zipf = write_zipf_collection(work / "zipf", documents)
        compare("Zipfian", zipf, work / "i", targets)
        text = (zipf.path / "corpus.jsonl").stat().st_size
        print(f"\n{documents:,} Zipfian documents, {text / 1e6:,.0f} MB of corpus.jsonl:\n")
        print("| --max-memory | wall s | CPU s | peak MB |\n| --- | --: | --: | --: |")
        made = set()
        for memory in MEMORIES:
            took = process(zipf, work / "i", memory)
            made.add(read_manifest(work / "i").fingerprint)
            print(
                f"| {memory or '-'} | {took['wall']:.2f} | {took['cpu']:.2f} | {took['peak']:,} |", flush=True
            )
            if memory:
                limit = int(memory[:-1]) << (10 if memory.endswith("G") else 0)
                targets.at_most(f"peak MB with --max-memory {memory}", took["peak"], limit)
        size = sum(path.stat().st_size for path in (work / "i").rglob("*") if path.is_file())
        print(f"\nThe index takes {size / 1e6:,.0f} MB on disk; {os.cpu_count()} cores.")
        targets.at_most("different indexes by memory", len(made), 1)
    targets.report()


if __name__ == "__main__":
    main()

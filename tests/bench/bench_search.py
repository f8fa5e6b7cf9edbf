"""BM25 search and build against bm25s (numba): SciFact with analysis, a million Zipfian documents from term ids.

Prints the tables of docs/benchmarks.md: wall and CPU time, ratios to bm25s in the same rounds, minimum of ROUNDS; then
the cold first query and the peak memory of a build, each in a process of its own. ``--documents N`` makes it smaller.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import bm25s
import Stemmer
from bm25s.tokenization import Tokenized

from intrex.data.artifact import build_artifact
from intrex.data.collection import Queries
from intrex.data.ids import IdWriter
from intrex.data.importers.sources import import_collection
from intrex.retrievers.analysis import Analyzer
from intrex.retrievers.base import SearchOptions
from intrex.retrievers.bm25 import BM25Index, bm25_manifest, build_bm25
from intrex.retrievers.native import kernels
from intrex.retrievers.segment import write_segment
from intrex.retrievers.terms import Terms
from intrex.retrievers.vocabulary import Names
from tests.bench.zipf import zipf_corpus, zipf_queries
from tests.conftest import SHARED

ROUNDS, VOCABULARY, MEMORY = 7, 200_000, 1 << 30


def timed(call, rounds=ROUNDS):
    """The shortest wall and CPU time of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        call()
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return [min(column) for column in zip(*times, strict=True)]


def compare(name, n, ours, theirs):
    """One table row for each k and number of threads; both take turns so that noise meets both."""
    for k in (10, 1000):
        for threads in (1, 2):
            best = []
            for _ in range(ROUNDS):
                best.append((*timed(partial(ours, k, threads), 1), *timed(partial(theirs, k, threads), 1)))
            wall, cpu, their_wall, their_cpu = (min(column) for column in zip(*best, strict=True))
            cells = [
                f"{n / wall:,.0f}",
                f"{n / their_wall:,.0f}",
                f"{their_wall / wall:.2f}",
                f"{their_cpu / cpu:.2f}",
            ]
            print(f"| {name} | {k} | {threads} | " + " | ".join(cells) + " |", flush=True)


def scifact(work):
    collection = import_collection(SHARED / "scifact", work / "c")
    build_bm25(collection, work / "first")
    index = build_bm25(collection, work / "i")
    queries, texts = collection.queries("test"), [d.contents for d in collection.documents()]
    stemmer, peer = Stemmer.Stemmer("english"), bm25s.BM25(method="lucene", k1=0.9, b=0.4, backend="numba")

    def tokens(these):
        return bm25s.tokenize(these, stopwords="en", stemmer=stemmer, show_progress=False)

    peer.index(tokens(texts), show_progress=False)
    compare(
        "SciFact, 300 queries",
        len(queries),
        lambda k, threads: index.search(queries, SearchOptions(k=k, threads=threads)),
        lambda k, threads: peer.retrieve(tokens(queries.texts), k=k, n_threads=threads, show_progress=False),
    )


def build(out, documents, memory=None):
    """Build the index of the Zipfian corpus; returns the seconds."""
    tokens, offsets = zipf_corpus(documents, VOCABULARY)

    def batches():
        for low in range(0, documents, 1024):
            here = offsets[low : low + 1025]
            ids = [f"d{i:07}" for i in range(low, low + len(here) - 1)]
            yield Terms(ids, tokens[here[0] : here[-1]], here - here[0])

    def make(build):
        names, ids = partial(Names.of, [f"t{i:06}" for i in range(VOCABULARY)]), IdWriter(build.path)
        draft = write_segment(build.path / "0", ids, batches(), names, ("contents",), memory)
        ids.close()
        params = {"k1": 0.9, "b": 0.4, "fields": [], "analyzer": Analyzer().spec()}
        return bm25_manifest("zipf", {**params, "sources": ["zipf"]}, [draft])

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter(), time.process_time()
    build_artifact(out, "zipf", make)
    seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"wall": seconds[0], "cpu": seconds[1], "before": before // 1024, "peak": peak // 1024}


def million(work, documents):
    kernels()
    for memory in (None, MEMORY, 256 << 20):
        told = child("build", str(work / f"i{memory}"), str(documents), str(memory or 0))
        print(f"build, memory {memory}: {told}", flush=True)
    tokens, offsets = zipf_corpus(documents, VOCABULARY)
    vocabulary = {str(i): i for i in range(VOCABULARY)}
    lists = [tokens[a:b].tolist() for a, b in pairwise(offsets)]
    peer = bm25s.BM25(method="lucene", k1=0.9, b=0.4, backend="numba")
    start = time.perf_counter(), time.process_time()
    peer.index(Tokenized(ids=lists, vocab=vocabulary), show_progress=False)
    print(
        f"bm25s' index: wall {time.perf_counter() - start[0]:.1f} s, CPU {time.process_time() - start[1]:.1f} s"
    )
    del lists, tokens
    index, asked = BM25Index.open(work / "iNone"), zipf_queries(200, VOCABULARY)
    queries = Queries([f"q{i}" for i in range(len(asked))], [" ".join(f"t{t:06}" for t in q) for q in asked])
    compare(
        f"{documents:,} documents",
        len(queries),
        lambda k, threads: index.search(queries, SearchOptions(k=k, threads=threads)),
        lambda k, threads: peer.retrieve(
            Tokenized(ids=asked, vocab=vocabulary), k=k, n_threads=threads, show_progress=False
        ),
    )
    size = sum(p.stat().st_size for p in (work / "iNone").iterdir())
    print(f"size on disk {size >> 20} MiB; cold first query: {[cold(work / 'iNone') for _ in range(3)]}")


def child(*arguments, **environment):
    command = [sys.executable, "-m", "tests.bench.bench_search", "--child", *arguments]
    out = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return out.stdout.strip()


def cold(index):
    """Seconds of a whole process that opens an index whose pages were dropped from memory, and answers."""
    for file in index.iterdir():
        handle = os.open(file, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)
    start = time.perf_counter()
    child("query", str(index))
    return round(time.perf_counter() - start, 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--child", nargs="*")
    options = parser.parse_args()
    if options.child:
        what, path, *rest = options.child
        if what == "build":
            print(json.dumps(build(Path(path), int(rest[0]), int(rest[1]) or None)))
        else:
            queries = Queries(["q"], ["t000031 t000300 t005000"])
            assert len(BM25Index.open(Path(path)).search(queries, SearchOptions(k=10))) == 1
        return
    print("| collection | k | threads | queries/s | bm25s | times as fast | by CPU time |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as folder:
        if SHARED.is_dir():
            scifact(Path(folder))
        million(Path(folder), options.documents)


if __name__ == "__main__":
    main()

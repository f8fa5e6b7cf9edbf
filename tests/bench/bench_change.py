"""Changing a BM25 index against building it anew: seconds of CPU, and searches over segments against one segment.

python -m tests.bench.bench_change [COLLECTION]      # a folder of the shared collections, scifact by default
"""

import sys
import tempfile
import time
from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.importers.sources import import_collection
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.change import add, merge, remove
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.options import BuildTask, SearchOptions
from tests.conftest import SHARED


def cut(folder: Path, collection: Collection, first: int, last: int) -> Collection:
    """A part of a collection's documents."""

    def fill(writer: CollectionWriter) -> None:
        for i, one in enumerate(list(collection.documents())[first:last], 1):
            writer.document(one.id, one.title, one.text, RecordSource("corpus", i))

    return write_collection(folder, folder.name, {"source": "bench"}, fill)


def seconds(work, times: int = 1) -> float:
    """The least CPU time of some calls."""
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def main(name: str) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        collection = import_collection(SHARED / name, folder / name)
        n, queries = collection.n_documents, collection.queries()
        cuts = [0, n * 7 // 10, n * 9 // 10, n * 99 // 100, n]
        parts = [cut(folder / f"part{i}", collection, *cuts[i : i + 2]) for i in range(4)]
        out = folder / "changed"
        build_bm25(parts[0], BuildTask(out))
        rebuild = seconds(lambda: build_bm25(collection, BuildTask(folder / "whole")))
        rows = [("build all", rebuild)]
        rows += [(f"add {one.n_documents:,}", seconds(lambda one=one: add(out, one))) for one in parts[1:]]

        def search(path: Path) -> float:
            index = BM25Index.open(path)
            return seconds(lambda: index.search(queries, SearchOptions(threads=1)), 5)

        many = len(BM25Index.open(out).segments)
        found = [(f"search, {many} segments", search(out))]
        ids = [one.id for one in collection.documents()][: n // 100]
        rows.append((f"remove {len(ids):,}", seconds(lambda: remove(out, ids))))
        rows.append(("merge", seconds(lambda: merge(out))))
        whole = search(folder / "whole")
        found += [("search, built at once", whole)]
        print(f"{name}: {n:,} documents, {len(queries):,} queries, k = 1000\n")
        print("| what | seconds of CPU | ratio |\n| --- | --- | --- |")
        for base, table in ((rebuild, rows), (whole, found)):
            for what, took in table:
                print(f"| {what} | {took:.3f} | {took / base:.2f} |")


if __name__ == "__main__":
    main(*sys.argv[1:] or ["scifact"])

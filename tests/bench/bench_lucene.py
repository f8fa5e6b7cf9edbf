"""Our bulk bridge to Lucene against pyserini's batch_search, and the native index build against Anserini's.

Prints the Markdown tables of docs/benchmarks.md. The folder is ../shared/data, or INTREX_SHARED_DATA. The number of
documents of the generated corpus may be given (100,000 by default).
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from intrex.data.collection import Collection, Queries
from intrex.data.importers.sources import import_collection
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.options import BuildTask, SearchOptions
from tests.bench.zipf import zipf_corpus
from tests.conftest import SHARED

ROUNDS = 7
WARM = 5
NEEDED = 10
THREADS = 2
BUILDS = 3
STORE = ("-storePositions", "-storeDocvectors", "-storeRaw")
"""The flags of pyserini's pages."""
FASTER = {"Anserini": 1.0, "Anserini, -store flags": 2.0}
"""How many times as fast the native build is to be."""


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def cpu() -> float:
    """Seconds of CPU of this process, Java's threads included, and of the processes that it waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> None:
    if not SHARED.is_dir():
        sys.exit("bench_lucene: skipped, the folder of shared collections is not here (INTREX_SHARED_DATA)")
    if not find_spec("pyserini"):
        sys.exit("bench_lucene: skipped, it needs the extra lucene")
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    os.environ.setdefault("OPENAI_API_KEY", "none")  # pyserini's imports ask for it
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        scifact = import_collection(SHARED / "scifact", work / "scifact")
        print("## Searching\n")
        if (worst := search(scifact, work)) < NEEDED:
            problems.append(f"the bridge is {worst:.1f} times as fast as batch_search, wanted: {NEEDED}")
        print("\n## Indexing\n")
        print(
            "| collection | documents | system | timed | docs/s | native / it | CPU s | native / it, by CPU |"
        )
        print("| --- | --: | --- | --- | --: | --: | --: | --: |")
        for collection in (scifact, zipfian(work / "zipfian", documents)):
            problems += builds(collection, work / "builds")
    if problems:
        sys.exit("\n".join(problems))


def zipfian(folder: Path, documents: int) -> Collection:
    """A collection of generated texts, 60 words on average."""
    tokens, offsets = zipf_corpus(documents)
    words = [word(i) for i in range(int(tokens.max()) + 1)]

    def fill(writer: CollectionWriter) -> None:
        for i in range(documents):
            text = " ".join([words[t] for t in tokens[offsets[i] : offsets[i + 1]].tolist()])
            writer.document(f"d{i}", "", text, RecordSource("corpus", i))
        writer.query("q", words[100], RecordSource("queries", 1))
        writer.judgement("test", "q", "d0", 1, RecordSource("qrels"))

    return write_collection(folder, "zipfian", {"source": "generated"}, fill)


def word(number: int) -> str:
    """A pronounceable word for each number."""
    syllables = []
    while number or not syllables:
        number, rest = divmod(number, 100)
        syllables.append("bdfgklmnprstvwzcjhqx"[rest % 20] + "aeiou"[rest // 20])
    return "".join(syllables) + "n"


def builds(collection: Collection, work: Path) -> list[str]:
    """The rows of a collection, of rounds in turn: in this process, where Java runs already, and in one of its own."""
    shutil.rmtree(work, ignore_errors=True)
    (work / "shards").mkdir(parents=True)
    lines = (collection.path / "corpus.jsonl").read_bytes().splitlines(keepends=True)
    parts = 4 * THREADS  # Anserini gives a thread a file at a time
    for i in range(parts):
        part = lines[len(lines) * i // parts : len(lines) * (i + 1) // parts]
        (work / "shards" / f"{i}.jsonl").write_bytes(b"".join(part))
    flags = {"native": None, "Anserini": (), "Anserini, -store flags": STORE}
    calls = {"Java running": build, "process": process}
    took = {(name, how): list[tuple[float, float]]() for name in flags for how in calls}
    for turn in range(BUILDS + 1):
        for name, stored in flags.items():
            for how, call in calls.items():
                out, before = work / "out", cpu()
                seconds = timed(lambda: call(collection, work / "shards", out, stored))  # noqa: B023
                took[name, how].append((seconds, cpu() - before))
                shutil.rmtree(out)
                if not turn:
                    took[name, how].clear()  # the first one warms up: kernels, classes
    return list(report(collection, took))


def report(collection: Collection, took: dict[tuple[str, str], list[tuple[float, float]]]) -> Iterator[str]:
    """Print the rows, medians of the rounds; what is too slow is returned."""
    median = {key: [statistics.median(c) for c in zip(*rounds, strict=True)] for key, rounds in took.items()}
    for (name, how), (seconds, used) in median.items():
        fastest, least = median["native", how]
        speed = collection.n_documents / seconds
        print(
            f"| {collection.name} | {collection.n_documents:,} | {name} | {how} | {speed:,.0f} | {seconds / fastest:.2f} | {used:.1f} | {used / least:.2f} |",
            flush=True,
        )
        if seconds / fastest < FASTER.get(name, 0):
            yield f"{collection.name}, {how}: native takes {fastest:.1f} s, {name} {seconds:.1f}; wanted: {FASTER[name]} times"


def build(collection: Collection, shards: Path, out: Path, stored: tuple[str, ...] | None) -> None:
    """In this process, where Java runs already."""
    if stored is None:
        build_bm25(collection, BuildTask(out))
        return
    from intrex.retrievers.lucene import jvm

    autoclass = jvm.start()
    arguments = autoclass("io.anserini.index.IndexCollection$Args")()
    autoclass("org.kohsuke.args4j.CmdLineParser")(arguments).parseArgument(*anserini(shards, out, stored))
    autoclass("io.anserini.index.IndexCollection")(arguments).run()


def process(collection: Collection, shards: Path, out: Path, stored: tuple[str, ...] | None) -> None:
    """A process of its own: ours from the shell, Anserini's Java without pyserini's imports."""
    from intrex.retrievers.lucene import jvm

    if stored is None:
        command = [sys.executable, "-m", "intrex.cli", "index", "bm25", str(collection.path), str(out)]
    else:
        java = str(jvm.find_java().home / "bin" / "java")
        command = [java, "-cp", str(jvm.anserini_jar()), "io.anserini.index.IndexCollection", *anserini(shards, out, stored)]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def anserini(shards: Path, out: Path, stored: tuple[str, ...]) -> list[str]:
    """The command line of IndexCollection."""
    return [
        *("-collection", "BeirFlatCollection", "-generator", "DefaultLuceneDocumentGenerator", "-quiet"),
        *(
            "-threads",
            str(THREADS),
            "-memoryBuffer",
            "1024",
            "-input",
            str(shards),
            "-index",
            str(out),
            *stored,
        ),
    ]


def search(collection: Collection, work: Path) -> float:
    """The rows of searching; returns the smallest ratio at k = 1000."""
    from intrex.retrievers.lucene.build import build_lucene

    lucene = build_lucene(collection, BuildTask(work / "lucene"))
    native = build_bm25(collection, BuildTask(work / "native"))
    queries = collection.queries("test")
    from pyserini.search.lucene import LuceneSearcher

    return measure(queries, lucene, native, LuceneSearcher(str(work / "lucene")))


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

"""Peak memory and speed of building a dense index by the hashing encoder, for growing random collections.

Each size is built in a process of its own: 10,000, 100,000 and 500,000 documents, or the sizes given as arguments.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.writer import RecordSource, write_collection
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.options import BuildTask

SIZES = (10_000, 100_000, 500_000)
WORDS = 50_000


def make(folder: Path, size: int) -> None:
    rng = random.Random(size)

    def fill(writer):
        for i in range(size):
            text = " ".join(f"word{rng.randrange(WORDS)}" for _ in range(rng.randrange(5, 20)))
            writer.document(f"doc{i}", "", text, RecordSource("random", i + 1))

    write_collection(folder, "random", {"size": size}, fill)


def build(folder: Path) -> dict[str, float]:
    """Build the index in this process and report seconds, and MB before and at the peak."""
    encoder = make_encoder("hashing", EncoderOptions())
    encoder.encode(["warm up"], "document")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    build_dense(Collection.open(folder), BuildTask(folder.with_name("index")), encoder)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scale = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kB here
    return {"seconds": seconds, "before": before / scale, "peak": peak / scale}


def in_a_process(step: str, folder: Path, size: int) -> str:
    command = [sys.executable, __file__, step, str(folder), str(size)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(sizes: list[int]) -> None:
    print("| documents | docs/s | MB before | MB at the peak | bytes more a document |")
    print("| --: | --: | --: | --: | --: |")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            collection = Path(folder) / "collection"
            in_a_process("make", collection, size)
            found = json.loads(in_a_process("build", collection, size))
        extra = (found["peak"] - found["before"]) * 1e6 / size
        rate = size / found["seconds"]
        print(
            f"| {size:,} | {rate:,.0f} | {found['before']:.0f} | {found['peak']:.0f} | {extra:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        make(Path(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1:2] == ["build"]:
        print(json.dumps(build(Path(sys.argv[2]))))
    else:
        main([int(size) for size in sys.argv[1:]] or list(SIZES))

"""Searches beside a process that puts another index in place all the time: the run of the one or of the other."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.fileops import Server
from tests.faults.jobs import write_sources
from tests.faults.test_fileops import IMPORTS

SEARCHES = 500
KINDS = {
    "bm25": "index bm25 C OUT",
    "sparse": "index sparse C OUT --encoder hashing:64",
    "dense": "index dense C OUT --encoder hashing:16",
    "multivector": "index multivector C OUT --encoder hashing:16",
    "fde": "index fde C OUT --encoder hashing:16 --reps 2 --k-sim 2",
}
WRITER = """
import random, sys, time
from pathlib import Path
from intrex.data.io.files import exchange
rng, one, two = random.Random(1), Path("i"), Path("other")
print("begins", flush=True)
while True:
    exchange(one, two)
    time.sleep(rng.uniform(0.0, 0.004))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server(None, IMPORTS)
    yield running
    running.close()


def search_beside_a_writer(server: Server, folder: Path, kind: str, searches: int) -> Counter[str]:
    """Search while the index ``i`` and the one at ``other`` change places; count whose run came out."""
    write_sources(folder)
    lines = ["collection import src c", "collection import more m"]
    lines += [KINDS[kind].replace("C", c).replace("OUT", out) for c, out in (("c", "i"), ("m", "other"))]
    runs: dict[bytes, str] = {}
    for line in [*lines, "search i src.jsonl -o a", "search other src.jsonl -o b"]:
        outcome = server.run(shlex.split(line.replace("src.jsonl", "src/queries.jsonl")), folder)
        assert outcome.code == 0, f"{line}: {outcome.said}"
    for name in ("a", "b"):
        rows = [line.split()[:5] for line in (folder / name).read_text().splitlines()]
        runs[json.dumps(rows).encode()] = name
    assert len(runs) == 2
    writer = subprocess.Popen([sys.executable, "-c", WRITER], cwd=folder, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.readline()
    figures: Counter[str] = Counter()
    try:
        for _ in range(searches):
            outcome = server.run(shlex.split("search i src/queries.jsonl -o r --overwrite"), folder)
            assert outcome.code == 0, outcome.said
            rows = [line.split()[:5] for line in (folder / "r").read_text().splitlines()]
            figures[runs.get(json.dumps(rows).encode(), "mixed")] += 1
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
    return figures


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_is_of_one_index(kind: str, server: Server, tmp_path: Path) -> None:
    figures = search_beside_a_writer(server, tmp_path, kind, 10)
    assert set(figures) <= {"a", "b"}, figures


@pytest.mark.long
def test_many_searches_are_of_one_index(server: Server, tmp_path: Path) -> None:
    total: Counter[str] = Counter()
    start = time.perf_counter()
    for kind in KINDS:
        (tmp_path / kind).mkdir()
        total += search_beside_a_writer(server, tmp_path / kind, kind, SEARCHES // len(KINDS))
    assert set(total) == {"a", "b"} and sum(total.values()) == SEARCHES
    if out := os.environ.get("INTREX_FIGURES"):
        with Path(out).open("a", encoding="utf-8") as stream:
            seconds = time.perf_counter() - start
            stream.write(json.dumps({"exchange": SEARCHES, "figures": total, "seconds": seconds}) + "\n")

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

from intrex.data.io import folder as whole
from intrex.data.io.files import exchange
from tests.faults.fileops import Server
from tests.faults.jobs import write_sources
from tests.faults.test_fileops import IMPORTS

SEARCHES = 500
KINDS = {
    "bm25": "index bm25 C OUT",
    "sparse": "index sparse C OUT --encoder hashing:64",
    "impact": "index impact C OUT --weights W.jsonl",
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
    (folder / "m.jsonl").write_text(
        "".join(f'{{"id": "e{i}", "vector": {{"lift": {i + 1}}}}}\n' for i in range(6))
    )
    weights = {"c": "weights", "m": "m"}
    lines += [
        KINDS[kind].replace(" C ", f" {c} ").replace("OUT", out).replace("W.jsonl", f"{weights[c]}.jsonl")
        for c, out in (("c", "i"), ("m", "other"))
    ]
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


@pytest.mark.parametrize("opening", range(1, 5))
def test_files_are_of_one_folder_where_handles_have_no_names(
    opening: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS: the folder is compared with what stood there before; here it is exchanged once, before the n-th opening."""
    monkeypatch.setattr(whole, "_HANDLES", Path("/nowhere"))
    names = ("manifest", "docs", "terms")
    for index in ("i", "other"):
        (tmp_path / index).mkdir()
        for name in names:
            (tmp_path / index / name).write_text(f"{index} {name}")
    seen = []

    def open_files(path: Path) -> set[str]:
        assert path == tmp_path / "i"
        found = []
        for name in names:
            seen.append(name)
            if len(seen) == opening:
                assert exchange(tmp_path / "i", tmp_path / "other")
            found.append((path / name).read_text().split()[0])
        return set(found)

    found = whole.open_whole(tmp_path / "i", open_files)
    assert len(found) == 1 and (tmp_path / "i" / "docs").exists()
    assert len(seen) == (3 if opening > len(names) else 6)
    assert found == ({"i"} if opening > len(names) else {"other"})


@pytest.mark.long
def test_many_searches_are_of_one_index(server: Server, tmp_path: Path) -> None:
    total: Counter[str] = Counter()
    start, each = time.perf_counter(), -(-SEARCHES // len(KINDS))
    for kind in KINDS:
        (tmp_path / kind).mkdir()
        total += search_beside_a_writer(server, tmp_path / kind, kind, each)
    assert set(total) == {"a", "b"} and sum(total.values()) >= SEARCHES
    if out := os.environ.get("INTREX_FIGURES"):
        with Path(out).open("a", encoding="utf-8") as stream:
            seconds = time.perf_counter() - start
            stream.write(json.dumps({"exchange": total.total(), "figures": total, "seconds": seconds}) + "\n")

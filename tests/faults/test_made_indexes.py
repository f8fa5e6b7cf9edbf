"""Indexes that somebody made or altered, with sound hashes: a clear error or a run, never a signal, never "unforeseen".

Each trial alters one file of an index of each kind, writes the manifest anew as its owner could, and searches in a
process of its own. `make test` tries some of each kind, `make faults` 10,000.
"""

import io
import json
import os
import random
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from intrex.cli.app import run
from intrex.data.io.files import file_sha256
from intrex.data.store.manifest import parse_manifest, read_manifest
from tests.faults.fileops import Outcome, Server
from tests.faults.jobs import write_sources
from tests.faults.test_fileops import IMPORTS

KINDS = {
    "bm25": ("index bm25 c KIND", ""),
    "bm25, fields": ("index bm25 c KIND --fields title", "--fields contents=1 title=2"),
    "bm25, feedback": ("index bm25 c KIND", "--rm3"),
    "bm25, removed": ("index bm25 c KIND; index remove KIND d1 d5; index add KIND more", ""),
    "bm25, removed, feedback": ("index bm25 c KIND; index remove KIND d1 d5", "--bm25-prf"),
    "dense": ("index dense c KIND --encoder hashing:16", ""),
    "dense, graph": ("index dense c KIND --encoder hashing:16 --engine hnsw", ""),
    "dense, quantised": ("index dense c KIND --encoder hashing:16 --engine sq8", ""),
    "sparse": ("index sparse c KIND --encoder hashing:64", ""),
    "sparse, bytes": ("index sparse c KIND --encoder hashing:64 --quantize 8", ""),
    "impact": ("index impact c KIND --weights weights.jsonl", ""),
    "multivector": ("index multivector c KIND --encoder hashing:16", ""),
    "residuals": ("index multivector c KIND --encoder hashing:16 --nbits 2", "--engine plaid"),
    "fde": ("index fde c KIND --encoder hashing:16 --reps 2 --k-sim 2", ""),
    "cur": ("index cur c KIND --scorer hashing:16 --anchors 6", "--budget 12 --rounds 2"),
}  # fmt: skip
TRIALS = 10_000
EXTREME = (-1, 0, 1, 127, 255, 65_535, 2**31 - 1, -(2**31), 2**40, 2**62, -(2**62))
MEMORY = 6 << 30


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection and an index of each kind."""
    folder = tmp_path_factory.mktemp("made")
    write_sources(folder)
    here = Path.cwd()
    os.chdir(folder)
    try:
        lines = ["collection import src c", "collection import more more.new"]
        assert all(run(line.split()) == 0 for line in lines)
        shutil.rmtree("more")
        Path("more.new").rename("more")
        for name, (build, _) in KINDS.items():
            if ("graph" in name or "quantised" in name) and find_spec("faiss") is None:
                continue
            for line in build.replace("KIND", f"'{name}'").split(";"):
                assert run(shlex.split(line)) == 0, line
    finally:
        os.chdir(here)
    return folder


def alter(file: Path, rng: random.Random) -> None:
    """Alter a file: a byte, the numbers of an array, its shape or type, its header, or its length."""
    raw = bytearray(file.read_bytes())
    ways: list[Callable[[], bytes]] = [
        lambda: _flip(raw, rng), lambda: bytes(raw[: rng.randrange(len(raw) + 1)]), lambda: bytes(raw) * 2
    ]  # fmt: skip
    if file.suffix == ".npy":
        ways = [*ways, *[lambda: _renumber(file, rng)] * 6, lambda: _reshape(file, rng)]
    elif file.suffix == ".json":
        ways = [lambda: _flip(raw, rng)]
    file.write_bytes(rng.choice(ways)())


def _flip(raw: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.choice([1, 1, 4])):
        if raw:
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(raw)


def _renumber(file: Path, rng: random.Random) -> bytes:
    numbers = np.load(file).copy()
    flat = numbers.reshape(-1)
    for _ in range(rng.choice([1, 1, 3, 20])):
        if len(flat):
            at = slice(None, None, 7) if rng.random() < 0.1 else rng.randrange(len(flat))
            value = rng.choice([*EXTREME, len(flat), len(flat) - 1, float("nan"), float("inf")])
            with np.errstate(all="ignore"):
                flat[at] = np.array(value, np.float64).astype(numbers.dtype)
    return _saved(numbers)


def _reshape(file: Path, rng: random.Random) -> bytes:
    numbers = np.load(file)
    others = [numbers[:-1], numbers.astype(np.int64), numbers.astype(np.float64), numbers[..., None]]
    if numbers.size:
        others += [np.concatenate([numbers, numbers]), np.asfortranarray(numbers), numbers[:0]]
    return _saved(rng.choice(others))


def _saved(numbers: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, numbers)
    return out.getvalue()


def sign(folder: Path) -> None:
    """Write the manifest anew, with the hashes of the files as they are."""
    manifest = parse_manifest(folder / "manifest.json", "")
    files = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": file_sha256(folder / name)}
        for name in manifest.files
    }
    (folder / "manifest.json").write_text(replace(manifest, files=files).to_json(), encoding="utf-8")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A process that searches in forks of its own."""
    running = Server(None, IMPORTS)
    yield running
    running.close()


def search(server: Server, folder: Path, index: str, options: str) -> Outcome:
    """Search an index; signals are negative exit codes."""
    line = ["search", index, "c:test", "-o", "/dev/null", "--threads", "1", *options.split()]
    return server.run(line, folder, memory=MEMORY)


OTHERS = (
    "index merge altered",
    "index add altered more",
    "index remove altered d2",
    "index verify altered",
    "index info altered",
    "rerank r.txt c:test --index altered -o /dev/null",
)
"""Further commands that open an index; those that change it are given a copy of their own."""


def try_commands(server: Server, built: Path, name: str, trials: int, seed: int) -> None:
    """Alter an index of a kind some times and give it to every command that opens one."""
    rng, folder = random.Random(f"{name} {seed}"), built / "altered"
    files = sorted(read_manifest(built / name).files)
    files = [file for file in files if (built / name / file).stat().st_size]
    line = shlex.split(f"search '{name}' c:test -o r.txt --overwrite")
    assert server.run(line, built, memory=MEMORY).code == 0
    for _ in range(trials):
        file, state = rng.choice(files), rng.getstate()
        for command in OTHERS:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(built / name, folder)
            rng.setstate(state)  # the same alteration for each command
            alter(folder / file, rng)
            sign(folder)
            outcome = server.run(command.split(), built, memory=MEMORY)
            assert outcome.code in (0, 1, 2, 3), f"{command}: {file} ends in {outcome.code}: {outcome.said}"
            assert "unforeseen" not in outcome.said and "Traceback" not in outcome.said, (
                f"{command}: {file}: {outcome.said}"
            )


def try_kind(server: Server, built: Path, name: str, trials: int, seed: int) -> Counter[str]:
    """Alter and search an index of a kind some times."""
    rng, folder = random.Random(f"{name} {seed}"), built / "altered"
    figures: Counter[str] = Counter()
    options = KINDS[name][1]
    files = sorted(read_manifest(built / name).files)
    files = [file for file in files if (built / name / file).stat().st_size]
    for _ in range(trials):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(built / name, folder)
        file = rng.choice(files)
        alter(folder / file, rng)
        sign(folder)
        kept = (folder / file).read_bytes()[:4096]
        outcome = search(server, built, "altered", options)
        code, said = outcome.code, outcome.said
        assert code in (0, 1, 2), f"{name}: {file} ends in {code}: {said}\n{kept!r}"
        assert "unforeseen" not in said and "Traceback" not in said, f"{name}: {file}: {said}\n{kept!r}"
        figures["run" if code == 0 else "clear error"] += 1
    return figures


@pytest.mark.parametrize("name", KINDS)
def test_a_made_index_ends_in_a_clear_error_or_a_run(server: Server, built: Path, name: str) -> None:
    if not (built / name).exists():
        pytest.skip("faiss is not installed")
    assert search(server, built, name, KINDS[name][1]).code == 0
    try_kind(server, built, name, 8, 0)


def test_every_command_that_opens_a_made_index_ends(server: Server, built: Path) -> None:
    try_commands(server, built, "bm25, removed", 3, 0)


@pytest.mark.long
def test_every_command_that_opens_a_made_index_ends_many_times(server: Server, built: Path) -> None:
    try_commands(server, built, "bm25, removed", 300, 1)


@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
def test_thousands_of_made_indexes(server: Server, built: Path, name: str) -> None:
    if not (built / name).exists():
        pytest.skip("faiss is not installed")
    figures = try_kind(server, built, name, TRIALS // len(KINDS) + 1, 1)
    if out := os.environ.get("INTREX_FIGURES"):
        with Path(out).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"made": name, "figures": figures}) + "\n")

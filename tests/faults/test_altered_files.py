"""Bytes that were flipped in artifacts, each named by ``verify``; inputs of users that were damaged, each a clear error or sound.

`make test` tries a few of each, `make faults` some thousand.
"""

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from intrex.data.store.manifest import read_manifest
from tests.faults.fileops import Server
from tests.faults.jobs import write_sources
from tests.faults.test_fileops import IMPORTS
from tests.faults.test_made_indexes import KINDS, MEMORY, built

__all__ = ["built"]
READERS = (
    "check FILE",
    "collection import src c2 --overwrite --queries FILE",
    "collection import src c2 --overwrite --qrels test=FILE",
    "evaluate src/qrels/test.tsv FILE",
    "evaluate FILE r.txt",
    "compare src/qrels/test.tsv r.txt FILE",
    "fuse r.txt FILE -o f.txt --overwrite",
    "convert FILE f2.txt --overwrite",
    "index impact c w --weights FILE --overwrite",
    "experiment plan FILE",
)
"""Commands that read a user's file, of whatever kind it is."""
SOURCES = (
    "src/corpus.jsonl",
    "src/queries.jsonl",
    "src/qrels/test.tsv",
    "r.txt",
    "weights.jsonl",
    "my.toml",
    "src.zip",
)
WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    lambda raw, rng: raw[: rng.randrange(len(raw))],
    lambda raw, rng: _flip(raw, rng, rng.choice([1, 1, 8])),
    lambda raw, rng: raw.replace(b"\n", rng.choice([b"\r", b"\r\n", b" ", b"\n\n", b"\x00\n"])),
    lambda raw, rng: raw.replace(rng.choice([b"1", b"0", b"d", b"\t", b" ", b'"', b"{"]), rng.choice([b"", b"nan", b"-1", b"1e999", b"\xff"])),
    lambda raw, rng: rng.choice([b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"[", b"{"]) + raw,
    lambda raw, rng: b"".join(rng.sample(raw.splitlines(True), max(1, raw.count(b"\n") // 2))),
    lambda raw, rng: raw + raw,
    lambda raw, rng: b"",
)  # fmt: skip


def _flip(raw: bytes, rng: random.Random, times: int) -> bytes:
    changed = bytearray(raw)
    for _ in range(times):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def record(name: str, figures: Counter[str]) -> None:
    """Append figures for docs/reliability.md, where they are asked for."""
    if out := os.environ.get("INTREX_FIGURES"):
        with Path(out).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({name: figures}) + "\n")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A process that runs commands in forks of its own, each for a minute at most."""
    running = Server(None, IMPORTS)
    yield running
    running.close()


def flip_bytes(server: Server, folder: Path, each: int, names: list[str]) -> Counter[str]:
    """Flip a bit of every file of artifacts some times; ``verify`` names the file, and nothing is wrong with it after."""
    figures: Counter[str] = Counter()
    for name in names:
        rng, verify = random.Random(name), ["index", "verify", name]
        if not (folder / name).exists():
            continue
        if name == "c":
            verify = ["collection", "verify", name]
        for file in [
            f for f in sorted(read_manifest(folder / name).files) if (folder / name / f).stat().st_size
        ]:
            sound = (folder / name / file).read_bytes()
            for _ in range(each):
                (folder / name / file).write_bytes(_flip(sound, rng, 1))
                said = server.run(verify, folder, memory=MEMORY)
                assert said.code == 3 and file in said.said, f"{name}: {file}: {said}"
                figures["named"] += 1
            (folder / name / file).write_bytes(sound)
        assert server.run(verify, folder, memory=MEMORY).code == 0
    return figures


def damage_inputs(server: Server, folder: Path, trials: int) -> Counter[str]:
    """Damage users' files and give each to all commands that read one; each ends in a minute, by a clear error or soundly."""
    rng, figures = random.Random(1), Counter[str]()
    for number in range(trials):
        source = rng.choice(SOURCES)
        raw = (folder / source).read_bytes()
        name = f"{rng.choice(['file', 'run', 'qrels', 'corpus'])}-{number}{rng.choice([Path(source).suffix, '', '.txt', '.csv'])}"
        file = folder / name
        file.write_bytes(rng.choice(WAYS)(raw, rng))
        for line in READERS:
            said = server.run(line.replace("FILE", name).split(), folder, memory=MEMORY)
            assert said.code in (0, 1, 2, 3), f"{line}: {source}: {said}\n{file.read_bytes()[:400]!r}"
            assert "unforeseen" not in said.said and "Traceback" not in said.said, (
                f"{line}: {source}: {said.said}"
            )
            assert said.code in (0, 3) or "error: " in said.said, f"{line}: {source}: {said.said}"
            figures["taken" if said.code == 0 else "clear error"] += 1
        file.unlink()
    return figures


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Path:
    """A folder with users' files, a collection and a run."""
    folder = tmp_path_factory.mktemp("inputs")
    write_sources(folder)
    for line in ("collection import src c", "index bm25 c i", "search i c:test -o r.txt"):
        assert server.run(line.split(), folder).code == 0, line
    shutil.rmtree(folder / "i")
    return folder


def test_a_flipped_bit_is_named(server: Server, built: Path) -> None:
    assert flip_bytes(server, built, 1, ["c", "bm25"])["named"] > 10


def test_damaged_inputs_end_in_clear_errors(server: Server, world: Path) -> None:
    assert damage_inputs(server, world, 6).total() == 6 * len(READERS)


@pytest.mark.long
def test_flipped_bits_of_every_artifact_are_named(server: Server, built: Path) -> None:
    record("flips", flip_bytes(server, built, 8, ["c", *KINDS]))


@pytest.mark.long
def test_hundreds_of_damaged_inputs_end_in_clear_errors(server: Server, world: Path) -> None:
    record("inputs", damage_inputs(server, world, 200))

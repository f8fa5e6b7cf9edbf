"""Estimates against the truth: bytes of the files, memory of a process that builds, within a quarter."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from intrex.cli.app import run as run_cli
from intrex.data.collection import Collection
from intrex.data.errors import IntrexError, UsageError
from intrex.data.importers.sources import import_collection
from intrex.data.store.manifest import read_manifest
from intrex.data.system import machine
from intrex.data.writer import RecordSource, write_collection
from intrex.retrievers.dense.build import build as build_dense
from intrex.retrievers.dense.estimate import estimate as estimate_dense
from intrex.retrievers.dense.options import DenseBuild
from intrex.retrievers.estimate import Estimate, Line, spread
from intrex.retrievers.fde.build import build as build_fde
from intrex.retrievers.fde.estimate import estimate as estimate_fde
from intrex.retrievers.fde.options import FdeBuild
from intrex.retrievers.multivector.build import build as build_multivector
from intrex.retrievers.multivector.estimate import estimate as estimate_multivector
from intrex.retrievers.multivector.options import MultiVectorBuild
from intrex.retrievers.options import BuildTask
from intrex.retrievers.sparse.build import build as build_sparse
from intrex.retrievers.sparse.estimate import estimate as estimate_sparse
from intrex.retrievers.sparse.options import SparseBuild

NAMES = ("medline", "cranfield")


@pytest.fixture(scope="module")
def collections(tmp_path_factory):
    from tests.conftest import SHARED

    if not SHARED.is_dir():
        pytest.skip("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    folder = tmp_path_factory.mktemp("estimate")
    return {name: import_collection(str(SHARED / name), folder / name) for name in NAMES}


def size(index: Path) -> int:
    return sum(entry["bytes"] for entry in read_manifest(index).files.values())


def near(estimated: float, true: float) -> bool:
    return abs(estimated - true) <= 0.25 * true


def some(collection: Collection, folder: Path, n: int) -> Collection:
    def fill(writer) -> None:
        for row in range(n):
            document = collection.document(row)
            writer.document(document.id, document.title, document.text, RecordSource("corpus", row + 1))

    return write_collection(folder, "some", {"source": "test"}, fill)


@pytest.mark.parametrize("name", NAMES)
def test_bytes_on_disk(name, collections, tmp_path) -> None:
    collection = collections[name]
    for engine in ("flat", "hnsw"):
        if engine != "flat":
            pytest.importorskip("faiss")
        out, dense = tmp_path / engine, DenseBuild(encoder="hashing:64", engine=engine)
        told = estimate_dense(collection.path, out, dense)
        build_dense(collection.path, BuildTask(out), dense)
        assert near(told.disk, size(out)) and told.dimensions == 64
    for bits in (None, 8):
        out, sparse = tmp_path / f"sparse{bits}", SparseBuild(encoder="hashing:4096", quantize=bits)
        told = estimate_sparse(collection.path, out, sparse)
        build_sparse(collection.path, BuildTask(out), sparse)
        assert near(told.disk, size(out)) and near(told.items, read_manifest(out).params["postings"])
    tokens, options = tmp_path / "tokens", MultiVectorBuild(encoder="hashing:32")
    told = estimate_multivector(collection.path, tokens, options)
    build_multivector(collection.path, BuildTask(tokens), options)
    total = read_manifest(tokens).params["tokens"]
    assert near(told.disk, size(tokens)) and near(told.items, total)
    for at, options in enumerate(
        (FdeBuild(reps=4, k_sim=3, d_proj=8), FdeBuild(reps=4, k_sim=3, d_proj=8, final_dim=64))
    ):
        out = tmp_path / f"fde{at}"
        told = estimate_fde(tokens, out, options)
        build_fde(tokens, BuildTask(out), options)
        assert near(told.disk, size(out))
        assert told.dimensions == (256, 64)[at] and told.items == total


@pytest.mark.parametrize("name", NAMES)
def test_bytes_of_compressed_tokens(name, collections, tmp_path) -> None:
    few = some(collections[name], tmp_path / "few", 200)
    tokens, options = tmp_path / "tokens", MultiVectorBuild(encoder="hashing:32", nbits=2)
    told = estimate_multivector(few.path, tokens, options)
    build_multivector(few.path, BuildTask(tokens), options)
    assert near(told.disk, size(tokens)) and told.disk_building > told.disk
    out, options = tmp_path / "fde", FdeBuild(reps=2, k_sim=2, d_proj=8)
    build_fde(tokens, BuildTask(out), options)
    assert near(estimate_fde(tokens, out, options).disk, size(out))


MEASURED = """
import json, shlex, sys
from pathlib import Path
from intrex.cli.app import run
from intrex.data.system.machine import resident
code = run(shlex.split(sys.argv[1]))
print(json.dumps([code, resident()[1]]))
"""


def in_a_process(line: str) -> tuple[str, int]:
    """Standard output of a command in a process of its own, and the most memory it had."""
    command = [sys.executable, "-c", MEASURED, line]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    code, peak = json.loads(said[-1])
    assert code == 0, said
    return "\n".join(said[:-1]), peak


def told(line: str) -> dict[str, float]:
    rows = dict(row.split(",") for row in in_a_process(f"{line} --estimate")[0].splitlines()[1:])
    return {key: float(value) for key, value in rows.items()}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what a process holds")
@pytest.mark.parametrize("name", NAMES)
def test_peak_memory(name, collections, tmp_path) -> None:
    collection, tokens = collections[name].path, tmp_path / "tokens"
    small = some(collections[name], tmp_path / "few", 50).path
    in_a_process(
        f"index multivector {small} {tmp_path}/warm --encoder hashing --nbits 2"
    )  # kernels are compiled once
    for line in (
        f"index dense {collection} {tmp_path}/dense --encoder hashing",
        f"index sparse {collection} {tmp_path}/sparse --encoder hashing",
        f"index multivector {collection} {tokens} --encoder hashing",
        f"index multivector {small} {tmp_path}/packed --encoder hashing --nbits 2",
        f"index fde {tokens} {tmp_path}/fde --final-dim 1024",
    ):
        estimated, (_, true) = told(line), in_a_process(line)
        assert near(estimated["memory"], true), (line, estimated, true)
        assert estimated["mapped"] < estimated["memory"]


@pytest.mark.parametrize(
    "line",
    [
        "dense c i --encoder hashing --engine hnsw",
        "sparse c i --encoder hashing --quantize 8",
        "multivector c i --encoder hashing --nbits 2",
        "multivector c i --encoder hashing",
        "fde c i --encoder hashing --reps 2",
    ],
)
def test_nothing_is_written_and_an_index_may_stand_there(line, small, tmp_path, monkeypatch, capsys) -> None:
    if "hnsw" in line:
        pytest.importorskip("faiss")
    monkeypatch.chdir(tmp_path)
    small.path.rename("c")
    before = sorted(Path().rglob("*"))
    assert run_cli(["index", *line.split(), "--estimate"]) == 0
    said = capsys.readouterr()
    assert sorted(Path().rglob("*")) == before
    assert "documents,6\n" in said.out and "seconds," in said.out and "i: about" in said.err
    Path("i").mkdir()
    assert run_cli(["index", *line.split(), "--estimate"]) == 0


def test_too_little_memory_or_disk_is_refused_with_the_numbers(tmp_path, monkeypatch) -> None:
    big = Estimate(10**9, 128, 384, 10**11, 1 << 60, 1 << 61, 1 << 50, 1 << 49, 1e9)
    with pytest.raises(IntrexError, match=r"needs 524,288\.0 GiB of memory, there are [\d.]+ GiB"):
        big.require(tmp_path / "i")
    monkeypatch.setattr(machine, "memory", lambda: 1 << 50)
    with pytest.raises(IntrexError, match=r"needs 2,147,483,648\.0 GiB of disk"):
        big.require(tmp_path / "i")


def test_what_cannot_be_is_refused_before_anything_is_encoded(small, tmp_path) -> None:
    out = tmp_path / "i"
    with pytest.raises(IntrexError, match=r"FDEs of .* dimensions needs [\d,.]+ GiB of memory"):
        estimate_fde(small.path, out, FdeBuild(encoder="hashing", reps=1 << 20, k_sim=20))
    with pytest.raises(IntrexError, match=r"encoding 6 vectors of 9,[\d,]+ dimensions needs [\d,.]+ GiB"):
        estimate_dense(small.path, out, DenseBuild(encoder="hashing:9000000000000"))
    with pytest.raises(UsageError, match="--k-sim is 21"):
        FdeBuild(encoder="hashing", k_sim=21)
    with pytest.raises(UsageError, match="--nbits is 3"):
        MultiVectorBuild(encoder="hashing", nbits=3)


def test_a_line_is_fitted() -> None:
    sizes = np.array([10.0, 20.0, 40.0])
    assert Line.fit(sizes, 3 + 2 * sizes).total(100, 5000) == pytest.approx(300 + 10_000)
    assert Line.fit(np.full(3, 7.0), np.array([1.0, 2.0, 6.0])).total(10, 70) == pytest.approx(30)
    assert Line.fit(sizes, -sizes).total(1, 10) == 0
    assert spread(3).tolist() == [0, 1, 2] and len(set(spread(1000).tolist())) == 128

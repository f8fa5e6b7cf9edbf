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
from intrex.data.store.artifact import read_manifest
from intrex.data.system import machine
from intrex.data.writer import RecordSource, write_collection
from intrex.encoders.base import make_encoder, make_sparse_encoder, make_token_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.dense.estimate import estimate_dense
from intrex.retrievers.estimate import Estimate, Line, spread
from intrex.retrievers.fde.estimate import estimate_fde
from intrex.retrievers.fde.options import FdeOptions
from intrex.retrievers.fde.source import open_source
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.multivector.estimate import estimate_multivector
from intrex.retrievers.sparse.build import build_sparse
from intrex.retrievers.sparse.estimate import estimate_sparse
from intrex.retrievers.vectors.options import AnnConfig

NAMES = ("medline", "cranfield")
PLAIN = EncoderOptions()


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
    dense = make_encoder("hashing:64", PLAIN)
    for ann in (AnnConfig(), AnnConfig(engine="hnsw")):
        if ann.engine != "flat":
            pytest.importorskip("faiss")
        told = estimate_dense(collection, dense, ann=ann)
        build_dense(collection, tmp_path / ann.engine, dense, ann=ann)
        assert near(told.disk, size(tmp_path / ann.engine)) and told.dimensions == 64
    sparse = make_sparse_encoder("hashing:4096", PLAIN)
    for bits in (None, 8):
        told = estimate_sparse(collection, sparse, quantize=bits)
        index = build_sparse(collection, out := tmp_path / f"sparse{bits}", sparse, quantize=bits)
        assert near(told.disk, size(out)) and near(told.items, index.manifest.params["postings"])
    tokens = make_token_encoder("hashing:32", PLAIN)
    told = estimate_multivector(collection, tokens)
    index = build_multivector(collection, tmp_path / "tokens", tokens)
    assert near(told.disk, size(index.path)) and near(told.items, index.manifest.params["tokens"])
    source = open_source(index.path, None, PLAIN)
    for at, options in enumerate(
        (FdeOptions(reps=4, k_sim=3, d_proj=8), FdeOptions(reps=4, k_sim=3, d_proj=8, final_dim=64))
    ):
        told = estimate_fde(source, tmp_path, options)
        source.build(tmp_path / f"fde{at}", options)
        assert near(told.disk, size(tmp_path / f"fde{at}"))
        assert told.dimensions == (256, 64)[at] and told.items == index.manifest.params["tokens"]


@pytest.mark.parametrize("name", NAMES)
def test_bytes_of_compressed_tokens(name, collections, tmp_path) -> None:
    few = some(collections[name], tmp_path / "few", 200)
    encoder = make_token_encoder("hashing:32", PLAIN)
    told = estimate_multivector(few, encoder, bits=2)
    index = build_multivector(few, tmp_path / "tokens", encoder, bits=2)
    assert near(told.disk, size(index.path)) and told.disk_building > told.disk
    source, options = open_source(index.path, None, PLAIN), FdeOptions(reps=2, k_sim=2, d_proj=8)
    source.build(tmp_path / "fde", options)
    assert near(estimate_fde(source, tmp_path, options).disk, size(tmp_path / "fde"))


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
    source = open_source(small.path, "hashing", PLAIN)
    with pytest.raises(IntrexError, match=r"FDEs of .* dimensions needs [\d,.]+ GiB of memory"):
        estimate_fde(source, tmp_path, FdeOptions(reps=1 << 20, k_sim=20))
    with pytest.raises(IntrexError, match=r"encoding 6 vectors of 9,[\d,]+ dimensions needs [\d,.]+ GiB"):
        estimate_dense(small, make_encoder("hashing:9000000000000", PLAIN))
    with pytest.raises(UsageError, match="--k-sim is 21"):
        estimate_fde(source, tmp_path, FdeOptions(k_sim=21))
    with pytest.raises(UsageError, match="residuals of 3 bits"):
        estimate_multivector(small, make_token_encoder("hashing", PLAIN), bits=3)


def test_a_line_is_fitted() -> None:
    sizes = np.array([10.0, 20.0, 40.0])
    assert Line.fit(sizes, 3 + 2 * sizes).total(100, 5000) == pytest.approx(300 + 10_000)
    assert Line.fit(np.full(3, 7.0), np.array([1.0, 2.0, 6.0])).total(10, 70) == pytest.approx(30)
    assert Line.fit(sizes, -sizes).total(1, 10) == 0
    assert spread(3).tolist() == [0, 1, 2] and len(set(spread(1000).tolist())) == 128

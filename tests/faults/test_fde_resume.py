"""An FDE build that is killed: nothing stands at the target, and the next run goes on to the same bytes."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from intrex.data.store.manifest import verify_artifact
from intrex.encoders.base import make_token_encoder
from intrex.encoders.fde.config import FdeConfig
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.fde.build import build_fde
from intrex.retrievers.fde.source import TokenIndex
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.vectors.options import AnnConfig
from tests.faults.test_index_resume import collection as collection
from tests.faults.test_index_resume import hidden, kill, kill_between_blocks

CONFIG = FdeConfig(16, reps=3, k_sim=2, d_proj=8)

BUILD = """
import os, signal, sys, time
from pathlib import Path
from intrex.encoders.fde.config import FdeConfig
from intrex.retrievers import encoded
from intrex.retrievers.fde.build import build_fde
from intrex.retrievers.fde.source import TokenIndex
from intrex.retrievers.options import BuildTask
from intrex.retrievers.vectors.options import AnnConfig
from intrex.retrievers.multivector.index import MultiVectorIndex

encoded.SECONDS_BETWEEN_SAVES = 0.0
engine, dies = sys.argv[3], sys.argv[4]
if dies == "unlink":  # after the search's file was made, before the vectors are taken away
    Path.unlink = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)

def slowly(count):
    print(count, flush=True)
    time.sleep(0.02)

source = TokenIndex(MultiVectorIndex.open(Path(sys.argv[1])))
config = FdeConfig(16, reps=3, k_sim=2, d_proj=8)
build_fde(source, BuildTask(Path(sys.argv[2]), block=20, stage=lambda *_: slowly), config, ann=AnnConfig(engine=engine))
"""


@pytest.fixture(scope="module")
def tokens(collection, tmp_path_factory) -> MultiVectorIndex:
    encoder = make_token_encoder("hashing:16", EncoderOptions())
    return build_multivector(collection, BuildTask(tmp_path_factory.mktemp("tokens") / "tokens"), encoder)


def start(tokens, out: Path, engine: str = "flat", dies: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILD, str(tokens.path), str(out), engine, dies]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_killed_between_blocks_it_ends_in_the_same_bytes(tokens, tmp_path) -> None:
    out = tmp_path / "killed"
    kill_between_blocks(lambda: start(tokens, out), out)
    index = build_fde(TokenIndex(tokens), BuildTask(out, block=20), CONFIG)
    # the path to the tokens is part of the manifest: the same folder, another name
    assert (
        index.manifest.files
        == build_fde(TokenIndex(tokens), BuildTask(tmp_path / "whole", block=20), CONFIG).manifest.files
    )
    assert hidden(out) == [] and verify_artifact(out)


@pytest.mark.parametrize("engine", ["hnsw", "sq8"])
def test_killed_when_all_but_the_vectors_is_done(engine, collection, tokens, tmp_path) -> None:
    pytest.importorskip("faiss")
    out = tmp_path / "killed"
    process = start(tokens, out, engine, "unlink")
    process.communicate()
    assert process.returncode == -signal.SIGKILL and not out.exists()
    assert (hidden(out)[0] / "vectors.npy").is_file()
    seen: list[int] = []
    index = build_fde(
        TokenIndex(tokens),
        BuildTask(out, block=20, stage=lambda *_: seen.append),
        CONFIG,
        ann=AnnConfig(engine=engine),
    )
    assert seen == [], "nothing was encoded again"
    assert not (out / "vectors.npy").exists() and verify_artifact(out)
    whole = build_fde(
        TokenIndex(tokens),
        BuildTask(tmp_path / "whole", block=20),
        CONFIG,
        ann=AnnConfig(engine=engine),
    )
    assert index.manifest.files == whole.manifest.files
    queries = collection.queries()
    assert (
        index.search(queries, SearchOptions()).to_dict() == whole.search(queries, SearchOptions()).to_dict()
    )


def test_another_seed_starts_afresh_and_sweeps(tokens, tmp_path) -> None:
    out = tmp_path / "index"
    process = start(tokens, out)
    for _ in range(3):
        process.stdout.readline()
    kill(process)
    seen: list[int] = []
    build_fde(
        TokenIndex(tokens),
        BuildTask(out, block=1000, stage=lambda *_: seen.append),
        FdeConfig(16, 3, 2, 8, seed=7),
    )
    assert seen == [900] and hidden(out) == []

"""A build that is killed while it compresses: nothing stands at the target, the next run goes on to the same bytes."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.store.manifest import verify_artifact
from intrex.data.writer import RecordSource, write_collection
from intrex.encoders.base import make_token_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.multivector.options import TokenStore
from intrex.retrievers.options import BuildTask
from tests.conftest import ROOT

DOCUMENTS = 400
BUILD = """
import sys, time
from pathlib import Path
from intrex.data.collection import Collection
from intrex.retrievers import encoded
from intrex.retrievers.multivector import maxsim
from tests.faults.test_compress_resume import build

encoded.SECONDS_BETWEEN_SAVES = 0.0
maxsim.STRIPE = 100

def stage(what, total):
    def step(count):
        if what == "compressing":
            print(count, flush=True)
            time.sleep(0.02)
    return step

build(Collection.open(Path(sys.argv[1])), Path(sys.argv[2]), stage=stage)
"""


def made(folder: Path) -> Collection:
    rng = random.Random(5)

    def fill(writer) -> None:
        for i in range(DOCUMENTS):
            text = " ".join(f"w{rng.randrange(90)}" for _ in range(rng.randrange(12)))
            writer.document(f"doc{i}", "", text, RecordSource("made", i + 1))

    return write_collection(folder, "made", {"source": "test"}, fill)


def build(collection: Collection, out: Path, **options):
    return build_multivector(
        collection,
        BuildTask(out, **options),
        make_token_encoder("hashing:24", EncoderOptions()),
        TokenStore(nbits=2),
    )


def start(collection: Collection, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, collection.path, out], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def test_killed_while_compressing_it_ends_in_the_same_bytes(tmp_path: Path) -> None:
    collection = made(tmp_path / "made")
    whole = build(collection, tmp_path / "whole").manifest
    rng, out, resumed = random.Random(1), tmp_path / "killed", []
    for _ in range(3):
        process = start(collection, out)
        resumed.append(int(process.stdout.readline()))  # what an earlier run had finished, or the first block
        process.stdout.readline()
        time.sleep(rng.uniform(0.03, 0.1))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        assert not out.exists() and len(list(tmp_path.glob(".killed.*.building"))) == 1
    assert resumed == sorted(resumed) and resumed[-1] > resumed[0], "later runs went on"
    [left] = tmp_path.glob(".killed.*.building")
    with (left / "residuals.npy").open("ab") as stream:
        stream.write(b"what follows the last saved block is not trusted")
    index = build(collection, out)
    assert index.manifest.fingerprint == whole.fingerprint == verify_artifact(out).fingerprint
    assert not (out / "tokens.npy").exists() and list(tmp_path.glob(".killed.*")) == []


def test_killed_after_the_full_store_was_removed(tmp_path: Path, monkeypatch) -> None:
    """The last thing before the manifest: all that is left to do is to finish."""
    collection, out = made(tmp_path / "made"), tmp_path / "killed"
    whole = build(collection, tmp_path / "whole").manifest
    encoder = make_token_encoder("hashing:24", EncoderOptions())

    class Gone(BaseException):
        """As a kill: nothing is cleaned up."""

    def save(_: Path) -> None:
        raise Gone

    monkeypatch.setattr(encoder, "save", save)
    with pytest.raises(Gone):
        build_multivector(collection, BuildTask(out), encoder, TokenStore(nbits=2))
    [left] = tmp_path.glob(".killed.*.building")
    assert not (left / "tokens.npy").exists()
    assert build(collection, out).manifest.fingerprint == whole.fingerprint

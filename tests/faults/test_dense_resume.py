"""A dense build that is killed: nothing stands at the target, and the next run goes on to the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intrex.data.artifact import verify
from intrex.data.collection import Collection
from intrex.data.errors import IntrexError
from intrex.data.writer import Source, write_collection
from intrex.encoders.base import EncoderOptions, make_encoder
from intrex.retrievers.base import SearchOptions
from intrex.retrievers.dense import build_dense

DOCUMENTS = 900

BUILD = """
import sys, time
from pathlib import Path
from intrex.data.collection import Collection
from intrex.encoders.base import EncoderOptions, make_encoder
from intrex.retrievers import dense, encoded

encoded.SECONDS_BETWEEN_SAVES = 0.0

def slowly(count):
    print(count, flush=True)
    time.sleep(0.03)

encoder = make_encoder("hashing:32", EncoderOptions())
dense.build_dense(Collection.open(Path(sys.argv[1])), Path(sys.argv[2]), encoder, block=20, progress=slowly)
"""


@pytest.fixture(scope="module")
def collection(tmp_path_factory) -> Collection:
    rng = random.Random(5)

    def fill(writer):
        for i in range(DOCUMENTS):
            text = " ".join(f"w{rng.randrange(500)}" for _ in range(rng.randrange(12)))
            writer.document(f"doc{i * 37 % 1009}", "", text, Source("made", i + 1))
        for i in range(5):
            writer.query(f"q{i}", f"w{i} w{i * 3}", Source("made", i + 1))

    return write_collection(tmp_path_factory.mktemp("made") / "made", "made", {"source": "test"}, fill)


def build(collection, out):
    return build_dense(collection, out, make_encoder("hashing:32", EncoderOptions()), block=20)


def start(collection: Collection, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, collection.path, out], stdout=subprocess.PIPE, text=True
    )


def hidden(out: Path) -> list[Path]:
    return list(out.parent.glob(f".{out.name}.*.building"))


def test_killed_at_random_moments_it_ends_in_the_same_bytes(collection, tmp_path):
    whole = build(collection, tmp_path / "whole").manifest
    rng, out = random.Random(11), tmp_path / "killed"
    resumed = []
    for _ in range(4):
        process = start(collection, out)
        resumed.append(int(process.stdout.readline()))  # what an earlier run had finished, or the first block
        process.stdout.readline()  # one more block
        time.sleep(rng.uniform(0.05, 0.3))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        assert not out.exists() and len(hidden(out)) == 1
    assert resumed == sorted(resumed) and resumed[-1] > resumed[0], (
        "later runs went on, they did not start again"
    )
    index = build(collection, out)
    assert index.manifest.fingerprint == whole.fingerprint == verify(out).fingerprint
    assert hidden(out) == []
    usual = build_dense(
        collection, tmp_path / "again", make_encoder("hashing:32", EncoderOptions()), block=20
    )
    queries = collection.queries()
    assert (
        index.search(queries, SearchOptions()).to_dict() == usual.search(queries, SearchOptions()).to_dict()
    )


def test_what_follows_the_last_saved_block_is_not_trusted(collection, tmp_path):
    out = tmp_path / "index"
    process = start(collection, out)
    for _ in range(5):
        process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    [left] = hidden(out)
    with (left / "vectors.npy").open("ab") as stream:
        stream.write(os.urandom(1000))
    (left / "ids.txt").write_bytes(b"torn")
    assert (
        build(collection, out).manifest.fingerprint
        == build(collection, tmp_path / "whole").manifest.fingerprint
    )


def test_another_encoder_starts_afresh_and_sweeps(collection, tmp_path):
    out = tmp_path / "index"
    process = start(collection, out)
    for _ in range(3):
        process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    seen = []
    other = make_encoder("hashing:16", EncoderOptions())
    build_dense(collection, out, other, block=DOCUMENTS, progress=seen.append)
    assert seen == [DOCUMENTS] and hidden(out) == []


def test_a_second_builder_is_turned_away(collection, tmp_path):
    out = tmp_path / "index"
    process = start(collection, out)
    process.stdout.readline()
    with pytest.raises(IntrexError, match="another process is building"):
        build(collection, out)
    assert process.wait() == 0
    process.stdout.close()
    assert verify(out).params["documents"] == DOCUMENTS

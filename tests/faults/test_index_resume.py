"""A build of encoded documents that is killed: nothing stands at the target, the next run goes on to the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.errors import IntrexError
from intrex.data.store.manifest import verify_artifact
from intrex.data.writer import RecordSource, write_collection
from intrex.encoders.base import make_encoder, make_sparse_encoder, make_token_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.sparse.build import build_sparse
from tests.conftest import ROOT

DOCUMENTS = 900

BUILD = """
import sys, time
from pathlib import Path
from intrex.data.collection import Collection
from intrex.retrievers import encoded
from tests.faults.test_index_resume import BUILDS

encoded.SECONDS_BETWEEN_SAVES = 0.0

def slowly(count):
    print(count, flush=True)
    time.sleep(0.03)

BUILDS[sys.argv[3]](Collection.open(Path(sys.argv[1])), Path(sys.argv[2]), block=20, stage=lambda *_: slowly)
"""


def build_vectors(collection, out, name="hashing:32", **options):
    return build_dense(collection, BuildTask(out, **options), make_encoder(name, EncoderOptions()))


def build_tokens(collection, out, name="hashing:32", **options):
    return build_multivector(
        collection, BuildTask(out, **options), make_token_encoder(name, EncoderOptions())
    )


def build_weights(collection, out, name="hashing:32", **options):
    return build_sparse(collection, BuildTask(out, **options), make_sparse_encoder(name, EncoderOptions()))


BUILDS = {"dense": build_vectors, "impact": build_weights, "multivector": build_tokens}
DATA = {
    "dense": "vectors.npy",
    "impact": "weights-by-document.terms.npy",
    "multivector": "tokens.offsets.npy",
}


@pytest.fixture(params=sorted(BUILDS))
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def collection(tmp_path_factory) -> Collection:
    rng = random.Random(5)

    def fill(writer):
        for i in range(DOCUMENTS):
            text = " ".join(f"w{rng.randrange(500)}" for _ in range(rng.randrange(12)))
            writer.document(f"doc{i * 37 % 1009}", "", text, RecordSource("made", i + 1))
        for i in range(5):
            writer.query(f"q{i}", f"w{i} w{i * 3}", RecordSource("made", i + 1))

    return write_collection(tmp_path_factory.mktemp("made") / "made", "made", {"source": "test"}, fill)


def start(collection: Collection, out: Path, kind: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, collection.path, out, kind],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def kill_after(process: subprocess.Popen[str], blocks: int) -> None:
    for _ in range(blocks):
        process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()


def hidden(out: Path) -> list[Path]:
    return list(out.parent.glob(f".{out.name}.*.building"))


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()


def kill_between_blocks(start: Callable[[], subprocess.Popen[str]], out: Path) -> list[int]:
    """Start a build that tells each block, kill it after some, three times; return what each run told first.

    What follows the last saved block of ``vectors.npy`` is spoilt then: it is not trusted.
    """
    begun = []
    for _ in range(3):
        process = start()
        begun.append(int(process.stdout.readline()))  # what an earlier run had finished, or the first block
        for _ in range(3):
            process.stdout.readline()
        kill(process)
        assert not out.exists() and len(hidden(out)) == 1
    assert begun == sorted(begun) and begun[-1] > begun[0], "later runs went on, they did not start again"
    with (hidden(out)[0] / "vectors.npy").open("ab") as stream:
        stream.write(os.urandom(500))
    return begun


def test_killed_at_random_moments_it_ends_in_the_same_bytes(collection, tmp_path, kind):
    whole = BUILDS[kind](collection, tmp_path / "whole", block=20).manifest
    rng, out = random.Random(11), tmp_path / "killed"
    resumed = []
    for _ in range(4):
        process = start(collection, out, kind)
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
    index = BUILDS[kind](collection, out, block=20)
    assert index.manifest.fingerprint == whole.fingerprint == verify_artifact(out).fingerprint
    assert hidden(out) == []
    usual = BUILDS[kind](collection, tmp_path / "again", block=20)
    queries = collection.queries()
    assert (
        index.search(queries, SearchOptions()).to_dict() == usual.search(queries, SearchOptions()).to_dict()
    )


def test_what_follows_the_last_saved_block_is_not_trusted(collection, tmp_path, kind):
    out = tmp_path / "index"
    kill_after(start(collection, out, kind), blocks=5)
    [left] = hidden(out)
    with (left / DATA[kind]).open("ab") as stream:
        stream.write(os.urandom(1000))
    (left / "ids.txt").write_bytes(b"torn")
    assert (
        BUILDS[kind](collection, out, block=20).manifest.fingerprint
        == BUILDS[kind](collection, tmp_path / "whole", block=20).manifest.fingerprint
    )


def test_another_encoder_starts_afresh_and_sweeps(collection, tmp_path, kind):
    out = tmp_path / "index"
    kill_after(start(collection, out, kind), blocks=3)
    seen = []
    BUILDS[kind](collection, out, "hashing:16", block=DOCUMENTS, stage=lambda *_: seen.append)
    assert seen == [DOCUMENTS] and hidden(out) == []


def test_a_second_builder_is_turned_away(collection, tmp_path, kind):
    out = tmp_path / "index"
    process = start(collection, out, kind)
    process.stdout.readline()
    with pytest.raises(IntrexError, match="another process is building"):
        BUILDS[kind](collection, out, block=20)
    assert process.wait() == 0
    process.stdout.close()
    assert verify_artifact(out).params["documents"] == DOCUMENTS


@pytest.mark.parametrize("step", ["write_postings", "remove_forward", "file_sha256"])
def test_weights_are_not_encoded_again_when_the_end_of_a_build_is_killed(
    collection, tmp_path, monkeypatch, step
):
    """While postings are made, after they were, while the files are hashed."""
    whole = build_weights(collection, tmp_path / "whole").manifest

    def killed(*_):
        raise KeyboardInterrupt

    from intrex.data.store import artifact
    from intrex.retrievers import encoded
    from intrex.retrievers.sparse import build as impact_build
    from intrex.retrievers.sparse import storage

    monkeypatch.setattr(encoded, "SECONDS_BETWEEN_SAVES", 0.0)
    owner = {"write_postings": storage, "remove_forward": impact_build, "file_sha256": artifact}[step]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(owner, step, killed)
        build_weights(collection, tmp_path / "index")
    assert not (tmp_path / "index").exists() and len(hidden(tmp_path / "index")) == 1
    encoder = make_sparse_encoder("hashing:32", EncoderOptions())
    monkeypatch.setattr(encoder, "encode", killed)
    made = build_sparse(collection, BuildTask(tmp_path / "index"), encoder)
    assert made.manifest.fingerprint == whole.fingerprint == verify_artifact(tmp_path / "index").fingerprint

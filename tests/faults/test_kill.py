"""kill -9 at 50 random moments: an index is there whole or not at all, and the next build goes on or cleans up."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.store.manifest import read_manifest, verify_artifact
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.options import BuildTask

N = 6_000
KILLS = 50


def fill(writer: CollectionWriter) -> None:
    words = random.Random(0)
    for i in range(N):
        text = " ".join(f"w{int(words.paretovariate(0.7)) % 5000}" for _ in range(30))
        writer.document(f"d{i}", "", text, RecordSource("x", i + 1))


def in_child(work: Callable[[], object]) -> int:
    """Fork; the child works and leaves with 0, or with 7 when the work raised."""
    child = os.fork()
    if child == 0:
        code = 7
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def killed(child: int, after: float) -> bool:
    """Kill the child after some seconds; whether it was still at work then."""
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collection = write_collection(tmp_path / "c", "c", {"source": "x"}, fill)
    builders: list[Callable[[Path, bool], object]] = [
        lambda out, overwrite: build_bm25(collection, BuildTask(out, overwrite=overwrite)),
        lambda out, overwrite: build_dense(
            collection,
            BuildTask(out, overwrite=overwrite),
            make_encoder("hashing", EncoderOptions(dim=64)),
        ),
        lambda out, overwrite: write_collection(out, "c", {"source": "x"}, fill, overwrite=overwrite),
    ]
    prints, times = [], []
    for i, build in enumerate(builders):
        start = time.perf_counter()
        build(tmp_path / f"whole{i}", False)
        times.append(time.perf_counter() - start)
        prints.append(read_manifest(tmp_path / f"whole{i}").fingerprint)
    moments = random.Random(1)
    inside = 0
    for i in range(KILLS):
        which = i % len(builders)
        out = tmp_path / f"target{which}"
        there = out.exists()  # from the second round on: an overwrite, which must never lose what stands
        child = in_child(lambda which=which, out=out, there=there: builders[which](out, there))
        inside += killed(child, moments.uniform(0.0, 0.9 * times[which]))
        if there or out.exists():
            assert verify_artifact(out).fingerprint == prints[which]
        if i % 9 == which:  # now and then let one finish: it resumes or sweeps, and the result is the same
            builders[which](out, out.exists())
            assert verify_artifact(out).fingerprint == prints[which]
            assert not [p for p in tmp_path.iterdir() if p.name.startswith(f".target{which}")]
    with capsys.disabled():
        print(f"[{inside} of {KILLS} kills inside a build]", end="")
    assert inside >= 25  # some builds take a few hundredths of a second, less than what the clock is off by
    for which, build in enumerate(builders):
        out = tmp_path / f"target{which}"
        build(out, out.exists())
        assert verify_artifact(out).fingerprint == prints[which]
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_two_builders_at_once(small: Collection, tmp_path: Path) -> None:
    """Both are started together: each either makes the index or is turned away; it is whole in the end."""
    out = tmp_path / "i"
    for _ in range(10):
        children = [in_child(lambda: build_bm25(small, BuildTask(out, overwrite=True))) for _ in range(2)]
        codes = sorted(os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children)
        assert codes in ([0, 0], [0, 7])
        verify_artifact(out)

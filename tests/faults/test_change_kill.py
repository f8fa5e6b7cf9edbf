"""kill -9 while an index is changed: the old version or the new one is there, whole; two changes do not mix."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.errors import IntrexError
from intrex.data.ids import as_bytes
from intrex.data.store.manifest import read_manifest, verify_artifact
from intrex.data.store.siblings import put_in_place, sweep
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.bm25 import change as bm25_change
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.change import add, merge, remove
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.options import BuildTask
from tests.faults.test_kill import in_child, killed

N = 3_000
KILLS = 15
SPACE = put_in_place.__globals__


def collect(folder: Path, name: str, many: int) -> Collection:
    draw = random.Random(name)

    def fill(writer: CollectionWriter) -> None:
        for i in range(many):
            text = " ".join(f"w{int(draw.paretovariate(0.7)) % 3000}" for _ in range(20))
            writer.document(f"{name}{i}", "", text, RecordSource("x", i + 1))

    return write_collection(folder / name, name, {"source": "x"}, fill)


def test_killed_while_it_is_changed(tmp_path: Path) -> None:
    first, more = collect(tmp_path, "a", N), collect(tmp_path, "b", N // 2)
    out = tmp_path / "i"
    changes: list[Callable[[], object]] = [
        lambda: add(out, more),
        lambda: remove(out, [f"a{i}" for i in range(0, 300, 7)]),
        lambda: merge(out),
    ]
    build_bm25(first, BuildTask(out))
    prints, times = [read_manifest(out).fingerprint], []
    for change in changes:
        start = time.perf_counter()
        change()
        times.append(time.perf_counter() - start)
        prints.append(verify_artifact(out).fingerprint)
    assert len(set(prints)) == 4
    moments, inside = random.Random(1), 0
    for i in range(KILLS):
        at = i % 3
        if at == 0:
            build_bm25(first, BuildTask(out, overwrite=True))
        inside += killed(in_child(changes[at]), moments.uniform(0.0, times[at]))
        found = verify_artifact(out).fingerprint
        assert found in prints[at : at + 2]
        if found == prints[at]:
            changes[at]()
        else:
            sweep(out)  # what was killed after the exchange goes with the next command
        assert verify_artifact(out).fingerprint == prints[at + 1]
        assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]
    assert inside >= KILLS // 2


def test_killed_between_the_exchange_and_the_end(tmp_path: Path) -> None:
    """The worst moments of all: each step of putting the new version in its place is the last."""
    collection, out = collect(tmp_path, "a", 50), tmp_path / "i"
    wanted = None
    for name in ("exchange", "fsync_dir"):
        build_bm25(collection, BuildTask(out, overwrite=True))
        real = SPACE[name]

        def dies(*given: Path, real: Callable[..., object] = real) -> None:
            real(*given)
            os._exit(9)

        def work(name: str = name, dies: Callable[..., None] = dies) -> None:
            SPACE[name] = dies
            remove(out, ["a1"])

        os.waitpid(in_child(work), 0)
        if _has(out, "a1"):
            remove(out, ["a1"])
        assert not _has(out, "a1") and _has(out, "a2")
        wanted = wanted or verify_artifact(out).fingerprint
        assert verify_artifact(out).fingerprint == wanted
        merge(out)
        assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]
        assert sorted(p.name for p in out.iterdir()) == [
            "0",
            "ids.offsets.npy",
            "ids.rank.npy",
            "ids.txt",
            "manifest.json",
        ]


def _has(path: Path, name: str) -> bool:
    return bool(BM25Index.open(path).ids.find(as_bytes([name]))[0] >= 0)


def test_two_changes_at_once(tmp_path: Path) -> None:
    """Each is made or refused, now and then both are; none is lost."""
    out = tmp_path / "i"
    build_bm25(collect(tmp_path, "a", 200), BuildTask(out))
    done = 0
    for i in range(8):
        children = [in_child(lambda which=which, i=i: remove(out, [f"a{2 * i + which}"])) for which in (0, 1)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert set(codes) <= {0, 7}
        for which, code in enumerate(codes):
            assert _has(out, f"a{2 * i + which}") == (code != 0)
        done += codes.count(0)
        verify_artifact(out)
    assert done and sum(one.record.documents for one in BM25Index.open(out).segments) == 200 - done


def test_a_rebuild_while_it_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process put there meanwhile is not replaced by a change of what was there before."""
    out, other = tmp_path / "i", collect(tmp_path, "b", 20)
    build_bm25(collect(tmp_path, "a", 20), BuildTask(out))
    real = bm25_change.bm25_manifest

    def slow(*given):
        if os.waitstatus_to_exitcode(
            os.waitpid(in_child(lambda: build_bm25(other, BuildTask(out, overwrite=True))), 0)[1]
        ):
            raise AssertionError("the rebuild failed")
        return real(*given)

    monkeypatch.setattr(bm25_change, "bm25_manifest", slow)
    with pytest.raises(IntrexError, match="another process has changed"):
        remove(out, ["a1"])
    assert _has(out, "b1") and not _has(out, "a2")
    verify_artifact(out)

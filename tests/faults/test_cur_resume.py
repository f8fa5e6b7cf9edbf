"""A CUR build, and a search, that are killed: the next one scores only what is left and ends in the same bytes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.store.manifest import verify_artifact
from intrex.data.store.scorecache import RECORD
from intrex.encoders.cross.scorer import make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.cur.anchors import draw_anchors
from intrex.retrievers.cur.build import build_cur
from intrex.retrievers.cur.index import CurIndex
from intrex.retrievers.cur.options import CurBuild
from intrex.retrievers.options import BuildTask
from tests.conftest import ROOT
from tests.faults.test_index_resume import collection as collection
from tests.faults.test_index_resume import hidden, kill, kill_between_blocks
from tests.faults.test_rerank_resume import tiny as tiny

BLOCK = 20
BUILD = """
import sys, time
from pathlib import Path
from intrex.data.collection import Collection
from intrex.retrievers import encoded
from tests.faults.test_cur_resume import build

encoded.SECONDS_BETWEEN_SAVES = 0.0

def slowly(count):
    print(count, flush=True)
    time.sleep(0.02)

build(Collection.open(Path(sys.argv[1])), Path(sys.argv[2]), slowly)
"""


def build(collection: Collection, out: Path, progress=lambda _: None, seed: int = 0) -> CurIndex:
    options = CurBuild(scorer="hashing:16", anchors=7, anchor_queries="documents", seed=seed)
    scorer = make_pair_scorer(options.scorer, EncoderOptions())
    task = BuildTask(out, block=BLOCK, stage=lambda *_: progress)
    return build_cur(collection, task, scorer, draw_anchors(collection, options), options)


def start(collection: Collection, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILD, str(collection.path), str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_killed_between_blocks_it_ends_in_the_same_bytes(collection, tmp_path) -> None:
    out = tmp_path / "killed"
    begun = kill_between_blocks(lambda: start(collection, out), out)
    seen: list[int] = []
    index = build(collection, out, seen.append)
    assert seen[0] >= begun[-1] and sum(seen) == len(index.ids)
    whole = build(collection, tmp_path / "whole")
    assert index.manifest.to_json() == whole.manifest.to_json()
    assert hidden(out) == [] and verify_artifact(out)


def test_other_anchors_start_afresh_and_sweep(collection, tmp_path) -> None:
    out = tmp_path / "index"
    process = start(collection, out)
    for _ in range(3):
        process.stdout.readline()
    kill(process)
    seen: list[int] = []
    index = build(collection, out, seen.append, seed=1)
    assert seen[0] == BLOCK and hidden(out) == [] and sum(seen) == len(index.ids)


def test_a_killed_search_goes_on(tmp_path, tiny, intrex, all_well, caplog: pytest.LogCaptureFixture) -> None:
    from intrex.data.writer import write_collection
    from tests.faults.test_rerank_resume import fill

    write_collection(tmp_path / "made", "made", {"source": "test"}, fill)
    (tmp_path / "q.tsv").write_text("".join(f"q{i}\tw{i} w{i * 3} w{i + 50}\n" for i in range(4)))
    all_well(f"index cur {tmp_path}/made {tmp_path}/i --scorer {tiny} --anchors 3 --anchor-queries documents")
    line = f"search {tmp_path}/i {tmp_path}/q.tsv --budget 200 --rounds 2 --tag t"
    environment = {**os.environ, "INTREX_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "intrex.cli", *line.split(), "-o", str(tmp_path / "r.txt")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, env=environment)
    while (
        not (files := list(tmp_path.glob("cache/scores/*/*.scores1")))
        or files[0].stat().st_size < 5 * RECORD.itemsize
    ):
        assert process.poll() is None, "it ended before it could be killed"
    process.kill()
    assert process.wait() == -signal.SIGKILL and not (tmp_path / "r.txt").exists()
    kept = files[0].stat().st_size // RECORD.itemsize
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=True)
    assert (
        5 <= kept < 800
        and f"800 calls of the scorer, 200.0 a query; {kept} of them were in the cache" in said.stderr
    )
    all_well(f"{line} --no-query-cache -o {tmp_path}/whole.txt")
    rows = [
        [line.split()[:3] for line in (tmp_path / name).read_text().splitlines()]
        for name in ("r.txt", "whole.txt")
    ]
    assert {tuple(row) for row in rows[0]} == {tuple(row) for row in rows[1]}

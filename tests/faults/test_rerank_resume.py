"""A rerank that is killed: the next one scores only what is left, and ranks as if nothing had happened."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from intrex.data.collection import Collection
from intrex.data.run import Run
from intrex.data.scorecache import ScoreCache
from intrex.data.writer import Source, write_collection
from intrex.encoders.base import EncoderOptions
from intrex.encoders.cross import EncoderScorer, make_pair_scorer
from intrex.retrievers.rerank_pairs import rerank_pairs
from tests.conftest import ROOT

DOCUMENTS, QUERIES = 300, 4

RERANK = """
import sys, time
from pathlib import Path
from intrex.data.collection import Collection
from intrex.encoders import cross
from tests.faults.test_rerank_resume import again

cross.ENCODED_AT_ONCE = 5

def slowly(count):
    print(count, flush=True)
    time.sleep(0.01)

again(Collection.open(Path(sys.argv[1])), Path(sys.argv[2]), slowly)
"""


def fill(writer):
    rng = random.Random(5)
    for i in range(DOCUMENTS):
        writer.document(
            f"d{i}", "", " ".join(f"w{rng.randrange(90)}" for _ in range(9)), Source("made", i + 1)
        )
    for i in range(QUERIES):
        writer.query(f"q{i}", f"w{i} w{i * 3} w{i + 50}", Source("made", i + 1))


def again(
    collection: Collection, cache: Path, progress=lambda _: None, scorer: EncoderScorer | None = None
) -> Run:
    run = Run.from_dict({f"q{q}": {f"d{d}": float(d) for d in range(DOCUMENTS)} for q in range(QUERIES)})
    scorer = scorer or make_pair_scorer("hashing:32", EncoderOptions())
    return rerank_pairs(run, collection.queries(), collection, scorer, 200, "t", ScoreCache(cache), progress)


def test_killed_at_random_moments_it_goes_on(tmp_path):
    collection = write_collection(tmp_path / "made", "made", {"source": "test"}, fill)
    whole = again(collection, tmp_path / "whole")
    rng, cache, known = random.Random(2), tmp_path / "cache", []
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", RERANK, collection.path, cache],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        known.append(int(process.stdout.readline()))  # pairs that were in the cache
        process.stdout.readline()
        time.sleep(rng.uniform(0.02, 0.08))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
    assert known[0] == 0 and known == sorted(known) and known[-1] > known[1] > 0
    scorer = make_pair_scorer("hashing:32", EncoderOptions())
    encoded = []
    plain = scorer._encoder.encode
    scorer._encoder.encode = lambda texts, role: encoded.extend(texts) or plain(texts, role)
    resumed = again(collection, cache, scorer=scorer)
    assert len(encoded) < 200
    assert resumed.doc_ids.tolist() == whole.doc_ids.tolist()
    assert np.array_equal(resumed.scores, whole.scores)

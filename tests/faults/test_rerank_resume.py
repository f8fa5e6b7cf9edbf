"""A rerank that is killed: the next one scores only what is left, and ranks as if nothing had happened."""

import importlib.util
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection
from intrex.data.rankings.write import write_run
from intrex.data.run import Run
from intrex.data.runformats import read_any_run
from intrex.data.store.scorecache import RECORD, ScoreCache
from intrex.data.writer import RecordSource, write_collection
from intrex.encoders.cross.encoder import CrossEncoderScorer
from intrex.encoders.cross.scorer import EncoderScorer, make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.rerank.pairs import rerank_pairs
from tests.conftest import ROOT
from tests.support.tinymodel import SPECIAL, save_tokenizer

DOCUMENTS, QUERIES = 300, 4

RERANK = """
import sys, time
from pathlib import Path
from intrex.data.collection import Collection
from intrex.encoders.cross import scorer as cross
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
            f"d{i}", "", " ".join(f"w{rng.randrange(90)}" for _ in range(9)), RecordSource("made", i + 1)
        )
    for i in range(QUERIES):
        writer.query(f"q{i}", f"w{i} w{i * 3} w{i + 50}", RecordSource("made", i + 1))


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


@pytest.fixture
def tiny(tmp_path) -> Path:
    """A cross-encoder of one random layer and a vocabulary of whole words."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    words = [f"w{i}" for i in range(90)]
    config = BertConfig(len(SPECIAL) + len(words), 16, 1, 2, 32, max_position_embeddings=64, num_labels=1)
    config.initializer_range = 0.3
    BertForSequenceClassification(config).save_pretrained(tmp_path / "tiny")
    save_tokenizer(tmp_path / "tiny", words)
    return tmp_path / "tiny"


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None, reason="no sentence-transformers"
)
def test_a_killed_command_with_a_cross_encoder_goes_on(tmp_path, tiny, intrex, monkeypatch):
    write_collection(tmp_path / "made", "made", {"source": "test"}, fill)
    ranked = {f"q{q}": {f"d{d}": float(d) for d in range(DOCUMENTS)} for q in range(QUERIES)}
    write_run(Run.from_dict(ranked), tmp_path / "run.txt")
    (tmp_path / "q.tsv").write_text("".join(f"q{i}\tw{i} w{i * 3} w{i + 50}\n" for i in range(QUERIES)))
    line = f"rerank {tmp_path}/run.txt {tmp_path}/q.tsv --collection {tmp_path}/made --with {tiny} --batch-size 1"
    whole, cache = tmp_path / "whole.txt", tmp_path / "cache"
    command = [sys.executable, "-m", "intrex.cli", *line.split(), "--cache", cache, "-o", tmp_path / "r.txt"]
    process = subprocess.Popen([*map(str, command)], cwd=ROOT, stderr=subprocess.DEVNULL)
    while not (files := list(cache.glob("*/*.scores1"))) or files[0].stat().st_size < 5 * RECORD.itemsize:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL and not (tmp_path / "r.txt").exists()
    kept = files[0].stat().st_size // RECORD.itemsize
    said = intrex(f"{line} --cache {cache} -o {tmp_path}/r.txt")
    assert said.code == 0 and f"scores of {kept:,} pairs" in said.err and 5 <= kept < 400
    assert intrex(f"{line} --no-cache -o {whole}").code == 0
    resumed, uninterrupted = read_any_run(tmp_path / "r.txt"), read_any_run(whole)
    assert np.abs(resumed.scores - uninterrupted.scores).max() <= 1e-5
    for (_, ours, _), (_, theirs, _) in zip(resumed.rankings(), uninterrupted.rankings(), strict=True):
        assert set(ours) == set(theirs)
    monkeypatch.setattr(CrossEncoderScorer, "_load", lambda self: pytest.fail("a repeat needs no model"))
    assert intrex(f"{line} --cache {cache} -o {tmp_path}/s.txt").code == 0
    assert (tmp_path / "s.txt").read_bytes() == (tmp_path / "r.txt").read_bytes()

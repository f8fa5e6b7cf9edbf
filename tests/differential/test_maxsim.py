"""MaxSim against sentence-transformers' own and against maxsim-cpu, to 1e-5 of a query token."""

import pickle
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from intrex.data.store.vectors import PackedVectors
from intrex.retrievers.multivector import maxsim
from intrex.retrievers.multivector.tokens import StoredTokens


@pytest.fixture(scope="module")
def problem():
    """Documents and queries of unit vectors, some with products that are all negative; scores of every pair."""
    rng = np.random.default_rng(7)

    def texts(n, most):
        found = [rng.standard_normal((int(m), 64), dtype=np.float32) for m in rng.integers(1, most, n)]
        return [t / np.linalg.norm(t, axis=1, keepdims=True) for t in found]

    documents, queries = texts(200, 60), texts(9, 33)
    documents += [-queries[0][:1], -queries[1][:2]]
    packed = [PackedVectors(np.concatenate(t), np.cumsum([0, *map(len, t)])) for t in (documents, queries)]
    rows = [np.arange(len(documents))] * len(queries)
    scores = np.stack(maxsim.scores(StoredTokens(packed[0], 1.0001), packed[1], rows, 2))
    assert scores.min() < 0
    return documents, queries, scores


def test_sentence_transformers(problem):
    util = pytest.importorskip("sentence_transformers.util")
    documents, queries, scores = problem
    theirs = util.maxsim(queries, documents).numpy()
    lengths = np.array([[len(q)] for q in queries])
    assert np.abs(scores - theirs).max() < 1e-5 * lengths.max()
    assert np.abs((scores - theirs) / lengths).max() < 1e-6


PEER = """
import pickle, sys
import maxsim_cpu, numpy
documents, queries = pickle.load(sys.stdin.buffer)
scores = [numpy.asarray(maxsim_cpu.maxsim_scores_variable(q, documents)) for q in queries]
sys.stdout.buffer.write(pickle.dumps(scores))
"""


def test_maxsim_cpu(problem):
    """In a process of its own: it takes over SIGSEGV, which a Java machine in this one needs."""
    if find_spec("maxsim_cpu") is None:
        pytest.skip("needs maxsim-cpu")
    documents, queries, scores = problem
    given = pickle.dumps((documents, queries))
    said = subprocess.run([sys.executable, "-c", PEER], input=given, capture_output=True, check=True)
    for query, own, theirs in zip(queries, scores, pickle.loads(said.stdout), strict=True):  # noqa: S301 - our own
        assert np.abs(own - theirs).max() < 1e-5 * len(query)

"""Feedback on vectors beside pyserini's own classes: the same bits of every query, the same scores over a faiss index."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.ids import as_strings
from intrex.data.importers.sources import import_collection
from intrex.data.run import Run
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.base import open_index
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.dense.index import DenseIndex
from intrex.retrievers.options import BuildTask
from intrex.retrievers.prf.vector import move
from intrex.retrievers.search import prepare_search, run_search

pytest.importorskip("pyserini", reason="needs the extra lucene")
faiss = pytest.importorskip("faiss", reason="needs the extra ann")

MOVE = """
import os, sys
os.environ.setdefault("OPENAI_API_KEY", "none")
from intrex.retrievers.lucene import jvm
jvm.start()
import json
import numpy as np
from pyserini.search.faiss import _prf
settings = json.loads(sys.argv[2])
arrays = np.load(sys.argv[1])
names = [str(i) for i in range(len(arrays["queries"]))]
for i, values in enumerate(settings):
    rule = _prf.DenseVectorRocchioPrf(**values) if values else _prf.DenseVectorAveragePrf()
    found = {n: [_prf.PrfDenseSearchResult("", 0.0, v) for v in arrays[f"documents-{i}"][int(n)]] for n in names}
    np.save(f"{sys.argv[1]}.{i}.npy", rule.get_batch_prf_q_emb(names, arrays["queries"], found))
"""
SETTINGS = (
    (3, {}),
    (5, {"alpha": 0.9, "beta": 0.1, "gamma": 0.1, "topk": 3, "bottomk": 0}),
    (5, {"alpha": 0.4, "beta": 0.6, "gamma": 0.1, "topk": 5, "bottomk": 0}),
    (10, {"alpha": 0.7, "beta": 0.2, "gamma": 0.3, "topk": 3, "bottomk": 2}),
)
"""Documents that are read, and Rocchio's parameters; none for the average."""


def values_of(depth: int, rocchio: dict[str, float]) -> dict[str, object]:
    method = {"prf_method": "rocchio"} if rocchio else {}
    return {"prf_depth": depth, **method, **{f"rocchio_{key}": value for key, value in rocchio.items()}}


def ranked(index: DenseIndex, queries: Queries, **values: object) -> Run:
    return run_search(index, queries, prepare_search(index, values), tag="t")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    """An index of 200 documents, its queries, their vectors, and by setting the documents read and pyserini's queries."""
    folder, draw = tmp_path_factory.mktemp("prf"), np.random.default_rng(3)
    words = [f"word{i}" for i in range(50)]
    for name, prefix, count, size in (("corpus", "d", 200, 6), ("queries", "q", 12, 3)):
        lines = (
            json.dumps({"_id": f"{prefix}{i}", "text": " ".join(draw.choice(words, size))})
            for i in range(count)
        )
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    collection: Collection = import_collection(folder, folder / "c")
    index = build_dense(collection, BuildTask(folder / "i"), make_encoder("hashing:32", EncoderOptions()))
    queries = collection.queries()
    vectors = index._scaled(index.encode(queries.texts))
    read = [
        np.array(
            [index.vectors[index.ids.find(docs)] for _, docs, _ in ranked(index, queries, k=depth).rankings()]
        )
        for depth, _ in SETTINGS
    ]
    by_name = np.argsort(np.argsort(queries.ids))  # a run has its queries in byte order
    read = [documents[by_name] for documents in read]
    np.savez(folder / "in.npz", queries=vectors, **{f"documents-{i}": d for i, d in enumerate(read)})
    settings = json.dumps([rocchio for _, rocchio in SETTINGS])
    subprocess.run([sys.executable, "-c", MOVE, str(folder / "in.npz"), settings], check=True, timeout=300)
    theirs = [np.load(folder / f"in.npz.{i}.npy") for i in range(len(SETTINGS))]
    yield open_index(Path(folder / "i")), queries, vectors, read, theirs


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_queries_are_the_same_bits(answers, number: int) -> None:
    index, _, vectors, read, theirs = answers
    options = prepare_search(index, values_of(*SETTINGS[number]))
    for vector, documents, new in zip(vectors, read[number], theirs[number], strict=True):
        assert move(vector, documents, options).tobytes() == new.tobytes()


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_scores_are_those_of_their_queries_over_faiss(answers, number: int) -> None:
    index, queries, _, _, theirs = answers
    flat = faiss.IndexFlatIP(32)
    flat.add(np.ascontiguousarray(index.vectors))
    scores, rows = flat.search(theirs[number], 20)
    run = ranked(index, queries, **values_of(*SETTINGS[number]), k=20)
    found = {q.decode(): (as_strings(docs), mine) for q, docs, mine in run.rankings()}
    for name, their_scores, their_rows in zip(queries.ids, scores, rows, strict=True):
        docs, mine = found[name]
        np.testing.assert_allclose(mine, their_scores, rtol=1e-5, atol=1e-6)
        clear = set(as_strings(index.ids.gather(their_rows[their_scores > their_scores[-1] + 1e-5])))
        assert clear <= set(docs), "but for ties at the cut they are the same documents"

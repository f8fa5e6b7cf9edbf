"""BM25 against the bm25s package given the same terms, and against Anserini's published figures."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.text.analyzer import Analyzer


def generated(folder: Path, longest: int) -> Collection:
    """300 documents and 40 queries of words with falling chances; every twentieth document is empty."""
    draw = np.random.default_rng(7)
    words = np.array([f"{a}{b}x{c}" for a in "bcdfg" for b in "aeiou" for c in "kmnpr"])
    chance = 1 / np.arange(1, len(words) + 1)
    chance /= chance.sum()

    def fill(writer: CollectionWriter) -> None:
        for i in range(300):
            text = " ".join(draw.choice(words, draw.integers(1, longest) if i % 20 else 0, p=chance))
            writer.document(f"d{i}", "", text, RecordSource("corpus", i + 1))
        for i in range(40):
            writer.query(
                f"q{i}", " ".join(draw.choice(words, draw.integers(1, 8))), RecordSource("queries", i + 1)
            )

    return write_collection(folder, "generated", {"source": "generated"}, fill)


@pytest.mark.parametrize(
    ("longest", "tolerance"),
    [
        (40, 1e-6),  # lengths below 40 are exact in one byte
        (200, 0.05),  # up to one part in eight of the length above 24 is lost
    ],
)
@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.2, 0.75)])
def test_scores_equal_bm25s(tmp_path: Path, longest: int, tolerance: float, k1: float, b: float) -> None:
    bm25s = pytest.importorskip("bm25s", reason="bm25s is not installed")
    collection, analyze = generated(tmp_path / "c", longest), Analyzer()
    index = build_bm25(collection, BuildTask(tmp_path / "i"), Bm25Build(k1=k1, b=b))
    ours = index.search(collection.queries(), SearchOptions(k=1000, threads=1)).to_dict()

    full = [(d.id, terms) for d in collection.documents() if (terms := analyze(d.contents))]
    assert (len(full), collection.n_documents) == (285, 300)
    peer = bm25s.BM25(method="lucene", k1=k1, b=b)
    peer.index([terms for _, terms in full], show_progress=False)
    queries = collection.queries()
    for query, text in zip(queries.ids, queries.texts, strict=True):
        scores = sum(peer.get_scores([term]).astype(np.float64) for term in analyze(text))
        theirs = {name: score for (name, _), score in zip(full, scores.tolist(), strict=True) if score > 0}
        assert ours[query] == pytest.approx(theirs, rel=tolerance)


def test_scifact_has_anserinis_figures(shared: Path, tmp_path: Path) -> None:
    """Anserini's regression page for the flat index of BEIR's SciFact: nDCG@10 0.6789, R@100 0.9253."""
    pytrec_eval = pytest.importorskip("pytrec_eval", reason="pytrec_eval is not installed")
    source = shared / "scifact"

    def fill(writer: CollectionWriter) -> None:
        for i, line in enumerate((source / "corpus.jsonl").read_text("utf-8").splitlines(), 1):
            row = json.loads(line)
            writer.document(row["_id"], row["title"], row["text"], RecordSource("corpus.jsonl", i))
        for i, line in enumerate((source / "queries.jsonl").read_text("utf-8").splitlines(), 1):
            row = json.loads(line)
            writer.query(row["_id"], row["text"], RecordSource("queries.jsonl", i))
        for i, line in enumerate((source / "qrels/test.tsv").read_text("utf-8").splitlines()[1:], 2):
            query, document, grade = line.split("\t")
            judged[query][document] = int(grade)
            writer.judgement("test", query, document, int(grade), RecordSource("test.tsv", i))

    judged: dict[str, dict[str, int]] = defaultdict(dict)
    collection = write_collection(tmp_path / "c", "scifact", {"source": "scifact"}, fill)
    run = (
        build_bm25(collection, BuildTask(tmp_path / "i"))
        .search(collection.queries("test"), SearchOptions(k=1000))
        .to_dict()
    )
    measured = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10", "recall.100"}).evaluate(run).values()
    for name, published in (("ndcg_cut_10", 0.6789), ("recall_100", 0.9253)):
        assert round(sum(m[name] for m in measured) / len(judged), 4) == published

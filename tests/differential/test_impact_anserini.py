"""Impact search against Anserini's own, live, on integer weights: the same documents in the same order, equal scores."""

import json
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.importers.sources import import_collection
from intrex.encoders.base import make_sparse_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.lucene import jvm
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.sparse.files import build_impact

pytest.importorskip("pyserini", reason="needs the extra lucene")


def integers(texts: list[str], role: str, factor: int) -> list[dict[str, int]]:
    """Weights as SPLADE's export makes them: times a factor, rounded, those above 0."""
    encoder = make_sparse_encoder("hashing:5000", EncoderOptions())
    offsets, terms, weights = encoder.encode(texts, role)
    whole = np.rint(weights * factor).astype(int).tolist()
    names = [f"##{term}" for term in terms.tolist()]
    rows = [slice(offsets[i], offsets[i + 1]) for i in range(len(texts))]
    return [{t: w for t, w in zip(names[r], whole[r], strict=True) if w} for r in rows]


def index_anserini(weights: Path, out: Path) -> object:
    """Anserini's impact index of a folder, made as its pages say: ``-impact -pretokenized``."""
    autoclass = jvm.start()
    arguments = autoclass("io.anserini.index.IndexCollection$Args")()
    arguments.collectionClass, arguments.generatorClass = (
        "JsonVectorCollection",
        "DefaultLuceneDocumentGenerator",
    )
    arguments.input, arguments.index = str(weights), str(out)
    arguments.impact = arguments.pretokenized = arguments.quiet = True
    arguments.threads, arguments.memoryBuffer = 1, 64
    autoclass("io.anserini.index.IndexCollection")(arguments).run()
    return autoclass("io.anserini.search.SimpleImpactSearcher")(str(out))


def anserini(searcher: object, vector: dict[str, int], k: int) -> list[tuple[str, float]]:
    autoclass = jvm.start()
    query, number = autoclass("java.util.HashMap")(), autoclass("java.lang.Integer")
    for term, weight in vector.items():
        query.put(term, number(weight))
    return [(hit.docid, hit.score) for hit in searcher.search(query, k)]


def compare(collection: Collection, tmp_path: Path, factor: int, queries: int, k: int) -> None:
    documents = list(collection.documents())
    vectors = integers([d.contents for d in documents], "document", factor)
    (tmp_path / "weights").mkdir()
    with (tmp_path / "weights" / "part.jsonl").open("w") as stream:
        for document, vector in zip(documents, vectors, strict=True):
            stream.write(json.dumps({"id": document.id, "contents": "", "vector": vector}) + "\n")
    index = build_impact(collection, BuildTask(tmp_path / "index"), tmp_path / "weights")
    searcher = index_anserini(tmp_path / "weights", tmp_path / "anserini")
    texts = collection.queries().only(set(collection.queries().ids[:queries]))
    asked = integers(texts.texts, "query", 51)
    run = index.search(Queries(texts.ids, texts.texts, asked), SearchOptions(k=k, ties="anserini"))
    ours = {query.decode(): list(zip(docs, scores, strict=True)) for query, docs, scores in run.rankings()}
    for name, vector in zip(texts.ids, asked, strict=True):
        theirs = anserini(searcher, vector, k)
        found = [(doc.decode(), score) for doc, score in ours.get(name, [])]
        assert [doc for doc, _ in found] == [doc for doc, _ in theirs], name
        # Anserini lowers equal scores by a millionth each, as far as float32 shows it
        assert [s for _, s in found] == pytest.approx([s for _, s in theirs], rel=1e-6), name
    assert len(ours) > queries // 2


def test_small_weights_whole_rankings(shared: Path, tmp_path: Path) -> None:
    compare(import_collection(shared / "adi", tmp_path / "c"), tmp_path, factor=3, queries=35, k=1000)


def test_weights_of_16_bits_and_a_cut(shared: Path, tmp_path: Path) -> None:
    compare(import_collection(shared / "cranfield", tmp_path / "c"), tmp_path, factor=150, queries=60, k=100)

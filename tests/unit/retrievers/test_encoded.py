"""Texts that models get: documents without outer white space, as from beir and mteb."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Document
from intrex.data.run import Run
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.encoders.base import make_encoder
from intrex.encoders.cross.scorer import make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.options import BuildTask
from intrex.retrievers.rerank.pairs import rerank_pairs

DOCUMENTS = [("", "b"), ("", " b "), ("a", "b"), (" a", "b\n"), ("\t", "b"), ("b", " "), ("", " ")]
BARE = ["b", "b", "a b", "a b", "b", "b", ""]


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A static model whose tokens are bytes, so that a blank is one of them."""
    tokenizers = pytest.importorskip("tokenizers")
    safetensors = pytest.importorskip("safetensors.numpy")
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE({c: i for i, c in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    (tmp_path / "model").mkdir()
    tokenizer.save(str(tmp_path / "model" / "tokenizer.json"))
    weights = np.random.default_rng(0).standard_normal((len(letters), 8)).astype(np.float32)
    safetensors.save_file({"embeddings": weights}, tmp_path / "model" / "model.safetensors")
    return f"static:{tmp_path / 'model'}"


@pytest.fixture
def blanks(tmp_path: Path) -> Collection:
    def fill(writer: CollectionWriter) -> None:
        for i, (title, text) in enumerate(DOCUMENTS):
            writer.document(f"d{i}", title, text, RecordSource("corpus", i + 1))
        writer.query("q", " b", RecordSource("queries", 1))

    return write_collection(tmp_path / "c", "c", {"source": "test"}, fill)


def test_outer_white_space_reaches_no_model_and_inner_does(model, blanks, tmp_path) -> None:
    encoder = make_encoder(model, EncoderOptions())
    index = build_dense(blanks, BuildTask(tmp_path / "i"), encoder)
    np.testing.assert_array_equal(index.vectors, encoder.encode(BARE, "document"))
    assert (encoder.encode([" b "], "document") != encoder.encode(["b"], "document")).any(), "it would matter"
    assert Document("d", "a ", " b").passage == "a   b"
    assert [document.text for document in blanks.documents()] == [text for _, text in DOCUMENTS]


def test_queries_are_encoded_as_they_are(model, blanks, tmp_path) -> None:
    encoder = make_encoder(model, EncoderOptions())
    index = build_dense(blanks, BuildTask(tmp_path / "i"), encoder)
    np.testing.assert_array_equal(index.encode([" b"]), encoder.encode([" b"], "query"))


def test_a_reranker_gets_documents_without_outer_white_space(model, blanks) -> None:
    run = Run.from_dict({"q": {f"d{i}": 1.0 for i in range(len(DOCUMENTS))}})
    scorer = make_pair_scorer(model, EncoderOptions())
    found = rerank_pairs(run, blanks.queries(), blanks, scorer, 10, "t").to_dict()["q"]
    assert found["d0"] == found["d1"] == found["d4"] == found["d5"] and found["d2"] == found["d3"]

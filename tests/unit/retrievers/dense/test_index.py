"""The dense index: what is written, how it is searched, what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

from intrex.data.collection import Queries
from intrex.data.errors import BadInput, IntrexError
from intrex.data.store.manifest import verify_artifact
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.base import open_index
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.dense.index import DenseIndex
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.vectors import nearest
from intrex.retrievers.vectors.options import NearestOptions


@pytest.fixture
def encoder():
    return make_encoder("hashing:64", EncoderOptions())


@pytest.fixture
def index(small, encoder, tmp_path):
    return build_dense(small, BuildTask(tmp_path / "index"), encoder)


def by_definition(index, encoder, collection, text):
    """Every document's (score, id), sorted as rankings are."""
    query = encoder.encode([text], "query")[0].astype(np.float64)
    vectors = encoder.encode([d.contents for d in collection.documents()], "document").astype(np.float64)
    scores = (vectors * query).sum(axis=1).astype(np.float32)
    rows = zip(scores.tolist(), [d.id.encode() for d in collection.documents()], strict=True)
    return sorted(rows, reverse=True)


def test_every_document_is_ranked_in_the_one_order(index, encoder, small):
    run = index.search(small.queries(), SearchOptions(k=10))
    assert run.query_ids.tolist() == [b"q1", b"q2", b"q3", b"q4"]
    texts = dict(zip(small.queries().ids, small.queries().texts, strict=True))
    for query, docs, scores in run.rankings():
        expected = by_definition(index, encoder, small, texts[query.decode()])
        assert docs.tolist() == [d for _, d in expected]
        assert scores.tolist() == [s for s, _ in expected]
    best = run.to_dict()["q2"]
    assert best["d2"] == best["d5"] and list(best).index("d5") < list(best).index(
        "d2"
    )  # ties: higher id first


def test_an_empty_document_scores_zero_and_an_empty_query_ties_all(index):
    run = index.search(Queries(["q"], [""]), SearchOptions(k=3)).to_dict()
    assert run == {"q": {"ünï-6": 0.0, "d5": 0.0, "d4": 0.0}}
    assert index.search(Queries(["q"], ["heat"]), SearchOptions(k=9)).to_dict()["q"]["d4"] == 0.0


def test_no_query_at_all(index):
    assert len(index.search(Queries([], []), SearchOptions())) == 0


@pytest.mark.parametrize("options", [{"batch_size": 1}, {"threads": 1}, {"batch_size": 3, "threads": 2}])
def test_options_do_not_touch_the_ranking(index, small, options, monkeypatch):
    usual = index.search(small.queries(), SearchOptions(k=4)).to_dict()
    monkeypatch.setattr(nearest, "SCANNED_AT_ONCE", 2 * 64)
    assert index.search(small.queries(), SearchOptions(k=4, **options)).to_dict() == usual
    pytest.importorskip("faiss")
    found = index.search(small.queries(), NearestOptions(k=4, engine="faiss", **options))
    assert found.to_dict() == usual


def test_progress_counts_documents_and_queries(small, encoder, tmp_path):
    seen = []
    index = build_dense(small, BuildTask(tmp_path / "index", block=4, stage=lambda *_: seen.append), encoder)
    assert seen == [4, 2]
    seen.clear()
    index.search(small.queries(), SearchOptions(batch_size=3, progress=seen.append))
    assert seen == [3, 1]


def test_the_manifest_says_what_it_was_made_of(index, small, encoder):
    manifest = verify_artifact(index.path)
    assert (manifest.kind, manifest.collection) == ("dense", small.corpus_fingerprint)
    assert manifest.encoder == encoder.spec.to_dict()
    assert (manifest.params["similarity"], manifest.params["documents"]) == ("dot", 6)
    assert manifest.params["max_norm"] == pytest.approx(1.0)
    assert set(manifest.files) == {"vectors.npy", "ids.txt", "ids.offsets.npy", "ids.rank.npy"}
    assert np.load(index.path / "vectors.npy").shape == (6, 64)
    assert not index.vectors[3].any()  # the empty document keeps its row


def test_two_builds_are_equal_bytes(small, encoder, tmp_path):
    one = build_dense(small, BuildTask(tmp_path / "one"), encoder).manifest
    two = build_dense(small, BuildTask(tmp_path / "two"), encoder).manifest
    assert one.fingerprint == two.fingerprint


def test_opened_in_a_new_process_it_finds_the_same(index, small):
    code = (
        "import sys, json; from pathlib import Path; from intrex.data.collection import Collection;"
        "from intrex.retrievers.base import SearchOptions, open_index;"
        "c = Collection.open(Path(sys.argv[2])); run = open_index(Path(sys.argv[1]), c).search(c.queries(), SearchOptions(k=5));"
        "print(json.dumps(run.to_dict()))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, index.path, small.path], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(out) == index.search(small.queries(), SearchOptions(k=5)).to_dict()


def test_another_encoder_is_refused_by_name(index, small, encoder):
    other = make_encoder("hashing:32", EncoderOptions())
    with pytest.raises(BadInput, match=r"hashing:hashing .* is not the index's hashing:hashing") as caught:
        index.search(small.queries(), SearchOptions(), other)
    assert (
        other.spec.fingerprint[:12] in caught.value.message
        and encoder.spec.fingerprint[:12] in caught.value.message
    )
    assert (
        index.search(small.queries(), SearchOptions(), encoder).to_dict()
        == index.search(small.queries(), SearchOptions()).to_dict()
    )


def test_vectors_that_cannot_be_queries_are_refused(index):
    with pytest.raises(BadInput, match="32 dimensions do not fit the index's 64"):
        list(index.rank(np.zeros((1, 32), np.float32), SearchOptions()))
    for bad in (np.nan, np.inf, 3.4e38):
        with pytest.raises(BadInput, match="not finite"):
            list(index.rank(np.full((1, 64), bad, np.float32), SearchOptions()))


def test_existing_output_is_kept_unless_told(small, encoder, index):
    with pytest.raises(IntrexError, match="the output exists"):
        build_dense(small, BuildTask(index.path), encoder)
    other = make_encoder("hashing:16", EncoderOptions())
    assert build_dense(small, BuildTask(index.path, overwrite=True), other).vectors.shape == (
        6,
        16,
    )
    assert [p.name for p in index.path.parent.iterdir() if p.name.startswith(".")] == []


def test_another_kind_or_a_damaged_index_is_refused(index, small):
    with pytest.raises(BadInput, match="of kind collection"):
        DenseIndex.open(small.path)
    data = (index.path / "vectors.npy").read_bytes()
    (index.path / "vectors.npy").write_bytes(data[:-4])
    with pytest.raises(BadInput, match=r"damaged: vectors\.npy"):
        open_index(index.path)


def test_cosine_indexes_keep_vectors_of_length_one(small, tmp_path):
    """A real model without normalisation, whose similarity is cosine."""
    pytest.importorskip("torch")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = sorted({w for d in small.documents() for w in d.contents.split()} | {"[UNK]"})
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    weights = 3 * np.random.default_rng(0).standard_normal((len(words), 8)).astype(np.float32)
    modules = [StaticEmbedding(tokenizer, embedding_weights=weights)]
    sentence_transformers.SentenceTransformer(modules=modules, device="cpu").save(str(tmp_path / "model"))
    index = build_dense(
        small,
        BuildTask(tmp_path / "index"),
        make_encoder(str(tmp_path / "model"), EncoderOptions(device="cpu")),
    )
    assert index.manifest.params["similarity"] == "cosine"
    norms = np.linalg.norm(index.vectors, axis=1)
    assert norms == pytest.approx([1, 1, 1, 0, 1, 1], abs=1e-6)
    run = index.search(
        Queries(["q"], ["boundary layers on a flat plate"]), SearchOptions(k=2, device="cpu")
    ).to_dict()
    assert run["q"] == pytest.approx({"d5": 1.0, "d2": 1.0})


def test_a_static_encoder_travels_inside_the_index(small, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    tokenizers = pytest.importorskip("tokenizers")
    pytest.importorskip("sentence_transformers")
    words = sorted({w for d in small.documents() for w in d.contents.split()} | {"[UNK]"})
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    (tmp_path / "model").mkdir()
    tokenizer.save(str(tmp_path / "model" / "tokenizer.json"))
    weights = np.random.default_rng(0).standard_normal((len(words), 8)).astype(np.float32)
    safetensors.save_file({"embeddings": weights}, tmp_path / "model" / "model.safetensors")
    encoder = make_encoder(f"static:{tmp_path / 'model'}", EncoderOptions())
    index = build_dense(small, BuildTask(tmp_path / "index"), encoder)
    (tmp_path / "model").rename(tmp_path / "gone")
    assert "encoder/model.safetensors" in index.manifest.files
    moved = index.path.rename(tmp_path / "elsewhere")
    found = DenseIndex.open(moved).search(small.queries(), SearchOptions(k=3))
    assert found.to_dict() == index.search(small.queries(), SearchOptions(k=3), encoder).to_dict()

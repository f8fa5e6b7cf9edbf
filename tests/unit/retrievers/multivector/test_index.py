"""The multi-vector index: what is written, how it is searched, what is refused."""

import tracemalloc

import numpy as np
import pytest

from intrex.data.collection import Queries
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.store.manifest import verify_artifact
from intrex.data.store.vectors import PackedVectors, PackedWriter, open_packed
from intrex.data.writer import RecordSource, write_collection
from intrex.encoders.base import make_token_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.base import open_index
from intrex.retrievers.info import describe
from intrex.retrievers.multivector import maxsim
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.multivector.options import MultiVectorSearch, TokenStore
from intrex.retrievers.multivector.tokens import StoredTokens
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.search import prepare_search


@pytest.fixture
def encoder():
    return make_token_encoder("hashing:64", EncoderOptions())


@pytest.fixture
def index(small, encoder, tmp_path):
    return build_multivector(small, BuildTask(tmp_path / "index"), encoder)


class Broken:
    """A real encoder whose vectors of one document are spoilt."""

    def __init__(self, encoder, value):
        self.encoder, self.spec, self.value = encoder, encoder.spec, value

    def encode(self, texts, role):
        packed = self.encoder.encode(texts, role)
        packed.vectors[packed.offsets[2] + 1, 5] = self.value
        return packed


def by_definition(encoder, collection, text):
    """Every document's score by the definition, on vectors in float16; None without tokens."""
    query = encoder.encode([text], "query").vectors.astype(np.float64)
    packed = encoder.encode([d.contents for d in collection.documents()], "document")
    vectors = packed.vectors.astype(np.float16).astype(np.float64)
    parts = np.split(vectors, packed.offsets[1:-1])
    ids = [d.id for d in collection.documents()]
    return {i: (query @ p.T).max(axis=1).sum() for i, p in zip(ids, parts, strict=True) if len(p)}


def test_scores_are_maxsim_and_empty_documents_are_not_returned(index, encoder, small):
    run = index.search(small.queries(), SearchOptions(k=10)).to_dict()
    for query, text in zip(small.queries().ids, small.queries().texts, strict=True):
        assert run[query] == pytest.approx(by_definition(encoder, small, text), rel=1e-6)
        assert "d4" not in run[query] and len(run[query]) == 5


def test_a_negative_score_ranks_and_an_empty_document_does_not(small, encoder, tmp_path):
    index = build_multivector(small, BuildTask(tmp_path / "index"), encoder, TokenStore(store="float32"))
    every = index.tokens.read(np.arange(index.tokens.offsets[-1]))
    query = np.linalg.lstsq(every, -np.ones(len(every)), rcond=None)[0].astype(np.float32)
    ((rows, scores),) = index.rank(PackedVectors(query[None], np.array([0, 1])), SearchOptions(k=10))
    assert scores == pytest.approx(-1), "every product is -1"
    assert sorted(rows.tolist()) == [0, 1, 2, 4, 5]


def test_an_empty_query_finds_nothing(index):
    run = index.search(Queries(["a", "b", "c"], ["", "heat", "..."]), SearchOptions(k=3))
    assert run.query_ids.tolist() == [b"b"]
    assert len(index.search(Queries([], []), SearchOptions())) == 0


@pytest.mark.parametrize("options", [{"batch_size": 1}, {"threads": 1}, {"batch_size": 3, "threads": 2}])
@pytest.mark.parametrize("scoring", ["maxsim", "xtr"])
def test_options_do_not_touch_the_ranking(index, small, options, scoring):
    chosen = {"k": 4, "scoring": scoring, **({"token_top_k": 4} if scoring == "xtr" else {})}
    usual = index.search(small.queries(), MultiVectorSearch(**chosen)).to_dict()
    assert index.search(small.queries(), MultiVectorSearch(**chosen, **options)).to_dict() == usual


def test_xtr_with_all_tokens_is_the_mean(index, small):
    usual = index.search(small.queries(), SearchOptions()).to_dict()
    options = MultiVectorSearch(scoring="xtr", token_top_k=index.manifest.params["tokens"])
    lengths = {i: len(t.split()) for i, t in zip(small.queries().ids, small.queries().texts, strict=True)}
    for query, docs in index.search(small.queries(), options).to_dict().items():
        assert docs == pytest.approx({d: s / lengths[query] for d, s in usual[query].items()}, rel=1e-6)


def test_the_manifest_says_what_it_was_made_of(index, small, encoder):
    manifest = verify_artifact(index.path)
    assert (manifest.kind, manifest.collection) == ("multivector", small.corpus_fingerprint)
    assert manifest.encoder == encoder.spec.to_dict()
    total = sum(len(d.contents.split()) for d in small.documents())
    assert manifest.params == {
        "documents": 6, "tokens": total, "store": "float16", "max_norm": pytest.approx(1.0, abs=1e-3), "block": 512,
    }  # fmt: skip
    names = {"tokens.npy", "tokens.offsets.npy", "ids.txt", "ids.offsets.npy", "ids.rank.npy"}
    assert set(manifest.files) == names
    assert np.load(index.path / "tokens.npy").shape == (total, 64)
    assert np.diff(np.load(index.path / "tokens.offsets.npy")).tolist()[3] == 0


@pytest.mark.parametrize(("store", "size"), [("float16", 128), ("float32", 256)])
def test_info_says_what_a_token_takes(small, encoder, tmp_path, store, size):
    params = build_multivector(
        small, BuildTask(tmp_path / "i"), encoder, TokenStore(store=store)
    ).manifest.params
    told = describe(tmp_path / "i")
    headers = 2 * 128 + 7 * 8  # of the two files, and the offsets
    assert told["bytes per token"] == pytest.approx(size + headers / params["tokens"], abs=0.06)
    assert told["tokens per document"] == round(params["tokens"] / 6, 1)
    assert told["store"] == store and told["bytes per document"] > size * told["tokens per document"]


def test_blocks_change_no_byte(small, encoder, tmp_path):
    seen = []
    one = build_multivector(
        small, BuildTask(tmp_path / "one", block=4, stage=lambda *_: seen.append), encoder
    )
    two = build_multivector(small, BuildTask(tmp_path / "two"), encoder)
    assert seen == [4, 2]
    files = [i.manifest.files for i in (one, two)]
    assert files[0] == files[1]


def test_another_encoder_or_dimension_is_refused(index, small):
    other = make_token_encoder("hashing:32", EncoderOptions())
    with pytest.raises(BadInput, match=r"hashing:hashing .* is not the index's hashing:hashing"):
        index.search(small.queries(), SearchOptions(), other)
    with pytest.raises(BadInput, match="32 dimensions do not fit the index's 64"):
        list(index.rank(other.encode(["heat"], "query"), SearchOptions()))


@pytest.mark.parametrize(
    ("value", "store", "words"),
    [
        (np.nan, "float16", "a vector of document d3 has NaN or infinity"),
        (np.inf, "float32", "a vector of document d3 has NaN or infinity"),
        (1e5, "float16", "a vector of document d3 does not fit into float16"),
    ],
)
def test_vectors_that_cannot_be_stored_are_refused_by_name(small, encoder, tmp_path, value, store, words):
    with pytest.raises(BadInput, match=words):
        build_multivector(
            small, BuildTask(tmp_path / "index"), Broken(encoder, value), TokenStore(store=store)
        )
    assert [p for p in tmp_path.iterdir() if "index" in p.name] == []


def test_a_collection_without_a_token_is_refused(encoder, tmp_path):
    def fill(writer):
        writer.document("a", "", "", RecordSource("made", 1))
        writer.document("b", "", "...", RecordSource("made", 2))

    silent = write_collection(tmp_path / "silent", "silent", {"source": "test"}, fill)
    with pytest.raises(BadInput, match="not one of the 2 documents has a token"):
        build_multivector(silent, BuildTask(tmp_path / "index"), encoder)


def test_existing_output_and_unknown_stores_are_refused(small, encoder, index, tmp_path):
    with pytest.raises(IntrexError, match="the output exists"):
        build_multivector(small, BuildTask(index.path), encoder)
    with pytest.raises(UsageError, match="--store is 'float8'"):
        build_multivector(small, BuildTask(tmp_path / "other"), encoder, TokenStore(store="float8"))


@pytest.mark.parametrize("name", ["tokens.npy", "tokens.offsets.npy"])
def test_a_truncated_map_is_refused(index, name):
    data = (index.path / name).read_bytes()
    (index.path / name).write_bytes(data[:-8])
    with pytest.raises(BadInput, match=f"damaged: {name}"):
        open_index(index.path)
    with pytest.raises(BadInput, match="not a sound array"):
        MultiVectorIndex(index.path, index.manifest)


def test_scoring_is_for_this_kind_only(index, small, tmp_path):
    from intrex.retrievers.bm25.build import build_bm25

    with pytest.raises(UsageError, match="--scoring is 'xrt'"):
        prepare_search(index, {"scoring": "xrt"})
    with pytest.raises(UsageError, match="--token-top-k is for --scoring xtr"):
        prepare_search(index, {"token_top_k": 10})
    build_bm25(small, BuildTask(tmp_path / "bm25"))
    with pytest.raises(UsageError, match="--scoring is for multivector indexes, this one is bm25"):
        prepare_search(open_index(tmp_path / "bm25"), {"scoring": "xtr"})


def test_memory_does_not_grow_with_the_corpus(tmp_path):
    rng = np.random.default_rng(0)
    writer = PackedWriter(tmp_path, 64, np.float16)
    for _ in range(10):
        vectors = rng.standard_normal((20_000, 64), dtype=np.float32)
        writer.append(PackedVectors(vectors, np.arange(0, 20_001, 50)))
    writer.close()
    tokens = StoredTokens(open_packed(tmp_path), 20.0)
    queries = PackedVectors(rng.standard_normal((64, 64), dtype=np.float32), np.array([0, 32, 64]))
    rank = np.arange(4000, dtype=np.uint32)
    maxsim.search(tokens, queries, rank, 10, 1)
    tracemalloc.start()
    maxsim.search(tokens, queries, rank, 10, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20, "25 MB of vectors, 51 MB in float32"

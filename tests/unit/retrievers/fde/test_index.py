"""The FDE index: what is written, how candidates are found and ranked, what is refused."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Queries
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.store.manifest import verify_artifact
from intrex.data.store.vectors import PackedVectors
from intrex.encoders.base import make_token_encoder
from intrex.encoders.fde.config import FdeConfig
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.base import open_index
from intrex.retrievers.fde import source as fde_source
from intrex.retrievers.fde.build import build_fde
from intrex.retrievers.fde.index import FdeIndex, merge_tokens
from intrex.retrievers.fde.options import FdeBuild, FdeSearch
from intrex.retrievers.fde.source import EncodedCollection, TokenIndex, open_source
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.multivector.options import TokenStore
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.search import prepare_search
from intrex.retrievers.vectors.options import AnnConfig

CONFIG = FdeConfig(32, reps=6, k_sim=3, d_proj=8)
ENGINES = ("flat", "hnsw", "sq8", "ivf", "ivf-sq8", "hnsw-sq8")


@pytest.fixture
def encoder():
    return make_token_encoder("hashing:32", EncoderOptions())


@pytest.fixture
def tokens(small, encoder, tmp_path):
    return build_multivector(small, BuildTask(tmp_path / "tokens"), encoder)


@pytest.fixture
def index(tokens, tmp_path):
    return build_fde(TokenIndex(tokens), BuildTask(tmp_path / "fde"), CONFIG)


def test_what_is_written(index, tokens, small) -> None:
    manifest = verify_artifact(index.path)
    assert (manifest.kind, manifest.collection) == ("fde", small.corpus_fingerprint)
    assert set(manifest.files) == {
        "vectors.npy", "empty.npy", "projections.npy", "ids.txt", "ids.offsets.npy", "ids.rank.npy"
    }  # fmt: skip
    assert manifest.params["source"] == {"path": "../tokens", "fingerprint": tokens.manifest.fingerprint}
    assert manifest.params["fde_dim"] == 6 * 8 * 8 and manifest.encoder == tokens.manifest.encoder
    vectors = np.load(index.path / "vectors.npy")
    assert (
        vectors.shape == (6, 384)
        and not vectors[3].any()
        and np.load(index.path / "empty.npy").tolist() == [3]
    )


def test_the_score_is_the_product_of_the_fdes(index, tokens, small) -> None:
    run = index.search(small.queries(), SearchOptions()).to_dict()
    for name, text in zip(small.queries().ids, small.queries().texts, strict=True):
        query = index.fde.encode(tokens.encode([text]), "query")[0].astype(np.float64)
        for row, document in enumerate(("d1", "d2", "d3", "d4", "d5", "ünï-6")):
            if document == "d4":
                assert document not in run[name], "a document without tokens is never returned"
                continue
            assert run[name][document] == np.float32(index.nearest.vectors[row].astype(np.float64) @ query)


def test_from_the_collection_it_is_the_same(index, small, encoder, tmp_path) -> None:
    seen = []
    other = build_fde(
        EncodedCollection(small, encoder),
        BuildTask(tmp_path / "other", block=2, stage=lambda *_: seen.append),
        CONFIG,
    )
    assert seen == [2, 2, 2]
    # float16 tokens in the store, float32 ones here: hashed token vectors are the same but for their last bits
    np.testing.assert_allclose(other.nearest.vectors, index.nearest.vectors, atol=2e-2)
    assert other.search(small.queries(), SearchOptions(k=3)).to_dict().keys() == {"q1", "q2", "q3", "q4"}


def test_blocks_change_no_byte(index, tokens, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fde_source, "NUMBERS_AT_ONCE", 1)
    other = build_fde(TokenIndex(tokens), BuildTask(tmp_path / "other", block=4), CONFIG)
    assert other.manifest.fingerprint == index.manifest.fingerprint


@pytest.mark.parametrize("engine", ENGINES)
def test_all_candidates_ranked_are_the_exact_search(engine, tokens, small, tmp_path) -> None:
    if engine != "flat":
        pytest.importorskip("faiss")
    exact = tokens.search(small.queries(), SearchOptions()).to_dict()
    index = build_fde(TokenIndex(tokens), BuildTask(tmp_path / "fde"), CONFIG, ann=AnnConfig(engine=engine))
    assert (tmp_path / "fde/vectors.npy").exists() == (engine == "flat")
    shared = index.manifest.params.get("shared_nodes")  # two documents are alike
    assert shared == (1 if "hnsw" in engine else None)
    for options in ({"batch_size": 1}, {"threads": 2, "batch_size": 3}, {"k": 2}):
        run = index.search(small.queries(), FdeSearch(candidates=100, **options)).to_dict()
        k = options.get("k", 1000)
        assert run == {query: dict(list(docs.items())[:k]) for query, docs in exact.items()}


def test_fewer_candidates_are_the_nearest_by_fde(index, tokens, small) -> None:
    nearest = index.search(small.queries(), SearchOptions(k=2)).to_dict()
    exact = tokens.search(small.queries(), SearchOptions()).to_dict()
    for query, docs in index.search(small.queries(), FdeSearch(candidates=2)).to_dict().items():
        assert set(docs) == set(nearest[query]) and docs == {d: exact[query][d] for d in docs}


def test_a_query_without_tokens_finds_nothing(index) -> None:
    asked = Queries(["a", "b", "c"], ["", "heat", "..."])
    for candidates in (None, 3):
        assert set(index.search(asked, FdeSearch(candidates=candidates)).to_dict()) == {"b"}
    assert len(index.search(Queries([], []), SearchOptions())) == 0


def test_faiss_finds_what_numpy_finds(index, small) -> None:
    pytest.importorskip("faiss")
    usual = index.search(small.queries(), SearchOptions(k=3)).to_dict()
    assert index.search(small.queries(), FdeSearch(k=3, engine="faiss")).to_dict() == usual


def test_carving_is_greedy_and_never_above_the_exact_score(index, tokens, small) -> None:
    a, b, c = (1.0, 0.0), (0.8, 0.6), (0.0, 1.0)
    packed = PackedVectors(np.array([a, b, c, a, c, (0.1, 0)], np.float32), np.array([0, 4, 4, 6]))
    carved = merge_tokens(packed, 0.7)
    # the first takes b and the other a; c, which b is as near to, comes too late
    np.testing.assert_allclose(carved.vectors, [(2.8, 0.6), (0, 1), (0, 1), (0.1, 0)], atol=1e-6)
    assert carved.offsets.tolist() == [0, 2, 2, 4]
    assert np.array_equal(merge_tokens(packed, 5.0).vectors, packed.vectors)
    exact = tokens.search(small.queries(), SearchOptions()).to_dict()
    run = index.search(small.queries(), FdeSearch(candidates=10, ball_carving=0.1)).to_dict()
    assert all(score <= exact[q][d] + 1e-5 for q, docs in run.items() for d, score in docs.items())
    assert index.search(small.queries(), FdeSearch(candidates=10, ball_carving=1.5)).to_dict() == exact


def test_another_encoder_is_refused_by_name(index, small) -> None:
    with pytest.raises(BadInput, match="is not the index's hashing:hashing"):
        index.search(small.queries(), SearchOptions(), make_token_encoder("hashing:16", EncoderOptions()))


def test_other_projections_in_the_folder_are_noticed(index) -> None:
    file = index.path / "projections.npy"
    raw = bytearray(file.read_bytes())
    raw[-2] ^= 1
    file.write_bytes(bytes(raw))
    with pytest.raises(BadInput, match="the projections are not those that the documents were encoded with"):
        open_index(index.path)


def test_a_source_that_moved_or_changed_is_noticed(index, tokens, small, tmp_path) -> None:
    tokens.path.rename(tmp_path / "moved")
    with pytest.raises(BadInput, match=r"not found: .*tokens"):
        open_index(index.path).prepare(FdeSearch(candidates=3))
    assert len(open_index(index.path).search(small.queries(), SearchOptions())) == 4, (
        "without candidates it is not needed"
    )
    build_multivector(
        small,
        BuildTask(tokens.path),
        make_token_encoder("hashing:32", EncoderOptions()),
        TokenStore(store="float32"),
    )
    with pytest.raises(BadInput, match=r"is not the multivector index that .* was built from"):
        open_index(index.path).prepare(FdeSearch(candidates=3))


def test_the_two_folders_may_move_together(index, tokens, small, tmp_path) -> None:
    (tmp_path / "there").mkdir()
    for path in (index.path, tokens.path):
        path.rename(tmp_path / "there" / path.name)
    (tmp_path / "link").symlink_to(tmp_path / "there" / "fde")
    moved = FdeIndex.open(tmp_path / "link")
    assert len(moved.search(small.queries(), FdeSearch(candidates=10))) == 4


def test_without_kept_tokens_there_are_no_candidates(small, encoder, tmp_path) -> None:
    index = build_fde(EncodedCollection(small, encoder), BuildTask(tmp_path / "fde"), CONFIG)
    with pytest.raises(BadInput, match="the token vectors were not kept"):
        prepare_search(index, {"candidates": 3})


def test_options_that_mean_nothing_are_refused(index, tokens) -> None:
    for other, values, message in (
        (index, {"ball_carving": 0.7}, "--ball-carving is for --candidates"),
        (index, {"candidates": 3, "ball_carving": 0.0}, "a finite number above 0"),
        (index, {"candidates": 3, "ball_carving": float("nan")}, "a finite number above 0"),
        (index, {"nprobe": 3}, "--nprobe is for indexes built with --engine ivf.*, this one is fde"),
        (tokens, {"ball_carving": 0.7}, "--ball-carving is for fde indexes, this one is multivector"),
        (tokens, {"candidates": 7}, "--candidates is for --engine sv-heuristic"),
    ):
        with pytest.raises(UsageError, match=message):
            prepare_search(other, values)


class Spoilt:
    """The hashing encoder, but that one document gets NaN."""

    def __init__(self, encoder) -> None:
        self._encoder, self.spec, self.save = encoder, encoder.spec, encoder.save

    def encode(self, texts, role):
        packed = self._encoder.encode(texts, role)
        bad = next(i for i, text in enumerate(texts) if "heat transfer" in text)
        packed.vectors[packed.offsets[bad]] = np.nan
        return packed


def test_nan_names_the_document_and_leaves_nothing(small, encoder, tmp_path) -> None:
    with pytest.raises(BadInput, match="a token vector of document 'd3' has NaN or infinity"):
        build_fde(EncodedCollection(small, Spoilt(encoder)), BuildTask(tmp_path / "fde"), CONFIG)
    assert [p.name for p in tmp_path.iterdir() if "fde" in p.name] == []


def test_tokens_of_another_dimension_are_refused(tokens, tmp_path) -> None:
    with pytest.raises(BadInput, match="FDEs of tokens of 16 dimensions, the tokens have 32"):
        build_fde(TokenIndex(tokens), BuildTask(tmp_path / "fde"), FdeConfig(16))


def test_what_does_not_fit_is_refused_before_any_work(tokens, tmp_path, monkeypatch) -> None:
    huge = FdeConfig(32, reps=100, k_sim=20, d_proj=None)
    monkeypatch.setattr("intrex.data.system.machine.memory", lambda: 8 << 30)
    with pytest.raises(
        IntrexError, match=r"FDEs of 3,355,443,200 dimensions needs .* GiB of memory, there are 8.0 GiB"
    ):
        build_fde(TokenIndex(tokens), BuildTask(tmp_path / "fde"), huge)
    monkeypatch.setattr("intrex.data.system.machine.memory", lambda: 1 << 50)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Disk", (), {"free": 1 << 30}))
    with pytest.raises(IntrexError, match=r"of 6 documents needs .* GiB of disk, 1.0 GiB are free"):
        build_fde(TokenIndex(tokens), BuildTask(tmp_path / "fde"), huge)
    assert list(tmp_path.glob("*fde*")) == []


def test_sources(small, tokens, index, tmp_path) -> None:
    source, options = open_source(tokens.path, FdeBuild()), FdeBuild(reps=2, d_proj=0)
    built = build_fde(source, BuildTask(tmp_path / "a"), options.config(source.spec.dim))
    assert source.documents == 6 and built.fde.config == FdeConfig(32, reps=2, d_proj=None)
    source, options = open_source(small.path, FdeBuild(encoder="hashing:32")), FdeBuild(reps=2, d_proj=4)
    build_fde(source, BuildTask(tmp_path / "b"), options.config(source.spec.dim))
    with pytest.raises(UsageError, match="a collection needs --encoder"):
        open_source(small.path, FdeBuild())
    for options in (FdeBuild(encoder="hashing:32"), FdeBuild(max_length=4)):
        with pytest.raises(UsageError, match="has its encoder and its tokens already"):
            open_source(tokens.path, options)
    with pytest.raises(BadInput, match="holds an index of kind fde"):
        open_source(index.path, FdeBuild())


def test_index_info_says_what_it_is(index, intrex) -> None:
    said = intrex(f"index info {index.path}").out.splitlines()
    assert {"kind,fde", "fde reps,6", "fde k_sim,3", "fde_dim,384", "source path,../tokens"} <= set(said)


def test_a_final_projection_is_kept(tokens, small, tmp_path) -> None:
    for kind in ("dense", "countsketch"):
        config = FdeConfig(32, 4, 3, None, final_dim=100, final_projection=kind)
        index = build_fde(TokenIndex(tokens), BuildTask(tmp_path / kind), config)
        assert index.nearest.shape == (6, 100) and Path(index.path, "final.npy").is_file()
        assert (
            open_index(index.path).search(small.queries(), SearchOptions()).to_dict()
            == index.search(small.queries(), SearchOptions()).to_dict()
        )

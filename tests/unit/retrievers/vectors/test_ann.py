"""Approximate engines: deterministic, ranked by exact scores of what is kept, refused where they cannot work."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.base import open_index
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.search import prepare_search
from intrex.retrievers.vectors import ann as module
from intrex.retrievers.vectors.nearest import FlatSearch
from intrex.retrievers.vectors.options import ENGINES, FLAT, AnnConfig, NearestOptions

faiss = pytest.importorskip("faiss")
APPROXIMATE = sorted(set(ENGINES) - {"flat"})
N, DIM = 900, 32


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((30, DIM))
    return (centers[rng.integers(0, 30, N)] + 0.4 * rng.standard_normal((N, DIM))).astype(np.float32)


@pytest.fixture(scope="module")
def queries(vectors: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    return vectors[rng.choice(N, 12)] + 0.1 * rng.standard_normal((12, DIM), dtype=np.float32)


RANK = np.random.default_rng(2).permutation(N).astype(np.uint32)


def made(vectors: np.ndarray, engine: str, folder: Path, threads: int = 1) -> AnnConfig:
    folder.mkdir()
    numbers = {"links": 8} if "hnsw" in engine else {"pq_nbits": 6} if "pq" in engine else {}
    config = AnnConfig(engine=engine, **numbers).resolved(*vectors.shape)
    module.build_ann(vectors, config, folder, threads)
    return config


def ranked(search, queries: np.ndarray, **options) -> list[tuple[list[int], list[float]]]:
    return [(r.tolist(), s.tolist()) for r, s in search.rank(queries, NearestOptions(**options))]


@pytest.mark.parametrize("engine", APPROXIMATE)
def test_built_by_any_number_of_threads_it_is_the_same_bytes(engine, vectors, tmp_path) -> None:
    for threads in (1, 2):
        made(vectors, engine, tmp_path / str(threads), threads)
    assert (tmp_path / "1/ann.faiss").read_bytes() == (tmp_path / "2/ann.faiss").read_bytes()


@pytest.mark.parametrize("engine", APPROXIMATE)
def test_scores_are_exact_and_batches_and_threads_change_nothing(engine, vectors, queries, tmp_path) -> None:
    config = made(vectors, engine, tmp_path / "a")
    kept = module.AnnSearch(tmp_path / "a", config, 100.0, RANK, vectors)
    alone = module.AnnSearch(tmp_path / "a", config, 100.0, RANK)
    usual = ranked(kept, queries, k=20, threads=1, batch_size=1)
    assert ranked(kept, queries, k=20, threads=3, batch_size=5) == usual
    wide = vectors.astype(np.float64)
    for (rows, scores), query in zip(usual, queries.astype(np.float64), strict=True):
        assert len(rows) == len(set(rows)) == 20
        assert scores == (wide[rows] @ query).astype(np.float32).tolist()
        assert sorted(zip(scores, RANK[rows].tolist(), strict=True), reverse=True) == list(
            zip(scores, RANK[rows].tolist(), strict=True)
        )
    codes = alone._index.reconstruct_n(0, N) if not config.ivf else None
    for (rows, scores), query in zip(ranked(alone, queries, k=20), queries, strict=True):
        if codes is not None:
            assert (
                scores
                == (codes[rows].astype(np.float64) @ query.astype(np.float64)).astype(np.float32).tolist()
            )
        if not config.lossy:
            assert scores == (wide[rows] @ query.astype(np.float64)).astype(np.float32).tolist()


@pytest.mark.parametrize("engine", APPROXIMATE)
def test_it_finds_most_of_the_nearest(engine, vectors, queries, tmp_path) -> None:
    config = made(vectors, engine, tmp_path / "a")
    exact = ranked(FlatSearch(vectors, 100.0, RANK), queries, k=10)
    search = module.AnnSearch(tmp_path / "a", config, 100.0, RANK, vectors)
    found = ranked(search, queries, k=10)
    shared = [len(set(a) & set(b)) for (a, _), (b, _) in zip(exact, found, strict=True)]
    assert np.mean(shared) >= (6 if "pq" in engine else 8.5)
    far = {"ef_search": N, "nprobe": N}
    if not config.lossy:
        assert ranked(search, queries, k=10, **far) == exact, "all lists, or a graph seen whole, is exact"
    if not engine.startswith("hnsw"):  # a graph need not reach every node
        assert all(len(rows) == N for rows, _ in ranked(search, queries, k=10 * N, **far))


def test_parts_learnt_apart_are_those_that_faiss_learns_together(vectors, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "PARTS_AT_ONCE", 3)
    config = made(vectors, "pq", tmp_path / "a", threads=2)
    theirs = faiss.index_factory(DIM, config.factory, faiss.METRIC_INNER_PRODUCT)
    theirs.pq.cp.min_points_per_centroid = 1
    theirs.train(vectors)
    theirs.add(vectors)
    faiss.write_index(theirs, str(tmp_path / "theirs"))
    assert (tmp_path / "a/ann.faiss").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_flat_faiss_equals_the_exact_search(vectors, queries) -> None:
    search = FlatSearch(vectors, 100.0, RANK)
    exact = ranked(search, queries, k=30)
    assert ranked(search, queries, k=30, engine="faiss") == exact
    wide = vectors.astype(np.float64)
    for (rows, scores), query in zip(exact, queries.astype(np.float64), strict=True):
        every = (wide @ query).astype(np.float32)
        order = np.lexsort((RANK, every))[::-1][:30]
        assert rows == order.tolist() and scores == every[order].tolist()


def test_dense_indexes_keep_their_vectors_and_rank_by_them(small, tmp_path) -> None:
    encoder = make_encoder("hashing:16", EncoderOptions())
    usual = build_dense(small, BuildTask(tmp_path / "flat"), encoder).search(small.queries(), SearchOptions())
    for engine in ("hnsw", "sq8", "ivf"):
        build_dense(small, BuildTask(tmp_path / engine), encoder, ann=AnnConfig(engine=engine))
        index = open_index(tmp_path / engine)
        assert (tmp_path / engine / "vectors.npy").is_file() and index.manifest.params["ann"][
            "engine"
        ] == engine
        options = prepare_search(index, {"hnsw": {"ef_search": 100}, "ivf": {"nprobe": 6}}.get(engine, {}))
        assert index.search(small.queries(), options).to_dict() == usual.to_dict()
        assert prepare_search(index, {"engine": engine}) == prepare_search(index, {})
        with pytest.raises(UsageError, match=f"this one was built with --engine {engine}"):
            prepare_search(index, {"engine": "faiss"})
    with pytest.raises(UsageError, match="--nprobe is for indexes built with --engine ivf"):
        prepare_search(open_index(tmp_path / "hnsw"), {"nprobe": 3})
    with pytest.raises(
        UsageError,
        match="--ef-search is for indexes built with --engine hnsw or hnsw-sq8, this one is dense",
    ):
        prepare_search(open_index(tmp_path / "flat"), {"ef_search": 10})


def test_a_damaged_file_is_named(vectors, tmp_path) -> None:
    config = made(vectors, "hnsw", tmp_path / "a")
    file = tmp_path / "a/ann.faiss"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(BadInput, match=r"not a sound faiss index .*ann\.faiss"):
        module.AnnSearch(tmp_path / "a", config, 1.0, RANK)


def test_queries_that_do_not_fit_are_refused(vectors, tmp_path) -> None:
    search = module.AnnSearch(tmp_path / "a", made(vectors, "sq8", tmp_path / "a"), 100.0, RANK)
    with pytest.raises(BadInput, match=f"of 5 dimensions do not fit the index's {DIM}"):
        list(search.rank(np.zeros((1, 5), np.float32), SearchOptions()))
    with pytest.raises(BadInput, match="not finite"):
        list(search.rank(np.full((1, DIM), np.nan, np.float32), SearchOptions()))


def test_what_does_not_fit_into_memory_is_refused_with_the_number(vectors, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("intrex.data.system.machine.memory", lambda: 1000)
    with pytest.raises(
        IntrexError, match=r"building hnsw of 900 vectors \[32\] needs .* GiB of memory, there are"
    ):
        made(vectors, "hnsw", tmp_path / "a")


@pytest.mark.parametrize(
    "engine, options, message",
    [
        ("tree", {}, "--engine is 'tree'"),
        ("pq", {"pq_m": 7}, "32 dimensions cannot be cut into 7 equal parts"),
        ("pq", {"pq_nbits": 10}, "codes of 10 bits need 1,024 vectors to learn from, there are 900"),
        ("ivf", {"lists": 901}, "901 lists for 900 vectors"),
    ],
)
def test_what_cannot_be_built_is_refused(engine, options, message) -> None:
    with pytest.raises(UsageError, match=message):
        AnnConfig(engine=engine, **options).resolved(N, DIM)


def test_what_is_not_given_is_filled_in() -> None:
    assert AnnConfig(engine="pq").resolved(60_000, 10_240).pq_m == 1280, "PQ-256-8 of the paper: 1,280 bytes"
    assert (
        AnnConfig(engine="ivf").resolved(60_000, 64).lists == 979
        and AnnConfig(engine="ivf").resolved(6, 4).lists == 1
    )
    config = AnnConfig(engine="ivf-pq").resolved(60_000, 64)
    assert config.factory == "IVF979,PQ8x8np" and AnnConfig.read(config.params()) == config
    assert FLAT.params() == {"engine": "flat"}


def test_numbers_are_for_the_engines_that_have_them() -> None:
    assert AnnConfig.read({"engine": "hnsw", "M": 16}) == AnnConfig(engine="hnsw", links=16)
    for values, message in (
        ({"engine": "hsnw"}, "--engine is 'hsnw'"),
        ({"engine": "pq", "M": 8}, "--M is for --engine hnsw"),
        ({"nlist": 8}, "--nlist is for --engine ivf"),
        ({"engine": "pq", "pq_nbits": 13}, "--pq-nbits is 13, needed: 1 to 12"),
    ):
        with pytest.raises(UsageError, match=message):
            AnnConfig.read(values)


def test_pyserinis_flags_name_engines(intrex) -> None:
    for flags, message in (
        ("--hnsw --pq", "two values of --engine: hnsw, pq"),
        ("--engine flat --pq", "two values of --engine: flat, pq"),
        ("--pq --M 8", "--M is for --engine hnsw or hnsw-sq8"),
    ):
        said = intrex(f"index dense nowhere out --encoder hashing {flags}")
        assert said.code == 2 and message in said.err


_AFTER = """
import torch
import numpy as np
from intrex.retrievers.vectors.ann import faiss_scan
from intrex.retrievers.vectors.exact import Pool

torch.set_num_threads(3)
torch.get_num_threads()
vectors = np.random.default_rng(0).standard_normal((300, 8), np.float32)
faiss_scan(vectors[:2], vectors, 0, [Pool(5, 1e-3), Pool(5, 1e-3)], 5, 1)
assert torch.get_num_threads() == 3, torch.get_num_threads()
"""


@pytest.mark.model
def test_torch_keeps_its_threads() -> None:
    """Where torch is imported first, faiss's number of threads is torch's."""
    pytest.importorskip("torch")
    said = subprocess.run([sys.executable, "-c", _AFTER], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr

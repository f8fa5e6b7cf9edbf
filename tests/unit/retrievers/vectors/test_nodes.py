"""Graphs: rows of equal vectors or codes share a node, and all of them are found."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.data.store.manifest import verify_artifact
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.base import open_index
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.search import prepare_search
from intrex.retrievers.vectors import ann
from intrex.retrievers.vectors.nearest import FlatSearch
from intrex.retrievers.vectors.nodes import FILE, Nodes, number_nodes
from intrex.retrievers.vectors.options import HNSW, AnnConfig, NearestOptions

faiss = pytest.importorskip("faiss")
DIM, DIFFERENT, EQUAL = 24, 500, 2500
N = DIFFERENT + EQUAL


@pytest.fixture(scope="module", params=["equal first", "equal last", "mixed"])
def vectors(request: pytest.FixtureRequest) -> np.ndarray:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((DIFFERENT + 1, DIM), dtype=np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    rows = np.concatenate([np.full(EQUAL, DIFFERENT), np.arange(DIFFERENT)])
    if request.param == "equal last":
        rows = rows[::-1]
    elif request.param == "mixed":
        rng.shuffle(rows)
    return np.ascontiguousarray(points[rows])


RANK = np.random.default_rng(2).permutation(N).astype(np.uint32)


def made(vectors: np.ndarray, engine: str, folder: Path) -> tuple[AnnConfig, int]:
    folder.mkdir()
    config = AnnConfig(engine=engine).resolved(*vectors.shape)
    return config, ann.build_ann(vectors, config, folder, threads=1)


@pytest.mark.parametrize("engine", HNSW)
@pytest.mark.parametrize("kept", [True, False])
def test_every_document_is_found_by_its_own_vector(engine, kept, vectors, tmp_path) -> None:
    config, shared = made(vectors, engine, tmp_path / "a")
    assert shared >= EQUAL - 1
    search = ann.AnnSearch(tmp_path / "a", config, 2.0, RANK, vectors if kept else None)
    assert search.shape == (N, DIM)
    for row, (rows, scores) in enumerate(search.rank(vectors, NearestOptions(k=10))):
        assert len(rows) == 10 and (vectors[rows[scores == scores[0]]] == vectors[row]).all(axis=1).any()


def test_equal_rows_are_ranked_as_by_the_exact_search(vectors, tmp_path) -> None:
    """Float32 score descending, then the id's rank descending, the thousands of equal rows too."""
    config, _ = made(vectors, "hnsw", tmp_path / "a")
    queries = vectors[:: N // 20]
    for k in (1, 10, 700, N):
        options = NearestOptions(k=k, ef_search=N)
        found = ann.AnnSearch(tmp_path / "a", config, 2.0, RANK, vectors).rank(queries, options)
        exact = FlatSearch(vectors, 2.0, RANK).rank(queries, options)
        for (rows, scores), (want, values) in zip(found, exact, strict=True):
            assert rows.tolist() == want.tolist() and scores.tolist() == values.tolist()


def test_vectors_whose_codes_are_equal_share_a_node_and_keep_their_own_scores(vectors, tmp_path) -> None:
    moved = vectors.copy()
    moved[:, 0] += np.linspace(0, 1e-6, N, dtype=np.float32)  # below a 255th of what the codes tell apart
    assert len(np.unique(moved, axis=0)) > len(np.unique(vectors, axis=0))
    config, shared = made(moved, "hnsw-sq8", tmp_path / "a")
    assert shared > N - 2 * DIFFERENT
    search = ann.AnnSearch(tmp_path / "a", config, 2.0, RANK, moved)
    wide = moved.astype(np.float64)
    for query, (rows, scores) in zip(
        moved[::100], search.rank(moved[::100], NearestOptions(k=50)), strict=True
    ):
        assert scores.tolist() == (wide[rows] @ query.astype(np.float64)).astype(np.float32).tolist()


@pytest.mark.parametrize("engine", HNSW)
def test_without_equal_rows_the_file_is_faisss_own(engine, tmp_path) -> None:
    points = np.random.default_rng(3).standard_normal((300, DIM), dtype=np.float32)
    config, shared = made(points, engine, tmp_path / "a")
    theirs = faiss.index_factory(DIM, config.factory, faiss.METRIC_INNER_PRODUCT)
    theirs.hnsw.efConstruction = config.ef_construction
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    theirs.train(points)
    theirs.add(points)
    faiss.omp_set_num_threads(threads)  # they are torch's too
    faiss.write_index(theirs, str(tmp_path / "theirs"))
    assert shared == 0 and not (tmp_path / "a" / FILE).exists()
    assert (tmp_path / "a/ann.faiss").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_an_older_graph_with_a_node_for_each_row_is_read(vectors, tmp_path) -> None:
    config = AnnConfig(engine="hnsw").resolved(N, DIM)
    older = faiss.index_factory(DIM, config.factory, faiss.METRIC_INNER_PRODUCT)
    older.add(vectors)
    faiss.write_index(older, str(tmp_path / "ann.faiss"))
    search = ann.AnnSearch(tmp_path, config, 2.0, RANK, vectors)
    assert search.shape == (N, DIM)
    assert all(len(rows) == 5 for rows, _ in search.rank(vectors[:3], NearestOptions(k=5)))


def test_nodes_that_cannot_be_are_refused(vectors, tmp_path) -> None:
    config, _ = made(vectors, "hnsw", tmp_path / "a")
    file = tmp_path / "a" / FILE
    node = np.load(file)
    for wrong, message in (
        (np.where(node == node.max(), node.max() + 1, node), "not from 0 to"),
        (np.where(node == 3, -1, node), "not from 0 to"),
        (np.where(node == 3, 4, node), "a node without a row"),
        (node[:-1], "an array of shape"),
        (node.astype(np.int64), "numbers of type int64"),
    ):
        np.save(file, wrong)
        with pytest.raises(BadInput, match=message):
            ann.AnnSearch(tmp_path / "a", config, 2.0, RANK, vectors)
    file.unlink()
    with pytest.raises(BadInput, match=f"vectors for {N:,} documents"):
        ann.AnnSearch(tmp_path / "a", config, 2.0, RANK, vectors)


def test_numbers_of_nodes_do_not_depend_on_blocks_or_the_sign_of_zero() -> None:
    rows = np.array([[0.0, 1], [2, 3], [-0.0, 1], [2, 3], [1, 0]], np.float32)
    for step in (1, 2, 5):
        node, first = number_nodes(rows[i : i + step] for i in range(0, 5, step))
        assert node.tolist() == [0, 1, 0, 1, 2] and first.tolist() == [0, 1, 4]
    nodes = Nodes(node, 3)
    assert nodes.rows(np.array([1, 0])).tolist() == [0, 1, 2, 3] and not len(
        nodes.rows(np.empty(0, np.int64))
    )
    empty, none = number_nodes([])
    assert not len(empty) and not len(none)


@pytest.mark.parametrize("engine", HNSW)
def test_a_dense_index_says_how_many_rows_share_nodes(engine, tmp_path) -> None:
    def fill(writer: CollectionWriter) -> None:
        for i in range(40):
            writer.document(f"d{i}", "", "" if i % 2 else f"word{i}", RecordSource("corpus", i + 1))
        writer.query("q", "word6", RecordSource("queries", 1))

    collection = write_collection(tmp_path / "c", "c", {"source": "test"}, fill)
    encoder = make_encoder("hashing:512", EncoderOptions())
    exact = build_dense(collection, BuildTask(tmp_path / "flat"), encoder).search(
        collection.queries(), SearchOptions()
    )
    build_dense(collection, BuildTask(tmp_path / "i"), encoder, ann=AnnConfig(engine=engine))
    verify_artifact(tmp_path / "i")
    index = open_index(tmp_path / "i")
    assert index.manifest.params["shared_nodes"] == 19 and FILE in index.manifest.files
    assert index.search(collection.queries(), prepare_search(index, {})).to_dict() == exact.to_dict()

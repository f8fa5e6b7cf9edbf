"""Feedback on vectors: the formulas, the queries that it makes in each kind of index, rounds; algorithms 4.1, 4.5 and 10.3."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import as_strings
from intrex.data.run import Run
from intrex.data.tags import tag_of
from intrex.retrievers.base import open_index
from intrex.retrievers.dense.options import DenseSearch
from intrex.retrievers.options import INDEXES
from intrex.retrievers.prf.options import VectorFeedback
from intrex.retrievers.prf.vector import move
from intrex.retrievers.search import prepare_search, run_search
from tests.contract.test_indexes import BUILD

KINDS = ("dense", "impact", "fde")
QUERY = np.array([1, 0], np.float32)
DOCUMENTS = np.array([[0, 1], [0.6, 0.8]], np.float32)
VECTORS = arrays(np.float32, (6, 4), elements=st.floats(-8, 8, width=32))


@pytest.fixture(params=KINDS)
def searched(request, small: Collection, tmp_path: Path):
    """An index, and a function that searches it with the small collection's queries."""
    BUILD[request.param](small, tmp_path / "i")
    index, queries = open_index(tmp_path / "i"), small.queries()

    def search(**values: object) -> list:
        return content(run_search(index, queries, prepare_search(index, values), tag="t"))

    return index, search


def rocchio(alpha: float, beta: float, **more: float) -> VectorFeedback:
    return VectorFeedback(
        prf_method="rocchio", prf_depth=9, rocchio_alpha=alpha, rocchio_beta=beta, rocchio_topk=9, **more
    )


def content(run: Run) -> list[tuple[str, list[str], list[float]]]:
    return [(q.decode(), as_strings(docs), scores.tolist()) for q, docs, scores in run.rankings()]


def rows(run: Run) -> dict[str, list[str]]:
    return {q.decode(): as_strings(docs) for q, docs, _ in run.rankings()}


def test_the_worked_numbers() -> None:
    average = move(QUERY, DOCUMENTS, VectorFeedback(prf_depth=2))
    np.testing.assert_allclose(average, [0.533333, 0.6], atol=1e-6)
    np.testing.assert_allclose(move(QUERY, DOCUMENTS, rocchio(0.4, 0.6)), [0.58, 0.54], atol=1e-6)
    away = move(QUERY, DOCUMENTS, rocchio(0.4, 0.6, rocchio_gamma=0.5, rocchio_bottomk=1))
    np.testing.assert_allclose(away, [0.58 - 0.3, 0.54 - 0.4], atol=1e-6)


@settings(deadline=None)
@given(VECTORS)
def test_identities(vectors: np.ndarray) -> None:
    query, documents = vectors[0], vectors[1:]
    k = len(documents)
    assert (move(query, documents[:0], VectorFeedback(prf_depth=3)) == query).all()
    assert (move(query, documents, rocchio(1, 0, rocchio_gamma=0.0)) == query).all()
    same = np.repeat(query[None], 3, axis=0)
    np.testing.assert_allclose(move(query, same, rocchio(0.4, 0.2)), 0.6 * query, rtol=1e-5, atol=1e-6)
    mean = move(query, documents, VectorFeedback(prf_depth=k))
    by_rocchio = move(query, documents, rocchio(1 / (k + 1), k / (k + 1)))
    np.testing.assert_allclose(mean, by_rocchio, rtol=1e-5, atol=1e-5)


def test_depth_and_topk_are_apart() -> None:
    """pyserini's first documented command reads five documents and moves towards three of them."""
    five = np.eye(5, dtype=np.float32)
    moved = move(np.zeros(5, np.float32), five, VectorFeedback(prf_method="rocchio", prf_depth=5))
    np.testing.assert_allclose(moved, [0.1 / 3] * 3 + [0, 0], rtol=1e-6)


def test_a_vector_that_overflows_is_refused() -> None:
    with pytest.raises(BadInput, match="so long that it is not finite"):
        move(QUERY * 1e30, DOCUMENTS, rocchio(1e30, 0.1))


def test_options_have_one_form_for_each_search() -> None:
    off = DenseSearch(prf_depth=0, prf_method="rocchio", rocchio_alpha=0.2, rounds=3)
    assert off == DenseSearch() and tag_of("d", off) == "d"
    assert DenseSearch(prf_depth=3, rounds=1) == DenseSearch()
    assert DenseSearch(prf_depth=3) == DenseSearch(prf_depth=3, prf_method="avg")
    assert tag_of("d", DenseSearch(prf_depth=3)) == "d+avg(prf_depth=3)"
    assert DenseSearch(prf_depth=3).first_search(k=7) == DenseSearch(k=7)
    after = DenseSearch(prf_depth=0, interpolate="both", partner="b", alpha=0.2)
    assert after.interpolate == "after" and replace(after, k=5).alpha == 0.2
    assert DenseSearch(prf_depth=0, interpolate="before", partner="b", alpha=0.2) == DenseSearch()
    mixed = DenseSearch(
        prf_depth=3, rocchio_alpha=0.4, prf_method="rocchio", interpolate="after", partner="b"
    )
    assert tag_of("d", mixed) == "d+rocchio(prf_depth=3,alpha=0.4)+after(with=b)"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prf_method": "avg"}, "--prf-method is for --prf-depth"),
        ({"prf_depth": 3, "rocchio_beta": 1.0}, "--rocchio-beta is for --prf-method rocchio"),
        ({"prf_depth": 3, "prf_method": "ance-prf"}, "--prf-method is 'ance-prf'"),
        ({"rounds": 2}, "--rounds is for --prf-depth"),
        ({"prf_depth": -1}, "--prf-depth is -1"),
        ({"prf_depth": 3, "interpolate": "both"}, "there is one"),
        ({"prf_depth": 3, "partner": "b"}, "--with is for --interpolate"),
        (
            {"prf_depth": 3, "interpolate": "both", "partner": "b", "alpha": 1.5},
            "--alpha is 1.5, needed: 0 to 1",
        ),
        ({"prf_depth": 3, "interpolate": "both", "partner": "b", "rounds": 2}, "do not go together"),
        (
            {"prf_depth": 3, "prf_method": "rocchio", "rocchio_alpha": 0.0, "rocchio_beta": 0.0},
            "nothing is left of the query",
        ),
    ],
)
def test_what_does_not_fit_is_refused(values: dict, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        DenseSearch(**values)
    assert message in str(caught.value)


def test_without_documents_or_weight_it_is_the_plain_search(searched) -> None:
    _, search = searched
    plain = search()
    still = {"prf_method": "rocchio", "rocchio_alpha": 1.0, "rocchio_beta": 0.0, "prf_depth": 3}
    for values in ({"prf_depth": 0}, {"prf_depth": 3, "rounds": 1}, still):
        assert search(**values) == plain, values
    assert search(prf_depth=3) != plain


def test_any_batch_and_thread_count_gives_the_same_bits(searched) -> None:
    _, search = searched
    for values in ({"prf_depth": 2}, {"prf_depth": 2, "rounds": 2, "k": 4}):
        whole = search(**values)
        assert search(**values, batch_size=1, threads=1) == whole
        assert search(**values, batch_size=3, threads=3) == whole


def test_dense_queries_are_moved_and_not_scaled(small: Collection, tmp_path: Path) -> None:
    """Beside numpy, from the vectors on disk: the scores are products with the new query, whatever its length."""
    BUILD["dense"](small, tmp_path / "i")
    index, queries = open_index(tmp_path / "i"), small.queries()
    encoded = index.encode(queries.texts)
    encoded /= np.maximum(np.linalg.norm(encoded, axis=1, keepdims=True), 1e-9)
    values = {"prf_depth": 3, "prf_method": "rocchio", "rocchio_topk": 2, "rocchio_bottomk": 1}
    run = run_search(index, queries, prepare_search(index, values), tag="t")
    scores = {q: dict(zip(as_strings(d), s.tolist(), strict=True)) for q, d, s in run.rankings()}
    first = rows(run_search(index, queries, prepare_search(index, {"k": 3}), tag="t"))
    ids = as_strings(index.ids.gather(np.arange(len(index.ids))))
    for name, vector in zip(queries.ids, encoded, strict=True):
        best = index.vectors[[ids.index(d) for d in first[name]]]
        new = 0.9 * vector + 0.1 * best[:2].mean(axis=0) - 0.1 * best[2:].mean(axis=0)
        for id_, score in scores[name.encode()].items():
            assert score == pytest.approx(float(index.vectors[ids.index(id_)] @ new), abs=1e-5)


def test_term_weights_are_moved_over_stored_impacts(small: Collection, tmp_path: Path) -> None:
    BUILD["impact"](small, tmp_path / "i")
    index, queries = open_index(tmp_path / "i"), small.queries()
    every = np.arange(len(index.ids))
    ids = as_strings(index.ids.gather(every))
    sparse = index._recorded.get(None).encode(queries.texts, "query")
    documents = np.zeros((len(ids), len(index.vocabulary)))
    offsets, docs, weights = index._searcher.postings
    for term in range(len(index.vocabulary)):
        span = slice(offsets[term], offsets[term + 1])
        documents[docs[span], term] = weights[span] * index._searcher.scale
    first = rows(run_search(index, queries, prepare_search(index, {"k": 2}), tag="t"))
    values = {"prf_depth": 2, "prf_method": "rocchio", "rocchio_gamma": 5.0, "rocchio_bottomk": 1}
    run = run_search(index, queries, prepare_search(index, values), tag="t")
    for i, name in enumerate(queries.ids):
        query = np.zeros(documents.shape[1])
        span = slice(sparse.offsets[i], sparse.offsets[i + 1])
        query[sparse.terms[span]] = sparse.weights[span]
        best = documents[[ids.index(d) for d in first.get(name, [])]]
        if len(best):
            query = 0.9 * query + 0.1 * best.mean(axis=0) - 5 * best[-1:].mean(axis=0)
        expected = documents @ np.maximum(query, 0)
        found = {
            d: s for q, ds, ss in run.rankings() if q == name.encode() for d, s in zip(ds, ss, strict=True)
        }
        assert {d.decode() for d in found} == {ids[row] for row in np.flatnonzero(expected > 0)}
        for id_, score in found.items():
            assert score == pytest.approx(expected[ids.index(id_.decode())], rel=1e-5)


def test_fde_feedback_moves_what_maxsim_ranks(small: Collection, tmp_path: Path) -> None:
    """With candidates, scores stay the MaxSim of the query's own tokens; feedback changes only who is a candidate."""
    BUILD["fde"](small, tmp_path / "i")
    index, queries = open_index(tmp_path / "i"), small.queries()
    exact = run_search(index, queries, prepare_search(index, {"candidates": 6}), tag="t")
    moved = run_search(index, queries, prepare_search(index, {"candidates": 6, "prf_depth": 2}), tag="t")
    assert content(moved) == content(exact), "all are candidates"
    few = run_search(index, queries, prepare_search(index, {"candidates": 2, "prf_depth": 2}), tag="t")
    scores = exact.to_dict()
    assert all(scores[q][d] == s for q, docs in few.to_dict().items() for d, s in docs.items())


def test_rounds_repeat_no_document_and_begin_with_the_plain_search(searched) -> None:
    _, search = searched
    k = 5
    plain = {query: docs for query, docs, _ in search(k=k)}
    for rounds in (2, 3, 5, 9):
        size = -(-k // rounds)
        for query, docs, scores in search(k=k, prf_depth=2, rounds=rounds):
            assert len(set(docs)) == len(docs)
            first = plain[query][:size]
            assert docs[: len(first)] == first
            assert scores == [k - i for i in range(len(docs))], "the place is the rank"
    expected = {query: docs for query, docs, _ in search(k=4, prf_depth=2)}
    for query, docs, _ in search(k=4, prf_depth=2, rounds=2):
        first = plain[query][:2]
        rest = [doc for doc in expected[query] if doc not in first]
        assert docs == first + rest[:2], "the second round ranks the rest by the query that feedback makes"


def test_a_query_that_finds_nothing_stays_without_documents(small: Collection, tmp_path: Path) -> None:
    BUILD["impact"](small, tmp_path / "i")
    index = open_index(tmp_path / "i")
    queries = Queries(["none", "q1"], ["", "lift of wings"])
    for values in ({"prf_depth": 3}, {"prf_depth": 3, "rounds": 2, "k": 4}):
        run = run_search(index, queries, prepare_search(index, values), tag="t")
        assert as_strings(run.query_ids) == ["q1"]


def test_explanations_are_of_the_query_that_feedback_makes(searched) -> None:
    index, _ = searched
    options = prepare_search(index, {"prf_depth": 2})
    run = run_search(index, Queries(["q"], ["flat boundary layer"]), options, tag="t")
    explained = index.explain(
        "flat boundary layer", index.ids.find(run.doc_ids), options, [None] * len(run.doc_ids)
    )
    assert [one.score for one in explained] == run.scores.tolist()
    in_rounds = prepare_search(index, {"prf_depth": 2, "rounds": 2})
    one = index.explain("flat boundary layer", np.arange(2), in_rounds, [None, None])
    assert [part.score for part in one] == [None, None]


def test_feedback_reads_documents_of_the_subset(searched, tmp_path: Path, small: Collection) -> None:
    index, _ = searched
    (tmp_path / "ids").write_text("d2\nd5\nd3\n")
    options = prepare_search(index, {"prf_depth": 2, "within": str(tmp_path / "ids")})
    run = run_search(index, small.queries(), options, tag="t")
    assert set(as_strings(run.doc_ids)) <= {"d2", "d3", "d5"}


def test_every_kind_of_vectors_declares_the_same_feedback() -> None:
    for kind in ("dense", "fde", "impact", "sparse"):
        assert issubclass(INDEXES.load(kind).search, VectorFeedback)

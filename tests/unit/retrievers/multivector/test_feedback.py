"""ColBERT-PRF: centres of the feedback documents' tokens, their idf, what they add to MaxSim."""

import math
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.ids import as_strings
from intrex.data.numeric.kmeans import kmeans
from intrex.data.run import Run
from intrex.data.store.vectors import PackedVectors
from intrex.data.tags import tag_of
from intrex.retrievers.base import open_index
from intrex.retrievers.multivector import feedback
from intrex.retrievers.multivector.options import MultiVectorSearch
from intrex.retrievers.multivector.tokens import StoredTokens
from intrex.retrievers.search import prepare_search, run_search
from tests.contract.test_indexes import BUILD

KINDS = ("multivector", "multivector, compressed")


def content(run: Run) -> list[tuple[str, list[str], list[float]]]:
    return [(q.decode(), as_strings(docs), scores.tolist()) for q, docs, scores in run.rankings()]


@pytest.fixture(params=KINDS)
def searched(request, small: Collection, tmp_path: Path):
    """An index, and a function that searches it with the small collection's queries."""
    BUILD[request.param](small, tmp_path / "i")
    index, queries = open_index(tmp_path / "i"), small.queries()

    def search(**values: object) -> list:
        return content(run_search(index, queries, prepare_search(index, values), tag="t"))

    return index, search


def test_beside_a_plain_reading(searched, small: Collection) -> None:
    """k-means is intrex's; nearest centres, idf, choice and the weighted sum of maxima are computed here anew."""
    index, search = searched
    tokens = index.tokens
    spans = [slice(a, b) for a, b in zip(tokens.offsets, tokens.offsets[1:], strict=False)]
    documents = [tokens.read(span) if span.stop > span.start else None for span in spans]
    ids = as_strings(index.ids.gather(np.arange(len(index.ids))))
    with_tokens = [vectors for vectors in documents if vectors is not None]
    first = {q: docs[:2] for q, docs, _ in search()}
    found = {
        q: dict(zip(docs, scores, strict=True))
        for q, docs, scores in search(
            prf_depth=2, prf_method="colbert", colbert_clusters=5, colbert_terms=3, colbert_beta=0.5
        )
    }
    for name, text in zip(small.queries().ids, small.queries().texts, strict=True):
        query = index.encode([text]).vectors
        read = np.concatenate([documents[ids.index(doc)] for doc in first[name]])
        centres = kmeans(read, min(5, len(read))).centroids
        near = [
            {int(((token - centres) ** 2).sum(axis=1).argmin()) for token in vectors}
            for vectors in with_tokens
        ]
        idf = [
            math.log((len(near) + 1) / (sum(i in cells for cells in near) + 1)) for i in range(len(centres))
        ]
        best = sorted(range(len(idf)), key=lambda i: -idf[i])[:3]
        for doc, score in found[name].items():
            vectors = documents[ids.index(doc)]
            expected = (query @ vectors.T).max(axis=1).sum()
            expected += sum(0.5 * idf[i] * (vectors @ centres[i]).max() for i in best)
            assert score == pytest.approx(float(expected), abs=2e-4), (name, doc)


def test_without_documents_weight_or_rounds_it_is_the_plain_search(searched) -> None:
    _, search = searched
    plain = search()
    for values in ({"prf_depth": 0}, {"prf_depth": 3, "colbert_beta": 0.0, "prf_method": "colbert"}):
        assert search(**values) == plain
    assert search(prf_depth=3, rounds=1) == plain
    assert search(prf_depth=3) != plain


def test_any_batch_and_thread_count_gives_the_same_bits(searched) -> None:
    _, search = searched
    for values in ({"prf_depth": 2}, {"prf_depth": 2, "rounds": 2, "k": 4}):
        assert search(**values, batch_size=1, threads=1) == search(**values, batch_size=3, threads=3)


def test_rounds_repeat_no_document(searched) -> None:
    _, search = searched
    plain = {q: docs for q, docs, _ in search(k=4)}
    for query, docs, _ in search(k=4, prf_depth=1, rounds=2):
        assert len(set(docs)) == len(docs) and docs[:2] == plain[query][:2]


def test_a_rare_token_weighs_more_than_a_common_one() -> None:
    """Five documents share the axis 0, one alone has the axis 1: that one's centre is added first, with idf ln(6/2)."""
    axes = np.eye(4, dtype=np.float32)
    vectors = np.array([axes[0], axes[1], *[axes[0]] * 4])
    tokens = StoredTokens(PackedVectors(vectors, np.array([0, 2, 3, 4, 5, 6])), 1.0)
    query = PackedVectors(axes[2:3], np.array([0, 1]))
    options = MultiVectorSearch(prf_depth=1, prf_method="colbert", colbert_clusters=2)
    expanded = feedback.expand(tokens, query, [np.array([0])], options, 1)
    assert expanded.offsets.tolist() == [0, 2], "idf of what all have is 0: it is left out"
    np.testing.assert_allclose(expanded.vectors[1], math.log(6 / 2) * axes[1], rtol=1e-6)


def test_what_has_no_tokens_stays_as_it_is() -> None:
    axes = np.eye(3, dtype=np.float32)
    tokens = StoredTokens(PackedVectors(axes, np.array([0, 0, 2, 3])), 1.0)
    queries = PackedVectors(axes[:1], np.array([0, 1, 1]))
    options = MultiVectorSearch(prf_depth=2)
    expanded = feedback.expand(tokens, queries, [np.array([0]), np.array([1])], options, 1)
    assert expanded.offsets.tolist() == [0, 1, 1] and (expanded.vectors == axes[:1]).all()


def test_documents_are_counted_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "SAMPLED", 3)
    vectors = np.eye(2, dtype=np.float32)[[0, 1, 1, 1, 1]]
    tokens = StoredTokens(PackedVectors(vectors, np.arange(6)), 1.0)
    counts, sampled = feedback._document_frequencies(tokens, [np.eye(2, dtype=np.float32)])
    assert sampled == 3 and counts[0].tolist() == [1, 2], "rows 0, 2 and 4"


def test_explanations_name_the_centres(small: Collection, tmp_path: Path) -> None:
    BUILD["multivector"](small, tmp_path / "i")
    index = open_index(tmp_path / "i")
    options = prepare_search(index, {"prf_depth": 2})
    run = run_search(index, Queries(["q"], ["heat wings"]), options, tag="t")
    explained = index.explain("heat wings", index.ids.find(run.doc_ids), options, [None] * len(run.doc_ids))
    assert [one.score for one in explained] == run.scores.tolist()
    names = [part.name for part in explained[0].parts]
    assert names[:2] == ["heat", "wings"] and names[2:] == [f"centre {i + 1}" for i in range(len(names) - 2)]
    assert float(np.float32(sum(part.score for part in explained[0].parts))) == pytest.approx(
        explained[0].score
    )


def test_the_tag_and_what_is_refused(small: Collection, tmp_path: Path, intrex) -> None:
    assert tag_of("t", MultiVectorSearch(prf_depth=3)) == "t+colbert(prf_depth=3)"
    chosen = MultiVectorSearch(prf_depth=3, colbert_terms=5)
    assert tag_of("t", chosen) == "t+colbert(prf_depth=3,terms=5)"
    BUILD["multivector"](small, tmp_path / "i")
    for flags, message in {
        "--prf-depth 3 --prf-method avg": "--prf-method is 'avg'",
        "--prf-depth 3 --rocchio-alpha 1": "--rocchio-alpha is for",
        "--prf-depth 3 --colbert-clusters 0": "0 is not in the range",
        "--colbert-terms 5": "--colbert-terms is for --prf-depth",
    }.items():
        said = intrex(f"search {tmp_path}/i {small.path}:test {flags}")
        assert said.code == 2 and message in said.err, said.err

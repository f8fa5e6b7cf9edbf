"""Lexical feedback, worked by hand from the formulas, and by a whole search."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Queries
from intrex.data.errors import UsageError
from intrex.data.options import Options
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.bm25.options import Bm25Search
from intrex.retrievers.options import BuildTask
from intrex.retrievers.prf.base import Corpus, Feedback
from intrex.retrievers.prf.bm25prf import BM25PRF
from intrex.retrievers.prf.javaorder import java_hash, java_order
from intrex.retrievers.prf.rm3 import RM3
from intrex.retrievers.prf.rocchio import Rocchio
from tests.support.feedback import flat_values
from tests.unit.retrievers.bm25.test_index import collect

DF = {"cat": 2, "dog": 5, "fish": 10, "common": 11, "42": 1, "é1": 1}
CORPUS = Corpus(100, lambda term: DF.get(term, 1))
FOUND = [
    Feedback({"cat": 3, "dog": 1, "common": 9, "x": 4, "42": 2}, 2.0),
    Feedback({"dog": 2, "fish": 2, "é1": 5, "a" * 21: 3}, 1.0),
]


def test_rm3_by_hand() -> None:
    """A third of each vector goes: common (df over a tenth), x (one letter), é1, 21 letters."""
    # cat 3/6 * 2, dog 1/6 * 2 + 2/4, 42 2/6 * 2, fish 2/4
    raw = {"cat": 1.0, "dog": 1 / 3 + 0.5, "42": 2 / 3, "fish": 0.5}
    total = sum(raw.values())
    want = {term: 0.5 * weight / total for term, weight in raw.items()}
    want["cat"] += 0.25
    want["bird"] = 0.25
    found = RM3().expand({"cat": 1, "bird": 1}, FOUND, CORPUS)
    assert found == pytest.approx(want, rel=1e-6)
    assert sum(found.values()) == pytest.approx(1)
    assert all(value == float(np.float32(value)) for value in found.values())


def test_rm3_keeps_few_terms_of_documents_and_model_ties_by_term() -> None:
    two = RM3(fb_terms=2, original_query_weight=0).expand({"q": 1}, FOUND, CORPUS)
    # documents: cat 3/5, 42 2/5 (times 2); dog 2/4, fish 2/4; the model's second place goes to 42
    assert two == pytest.approx({"q": 0, "cat": 1.2 / 2.0, "42": 0.8 / 2.0})
    tie = RM3(fb_terms=1, original_query_weight=0).expand({"q": 1}, FOUND[1:], CORPUS)
    assert tie == pytest.approx({"q": 0, "dog": 1})
    assert "é1" in RM3(no_term_filter=True).expand({}, FOUND, CORPUS)


def test_rocchio_by_hand() -> None:
    first = math.sqrt(9 + 1 + 4)
    second = math.sqrt(4 + 4 + 25)
    mean = {
        "cat": 3 / first / 2,
        "dog": (1 / first + 2 / second) / 2,
        "42": 2 / first / 2,
        "fish": 2 / second / 2,
        "é1": 5 / second / 2,
    }
    norm = math.sqrt(sum(value**2 for value in mean.values()))
    want = {term: 0.75 * value / norm for term, value in mean.items()}
    want["cat"] += 2 / math.sqrt(5)
    want["bird"] = 1 / math.sqrt(5)
    assert Rocchio().expand({"cat": 2, "bird": 1}, FOUND, CORPUS) == pytest.approx(want, rel=1e-6)


def test_rocchio_goes_away_from_the_last_documents() -> None:
    negative = Rocchio(
        top_fb_docs=1, bottom_fb_docs=1, alpha=0, beta=0.5, gamma=2, use_negative=True, bottom_fb_terms=1
    )
    found = negative.expand({"cat": 1}, FOUND, CORPUS)
    # of the last document only é1 is kept; what is negative is left out
    assert "é1" not in found
    norm = math.sqrt(14)
    assert found == pytest.approx({"cat": 1.5 / norm, "dog": 0.5 / norm, "42": 1 / norm}, rel=1e-6)
    assert negative.depth is None


def test_bm25_prf_by_hand() -> None:
    found = BM25PRF().expand({"cat": 1, "bird": 1}, FOUND, CORPUS)

    def weight(r: int, df: int) -> float:
        return math.log((r + 0.5) * (100 - df - 2 + r + 0.5) / ((df - r + 0.5) * (2 - r + 0.5)))

    # dog alone is in both documents; bird (df 1) in none of them, cat in one
    assert found == pytest.approx(
        {"dog": 0.2 * weight(2, 5), "cat": weight(1, 2), "bird": weight(0, 1)}, rel=1e-6
    )
    frequent = Corpus(100, lambda _: 90)
    assert BM25PRF().expand({"cat": 1}, FOUND, frequent)["cat"] == pytest.approx(1e-6)


def test_terms_of_equal_weight_are_cut_in_javas_order() -> None:
    assert java_hash("cat") == 98262 ^ (98262 >> 16)  # "cat".hashCode() is 98262
    assert java_hash("polygenelubricants") == 0x80000000 ^ 0x8000  # the smallest int
    assert java_order(["b", "a", "q"], 3) == ["a", "q", "b"]  # 97 and 113 share the bucket 1 of 16, 98 is 2
    assert java_order([chr(97 + i) for i in range(13)], 13) == [chr(97 + i) for i in range(13)]
    same = [Feedback({"b": 1, "bb": 1, "aa": 1, "cc": 1}, 1.0)] * 2
    assert set(BM25PRF(fb_terms=2).expand({"q": 1}, same, Corpus(100, lambda _: 2))) == {
        "q",
        *java_order(["aa", "bb", "cc"], 3)[:2],
    }


@pytest.fixture
def toy(tmp_path: Path) -> BM25Index:
    texts = {f"n{i}": f"noise{i} filler{i % 7}" for i in range(40)}
    texts |= {
        "d1": "cat whiskers purr",
        "d2": "cat purr purr",
        "d3": "whiskers",
        "d4": "purr",
        "d5": "cat cat",
    }
    return build_bm25(collect(tmp_path / "c", texts), BuildTask(tmp_path / "i"))


def ask(index: BM25Index, *texts: str, method: Options | None = None) -> Mapping[str, Mapping[str, float]]:
    feedback = flat_values(method) if method is not None else {}
    queries = Queries([f"q{i}" for i in range(len(texts))], list(texts))
    return index.search(queries, Bm25Search(k=20, threads=1, **feedback)).to_dict()


def test_vectors_are_what_was_indexed(toy: BM25Index) -> None:
    rows = np.array([40, 41])
    assert toy.segments[0].postings.vectors(rows, len(toy.ids)) == {
        40: {"cat": 1, "whisker": 1, "purr": 1},
        41: {"cat": 1, "purr": 2},
    }


@pytest.mark.parametrize("method", [RM3(), Rocchio(), BM25PRF(), Rocchio(use_negative=True)])
def test_feedback_finds_what_the_query_does_not_name(toy: BM25Index, method: RM3) -> None:
    plain = ask(toy, "cat", "zebra", "the")
    assert list(plain) == ["q0"] and "d4" not in plain["q0"]
    found = ask(toy, "cat", "zebra", "the", method=method)
    assert list(found) == ["q0"] and "d4" in found["q0"]
    assert ask(toy, "cat", method=method) == found


def test_nothing_but_the_query_is_the_ranking_without_feedback(toy: BM25Index) -> None:
    plain = ask(toy, "cat whiskers cat", "purr")
    for method in (RM3(original_query_weight=1), Rocchio(beta=0)):
        found = ask(toy, "cat whiskers cat", "purr", method=method)
        for query, ranking in plain.items():
            kept = [d for d in found[query] if found[query][d] > 0]
            assert kept == list(ranking)


def test_the_second_search_of_bm25_prf_leaves_out_idf(toy: BM25Index) -> None:
    weight = np.float32(math.log(1.5 * (45 - 3 - 1 + 1.5) / (2.5 * 0.5)))
    avgdl = toy.statistics["contents"].avgdl
    score = weight * 2 / (2 + 0.9 * (0.6 + 0.4 * 2 / avgdl))
    assert ask(toy, "cat", method=BM25PRF(fb_docs=1))["q0"]["d5"] == pytest.approx(float(score), rel=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RM3(fb_terms=0),
        lambda: RM3(original_query_weight=2),
        lambda: Rocchio(top_fb_docs=0),
        lambda: BM25PRF(fb_docs=0),
    ],
)
def test_bad_parameters(make) -> None:
    with pytest.raises(UsageError):
        make()

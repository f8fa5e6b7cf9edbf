"""Contexts for a reader: properties of choice and order, the fitted probability, what each step does."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.locate import Judged
from intrex.data.progress import no_progress
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.data.writer import RecordSource, write_collection
from intrex.eval.evaluate.systems import score_systems
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.context.build import Context, Passage, make_contexts, write_contexts
from intrex.eval.pipelines.context.effect import MEASURES, Effects
from intrex.eval.pipelines.context.fit import fit_probability, relevant_documents
from intrex.eval.pipelines.context.options import ContextOptions
from intrex.eval.pipelines.context.select import (
    cut_by_budget,
    cut_by_gap,
    cut_by_threshold,
    distinct,
    order_ends,
)
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.intervals import figure_intervals

SCORES = st.lists(st.floats(-100, 100, width=32), max_size=30).map(
    lambda values: np.array(sorted(values, reverse=True), np.float32)
)
TEXTS = [
    "the lift of a thin wing in a uniform slipstream at low speed",
    "the lift of a thin wing in a uniform slipstream at low speed today",
    "heat transfer through the boundary layer of a flat plate in air",
    "",
    "",
    "one word",
    "one word",
]


@given(st.integers(0, 60))
def test_the_order_of_both_ends(count):
    order = order_ends(count)
    assert sorted(order) == list(range(count))
    assert count > 2 or order == list(range(count))
    if count > 1:
        assert (order[0], order[-1]) == (0, 1)
    if count > 3:
        assert (order[1], order[-2]) == (2, 3)
    for place, rank in enumerate(order, 1):  # Jin et al., with ranks and places from 1
        i = rank + 1
        assert place == ((i + 1) // 2 if i % 2 else count + 1 - i // 2)


def test_the_order_as_it_is_published():
    assert [i + 1 for i in order_ends(6)] == [1, 3, 5, 6, 4, 2]
    assert [i + 1 for i in order_ends(4)] == [1, 3, 4, 2]


@given(SCORES, st.floats(-100, 100), st.floats(0, 50))
def test_a_threshold_keeps_a_prefix_and_less_as_it_rises(scores, low, step):
    assert cut_by_threshold(scores, -np.inf) == len(scores)
    kept = cut_by_threshold(scores, low)
    assert (scores[:kept] >= np.float32(low)).all() and (scores[kept:] < np.float32(low)).all()
    assert cut_by_threshold(scores, low + step) <= kept


@given(SCORES, st.integers(0, 5))
def test_the_largest_gap(scores, at_least):
    kept = cut_by_gap(scores, at_least)
    assert min(len(scores), max(at_least, 1)) <= kept <= len(scores) or not len(scores)
    gaps = -np.diff(scores.astype(np.float64))
    if kept < len(scores):
        assert gaps[kept - 1] == gaps[max(at_least, 1) - 1 :].max() > 0
    elif len(scores) > max(at_least, 1):
        assert not gaps[max(at_least, 1) - 1 :].any()


def test_gaps_by_hand():
    assert cut_by_gap(np.float32([9, 8, 3, 1])) == 2
    assert cut_by_gap(np.float32([9, 8, 3, 1]), at_least=3) == 3
    assert cut_by_gap(np.float32([5, 4, 3])) == 1, "of equal gaps the first"
    assert cut_by_gap(np.float32([5, 5])) == 2 and cut_by_gap(np.float32([5])) == 1
    assert cut_by_gap(np.float32([])) == 0


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 300))
def test_a_budget_is_never_exceeded_and_used_as_far_as_a_prefix_can(lengths, budget):
    kept = cut_by_budget(np.array(lengths, np.int64), budget)
    assert sum(lengths[:kept]) <= budget
    assert kept == len(lengths) or sum(lengths[: kept + 1]) > budget


def test_near_duplicates_lose_to_what_is_ranked_above():
    assert distinct(TEXTS, 0.8, 9) == [0, 2, 3, 4, 5], (
        "shorter texts are one shingle; an empty text is nobody's duplicate"
    )
    assert distinct(TEXTS, 1.0, 9) == [0, 1, 2, 3, 4, 5]
    assert distinct(TEXTS, 0.8, 2) == [0, 2]

    def read():
        yield from TEXTS[:3]
        raise AssertionError("read further than needed")

    assert distinct(read(), 0.8, 2) == [0, 2]


@pytest.fixture
def collection(tmp_path):
    def fill(writer):
        for i, text in enumerate(TEXTS):
            writer.document(f"d{i}", "Title" if i == 2 else "", text, RecordSource("made", i))

    return write_collection(tmp_path / "made", "made", {"source": "test"}, fill)


RUN = Run.from_dict(
    {"q1": {f"d{i}": 10.0 - i for i in range(7)}, "q2": {"d2": 0.7, "d5": 0.1}, "q3": {"d3": 5.0}}, "t"
)
QUERIES = Queries(["q1", "q2", "q3"], ["first", "second", "third"])
QRELS = Qrels.from_dict({"q1": {"d0": 1, "d2": 2, "d5": 0}, "q2": {"d2": 1, "d6": 1}, "q9": {"d1": 1}})


def contexts(collection, least_score=None, **options):
    chosen = ContextOptions(**options)
    made = make_contexts(RUN, QUERIES, collection, chosen, options.get("threshold", least_score))
    return {context.qid: context for context in made}


def ids(passages):
    return [passage.docid for passage in passages]


def test_a_context_is_the_first_k_with_their_texts(collection):
    made = contexts(collection, k=3)
    assert ids(made["q1"].passages) == ["d0", "d1", "d2"] and ids(made["q3"].passages) == ["d3"]
    assert made["q2"].passages[0] == Passage("d2", 1, 0.7, 13, f"Title {TEXTS[2]}")
    record = json.loads(made["q2"].line())
    assert record["passages"][1] == {"docid": "d5", "rank": 2, "score": 0.1, "tokens": 2, "text": "one word"}
    assert (record["qid"], record["query"]) == ("q2", "second")


def test_near_duplicates_make_room_for_what_follows(collection):
    made = contexts(collection, k=3, near_duplicates=0.8)["q1"]
    assert ids(made.steps["top k"]) == ["d0", "d1", "d2"]
    assert ids(made.passages) == ["d0", "d2", "d3"] and [p.rank for p in made.passages] == [1, 3, 4]


@given(
    st.integers(1, 8),
    st.sampled_from([{}, {"threshold": 6.5}, {"threshold": 0.7}, {"gap": True}]),
    st.sampled_from([None, 0.5, 1.0]),
    st.sampled_from([None, 1, 13, 30]),
    st.integers(0, 3),
    st.sampled_from(["best-first", "ends"]),
)
def test_every_context_is_a_prefix_but_for_duplicates_within_its_budget(
    made, k, cut, least, tokens, at_least, order
):
    collection = made
    options = {
        **cut,
        "k": k,
        "near_duplicates": least,
        "tokens": tokens,
        "at_least": min(at_least, k),
        "order": order,
    }
    for context in contexts(collection, **options).values():
        best = next(reversed(context.steps.values()))
        assert sorted(context.passages) == sorted(best) and len(best) <= k
        ranks = [passage.rank for passage in best]
        if least is None:
            assert ranks == list(range(1, len(best) + 1))
        places = distinct((TEXTS[int(d[1:])] for d in ids(RANKED[context.qid])), least or 2.0, k)
        assert [rank - 1 for rank in ranks] == places[: len(ranks)]
        assert tokens is None or sum(passage.tokens for passage in best) <= tokens
        assert tokens is not None or len(best) >= min(at_least, k, len(places))
        if order == "best-first":
            assert context.passages == best
        elif len(best) > 1:
            assert (context.passages[0], context.passages[-1]) == (best[0], best[1])


RANKED = {
    query.decode(): [Passage(d.decode(), 0, 0.0, 0, "") for d in documents]
    for query, documents, _ in RUN.rankings()
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    def fill(writer):
        for i, text in enumerate(TEXTS):
            writer.document(f"d{i}", "", text, RecordSource("made", i))

    return write_collection(tmp_path_factory.mktemp("m") / "made", "made", {"source": "test"}, fill)


def test_a_float32_score_reaches_the_threshold_that_it_is_printed_as(collection):
    assert ids(contexts(collection, threshold=0.7)["q2"].passages) == ["d2"]


def test_effects_are_the_measures_and_intervals_of_evaluate(collection):
    effects = Effects(relevant_documents(QRELS))
    for context in contexts(collection, k=4, threshold=8.0).values():
        effects.add(context)
    rows = {(row.step, row.measure): row for row in effects.rows()}
    for step, cut in (("top k", -np.inf), ("threshold", 8.0)):
        kept = {q: {d: s for d, s in list(docs.items())[:4] if s >= cut} for q, docs in RUN.to_dict().items()}
        measures = parse_measures(["SetP", "SetR"])
        run = Run.from_dict({q: docs for q, docs in kept.items() if docs})
        (scored,) = score_systems(Judged(QRELS, "made", ""), [("r", run)], measures)
        values = scored.scores.values[:, :2]
        low, high = figure_intervals(values, scored.scores.measures[:2], Groups.alone(3))
        for i, name in enumerate(("precision", "recall")):
            row = rows[step, name]
            assert row.value == pytest.approx(values[:, i].mean())
            assert (row.ci_low, row.ci_high) == pytest.approx((low[i], high[i]))
    assert rows["top k", "passages"].value == pytest.approx((4 + 2 + 0) / 3), (
        "q9 has no context, q3 no judgements"
    )
    assert rows["threshold", "empty"].value == pytest.approx(2 / 3)
    assert rows["threshold", "tokens"].change == pytest.approx(
        rows["threshold", "tokens"].value - rows["top k", "tokens"].value
    )
    assert all(rows["top k", name].change == 0 for name in MEASURES) and effects.contexts == 2


def test_a_probability_is_fitted_and_never_falls():
    run = Run.from_dict({"q": {f"d{i}": float(10 - i) for i in range(6)}, "unjudged": {"d0": 99.0}})
    qrels = Qrels.from_dict({"q": {"d0": 1, "d1": 1, "d2": 0, "d3": 1}, "x": {"d0": 1}})
    fitted = fit_probability(run, qrels, 5)
    assert fitted.scores.tolist() == [6, 7, 8, 9, 10] and (
        fitted.queries,
        fitted.documents,
        fitted.relevant,
    ) == (1, 5, 3)
    assert fitted.probabilities.tolist() == pytest.approx([0, 0.5, 0.5, 1, 1]), "d3 and d2 are pooled"
    assert [fitted.least_score(p) for p in (0, 0.2, 0.5, 0.6, 1)] == [6, 7, 7, 9, 9]
    assert fit_probability(run, Qrels.from_dict({"q": {"d1": 1}}), 5).least_score(0.9) == float("inf")
    with pytest.raises(BadInput, match="no relevant document"):
        fit_probability(run, Qrels.from_dict({"q": {"d9": 1}}), 5)


def test_what_cannot_be_chosen_together():
    for options, words in (
        ({"threshold": 1.0, "gap": True}, "--threshold and --gap both say"),
        ({"min_probability": 0.5}, "needs --fit"),
        ({"k": 2, "at_least": 3}, "--at-least 3 is more than -k 2"),
        ({"qrels": "q"}, "would both go to stdout"),
        ({"near_duplicates": 0.0}, "--near-duplicates"),
    ):
        with pytest.raises(UsageError, match=words):
            ContextOptions(**options)


def test_a_failure_leaves_no_file(collection, tmp_path):
    options = ContextOptions(output=tmp_path / "out.jsonl")

    def breaks():
        yield Context("q", "", {}, [])
        raise BadInput("in the middle")

    with pytest.raises(BadInput):
        write_contexts(breaks(), options, no_progress, lambda _: None)
    assert not list(tmp_path.glob("*out.jsonl*"))

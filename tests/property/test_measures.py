"""What must hold of measures whatever the ranking: monotonicity, independence of queries, ranges, identities."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from intrex.eval.measures import Measure, Rankings, parse_measures
from intrex.eval.measures.measure import DIVERSE, MEASURES, parameters

Grades = list[int | None]
SETTINGS = settings(derandomize=True, max_examples=200, deadline=None)
grade = st.one_of(st.none(), st.integers(-1, 3))
rankings = st.lists(grade, min_size=1, max_size=14)
unseen = st.lists(st.integers(-1, 3), max_size=5)

ALL = [
    Measure(name, None if cutoff is None else (0.3 if cutoff.annotation is float else 5)).with_params(
        **{k: 3 for k in parameters(name) if k == "max_rel"}
    )
    for name in sorted(set(MEASURES.table) - set(DIVERSE))
    for cutoff in [parameters(name).get("cutoff")]
]
"""Every measure of judgements without subtopics, with a cutoff where it takes one. Hole over the collection needs more than one query."""
TOP = parse_measures(
    [
        "nDCG",
        "nDCG@5",
        "nDCG(dcg='exp-log2')",
        "DCG",
        "DCG@5",
        "AP",
        "AP@5",
        "RR",
        "RR@5",
        "P@5",
        "R@5",
        "R_cap@5",
        "AP_cap@5",
        "nDCG(dcg='binary')@5",
        "Success@5",
        "Rprec",
        "IPrec@0.3",
        "IPrecAvg",
        "ERR",
        "ERR@5",
        "RBP",
        "RBP(graded=True)",
        "sRBP",
        "infAP",
        "binG",
        "Rprec_mult@0.5",
        "F@5",
        "nERR",
        "Compat",
        "SDCG(max_rel=3)@5",
        "CWL_RBP(max_rel=3)",
        "INSQ(max_rel=3)",
        "SetP@5",
        "SetR@5",
    ]
)
"""Never fall when a document of higher grade changes places with a lower one above it; trec_eval's G and ndcg_rel can."""
UNBOUNDED = {"DCG", "RBP", "YAAP", "Utility"}


def value(measure: Measure, ranking: Grades, others: list[int]) -> float:
    return float(measure.values(seen(ranking, others))[0])


def seen(ranking: Grades, others: list[int]) -> Rankings:
    """One query: the grades down its ranking, and those of judged documents that it lacks."""
    return Rankings.of(ranking, [g for g in ranking if g is not None] + others)


def worth(item: int | None) -> int:
    return max(item or 0, 0)


@SETTINGS
@given(rankings, unseen, st.integers(1, 12))
def test_ndcg_is_1_only_of_the_ideal_order(ranking: Grades, others: list[int], k: int) -> None:
    ideal = sorted((worth(g) for g in [*ranking, *others]), reverse=True)[:k]
    assume(ideal[0] > 0)
    top = [worth(g) for g in ranking[:k]]
    best = top + [0] * (len(ideal) - len(top)) == ideal
    assert (value(Measure("nDCG", k), ranking, others) > 1 - 1e-12) == best


@SETTINGS
@given(
    rankings,
    unseen,
    st.sampled_from([None, -1, 0, 1, 2]),
    st.integers(1, 2),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_a_better_document_moved_up_never_lowers(
    ranking: Grades, others: list[int], low: int | None, rise: int, at: int, below: int
) -> None:
    high = worth(low) + rise
    top, middle, end = ranking[:at], ranking[at : at + below], ranking[at + below :]
    before_, after_ = [*top, low, *middle, high, *end], [*top, high, *middle, low, *end]
    judged = all(g is not None and g >= 0 for g in before_)  # infAP estimates from what was not judged
    for measure in TOP:
        if measure.name != "infAP" or judged:
            before, after = value(measure, before_, others), value(measure, after_, others)
            assert after >= before - 1e-12, measure


@SETTINGS
@given(rankings, unseen, st.integers(1, 6))
def test_what_is_added_at_the_end_and_gains_nothing(ranking: Grades, others: list[int], n: int) -> None:
    longer: Grades = [*ranking, *[None] * n]
    for measure in ALL:
        before, after = value(measure, ranking, others), value(measure, longer, others)
        if measure.name in MAY_RISE:
            assert after >= before - 1e-12, measure
        elif measure.name in ("Compat", "PairAccuracy"):
            continue  # the overlap is averaged over more ranks; pairs with documents that stand last are in order
        elif measure.name == "Rndcg":
            continue  # whether it counts the end of the ranking depends on the ranking's length (trec_eval's own rule)
        elif measure.name in MAY_FALL:
            assert after <= before + 1e-12, measure
        else:
            assert after == pytest.approx(before, abs=1e-12), measure


MAY_RISE = {"NumRet", "Unjudged", "Hole", "RBPResidual"}
MAY_FALL = {"SetP", "SetF", "SetAP", "Utility", "Judged", "nDCG_rel"}
"""They count what was retrieved, or average over all ranks of it."""


@SETTINGS
@given(rankings, unseen, st.integers(0, 14))
def test_an_unjudged_document_lowers_or_keeps_all_but_judged_only(
    ranking: Grades, others: list[int], at: int
) -> None:
    worse = [*ranking[:at], None, *ranking[at:]]
    for measure in TOP:
        before, after = value(measure, ranking, others), value(measure, worse, others)
        if measure.name not in ("infAP", "Compat"):  # Compat averages over the ranks of the ranking
            assert after <= before + 1e-12, measure
        if "judged_only" in parameters(measure.name):
            condensed = measure.with_params(judged_only=True)
            assert value(condensed, worse, others) == value(condensed, ranking, others), measure


@SETTINGS
@given(rankings, unseen)
def test_ap_is_the_mean_of_precision_at_relevant_ranks(ranking: Grades, others: list[int]) -> None:
    relevant = sum(worth(g) > 0 for g in [*ranking, *others])
    assume(relevant)
    ranks = [rank for rank, g in enumerate(ranking, 1) if worth(g) > 0]
    precisions = [value(Measure("P", rank), ranking, others) for rank in ranks]
    assert value(Measure("AP"), ranking, others) == pytest.approx(sum(precisions) / relevant, abs=1e-12)


def joined(parts: list[Rankings]) -> Rankings:
    """The queries of several rankings as one."""

    def offsets(sizes: list[int]) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(sizes)])

    return Rankings(
        np.concatenate([p.retrieved for p in parts]),
        offsets([len(p.ranks) for p in parts]),
        np.concatenate([p.ranks for p in parts]),
        np.concatenate([p.grades for p in parts]),
        offsets([len(p.pool) for p in parts]),
        np.concatenate([p.pool for p in parts]),
    )


@SETTINGS
@given(st.lists(st.tuples(st.lists(grade, max_size=9), unseen), min_size=2, max_size=5))
def test_a_query_does_not_depend_on_the_others(queries: list[tuple[Grades, list[int]]]) -> None:
    parts = [seen(ranking, others) for ranking, others in queries]
    together = joined(parts)
    for measure in ALL:
        alone = [float(measure.values(part)[0]) for part in parts]
        assert measure.values(together).tolist() == alone, measure  # to the bit


@SETTINGS
@given(st.lists(grade, max_size=14), unseen)
def test_values_are_within_their_ranges(ranking: Grades, others: list[int]) -> None:
    for measure in ALL:
        found = value(measure, ranking, others)
        assert np.isfinite(found), measure
        if measure.kind == "sum":
            assert found >= 0 and found == int(found), measure
        elif measure.name not in UNBOUNDED:
            assert -1e-12 <= found <= 1 + 1e-12, measure

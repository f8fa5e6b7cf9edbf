"""Figures that sentence-transformers 6.2.0 and torchmetrics 1.9.0 print, where neither needs to be installed."""

from pathlib import Path

import pytest

from intrex.data.errors import BadInput, UsageError
from tests.differential.adversarial import Case, scores_as, write

QRELS = {
    "q1": {"a": 1, "b": 2, "c": 0, "x": 1},
    "q2": {"a": 1, "e": 1, "f": 3},
    "q3": {"a": 0},
    "q4": {"b": 1},
}
RUN = {
    "q1": {"c": 3.0, "a": 2.5, "d": 2.0, "b": 1.0, "e": -1.0},
    "q2": {"g": 0.9, "a": 0.5, "e": 0.0, "f": -0.5, "h": -2.0},
    "q3": {"a": 1.0},
    "q9": {"a": 1.0},
}
SENTENCE_TRANSFORMERS = {
    1: {
        "Success@1": 0.0,
        "Success@3": 0.6666666666666666,
        "P@3": 0.3333333333333333,
        "R@3": 0.3333333333333333,
        "nDCG@3": 0.27560106164770287,
        "nDCG@10": 0.410339292648068,
        "RR@10": 0.3333333333333333,
        "AP@3": 0.18518518518518515,
        "AP@10": 0.324074074074074,
    },
    2: {"Success@3": 0.0, "nDCG@10": 0.43067655807339306, "RR@10": 0.25, "AP@3": 0.0, "AP@10": 0.25},
}
TORCHMETRICS = {
    1: {
        "AP": 0.3333333432674408,
        "SetP": 0.20000000298023224,
        "SetR": 0.4444444477558136,
        "RR": 0.3333333432674408,
        "Rprec": 0.3888889253139496,
        "nDCG": 0.38458284735679626,
        "AP@3": 0.3333333432674408,
        "P@3": 0.2222222238779068,
        "R@3": 0.2777777910232544,
        "R@5": 0.4444444477558136,
        "RR@3": 0.3333333432674408,
        "Success@3": 0.6666666865348816,
        "nDCG@3": 0.17119455337524414,
    },
    2: {
        "AP": 0.0833333358168602,
        "R@5": 0.3333333432674408,
        "Rprec": 0.0,
        "RR@5": 0.0833333358168602,
        "Success@5": 0.6666666865348816,
        "nDCG@3": 0.17119455337524414,
    },
}


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return write(tmp_path, QRELS, RUN)


@pytest.mark.parametrize("level", [1, 2])
def test_sentence_transformers(level: int, case: Case) -> None:
    figures = SENTENCE_TRANSFORMERS[level]
    means = scores_as("sentence_transformers", case, list(figures), level=level).means()
    assert list(means.values()) == pytest.approx(list(figures.values()), abs=1e-12)


def test_sentence_transformers_ranks_ties_by_id_and_counts_what_is_missing(tmp_path: Path) -> None:
    qrels = {"q1": {"a": 1, "c": 1, "z": 1}, "q2": {"a": 1}, "q3": {"a": 0}}
    case = write(tmp_path, qrels, {"q1": {"d": 0.5, "a": 0.5, "b": 0.5, "c": 0.4}, "q3": {"a": 1.0}})
    ours = scores_as("sentence_transformers", case, ["nDCG@3", "AP@3", "AP_cap@5", "RR@1"])
    assert ours.counted().all(axis=1).tolist() == [True, True, False]
    assert ours.values[0] == pytest.approx([0.46927872602275644, 1 / 3, 0.5, 1.0], abs=1e-12)
    assert ours.values[1].tolist() == [0, 0, 0, 0]


def test_its_map_divides_by_the_smaller_of_k_and_the_relevant(tmp_path: Path) -> None:
    case = write(tmp_path, {"q": {"a": 1, "b": 1, "c": 1}}, {"q": {"a": 2.0, "x": 1.0}})
    ours = scores_as("sentence_transformers", case, ["map@2"])
    assert ours.means() == {"AP_cap@2": 0.5}


def test_grades_are_no_part_of_sentence_transformers(case: Case) -> None:
    with pytest.raises(UsageError, match="its relevant documents have no grades"):
        scores_as("sentence_transformers", case, ["nDCG(dcg='exp-log2')@10"])
    with pytest.raises(UsageError, match=r"^sentence_transformers has no measure like AP"):
        scores_as("sentence_transformers", case, ["AP"])


@pytest.mark.parametrize("level", [1, 2])
def test_torchmetrics(level: int, case: Case) -> None:
    figures = TORCHMETRICS[level]
    means = scores_as("torchmetrics", case, list(figures), level=level).means()
    assert list(means.values()) == pytest.approx(list(figures.values()), abs=1e-6)


def test_torchmetrics_averages_ndcg_over_ties_of_32_bits(tmp_path: Path) -> None:
    ties = {
        "q1": {"c": 1.0, "a": 1.0 + 1e-12, "d": 1.0, "b": 0.5, "x": 0.5},
        "q2": {"g": 0.9, "a": 0.9, "e": 0.1, "f": 0.1},
    }
    case = write(tmp_path, QRELS, ties)
    means = scores_as("torchmetrics", case, ["nDCG", "nDCG@1", "nDCG@2", "nDCG@3"]).means()
    printed = [0.6332669258117676, 0.1666666716337204, 0.21561193466186523, 0.33317479491233826]
    assert list(means.values()) == pytest.approx(printed, abs=1e-6)


def test_ties_that_torch_decides_are_refused(tmp_path: Path) -> None:
    case = write(tmp_path, {"q": {"a": 1}}, {"q": {"x": 2.0, "a": 1.0, "b": 1.0, "c": 1.0}})
    said = (
        r"torchmetrics' RR@2 depends on torch's order of equal scores here: query q has 3 of them at rank 2"
    )
    with pytest.raises(BadInput, match=said):
        scores_as("torchmetrics", case, ["RR@2"])
    assert scores_as("torchmetrics", case, ["RR@1", "P@1", "R@4", "SetP"]).values.tolist() == [
        [0.0, 0.0, 1.0, 0.25]
    ]

"""The C/W/L measures and NTCIREVAL's, held against values that the tools gave for these rankings.

cwl_eval 1.0.12: EU, ETU, EC, ETC and ED. pyNTCIREVAL 0.0.3, the port of NTCIREVAL: with gains 1:2:3, 1:4:9 or 1:3:7.
"""

import numpy as np
import pytest

from intrex.data.errors import UsageError
from intrex.eval.measures import Rankings, parse_measures
from intrex.eval.measures.cwl import COLUMNS

RANKINGS: list[list[int | None]] = [
    [1, 0, 2, None, 3],
    [None, 3, -1, 0, 2, 2, 1, None, 1, 3, 0, 1],
    [0, 0, None],
    [3, 3, 2, 1],
]
CWL = [
    ("CWL_P(max_rel=3)@4", 0, (0.25, 1.0, 1.0, 4.0, 4.0)),
    ("CWL_P(max_rel=3)@4", 1, (0.25, 1.0, 1.0, 4.0, 4.0)),
    ("CWL_P(max_rel=2,min_rel=1)@4", 1, (0.25, 1.0, 1.0, 4.0, 4.0)),
    ("CWL_RR(max_rel=3)", 0, (0.33333333, 0.33333333, 1.0, 1.0, 1.0)),
    ("CWL_RR(max_rel=3)", 1, (0.5, 1.0, 1.0, 2.0, 2.0)),
    ("CWL_RR(max_rel=2,min_rel=1)", 1, (0.5, 1.0, 1.0, 2.0, 2.0)),
    ("CWL_AP(max_rel=3)", 0, (0.36666667, 0.97058824, 1.0, 2.64705882, 2.64705882)),
    ("CWL_AP(max_rel=3)", 1, (0.40152625, 1.81835776, 1.0, 4.52861487, 4.52861487)),
    ("CWL_AP(max_rel=2,min_rel=1)", 1, (0.45, 1.86206897, 1.0, 4.13793103, 4.13793103)),
    ("CWL_RBP(max_rel=3,p=0.9)", 0, (0.15294333, 1.52943333, 1.0, 10.0, 10.0)),
    ("CWL_RBP(max_rel=3,p=0.9)", 1, (0.25437201, 2.54372009, 1.0, 10.0, 10.0)),
    ("CWL_RBP(max_rel=2,min_rel=1,p=0.9)", 1, (0.25340105, 2.53401049, 1.0, 10.0, 10.0)),
    ("SDCG(max_rel=3)@5", 0, (0.35731188, 1.05351947, 1.0, 2.94845912, 2.94845912)),
    ("SDCG(max_rel=3)@5", 1, (0.30145632, 0.88883163, 1.0, 2.94845912, 2.94845912)),
    ("SDCG(max_rel=2,min_rel=1)@5", 1, (0.34519134, 1.01778256, 1.0, 2.94845912, 2.94845912)),
    ("INSQ(max_rel=3,T=2)", 0, (0.1943837, 0.87959788, 1.0, 4.50935033, 4.5252231)),
    ("INSQ(max_rel=3,T=2)", 1, (0.25349083, 1.14703376, 1.0, 4.50935033, 4.5252231)),
    ("INSQ(max_rel=2,min_rel=1,T=2)", 1, (0.26124799, 1.18214193, 1.0, 4.50935033, 4.5252231)),
    ("INST(max_rel=3,T=1.5)", 0, (0.24308481, 0.69613788, 1.0, 2.86017443, 2.8637953)),
    ("INST(max_rel=3,T=1.5)", 1, (0.29000411, 0.80050863, 1.0, 2.75839323, 2.76036496)),
    ("INST(max_rel=2,min_rel=1,T=1.5)", 1, (0.30432615, 0.83091434, 1.0, 2.72843409, 2.73036697)),
    ("BPM(max_rel=3,T=1.5)@4", 0, (0.25, 1.0, 1.0, 4.0, 4.0)),
    ("BPM(max_rel=3,T=1.5)@4", 1, (0.25, 1.0, 1.0, 4.0, 4.0)),
    ("BPM(max_rel=2,min_rel=1,T=1.5)@4", 1, (0.25, 1.0, 1.0, 4.0, 4.0)),
    ("NERR8(max_rel=3)@5", 0, (0.36, 1.0, 1.0, 2.77777778, 2.77777778)),
    ("NERR8(max_rel=3)@5", 1, (0.5, 1.0, 1.0, 2.0, 2.0)),
    ("NERR8(max_rel=2,min_rel=1)@5", 1, (0.5, 1.0, 1.0, 2.0, 2.0)),
    ("NERR9(max_rel=3)@5", 0, (0.31767338, 0.52592593, 1.0, 1.65555556, 1.65555556)),
    ("NERR9(max_rel=3)@5", 1, (0.33333333, 0.5, 1.0, 1.5, 1.5)),
    ("NERR9(max_rel=2,min_rel=1)@5", 1, (0.33333333, 0.5, 1.0, 1.5, 1.5)),
    ("NERR10(max_rel=3,p=0.7)", 0, (0.31434977, 0.60446667, 1.0, 1.92291111, 1.92291111)),
    ("NERR10(max_rel=3,p=0.7)", 1, (0.41176471, 0.7, 1.0, 1.7, 1.7)),
    ("NERR10(max_rel=2,min_rel=1,p=0.7)", 1, (0.41176471, 0.7, 1.0, 1.7, 1.7)),
    ("NERR11(max_rel=3,T=3)", 0, (0.32459673, 0.66333333, 1.0, 2.04356135, 2.04356135)),
    ("NERR11(max_rel=3,T=3)", 1, (0.42352941, 0.73469388, 1.0, 1.73469388, 1.73469388)),
    ("NERR11(max_rel=2,min_rel=1,T=3)", 1, (0.42352941, 0.73469388, 1.0, 1.73469388, 1.73469388)),
    ("BPM(max_rel=3,T=0.5)@10", 0, (0.33333333, 1.0, 1.0, 3.0, 3.0)),
    ("BPM(max_rel=3,T=0.5)@10", 1, (0.5, 1.0, 1.0, 2.0, 2.0)),
    ("BPM(max_rel=3,T=1.5)@10", 0, (0.4, 2.0, 1.0, 5.0, 5.0)),
    ("BPM(max_rel=3,T=1.5)@10", 1, (0.33333333, 1.66666667, 1.0, 5.0, 5.0)),
    ("INST(max_rel=3,depth=3)", 1, (0.27067669, 0.33333333, 1.0, 1.30864198, 1.64197531)),
]
NTCIREVAL = [
    ("Q", 0, 0.32857143),
    ("Q@3", 0, 0.33333333),
    ("Q(beta=0.5,gains={1:1,2:4,3:9})@10", 0, 0.27073736),
    ("nERR(max=3)@3", 0, 0.25806452),
    ("nERR(max=3)@10", 0, 0.36240576),
    ("MSnDCG@0003", 0, 0.38009377),
    ("nDCG(gains={1:1,2:3,3:7})@10", 0, 0.46456928),
    ("Q", 1, 0.44178916),
    ("Q@3", 1, 0.16666667),
    ("Q(beta=0.5,gains={1:1,2:4,3:9})@10", 1, 0.36928157),
    ("nERR(max=3)@3", 1, 0.46960168),
    ("nERR(max=3)@10", 1, 0.48915297),
    ("MSnDCG@0003", 1, 0.3212043),
    ("nDCG(gains={1:1,2:3,3:7})@10", 1, 0.55792695),
    ("Q", 2, 0.0),
    ("Q@3", 2, 0.0),
    ("Q(beta=0.5,gains={1:1,2:4,3:9})@10", 2, 0.0),
    ("nERR(max=3)@3", 2, 0.0),
    ("nERR(max=3)@10", 2, 0.0),
    ("MSnDCG@0003", 2, 0.0),
    ("nDCG(gains={1:1,2:3,3:7})@10", 2, 0.0),
    ("Q", 3, 0.6547619),
    ("Q@3", 3, 1.0),
    ("Q(beta=0.5,gains={1:1,2:4,3:9})@10", 3, 0.65196078),
    ("nERR(max=3)@3", 3, 1.0),
    ("nERR(max=3)@10", 3, 0.99906284),
    ("MSnDCG@0003", 3, 1.0),
    ("nDCG(gains={1:1,2:3,3:7})@10", 3, 0.89269287),
]
MISSED = [2, 1]
"""Grades of judged documents that no ranking has."""


def value(text: str, ranking: int) -> float:
    grades = RANKINGS[ranking]
    (measure,) = parse_measures([text])
    return float(measure.values(Rankings.of(grades, [g for g in grades if g is not None] + MISSED))[0])


@pytest.mark.parametrize(("text", "ranking", "columns"), CWL)
def test_every_column_is_cwl_evals(text: str, ranking: int, columns: tuple[float, ...]) -> None:
    name, _, rest = text.partition("(")
    found = [value(f"{name}(column='{column}',{rest}", ranking) for column in COLUMNS]
    assert found == pytest.approx(columns, abs=1e-8)
    assert value(text, ranking) == found[0]


@pytest.mark.parametrize(("text", "ranking", "expected"), NTCIREVAL)
def test_equal_to_ntcireval(text: str, ranking: int, expected: float) -> None:
    assert value(text, ranking) == pytest.approx(expected, abs=1e-8)


def test_a_grade_beyond_the_scale_counts_as_its_end() -> None:
    one, other = Rankings.of([9, 0, 2], [9, 2, 0]), Rankings.of([3, 0, 2], [3, 2, 0])
    (measure,) = parse_measures(["INST(max_rel=3)"])
    assert measure.values(one) == measure.values(other)


def test_the_ends_of_the_scale_must_differ() -> None:
    (measure,) = parse_measures(["INST(max_rel=2,min_rel=2)"])
    with pytest.raises(UsageError, match="min_rel=2 is not below max_rel=2"):
        measure.values(Rankings.of([1], [1]))


def test_a_ranking_is_followed_below_its_end_and_no_further_than_the_depth() -> None:
    long = Rankings.of([0] * 1500 + [1], [1, 0])
    for text in ("CWL_RR(max_rel=1)", "INSQ(max_rel=1)"):
        (measure,) = parse_measures([text])
        assert measure.values(long).tolist() == [0.0]
        (deeper,) = parse_measures([text.replace("max", "depth=2000,max")])
        assert deeper.values(long)[0] > 0


def test_blocks_of_queries_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    from intrex.eval.measures import cwl

    grades = [1, 0, 3, 2, 0, 1, 3]
    parts = [Rankings.of(grades[i:], grades) for i in range(7)]
    sizes = np.concatenate([[0], np.cumsum([len(p.ranks) for p in parts])])
    joined = Rankings(
        np.concatenate([p.retrieved for p in parts]), sizes, np.concatenate([p.ranks for p in parts]),
        np.concatenate([p.grades for p in parts]), np.arange(8) * 7, np.concatenate([p.pool for p in parts]),
    )  # fmt: skip
    (measure,) = parse_measures(["INST(max_rel=3)"])
    whole = measure.values(joined)
    monkeypatch.setattr(cwl, "CELLS", 2000)
    assert measure.values(joined).tolist() == whole.tolist()
    assert whole.tolist() == pytest.approx([float(measure.values(p)[0]) for p in parts], abs=1e-12)


def test_what_can_leave_0_to_1_is_known_by_its_parameters() -> None:
    texts = ["INST(max_rel=3,column='ETU')", "INST(max_rel=3,column='ED')", "ERR_IA(scaled=False)@5", "DCG@5"]
    assert [m.unbounded for m in parse_measures(texts)] == [True] * 4
    texts = ["INST(max_rel=3)", "INST(max_rel=3,column='EC')", "ERR_IA@5", "nDCG@5", "Compat"]
    assert [m.unbounded for m in parse_measures(texts)] == [False] * 5

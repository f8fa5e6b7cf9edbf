"""Measures whose parameters cannot be used are refused, whatever tool's spelling they are in."""

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.eval.measures import Measure, Rankings, parse_measures

ALIASES = [
    "rbp.p=5",
    "rbp.p=nan",
    "rbp.q=0.5",
    "rbp.p=0.5,p=0.6",
    "iprec_at_recall.7",
    "iprec_at_recall.1e400",
    "Rprec_mult.-1",
    "Rprec_mult.nan",
    "Rprec_mult.1e300",
    "11pt_avg.nan",
    "11pt_avg.0.5,-1",
    "ndcg-l2@0",
    "ndcg@99999999999",
    "ndcg_at_99999999999",
    "ndcg.1=inf",
    "ndcg.1=3,1=4",
    "ndcg.1=1e200",
    "set_F.nan",
    "set_F.-1",
    "set_F.1,2",
    "relstring.inf",
    "relstring.0",
    "runid.5",
    "P.inf",
    "P.1e400",
    "P.1e10",
    "utility.nan,0,0,0",
    "map-l9999999999",
]
OURS = [
    "IPrecAvg(points=(5,-1))",
    "SetF(beta=-1)",
    "SetF(beta=1,beta=2)",
    "F(beta=1e200)@10",
    f"F(beta={10**400})@10",
    "Rprec_mult@1e300",
    "Rprec_mult@1e999",
    "IPrec@1e999",
    "P@2147483648",
    "P(rel=2147483648)@5",
    "Utility(hit=1e999)",
    "nDCG(gains={1:1e999})",
    f"nDCG(gains={{1:{10**400}}})",
    f"nDCG(gains={{{10**30}:1}})",
    "ERR(max=1001)",
    "ERR(max=0)",
    "RBP(p=1.5)",
    "RBP(p=1e999)",
]


@pytest.mark.parametrize("text", [*ALIASES, *OURS])
def test_a_parameter_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_measures([text], keep_texts=True)


def test_the_limits_themselves_are_taken() -> None:
    texts = ["P@2147483647", "Rprec_mult@1000000", "F(beta=1000000)@10", "ERR(max=1000)", "NumRet(rel=0)"]
    texts += ["IPrecAvg(points=(0,1))", "RBP(p=0)", "relstring.5", "SetF(beta=0)"]
    assert len(parse_measures(texts, keep_texts=True)) == len(texts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nDCG(gains={1:123456789})", "nDCG(gains={1:123456788})"),
        ("IPrec@0.02500001", "IPrec@0.025"),
        ("IPrecAvg(points=(0.3000001,))", "IPrecAvg(points=(0.3,))"),
        ("Utility(hit=1234567.5)", "Utility(hit=1234568)"),
    ],
)
def test_two_measures_never_share_a_name(one: str, other: str) -> None:
    names = [str(m) for m in parse_measures([one, other])]
    assert len(set(names)) == 2
    assert names == [one, other]


def test_a_number_is_spelt_without_an_empty_fraction() -> None:
    assert str(Measure("SetF").with_params(beta=2.0)) == "SetF(beta=2)"
    assert str(Measure("Rprec_mult", 1e6)) == "Rprec_mult@1000000"


EXPONENTIAL = ["nDCG(dcg='exp-log2')@5", "DCG(dcg='exp-log2')", "ERR(max=1000)@5"]


@pytest.mark.parametrize("text", EXPONENTIAL)
def test_a_grade_whose_power_of_two_overflows_is_named(text: str) -> None:
    (measure,) = parse_measures([text])
    assert np.isfinite(measure.values(Rankings.of([1000, 0, 999], [1000, 1000, 999, 0]))).all()
    with pytest.raises(BadInput, match=r"grade 1001") as caught:
        measure.values(Rankings.of([1001, 0, 1], [1001, 1, 0]))
    assert "max=1001" not in str(caught.value.hint)


def test_gains_stand_in_for_a_grade_too_high() -> None:
    (measure,) = parse_measures(["nDCG(dcg='exp-log2',gains={5000:7})"])
    assert measure.values(Rankings.of([5000, 0], [5000, 0])).tolist() == [1.0]

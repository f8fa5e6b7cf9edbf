"""How measures are spelt: every tool's names, our own grammar there and back, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.data.errors import UsageError
from intrex.eval.measures import Measure, parse_measures
from intrex.eval.measures.aliases import TEXTS, TREC
from intrex.eval.measures.cwl import COLUMNS
from intrex.eval.measures.measure import MEASURES, parameters

CUT = [5, 10, 15, 20, 30, 100, 200, 500, 1000]
TREC_EVAL = {
    "11pt_avg": ["IPrecAvg"],
    "G": ["G"],
    "P": [f"P@{k}" for k in CUT],
    "Rndcg": ["Rndcg"],
    "Rprec": ["Rprec"],
    "Rprec_mult": [f"Rprec_mult@{i / 5:g}" for i in range(1, 11)],
    "binG": ["binG"],
    "bpref": ["Bpref"],
    "gm_bpref": ["GMBpref"],
    "gm_map": ["GMAP"],
    "infAP": ["infAP"],
    "iprec_at_recall": [f"IPrec@{i / 10:g}" for i in range(11)],
    "map": ["AP"],
    "map_cut": [f"AP@{k}" for k in CUT],
    "ndcg": ["nDCG"],
    "ndcg_cut": [f"nDCG@{k}" for k in CUT],
    "ndcg_rel": ["nDCG_rel"],
    "num_nonrel_judged_ret": ["NumNonRelRet"],
    "num_q": ["NumQ"],
    "num_rel": ["NumRel"],
    "num_rel_ret": ["NumRelRet"],
    "num_ret": ["NumRet"],
    "recall": [f"R@{k}" for k in CUT],
    "recip_rank": ["RR"],
    "relative_P": [f"R_cap@{k}" for k in CUT],
    "relstring": [],
    "runid": [],
    "set_F": ["SetF"],
    "set_P": ["SetP"],
    "set_map": ["SetAP"],
    "set_recall": ["SetR"],
    "set_relative_P": ["SetP(relative=True)"],
    "success": ["Success@1", "Success@5", "Success@10"],
    "utility": ["Utility"],
}
OTHERS = {
    # trec_eval with parameters, as -m takes them and as it prints them
    "P.5,10": "P@5 P@10",
    "P_5": "P@5",
    "ndcg_cut_10": "nDCG@10",
    "ndcg_cut.10": "nDCG@10",
    "iprec_at_recall_0.30": "IPrec@0.3",
    "ndcg.1=3,2=9": "nDCG(gains={1:3,2:9})",
    "set_F.0.5": "SetF(beta=0.5)",
    "utility.2,-1,0,0.5": "Utility(hit=2,rest=0.5)",
    "rbp": "sRBP",
    "rbp.p=0.8": "sRBP(p=0.8)",
    "unj.5": "Unjudged@5",
    # ranx
    "ndcg@10": "nDCG@10",
    "ndcg_burges@10": "nDCG(dcg='exp-log2')@10",
    "dcg@5": "DCG@5",
    "dcg_burges": "DCG(dcg='exp-log2')",
    "map@100": "AP@100",
    "map@100-l2": "AP(rel=2)@100",
    "ndcg@10-l2": "nDCG(floor=2)@10",
    "mrr": "RR",
    "mrr@10": "RR@10",
    "recall@100": "R@100",
    "precision": "SetP",
    "precision@5": "P@5",
    "hits@10": "NumRelRet@10",
    "hit_rate@10": "Success@10",
    "f1@10": "F@10",
    "f1": "SetF",
    "f1-l2": "SetF(rel=2)",
    "hit_rate": "Success",
    "hit_rate-l2": "Success(rel=2)",
    "r-precision": "Rprec",
    "bpref-l2": "Bpref(rel=2)",
    "rbp.95": "RBP(graded=True,p=0.95)",
    # BEIR and MTEB
    "NDCG@10": "nDCG@10",
    "MAP@10": "AP@10",
    "Recall@100": "R@100",
    "P@10": "P@10",
    "MRR@10": "RR@10",
    "R_cap@100": "R_cap@100",
    "Hole@10": "Hole@10",
    "Accuracy@10": "Success@10",
    "HitRate@10": "Success@10",
    "ndcg_at_10": "nDCG@10",
    "map_at_1000": "AP@1000",
    "recall_at_100": "R@100",
    "precision_at_3": "P@3",
    "mrr_at_10": "RR@10",
    "hit_rate_at_5": "Success@5",
    # ir_measures
    "SetRelP": "SetP(relative=True)",
    "RPrec": "Rprec",
    "BPref": "Bpref",
    "NumRelRet": "NumRelRet",
    "P(rel=2)@5": "P(rel=2)@5",
    "AP(judged_only=True)": "AP(judged_only=True)",
    "ERR@20": "ERR(max=4)@20",
    "RBP(p=0.9)": "RBP(p=0.9)",
    "nDCG(cutoff=3)": "nDCG@3",
    "P(cutoff=5,rel=2)": "P(rel=2)@5",
    "IPrec(recall=0.4)": "IPrec@0.4",
    "Judged(cutoff=10)": "Judged@10",
    "ndcg(cutoff=5)": "nDCG@5",
    "MAP_IA": "AP_IA",
    "α_DCG@5": "alpha_DCG@5",
    "INST(T=2.0,max_rel=3)": "INST(T=2,max_rel=3)",
    # ndeval
    "ERR-IA@20": "ERR_IA@20",
    "nERR-IA@5": "nERR_IA@5",
    "alpha-nDCG@10": "alpha_nDCG@10",
    "alpha-DCG@10": "alpha_DCG@10",
    "P-IA@10": "P_IA@10",
    "MAP-IA": "AP_IA",
    "strec@5": "StRecall@5",
    # NTCIREVAL
    "MSnDCG@0010": "nDCG@10",
    "Q-measure": "Q",
    "Q@0010": "Q@10",
    "nERR@0010": "nERR(max=4)@10",
}


def spelt(text: str) -> list[str]:
    return [str(m) for m in parse_measures([text])]


@pytest.mark.parametrize("name", TREC_EVAL)
def test_trec_evals_names(name: str) -> None:
    assert spelt(name) == TREC_EVAL[name]


def test_every_name_and_nickname_of_pytrec_eval() -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    assert set(TREC_EVAL) == set(pytrec_eval.supported_measures)
    for nickname in ("official", "set", "all_trec"):
        names = pytrec_eval.supported_nicknames[nickname]
        expected = {measure for name in names for measure in TREC_EVAL[name]}
        assert expected <= set(spelt(nickname))
        later = set(spelt(nickname)) - expected  # version 10 added measures to all_trec
        assert later == (
            set()
            if nickname != "all_trec"
            else {"sRBP", "RBPResidual"} | {f"Unjudged@{k}" for k in (5, 10, 20)}
        )


@pytest.mark.parametrize("text", OTHERS)
def test_other_tools_names(text: str) -> None:
    assert spelt(text) == OTHERS[text].split(" ")


def test_the_registry_of_ir_measures() -> None:
    ir_measures = pytest.importorskip("ir_measures")
    ours = set(MEASURES.table)
    shared = {n for n in ir_measures.measures.registry if n in ours}
    aliases = {"BPref", "MAP", "MAP_IA", "MRR", "NDCG", "Precision", "RPrec", "Recall", "SetRelP"}
    assert set(ir_measures.measures.registry) - ours == aliases | {"α_DCG", "α_nDCG", "Accuracy"}
    assert {
        "AP",
        "RR",
        "nDCG",
        "P",
        "R",
        "Rprec",
        "Bpref",
        "infAP",
        "ERR",
        "RBP",
        "Judged",
        "SetF",
        "IPrec",
    } <= shared
    for name in shared:
        cutoff = "@0.1" if name == "IPrec" else "@10" if _needs_cutoff(name) else ""
        text = name + ("(max_rel=3)" if "max_rel" in parameters(name) else "") + cutoff
        assert parse_measures([text])[0].name == name
        theirs = str(ir_measures.parse_measure(text))
        expected = ["NumRet(rel=1)"] if name == "NumRelRet" else [text]  # one measure of two names there
        assert parse_measures([theirs]) == parse_measures(expected)


def _needs_cutoff(name: str) -> bool:
    cutoff = parameters(name).get("cutoff")
    return cutoff is not None and cutoff.default is cutoff.empty


VALUES = {
    "rel": st.integers(1, 5),
    "floor": st.integers(1, 5),
    "max": st.integers(1, 9),
    "beta": st.floats(0, 9),
    "p": st.floats(0, 1),
    "alpha": st.floats(0, 1),
    "max_rel": st.integers(1, 9),
    "min_rel": st.integers(0, 8),
    "T": st.floats(0.001, 9),
    "depth": st.integers(1, 2000),
    "column": st.sampled_from(COLUMNS),
    "normalize": st.booleans(),
    "scaled": st.booleans(),
    "hit": st.floats(-9, 9),
    "noise": st.floats(-9, 9),
    "miss": st.floats(-9, 9),
    "rest": st.floats(-9, 9),
    "docs": st.integers(0, 10**15),
    "gains": st.dictionaries(st.integers(-2, 9), st.floats(-9, 9), min_size=1),
    "points": st.lists(st.floats(0, 1), min_size=1, max_size=4).map(tuple),
    "dcg": st.sampled_from(["log2", "exp-log2"]),
    "scope": st.sampled_from(["query", "collection"]),
    "judged_only": st.booleans(),
    "graded": st.booleans(),
    "relative": st.booleans(),
    "as_given": st.booleans(),
}


@st.composite
def measures(draw: st.DrawFn) -> str:
    """A measure's text with any of its parameters."""
    name = draw(st.sampled_from(sorted(MEASURES.table)))
    own = parameters(name)
    chosen = (
        draw(st.lists(st.sampled_from(sorted(k for k in own if k in VALUES)), unique=True))
        if set(own) & set(VALUES)
        else []
    )
    needed = {k for k, p in own.items() if p.default is p.empty and k != "cutoff"}
    values = {key: draw(VALUES[key]) for key in sorted({*chosen, *needed})}
    if name in ("NRBP", "nNRBP") and "beta" in values:
        values["beta"] /= 9
    inner = ",".join(f"{key}={value!r}" for key, value in values.items())
    text = name + (f"({inner})" if inner else "")
    if "cutoff" in own and (_needs_cutoff(name) or draw(st.booleans())):
        whole = own["cutoff"].annotation is not float
        text += f"@{draw(st.integers(1, 5000))}" if whole else f"@{draw(st.floats(0, 1))}"
    return text


@settings(derandomize=True, max_examples=600, deadline=None)
@given(measures())
def test_there_and_back(text: str) -> None:
    (measure,) = parse_measures([text])
    (again,) = parse_measures([str(measure)])
    assert again == measure and str(again) == str(measure)


def test_trec_evals_labels_read_back_as_the_same_measure() -> None:
    for name in set(TREC) - set(TEXTS):
        for measure in parse_measures([name]):
            assert parse_measures([str(measure.label)]) == [measure]


def test_what_is_not_a_measure_is_named_all_at_once_with_the_nearest() -> None:
    wrong = [
        "nDGC@10",
        "ndcg_ct_10",
        "mapp",
        "Accuracy",
        "INST",
        "nDCG(cutoff=3)@4",
        "nDCG(cutoff=True)",
        "IPrec(cutoff=0.1,recall=0.2)",
        "bpref@5",
        "rbp.9@3",
        "ndcg_at_0",
        "P@0",
        "RR(rel=0)",
    ]
    with pytest.raises(UsageError) as caught:
        parse_measures([*wrong, "nDCG@10"])
    for text in wrong:
        assert text in caught.value.message
    assert "nDGC@10': did you mean nDCG" in caught.value.message


def test_a_measure_can_be_asked_for_twice_under_two_names() -> None:
    assert parse_measures(["ndcg_cut_10", "nDCG@10", "NDCG@10"]) == [Measure("nDCG", 10)]

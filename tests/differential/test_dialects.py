"""``--as TOOL`` against the tool itself, on files made to tell tools apart."""

import csv
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.score import Scores
from tests.differential import tools
from tests.differential.adversarial import CUTS, Case, make, scores_as, write

IR = [
    "nDCG@10",
    "nDCG",
    "AP",
    "AP(rel=2)",
    "AP(rel=3)@5",
    "P@10",
    "P(rel=2)@3",
    "R@100",
    "R(rel=2)@5",
    "RR",
    "RR(rel=2)",
    "RR@10",
    "RR(rel=2)@3",
    "Rprec",
    "Rprec(rel=2)",
    "Bpref",
    "Bpref(rel=2)",
    "infAP",
    "infAP(rel=2)",
    "Success@1",
    "Success(rel=3)@5",
    "Judged@10",
    "Judged",
    "IPrec@0.1",
    "IPrec(rel=2)@0.3",
    "IPrec@0.125",
    "SetP",
    "SetP(rel=2,relative=True)",
    "SetR",
    "SetR(rel=2)",
    "SetF",
    "SetF(rel=2,beta=0.5)",
    "SetAP",
    "SetAP(rel=2)",
    "NumRet",
    "NumRet(rel=2)",
    "NumRel",
    "NumQ",
    "NumRelRet",
    "AP(judged_only=True)",
    "P(judged_only=True,rel=2)@5",
    "nDCG(judged_only=True)@10",
    "R(judged_only=True)@3",
    "Rprec(judged_only=True)",
    "nDCG(gains={1:5,0:1,3:2})@5",
    "nDCG(gains={1:5})",
    "nDCG(gains={2:0})",
    "RR(judged_only=True)",
    "SetF(judged_only=True)",
    "Success(judged_only=True)@3",
]
RANX = [
    f"{n}@{k}" for n in ("hits", "hit_rate", "precision", "recall", "f1", "mrr", "map") for k in (1, 10, 1000)
]
RANX += [f"{n}@{k}" for n in ("ndcg", "ndcg_burges", "dcg", "dcg_burges") for k in (1, 10, 100)]
RANX += ["hits", "hit_rate", "precision", "f1", "mrr", "map", "ndcg", "ndcg_burges", "dcg"]
RANX += ["r-precision", "rbp.95", "rbp.5"]
RANX += [f"{name}-l{level}" for name in RANX for level in (2, 3)]


@pytest.fixture
def case(tmp_path: Path) -> Callable[..., Case]:
    def build(seed: int, **kinds: bool) -> Case:
        return write(tmp_path / f"case{seed}", *make(seed, **kinds))

    return build


def compare(ours: Scores, names: list[str], said: tools.Said, digits: int | None = None) -> None:
    means = dict(zip(names, ours.means().values(), strict=True))
    if digits is not None:
        means = {n: round(v, digits) for n, v in means.items()}
    assert means == pytest.approx({n: said.means[n] for n in names}, abs=1e-9, nan_ok=True)
    for i, query in enumerate(ours.query_ids):
        for j, name in enumerate(names):
            if (name, query) in said.cells:
                assert ours.values[i, j] == pytest.approx(said.cells[name, query], abs=1e-9, nan_ok=True), (
                    name,
                    query,
                )


@pytest.mark.parametrize("tool", ["pytrec_eval", "ir_measures", "beir", "mteb"])
def test_where_pytrec_eval_may_crash_we_refuse(tool: str, tmp_path: Path) -> None:
    one = write(tmp_path, {"q1": {"a": -1}, "q2": {"a": 1}}, {"q1": {"a": 1.0}, "q2": {"a": 1.0}})
    with pytest.raises(BadInput, match="pytrec_eval may crash here: query q1 has no judgement of grade 0"):
        scores_as(tool, one, ["P@5"])


@pytest.mark.parametrize("level", [1, 2, 3])
def test_pytrec_eval(level: int, case: Callable[..., Case]) -> None:
    names = [
        "map",
        "P.5,10",
        "ndcg_cut.3,10",
        "ndcg",
        "recip_rank",
        "iprec_at_recall",
        "11pt_avg",
        "bpref",
        "infAP",
    ]
    names += [
        "set_F.0.5",
        "G",
        "binG",
        "Rndcg",
        "ndcg_rel",
        "num_rel",
        "num_ret",
        "num_rel_ret",
        "num_nonrel_judged_ret",
    ]
    names += [
        "num_q",
        "utility",
        "set_P",
        "relative_P.3",
        "Rprec_mult",
        "success",
        "set_relative_P",
        "set_map",
        "recall",
    ]
    for seed in range(6):
        one = case(seed)
        theirs = tools.pytrec_eval(one, names, level)
        ours = scores_as("pytrec_eval", one, names, level=level)
        kept = [q in theirs for q in ours.query_ids]
        assert (ours.counted()[:, 0] == kept).all()
        for i, query in enumerate(ours.query_ids):
            for j, measure in enumerate(ours.measures if kept[i] else ()):
                label = str(measure.label).removesuffix("_0.5")
                assert ours.values[i, j] == pytest.approx(theirs[query][label], abs=1e-9), (
                    seed,
                    query,
                    label,
                )


def test_ir_measures(case: Callable[..., Case]) -> None:
    for seed in range(8):
        one = case(seed)
        compare(scores_as("ir_measures", one, IR), IR, tools.ir_measures(one, IR))


@pytest.mark.parametrize("tool", ["pytrec_eval", "ir_measures"])
def test_where_pytrec_eval_divides_zero_by_zero_so_do_we(tool: str, tmp_path: Path) -> None:
    ranked = {"q1": {"u": 1.0}, "q2": {"a": 1.0}}
    one = write(tmp_path, {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 1}}, ranked)
    names = ["IPrec(judged_only=True)@0.0", "IPrec(judged_only=True)@1.0", "AP(judged_only=True)"]
    ours = scores_as(tool, one, names)
    if tool == "ir_measures":
        compare(ours, names, tools.ir_measures(one, names))
    else:
        labels = ["iprec_at_recall_0.00", "iprec_at_recall_1.00", "map"]
        theirs = tools.pytrec_eval(one, ["iprec_at_recall", "map"], judged_only=True)
        found = [[theirs[query][label] for label in labels] for query in ("q1", "q2")]
        assert ours.values[:2].tolist() == pytest.approx(np.array(found), nan_ok=True)
    assert np.isnan(ours.values).tolist() == [[True, False, False], [False] * 3, [False] * 3]


@pytest.mark.parametrize("name", ["NumRel(rel=2)", "RR(judged_only=True)@10"])
def test_what_ir_measures_cannot_compute_is_refused(name: str, case: Callable[..., Case]) -> None:
    one = case(0)
    with pytest.raises(ValueError, match="Unsupported measures"):
        tools.ir_measures(one, [name])
    with pytest.raises(UsageError, match="ir_measures has no"):
        scores_as("ir_measures", one, [name])


def test_ranx(case: Callable[..., Case]) -> None:
    for seed in range(6):
        one = case(seed)
        compare(scores_as("ranx", one, RANX), RANX, tools.ranx(one, RANX))


def test_ranx_bpref_is_not_a_number_or_refused(case: Callable[..., Case]) -> None:
    names = ["bpref"]
    found = []
    for seed in range(5):
        one = case(seed, empty=False)
        ours = scores_as("ranx", one, names)
        compare(ours, names, tools.ranx(one, names))
        found += ours.values[:, 0].tolist()
    assert np.isfinite(found).any()
    only = write(one.run_file.parent / "only", {"q": {"a": 1}}, {"q": {"a": 1.0}})
    assert np.isnan(scores_as("ranx", only, names).values[0, 0]) and np.isnan(
        tools.ranx(only, names).means["bpref"]
    )
    with pytest.raises(BadInput, match="ranx divides by zero in bpref here: query q3"):
        scores_as("ranx", case(0, empty=True), names)


def test_beir(case: Callable[..., Case]) -> None:
    for seed in range(8):
        one = case(seed, extra=False, empty=seed % 2 == 0)
        said = tools.beir(one)
        names = list(said.means)
        assert ("R_cap@10" in names) == (seed % 2 == 1) or "q3" not in one.run
        compare(scores_as("beir", one, names), names, said, digits=5)
        if "R_cap@10" not in names:
            with pytest.raises(BadInput, match="BEIR divides by zero in R_cap"):
                scores_as("beir", one, ["R_cap@10"])


def test_beir_and_queries_that_were_not_judged(case: Callable[..., Case]) -> None:
    tool = pytest.importorskip("beir.retrieval.evaluation").EvaluateRetrieval
    one = case(1, extra=True, empty=False)
    for metric, name in (("mrr", "MRR@10"), ("r_cap", "R_cap@10"), ("acc", "Accuracy@10")):
        with pytest.raises(KeyError):
            tool.evaluate_custom(one.qrels, one.run, [10], metric)
        with pytest.raises(BadInput, match="BEIR stops with a KeyError"):
            scores_as("beir", one, [name])
    assert tool.evaluate_custom(one.qrels, {"never-judged": {"x": 1.0}}, [1], "hole")["Hole@1"] > 0
    with pytest.raises(BadInput, match="BEIR counts 1 queries"):
        scores_as("beir", one, ["Hole@10"])


def test_mteb(case: Callable[..., Case]) -> None:
    for seed in range(8):
        one = case(seed, extra=False)
        said, _ = tools.mteb(one)
        for names, digits in (
            ([n for n in said.means if "MRR" not in n], 5),
            ([f"MRR@{k}" for k in CUTS], None),
        ):
            compare(scores_as("mteb", one, names), names, said, digits)


def test_mteb_and_queries_that_were_not_judged(case: Callable[..., Case]) -> None:
    one = case(1, extra=True)
    with pytest.raises(KeyError):
        tools.mteb(one)
    with pytest.raises(BadInput, match="mteb stops with a KeyError"):
        scores_as("mteb", one, ["ndcg_at_10"])


@pytest.mark.parametrize(
    ("tool", "measure"),
    [
        ("trec_eval9", "RR@10"),
        ("trec_eval9", "dcg"),
        ("trec_eval9", "unj"),
        ("trec_eval10", "nDCG(dcg='exp-log2')"),
        ("pytrec_eval", "ndcg.1=3"),
        ("pytrec_eval", "yaap"),
        ("ir_measures", "nDCG(dcg='exp-log2')"),
        ("ranx", "R_cap@10"),
        ("ranx", "nDCG(dcg='binary')@10"),
        ("beir", "AP"),
        ("beir", "P(rel=2)@5"),
        ("mteb", "RR"),
        ("mteb", "nDCG(gains={1:3})@10"),
    ],
)
def test_a_measure_that_the_tool_lacks_is_refused_with_its_name(
    tool: str, measure: str, case: Callable[..., Case]
) -> None:
    with pytest.raises(UsageError, match=f"^{tool} has no "):
        scores_as(tool, case(0), [measure])


def test_the_command_line_says_the_same(case: Callable[..., Case], intrex) -> None:
    one = case(1, extra=False, empty=False)
    said = {
        "ranx": tools.ranx(one, ["ndcg@10", "map@100"]),
        "beir": tools.beir(one),
        "mteb": tools.mteb(one)[0],
    }
    for tool, names in (
        ("ranx", ["ndcg@10", "map@100"]),
        ("beir", ["NDCG@10", "MRR@10"]),
        ("mteb", ["MAP@5", "P@3"]),
    ):
        line = f"evaluate --as {tool} {one.qrels_file} {one.run_file} --format csv -m '{' '.join(names)}'"
        rows = [row.split(",") for row in intrex(line).out.splitlines()[1:]]
        assert [float(row[2]) for row in rows] == pytest.approx(
            [said[tool].means[n] for n in names], abs=5.1e-6
        )
        assert all(f"as={tool}" in row[-1] for row in rows)
    assert intrex(f"evaluate --as beir -c --no-complete {one.qrels_file} {one.run_file} -m RR@10").code == 2


@pytest.mark.parametrize(
    "asked",
    [
        ["ndcg_cut", "ndcg_cut.2,7"],
        ["ndcg_cut_2", "ndcg_cut"],
        ["P.5", "official"],
        ["iprec_at_recall.0.1", "map", "iprec_at_recall", "iprec_at_recall.0.2"],
        ["map_cut.3", "map"],
        ["success", "P"],
    ],
)
def test_pytrec_eval_joins_the_parameters_of_a_measure(
    intrex: Callable[..., Any], asked: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one = write(tmp_path, {"t1": {"x9": 2, "x4": 0}}, {"t1": {"x9": 7.0, "x4": 6.0}})
    theirs = set(tools.pytrec_eval(one, asked)["t1"]) - {"runid"}
    options = " ".join(f"-m {name}" for name in asked)
    said = intrex(f"evaluate {one.qrels_file} {one.run_file} --as pytrec_eval {options} --format csv")
    ours = [line.split(",")[1] for line in said.out.splitlines()[1:]]
    assert len(ours) == len(set(ours)) == len(theirs)
    assert ours == [str(m) for m in parse_measures(ours)]
    expected = {str(m) for name in theirs for m in parse_measures([name])}
    assert set(ours) == expected
    assert ("is left out: pytrec_eval computes" in caplog.text) == (asked[0] not in ("map_cut.3", "success"))


def test_ranx_names_without_a_cutoff(intrex: Callable[..., Any], tmp_path: Path) -> None:
    """Peers' case 4: ``f1`` was refused for want of a cutoff, also as ranx."""
    ranx = pytest.importorskip("ranx")
    one = write(tmp_path, {"t1": {"x9": 2, "x4": 0}}, {"t1": {"x9": 7.0, "x4": 6.0}})
    names = ["f1", "recall", "precision", "hit_rate"]
    said = intrex(f"evaluate {one.qrels_file} {one.run_file} -m '{' '.join(names)}' --as ranx --format csv")
    ours = [float(row["value"]) for row in csv.DictReader(said.out.splitlines())]
    theirs = ranx.evaluate(ranx.Qrels(one.qrels), ranx.Run(one.run), names)
    assert ours == pytest.approx([theirs[name] for name in names]) == [2 / 3, 1.0, 0.5, 1.0]

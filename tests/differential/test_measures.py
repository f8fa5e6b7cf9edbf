"""Every measure against trec_eval (through pytrec_eval) and ir_measures, on thousands of generated rankings.

A case is one query with its judgements and its ranking, 100 of them to an evaluator: 100 evaluators make 10,000 cases.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.measures import Measure, parse_measures
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.score import Scores, evaluate, score
from tests.differential import tools
from tests.differential.adversarial import make, scores_as, write
from tests.differential.test_dialects import IR

pytrec_eval = pytest.importorskip("pytrec_eval")
ir_measures = pytest.importorskip("ir_measures")

QUERIES = 100
NAMES = sorted(set(pytrec_eval.supported_measures) - {"runid", "relstring"})
MORE = [
    "P.1,2,3",
    "recall.1,7",
    "ndcg_cut.1,3,50",
    "map_cut.2,13",
    "success.2,3",
    "relative_P.3",
    "Rprec_mult.0.05,0.33",
]
MORE += ["iprec_at_recall.0.01,0.25,0.99", "set_F.0.5"]
NOT_A_NUMBER = ("IPrec", "IPrecAvg")
"""0/0 in trec_eval where nothing is retrieved, as with -J."""


def floored(measure: Measure, values: np.ndarray) -> np.ndarray:
    """What pytrec_eval returns for one query: the logarithm for geometric means."""
    return np.log(np.maximum(values, 1e-5)) if measure.kind == "geometric" else values


def compare(ours: Scores, theirs: dict[str, dict[str, float]], seed: int) -> None:
    rows = [i for i, query in enumerate(ours.query_ids) if query in theirs]
    assert len(rows) == len(theirs) == int(ours.answered.sum())
    for column, measure in enumerate(ours.measures):
        label = str(measure.label)
        label = "set_F" if label.startswith("set_F") else label
        own = floored(measure, ours.values[rows, column])
        other = np.array([theirs[ours.query_ids[i]][label] for i in rows])
        if np.isnan(other).any():
            assert measure.name in NOT_A_NUMBER and (own[np.isnan(other)] == 0).all()
            continue
        assert np.abs(own - other).max() <= 1e-9, (seed, label)
        check_figures(ours, measure, other, seed)


def check_figures(ours: Scores, measure: Measure, values: np.ndarray, seed: int) -> None:
    """The figure over the answered queries is pytrec_eval's own; over all, missing queries count 0 (trec_eval -c)."""
    expected = pytrec_eval.compute_aggregated_measure(str(measure.label), values.tolist())
    assert ours.means(complete=False)[str(measure)] == pytest.approx(expected, abs=1e-9), (seed, measure)
    if measure.name in ("NumQ", "NumRel"):
        return
    absent = np.full(ours.n_missing, np.log(1e-5) if measure.kind == "geometric" else 0.0)
    expected = pytrec_eval.compute_aggregated_measure(str(measure.label), [*values.tolist(), *absent])
    assert ours.means(complete=True)[str(measure)] == pytest.approx(expected, abs=1e-9), (seed, measure)


@pytest.mark.parametrize("names", [NAMES, MORE], ids=["default cutoffs", "other cutoffs"])
@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("judged_only", [False, True], ids=["", "judged only"])
def test_equal_to_trec_eval(judged_only: bool, level: int, names: list[str]) -> None:
    seeds = {(False, 1): 50, (False, 2): 10, (False, 3): 10, (True, 1): 10, (True, 2): 10, (True, 3): 10}
    measures = parse_measures(names, level)
    for seed in range(seeds[judged_only, level]):
        qrels, run = make(1000 * level + seed + 500 * judged_only, QUERIES, itself=False, long=seed % 10 == 0)
        theirs = pytrec_eval.RelevanceEvaluator(qrels, names, level, judged_only).evaluate(run)
        printed = set(next(iter(theirs.values())))
        assert names is MORE or printed == {m.label for m in measures}
        rules = Rules(judged_only=judged_only)
        compare(score(Qrels.from_dict(qrels), Run.from_dict(run), measures, rules), theirs, seed)


ALL_NEGATIVE = """
import json, sys, pytrec_eval
qrels, run, names = json.load(sys.stdin)
pytrec_eval.RelevanceEvaluator({"q0": {"a": 1}}, names).evaluate({"q0": {"a": 1.0}})
print(json.dumps(pytrec_eval.RelevanceEvaluator(qrels, names).evaluate(run)))
"""


def test_queries_whose_judgements_are_all_negative() -> None:
    # in a process of its own, and after a query that has a grade: without one before it pytrec_eval crashes or hangs
    names = [
        "map",
        "P.5",
        "recall.5",
        "num_rel",
        "num_nonrel_judged_ret",
        "bpref",
        "infAP",
        "recip_rank",
        "set_F",
    ]
    qrels = {"q1": {"a": -1}, "q2": {"c": -1}, "q3": {"a": 1, "b": -1}}
    run = {q: {"a": 2.0, "c": 1.0, "b": 0.5} for q in qrels}
    found = subprocess.run(
        [sys.executable, "-c", ALL_NEGATIVE],
        input=json.dumps([qrels, run, names]),
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    compare(
        score(Qrels.from_dict(qrels), Run.from_dict(run), parse_measures(names)), json.loads(found.stdout), 0
    )


def test_equal_to_ir_measures(tmp_path: Path) -> None:
    for seed in range(12):
        one = write(tmp_path / str(seed), *make(seed, QUERIES))
        said = tools.ir_measures(one, IR)
        ours = scores_as("ir_measures", one, IR)
        assert dict(zip(IR, ours.means().values(), strict=True)) == pytest.approx(said.means, abs=1e-9), seed
        theirs = np.array([[said.cells[name, query] for name in IR] for query in ours.query_ids])
        assert np.abs(ours.values - theirs).max() <= 1e-9, seed


TIED_OTHERWISE = ("RR@", "RR(rel=2)@", "Judged")
"""ir_measures breaks ties by other rules in these, and counts every value of a missing query as 0 in counts."""


def test_the_library_function_equals_ir_measures(tmp_path: Path) -> None:
    names = [n for n in IR if not n.startswith((*TIED_OTHERWISE, "Num")) and n != "IPrec@0.125"]
    for seed in range(100, 104):
        qrels, run = make(seed, QUERIES)
        said = tools.ir_measures(write(tmp_path / str(seed), qrels, run), names)
        ours = evaluate(qrels, run, names)
        assert list(ours.values()) == pytest.approx([said.means[n] for n in names], abs=1e-9)


def plain(doc: str) -> str:
    """An id as gdeval takes it, of ASCII letters and digits."""
    return f"d{doc.encode().hex()}"


@pytest.mark.skipif(shutil.which("perl") is None, reason="ir_measures asks gdeval, a Perl program")
def test_equal_to_gdeval(tmp_path: Path) -> None:
    theirs = ["ERR@5", "ERR@20", "nDCG(dcg='exp-log2')@10"]
    ours = parse_measures([name.replace("ERR", "ERR(max=4)") for name in theirs])
    for seed in range(10):
        qrels, run = make(seed, QUERIES, low=0, high=4, missing=False, extra=False, itself=False, long=False)
        qrels = {q[1:]: {plain(d): g for d, g in docs.items()} for q, docs in qrels.items()}
        run = {
            q[1:]: {plain(d): float(i) for i, d in enumerate(docs)} for q, docs in run.items()
        }  # without ties
        said = tools.ir_measures(write(tmp_path / str(seed), qrels, run), theirs)
        found = score(Qrels.from_dict(qrels), Run.from_dict(run), ours)
        for column, name in enumerate(theirs):
            values = np.array([said.cells[name, query] for query in found.query_ids])
            assert np.abs(found.values[:, column] - values).max() < 5.1e-6, (
                seed,
                name,
            )  # five decimals printed

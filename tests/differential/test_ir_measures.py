"""``--as ir_measures`` against ir_measures itself, for the measures that providers other than pytrec_eval compute."""

import csv
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.locate import Judged
from intrex.data.qrels import read_qrels
from intrex.eval.dialects.tools import find_tool
from intrex.eval.evaluate.systems import score_as
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.score import Scores
from tests.differential import tools
from tests.differential.adversarial import Case, make, scores_as, write

ir_measures = pytest.importorskip("ir_measures")
ACCURACY = ["Accuracy@10", "Accuracy", "Accuracy(rel=2)@20"]
DIVERSE = [
    f"{name}@{k}" for name in ("ERR_IA", "nERR_IA", "alpha_DCG", "alpha_nDCG", "P_IA") for k in (1, 5, 20)
]
DIVERSE += [
    "StRecall@5",
    "AP_IA",
    "NRBP",
    "nNRBP",
    "AP_IA(rel=2)",
    "NRBP(alpha=0.3,beta=0.8,rel=2)",
    "nNRBP(rel=3)",
]
DIVERSE += ["alpha_nDCG(alpha=0.2)@10", "ERR_IA(rel=2)@10", "MAP_IA"]


def named(case: Case) -> Case:
    """The same with queries that are numbers and documents of letters and digits, as gdeval takes them."""
    qrels = {q[1:]: {d.encode().hex(): g for d, g in docs.items()} for q, docs in case.qrels.items()}
    run = {
        q[1:]: {d.encode().hex(): s for d, s in docs.items()}
        for q, docs in case.run.items()
        if q[1:].isdigit()
    }
    return write(case.qrels_file.parent / "named", qrels, run)


def compare(ours: Scores, names: list[str], said: tools.Said, tolerance: float = 1e-9) -> None:
    assert list(ours.means().values()) == pytest.approx(
        [said.means[n] for n in names], abs=tolerance, nan_ok=True
    )
    theirs = np.array([[said.cells[name, query] for name in names] for query in ours.query_ids])
    np.testing.assert_allclose(ours.values, theirs, rtol=0, atol=tolerance)


@pytest.mark.skipif(shutil.which("perl") is None, reason="ir_measures asks gdeval, a Perl program")
def test_gdeval(tmp_path: Path) -> None:
    names = ["ERR@5", "ERR@20", "nDCG(dcg='exp-log2')@10"]
    for seed in range(6):
        one = named(write(tmp_path / str(seed), *make(seed, high=4)))
        compare(scores_as("ir_measures", one, names), names, tools.ir_measures(one, names), 5.1e-6)


def test_compat(tmp_path: Path) -> None:
    """Of judgements in the order of ids and scores above 0: its ideal ranking depends on both."""
    names = ["Compat", "Compat(p=0.8)", "Compat(normalize=False)"]
    for seed in range(8):
        qrels, run = make(seed)
        qrels = {q: dict(sorted(docs.items())) for q, docs in qrels.items()}
        run = {q: {d: s + 5 for d, s in docs.items()} for q, docs in run.items()}
        one = write(tmp_path / str(seed), qrels, run)
        compare(scores_as("ir_measures", one, names), names, tools.ir_measures(one, names))


def test_accuracy(tmp_path: Path) -> None:
    for seed in range(8):
        one = write(tmp_path / str(seed), *make(seed))
        for name in ACCURACY:
            ours_name = find_tool("ir_measures").tool_names([name])
            try:
                found = ir_measures.calc(
                    [ir_measures.parse_measure(name)],
                    list(ir_measures.read_trec_qrels(str(one.qrels_file))),
                    list(ir_measures.read_trec_run(str(one.run_file))),
                )
            except ZeroDivisionError:
                with pytest.raises(BadInput, match="ir_measures divides by zero in Accuracy here"):
                    scores_as("ir_measures", one, ours_name)
                continue
            ours = scores_as("ir_measures", one, ours_name)
            theirs = {m.query_id: m.value for m in found.per_query}
            kept = ours.counted()[:, 0]
            assert [q for q, k in zip(ours.query_ids, kept, strict=True) if k] == sorted(theirs)
            assert ours.values[kept, 0] == pytest.approx([theirs[q] for q in sorted(theirs)], abs=1e-12)
            assert next(iter(ours.means().values())) == pytest.approx(
                next(iter(found.aggregated.values())), abs=1e-12
            )


def test_accuracy_without_any_pair_is_refused(tmp_path: Path) -> None:
    one = write(tmp_path, {"q": {"a": 1}}, {"q": {"b": 1.0}})
    with pytest.raises(BadInput, match="no value of Accuracy here"):
        scores_as("ir_measures", one, ["PairAccuracy"])


def test_diversity(tmp_path: Path) -> None:
    """Ties in float64, ids ascending; queries missing, and without a subtopic covered."""
    undefined = 0
    for seed in range(25):
        random = np.random.default_rng(seed)
        docs = [f"d{i}" for i in range(12)]
        lines, ranked = [], []
        for query in ("q1", "q2", "q3", "q4"):
            for doc in random.choice(docs, 8, replace=False):
                for topic in random.choice(4, random.integers(1, 4), replace=False):
                    grade = 0 if query == "q4" else random.integers(-1, 4)
                    lines.append(f"{query} {topic} {doc} {grade}\n")
            if query == "q2" and seed % 2:
                continue
            for doc in random.choice(docs, random.integers(2, 10), replace=False):
                ranked.append(f"{query} Q0 {doc} 1 {random.integers(-1, 3) + random.choice([0, 1e-9])!r} t\n")
        files = tmp_path / f"{seed}.qrels", tmp_path / f"{seed}.run"
        for path, rows in zip(files, (lines, ranked), strict=True):
            path.write_text("".join(rows).replace("np.float64(", "").replace(") t", " t"))
        judged = Judged(read_qrels(files[0], subtopics=True), "case", "")
        measures = parse_measures(DIVERSE)
        (system,) = score_as(find_tool("ir_measures"), judged, [files[1]], measures, Rules(), False, 1)
        qrels = list(ir_measures.read_trec_qrels(str(files[0])))
        for column, name in enumerate(dict.fromkeys(n.replace("MAP", "AP") for n in DIVERSE)):
            run = list(ir_measures.read_trec_run(str(files[1])))
            found = ir_measures.calc([ir_measures.parse_measure(name)], qrels, run)
            theirs = {m.query_id: m.value for m in found.per_query}
            ours = system.scores.values[:, column]
            expected = [theirs[q] for q in system.scores.query_ids]
            assert ours == pytest.approx(expected, abs=1e-9, nan_ok=True), (seed, name)
            undefined += sum(map(math.isnan, expected))
    assert undefined


CWL = {
    "RBP(p=0.5)": (0.34375, 0.25, 0.0),
    "RBP(rel=2)": (0.18432, 0.0, 0.0),
    "INST(max_rel=3)": (0.15829171, 0.06093338, 0.0),
    "INSQ(max_rel=3,T=2.0)": (0.15613166, 0.04714316, 0.0),
    "BPM(max_rel=3,T=0.5)@5": (0.33333333, 0.06666667, 0.0),
    "SDCG(max_rel=3)@5": (0.30486716, 0.07132875, 0.0),
    "NERR8(max_rel=3)@5": (0.3, 0.08333333, 0.0),
    "NERR9(max_rel=3)@5": (0.17647059, 0.08241758, 0.0),
    "NERR10(max_rel=3,p=0.7)": (0.20484777, 0.08366534, 0.0),
    "NERR11(max_rel=3,T=2.0)": (0.20010387, 0.05986654, 0.0),
    "INST(max_rel=2,min_rel=1)": (0.11320979, 0.0, 0.0),
}
"""Values of three queries, of ir_measures 0.4.3 with cwl_eval 1.0.12. RBP is that with rel=1; without rel no provider has it."""


def test_cwl_eval(tmp_path: Path) -> None:
    qrels = {"q1": {"a": 1, "b": 0, "c": 3, "d": -1, "e": 2}, "q2": {"a": 2, "x": 1}, "q3": {"a": 1}}
    run = {
        "q1": {"b": 2.0, "a": 2.0, "u": 2.0, "c": 1.5, "e": 1.5, "d": 1.0},
        "q2": {"v": 1.0, "x": -1.0},
    }
    ours = scores_as("ir_measures", write(tmp_path, qrels, run), list(CWL))
    for column, name in enumerate(CWL):
        assert ours.values[:, column] == pytest.approx(CWL[name], abs=1e-8), name


def test_the_measures_of_peers_at_the_command_line(intrex: Callable[..., Any], tmp_path: Path) -> None:
    qrels = {"1": {"x9": 2, "x4": 0}}
    one = write(tmp_path, qrels, {"1": {"x9": 7.0, "x4": 6.0}})
    said = intrex(
        f"evaluate {one.qrels_file} {one.run_file} -m 'RBP(p=0.5) ERR@5 Accuracy' --as ir_measures --format csv"
    )
    rows = list(csv.DictReader(said.out.splitlines()))
    assert [(row["measure"], float(row["value"])) for row in rows] == [
        ("CWL_RBP(max_rel=1,p=0.5)", 0.5), ("ERR(max=4)@5", 0.1875), ("PairAccuracy", 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ERR_IA@30", "down to rank 20"),
        ("ERR_IA(judged_only=True)@10", "none of its providers"),
        ("ERR_IA(alpha=0.3)@10", "none of its providers"),
        ("RBP(p=0.5)@10", "it has RBP without a cutoff"),
        ("RBP(graded=True)", "has no graded"),
        ("INST(max_rel=3,column='ETU')", "none of its providers"),
        ("ERR(max=3)@10", "none of its providers"),
        ("ERR", "it has ERR with a cutoff"),
        ("nDCG(dcg='exp-log2')", "none of its providers"),
        ("nDCG(dcg='binary')@5", "none of its providers"),
        ("NERR9(max_rel=3,depth=20)@5", "none of its providers"),
    ],
)
def test_what_no_provider_has_is_refused(name: str, hint: str, tmp_path: Path) -> None:
    one = write(tmp_path, {"q": {"a": 1, "b": 0}}, {"q": {"b": 2.0, "a": 1.0}})
    with pytest.raises(UsageError) as caught:
        scores_as("ir_measures", one, [name])
    assert hint in f"{caught.value.message} {caught.value.hint}"


def test_what_gdeval_stops_at_is_refused(tmp_path: Path) -> None:
    one = write(tmp_path, {"q1": {"a": 1, "b": 0}}, {"q1": {"b": 2.0, "a": 1.0}})
    with pytest.raises(BadInput, match="query q1 is no number"):
        scores_as("ir_measures", one, ["ERR@5"])
    two = write(tmp_path / "5", {"1": {"a": 5, "b": 0}}, {"1": {"b": 2.0, "a": 1.0}})
    for name in ("ERR@5", "nDCG(dcg='exp-log2')@5"):
        with pytest.raises(BadInput, match="grade 5"):
            scores_as("ir_measures", two, [name])

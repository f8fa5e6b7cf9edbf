"""The outputs that trec_eval itself ships and prints, byte for byte, and two fixtures of other tools."""

import json
from pathlib import Path

import pytest

from intrex.data.locate import Judged
from intrex.data.qrels import read_qrels
from intrex.eval.dialects.tools import find_tool
from intrex.eval.evaluate.systems import score_as
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.score import Scores

OWN = Path(__file__).with_name("data")
PARAMETERS = (
    "-q -miprec_at_recall..10,.20,.25,.75,.50 -m P.5,7,3 -m recall.20,2000 -m Rprec_mult.5.0,0.2,0.35 "
    "-mutility.2,-1,0,0 -m 11pt_avg..25,.5,.75 -mndcg.1=3,2=9,4=4.5 -mndcg_cut.10,20,23.4 -msuccess.2,5,20"
)
VERSION_10 = [
    ("out.test", "qrels.test results.test"),
    ("out.test", "qrels.test.with-comments results.test"),
    ("out.test.a", "-m all_trec qrels.test results.test"),
    ("out.test.aq", "-m all_trec -q qrels.test results.test"),
    ("out.test.aqc", "-m all_trec -q -c qrels.test results.trunc"),
    ("out.test.aqcM", "-m all_trec -q -c -M100 qrels.test results.trunc"),
    ("out.test.aql", "-m all_trec -mrelstring.20 -q -l2 qrels.rel_level results.test"),
    ("out.test.meas_params", f"{PARAMETERS} qrels.test results.test"),
]
VERSION_9 = [
    ("test", "qrels.test results.test"),
    ("a", "-m all_trec qrels.test results.test"),
    ("aqt", "-m all_trec -q qrels.test results.trunc"),
    ("aqc", "-m all_trec -q -c qrels.test results.trunc"),
    ("aqcM", "-m all_trec -q -c -M100 qrels.test results.trunc"),
    ("aql", "-m all_trec -mrelstring.20 -q -l2 qrels.rel_level results.test"),
    ("cl", "-m official -c -l2 qrels.rel_level results.trunc"),
    ("meas_params", f"{PARAMETERS} qrels.test results.test"),
]


@pytest.fixture
def fixtures(shared: Path) -> Path:
    return shared / "trec-eval-fixtures"


def line(folder: Path, arguments: str) -> str:
    """The command line with the files' full paths."""
    *options, qrels, run = arguments.split()
    return " ".join(
        ["evaluate", *options, f"{folder / 'trec_eval' / qrels}", f"{folder / 'trec_eval' / run}"]
    )


@pytest.mark.parametrize(("name", "arguments"), VERSION_10)
def test_version_10_byte_for_byte(name: str, arguments: str, fixtures: Path, intrex) -> None:
    said = intrex(line(fixtures, arguments) + " --as trec_eval10 --format trec")
    assert said.code == 0 and said.out == (fixtures / "trec_eval" / name).read_text()


@pytest.mark.parametrize(("name", "arguments"), VERSION_9)
def test_version_9_byte_for_byte(name: str, arguments: str, fixtures: Path, intrex) -> None:
    said = intrex(line(fixtures, arguments) + " --as trec_eval9 --format trec")
    assert said.code == 0 and said.out == (OWN / f"trec_eval9.{name}.txt").read_text()


def test_the_versions_differ_and_both_are_there(fixtures: Path, intrex) -> None:
    arguments = "-m iprec_at_recall -m num_rel -q -c qrels.test results.trunc --format trec"
    files = line(fixtures, "qrels.test results.trunc").removeprefix("evaluate ")
    arguments = "evaluate -m all_trec -q -c " + files + " --format trec --as "
    nine, ten = intrex(arguments + "trec_eval9"), intrex(arguments + "trec_eval10")
    assert "rbp" in ten.out and "rbp" not in nine.out
    pairs = [dict(row.rsplit("\t", 1) for row in said.out.splitlines()) for said in (nine, ten)]
    differing = {key.split()[0] for key in pairs[0] if pairs[0][key] != pairs[1][key]}
    assert differing and all(name.startswith(("iprec_at_recall", "11pt_avg")) for name in differing)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("-m all_prefs -q -R prefs prefs.test prefs.results.test", "preference"),
        ("-m all_prefs -q -R qrels_prefs qrels.test results.test", "preference"),
        ("-m prefs_simp qrels.test results.test", "preference measures are not supported: 'prefs_simp'"),
        ("-m qrels_jg -q -R qrels_jg qrels.123 results.test", "judgement groups"),
        ("-m map_avgjg qrels.test results.test", "judgement groups are not supported: 'map_avgjg'"),
        ("-q -m all_trec -Z zscores_file qrels.test results.test", "Z scores"),
        ("-m map -T prefs qrels.test results.test", "runs of this format"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(arguments: str, named: str, fixtures: Path, intrex) -> None:
    said = intrex(line(fixtures, arguments) + " --as trec_eval10 --format trec")
    assert said.code == 2 and not said.out and named in said.err


def scored(tool: str, qrels: Path, run: Path, measures: list[str]) -> Scores:
    judged = Judged(read_qrels(qrels), "fixture", "")
    return score_as(find_tool(tool), judged, [run], parse_measures(measures), Rules(), False, 1)[0].scores


def test_cacm_as_anserini_and_pytrec_eval_score_it(fixtures: Path) -> None:
    folder = fixtures / "cacm-anserini"
    expected = json.loads((folder / "expected.pytrec_eval.json").read_text())
    names = sorted(expected["mean"])
    scores = scored("pytrec_eval", folder / "qrels.cacm.txt", folder / "cacm-bm25.txt", names)
    means = list(scores.means().values())
    assert dict(zip(names, means, strict=True)) == pytest.approx(expected["mean"], abs=1e-9)
    assert len(expected["per_query"]) == expected["queries"] == 52 == (~scores.left_out[:, 0]).sum()
    for i, query in enumerate(scores.query_ids):
        if query in expected["per_query"]:
            values = dict(zip(names, scores.values[i].tolist(), strict=True))
            assert values == pytest.approx(expected["per_query"][query], abs=1e-9), query
    assert f"{means[names.index('P_30')]:.4f}" == "0.1942"  # what anserini's own test expects


def test_the_fixture_of_ir_measures(fixtures: Path) -> None:
    ir_measures = pytest.importorskip("ir_measures")
    names = [
        "nDCG@10",
        "nDCG",
        "AP",
        "AP(rel=2)",
        "P@10",
        "P(rel=2)@10",
        "R@100",
        "RR",
        "RR@10",
        "RR(rel=2)",
        "Rprec",
    ]
    names += [
        "Bpref",
        "infAP",
        "Success@1",
        "Judged@10",
        "IPrec@0.1",
        "SetP",
        "SetR",
        "SetF",
        "SetAP",
        "NumRet",
    ]
    qrels, run = (fixtures / "ir_measures" / f"compat.{kind}" for kind in ("qrels", "run"))
    parsed = [ir_measures.parse_measure(name) for name in names]
    theirs = ir_measures.calc(
        parsed, list(ir_measures.read_trec_qrels(str(qrels))), list(ir_measures.read_trec_run(str(run)))
    )
    scores = scored("ir_measures", qrels, run, names)
    for i, (name, measure) in enumerate(zip(names, parsed, strict=True)):
        assert list(scores.means().values())[i] == pytest.approx(theirs.aggregated[measure], abs=1e-9), name
    cells = {(m.query_id, str(m.measure)): m.value for m in theirs.per_query}
    for row, query in enumerate(scores.query_ids):
        for column, measure in enumerate(parsed):
            assert scores.values[row, column] == pytest.approx(cells[query, str(measure)], abs=1e-9), (
                query,
                measure,
            )

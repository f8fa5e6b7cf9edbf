"""The real tools, each run on files as its users run it: values of queries where the tool gives them, and means."""

import contextlib
import copy
import io
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.differential.adversarial import CUTS, Case


@dataclass(frozen=True)
class Said:
    """What a tool says: means by name, and ``{(name, query): value}``."""

    means: dict[str, float]
    cells: dict[tuple[str, str], float]


def trec_eval(version: str, case: Case, *options: str) -> subprocess.CompletedProcess[str]:
    """trec_eval's own binary; the test is skipped where there is none of that version."""
    program = os.environ.get(f"INTREX_TREC_EVAL{version}") or shutil.which("trec_eval")
    if program is None:
        pytest.skip(f"no trec_eval {version}: none on the PATH, and INTREX_TREC_EVAL{version} names none")
    asked = subprocess.run([program, "-v"], capture_output=True, text=True, check=False, timeout=60)
    if f"version {version}." not in asked.stdout + asked.stderr:
        pytest.skip(f"the trec_eval of the PATH is not of version {version}")
    line = [program, *options, str(case.qrels_file), str(case.run_file)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=60, encoding="utf-8")


def pytrec_eval(
    case: Case, names: list[str], level: int = 1, judged_only: bool = False
) -> dict[str, dict[str, float]]:
    """``{query: {measure: value}}`` of files read by pytrec_eval's own parsers."""
    tool = pytest.importorskip("pytrec_eval")
    with case.qrels_file.open(encoding="utf-8") as judged, case.run_file.open(encoding="utf-8") as ranked:
        qrels, run = tool.parse_qrel(judged), tool.parse_run(ranked)
    found: dict[str, dict[str, float]] = tool.RelevanceEvaluator(qrels, names, level, judged_only).evaluate(
        run
    )
    return found


def ir_measures(case: Case, names: list[str]) -> Said:
    tool = pytest.importorskip("ir_measures")
    parsed = {name: tool.parse_measure(name) for name in names}
    qrels = list(tool.read_trec_qrels(str(case.qrels_file)))
    run = list(tool.read_trec_run(str(case.run_file)))
    means, by_query = {}, {}
    # One at a time: asked for together, in the order of a set, some are computed with the gains or the judged_only of
    # another, whichever comes first
    for measure in parsed.values():
        found = tool.calc([measure], qrels, run)
        means |= found.aggregated
        by_query |= {(str(m.measure), m.query_id): m.value for m in found.per_query}
    cells = {(n, q): by_query[str(m), q] for n, m in parsed.items() for q in case.qrels}
    return Said({n: means[m] for n, m in parsed.items()}, cells)


def ranx(case: Case, names: list[str]) -> Said:
    tool = pytest.importorskip("ranx")
    qrels = tool.Qrels.from_file(str(case.qrels_file), kind="trec")
    run = tool.Run.from_file(str(case.run_file), kind="trec")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tool.evaluate(qrels, run, names, make_comparable=True)
    cells = {(n, q): float(v) for n, values in run.scores.items() for q, v in values.items()}
    return Said({n: float(v) for n, v in run.mean_scores.items()}, cells)


def _quiet(call: Callable[[], Any]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


def beir(case: Case) -> Said:
    """evaluate, and after it evaluate_custom on fresh copies; R_cap is left out where BEIR divides by zero."""
    tool = pytest.importorskip("beir.retrieval.evaluation").EvaluateRetrieval
    means: dict[str, float] = {}
    for found in _quiet(lambda: tool.evaluate(case.qrels, copy.deepcopy(case.run), list(CUTS))):
        means |= found
    for metric in ("mrr", "recall_cap", "hole", "acc"):
        with contextlib.suppress(ZeroDivisionError):
            means |= tool.evaluate_custom(case.qrels, copy.deepcopy(case.run), list(CUTS), metric)
    return Said(means, {})


def mteb(case: Case) -> tuple[Said, dict[str, dict[str, float]]]:
    """The means, and the ``{query: {measure: value}}`` of pytrec_eval that it returns beside them."""
    tool = pytest.importorskip("mteb._evaluators.retrieval_metrics")
    found = _quiet(lambda: tool.calculate_retrieval_scores(case.run, case.qrels, list(CUTS)))
    means = found.ndcg | found.map | found.recall | found.precision | found.hit_rate | found.mrr
    return Said({n: float(v) for n, v in means.items()}, {}), found.all_scores

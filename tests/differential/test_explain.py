"""``--explain-diff`` against the tools: what it explains, that nothing is left over, and that an alien number is."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.data.qrels import read_qrels
from intrex.eval.dialects.tools import find_tool
from intrex.eval.evaluate.explain import Explanation, explain
from intrex.eval.evaluate.tables import difference_table, switch_table
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.rules import Rules
from tests.differential import tools
from tests.differential.adversarial import Case, make, scores_as, write

NAMES = {
    "trec_eval9": ["map", "ndcg_cut.10", "num_rel", "yaap", "iprec_at_recall.0.3", "gm_map"],
    "trec_eval10": ["map", "ndcg_cut.10", "num_rel", "unj.5", "iprec_at_recall.0.3", "utility.1,-1,1,0"],
    "pytrec_eval": ["map", "ndcg_cut.10", "P.5", "11pt_avg"],
    "ir_measures": ["AP", "RR@10", "Judged@10", "NumRel", "nDCG@10"],
    "ranx": ["map", "ndcg_burges@5", "mrr@10", "hits@10", "rbp.95"],
    "beir": ["NDCG@10", "MAP@100", "MRR@10", "Hole@10", "Accuracy@3"],
    "mteb": ["ndcg_at_10", "MRR@10", "recall_at_5"],
    "sentence_transformers": ["ndcg@10", "map@100", "mrr@10", "accuracy@3", "recall@5"],
    "torchmetrics": ["ndcg@5", "ndcg", "ndcg@100"],
}


def build(tmp_path: Path, tool: str, seed: int) -> Case:
    fine = tool in ("beir", "mteb")
    return write(tmp_path / f"{tool}{seed}", *make(seed, extra=not fine))


def explained(tool: str, case: Case, names: list[str], theirs: Path | None = None, complete: bool = True):
    measures, rules = parse_measures(names), Rules(complete=complete)
    given = tool.startswith("trec_eval")
    return explain(
        read_qrels(case.qrels_file), case.run_file, measures, rules, find_tool(tool), given, 1, theirs
    )


@pytest.mark.parametrize("tool", sorted(NAMES))
def test_the_way_ends_at_the_tool_and_leaves_nothing(tool: str, tmp_path: Path) -> None:
    moved = 0
    for seed in range(4):
        case = build(tmp_path, tool, seed)
        rules = Rules(complete=True)
        account = scores_as(tool, case, NAMES[tool], rules, tool.startswith("trec_eval"))
        found = explained(tool, case, NAMES[tool])
        for column, one in enumerate(found):
            assert one.explained and not one.residual.any()
            kept = account.counted()[:, column]
            assert np.isnan(one.tool_values[~kept]).all()
            assert one.tool_values[kept] == pytest.approx(account.values[kept, column], abs=1e-12)
            mean = list(account.means().values())[column]
            digits = find_tool(tool).digits
            assert one.tool_mean == pytest.approx(mean, abs=1e-9 if digits is None else 0.51 * 10.0**-digits)
            check_steps(one, mean)
            moved += len(one.switches)
    assert moved > 3  # the files do tell the tool from us


def check_steps(one: Explanation, mean: float) -> None:
    """The changes of the steps add up to the whole difference, and the last step's figure is the tool's."""
    total = np.nan_to_num(one.tool_values) - np.nan_to_num(one.our_values)
    assert sum((s.changed for s in one.switches), np.zeros(len(total))) == pytest.approx(total, abs=1e-7)
    last = one.switches[-1].mean if one.switches else one.our_mean
    assert last == pytest.approx(mean, abs=1e-9), (one.measure, [s.rule for s in one.switches])


def said_by(tool: str, case: Case, folder: Path, names: list[str]) -> Path:
    """The real tool's values of single queries, in a file of its own layout."""
    path = folder / "theirs"
    if tool.startswith("trec_eval"):
        options = [part for name in names for part in ("-m", name)]
        done = tools.trec_eval(tool.removeprefix("trec_eval"), case, "-q", "-c", *options)
        path.write_text(done.stdout, encoding="utf-8")
    elif tool == "pytrec_eval":
        path.write_text(json.dumps(tools.pytrec_eval(case, names)), encoding="utf-8")
    elif tool == "mteb":
        path.write_text(json.dumps(tools.mteb(case)[1]), encoding="utf-8")
    elif tool == "ranx":
        by_measure: dict[str, dict[str, float]] = {name: {} for name in names}
        for (name, query), value in tools.ranx(case, names).cells.items():
            by_measure[name][query] = value
        path.write_text(json.dumps(by_measure), encoding="utf-8")
    else:
        lines = [
            f"{query}\t{name}\t{value}"
            for (name, query), value in tools.ir_measures(case, names).cells.items()
        ]
        rows = [line.split("\t") for line in lines]  # as `ir_measures -q` prints them, with the query first
        path.write_text("".join(f"{n}\t{q}\t{float(v):.4f}\n" for q, n, v in rows), encoding="utf-8")
    return path


SINGLE = sorted(set(NAMES) - {"beir", "sentence_transformers", "torchmetrics"})
"""The tools that give values of single queries."""


@pytest.mark.parametrize("tool", SINGLE)
def test_the_tools_own_output_is_explained(tool: str, tmp_path: Path) -> None:
    names = [n for n in NAMES[tool] if not (tool == "mteb" and n == "MRR@10")]
    for seed in range(2):
        case = build(tmp_path, tool, seed)
        theirs = said_by(tool, case, tmp_path, names)
        for one in explained(tool, case, names, theirs):
            assert one.explained, (seed, one.measure, one.residual, one.our_values, one.tool_values)


@pytest.mark.parametrize("tool", SINGLE)
def test_an_altered_number_is_unexplained(tool: str, tmp_path: Path, intrex) -> None:
    case = build(tmp_path, tool, 2)
    name = {
        "trec_eval9": "ndcg_cut.10",
        "trec_eval10": "ndcg_cut.10",
        "ir_measures": "nDCG@10",
        "ranx": "map",
    }.get(tool, "ndcg_cut_10")
    theirs = said_by(tool, case, tmp_path, [name])
    text = theirs.read_text(encoding="utf-8")
    query = "q5"
    one = explained(tool, case, [name], theirs)[0]
    value = one.tool_values[one.query_ids.index(query)]
    old = repr(float(value)) if text.startswith("{") else f"{value:.4f}"
    assert old in text
    lines = text.splitlines() if not text.startswith("{") else [text]
    changed = [
        line.replace(old, repr(float(value) + 0.0003)) if query in line and old in line else line
        for line in lines
    ]
    theirs.write_text("\n".join(changed) + "\n", encoding="utf-8")
    one = explained(tool, case, [name], theirs)[0]
    row = one.query_ids.index(query)
    assert not one.explained and one.reason(row).endswith("unexplained")
    assert one.residual[row] == pytest.approx(0.0003, abs=1e-4)
    given = "-c" if tool.startswith("trec_eval") else ""
    said = intrex(
        f"evaluate {given} --explain-diff {tool} --theirs {theirs} -m {name} {case.qrels_file} {case.run_file} --format csv"
    )
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [r["query"] for r in rows if "unexplained" in r["rules"]] == [
        q for q, left in zip(one.query_ids, one.residual, strict=True) if left
    ]
    assert "unexplained: " in said.err


def test_a_query_that_the_tool_left_out_is_a_difference(tmp_path: Path) -> None:
    case = write(tmp_path, {"q1": {"a": 1}, "q2": {"a": 1}}, {"q1": {"a": 1.0}})
    theirs = tmp_path / "theirs"
    theirs.write_text("map\tq1\t1.0000\n")
    assert not explained("trec_eval10", case, ["map"], theirs)[0].explained  # with -c it prints q2 too
    assert explained("trec_eval9", case, ["map"], theirs)[0].explained  # counts q2 and prints no line of it


def test_what_is_no_number_cannot_be_explained(tmp_path: Path) -> None:
    case = write(tmp_path, {"q": {"a": 1}}, {"q": {"a": 1.0}})
    with pytest.raises(BadInput, match="ranx divides zero by zero in Bpref here: query q"):
        explained("ranx", case, ["bpref"])


def test_a_measure_that_theirs_lacks_is_named(tmp_path: Path) -> None:
    case = write(tmp_path, {"q": {"a": 1}}, {"q": {"a": 1.0}})
    theirs = tmp_path / "theirs"
    theirs.write_text("map\tq\t1.0000\n")
    with pytest.raises(BadInput, match=r"no value of nDCG@10"):
        explained("trec_eval9", case, ["map", "ndcg_cut.10"], theirs)


@pytest.mark.parametrize("tool", sorted(NAMES))
def test_the_tables_fit_80_columns(tool: str, tmp_path: Path) -> None:
    found = explained(tool, build(tmp_path, tool, 2), NAMES[tool])
    headers, rows = switch_table(found, tool)
    widths = [max(len(_text(cell)) for cell in column) for column in zip(headers, *rows, strict=True)]
    assert sum(widths) + 3 * (len(widths) - 1) + 2 <= 80, (
        widths
    )  # three blanks between columns, one at each end
    _, rows = difference_table(found, tool, wide=True)
    assert rows and all(row[5] for row in rows)  # every difference has its reason


def _text(cell: str | int | float) -> str:
    return f"{cell:.4f}" if isinstance(cell, float) else str(cell)

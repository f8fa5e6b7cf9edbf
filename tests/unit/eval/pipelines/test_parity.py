"""The parity report: nothing to say where engines agree, what and why where they do not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection
from intrex.data.run import Run
from intrex.eval.pipelines.parity.bm25 import compare_runs
from intrex.retrievers.bm25 import index
from intrex.retrievers.text import analyzer as analysis
from tests.conftest import Said


def test_compare_finds_the_first_rank_what_is_missing_and_the_gap() -> None:
    one = Run.from_dict({"q1": {"a": 3, "b": 2, "c": 1}, "q2": {"a": 1}, "q3": {"a": 1.0}, "q5": {"a": 1}})
    two = Run.from_dict(
        {"q1": {"a": 3, "c": 2, "d": 1}, "q2": {"a": 1, "b": 0.5}, "q3": {"a": 1.001}, "q4": {"a": 1}}
    )
    found = {d.query: (d.rank, d.missing, d.extra, round(d.gap, 3)) for d in compare_runs(one, two, 3e-4)}
    assert found == {
        "q1": (2, 1, 1, 1.0),
        "q2": (2, 1, 0, 0.0),
        "q3": (0, 0, 0, 0.001),
        "q4": (1, 1, 0, 0.0),
        "q5": (1, 0, 1, 0.0),
    }
    assert "q3" not in {d.query for d in compare_runs(one, two, None)}


def test_a_collection_at_parity(small: Collection, tmp_path: Path, intrex: Callable[[str], Said]) -> None:
    pytest.importorskip("pyserini", reason="needs the extra lucene")
    said = intrex(f"parity bm25 {small.path} --set test -o {tmp_path}/r.md --format csv")
    assert said.code == 0, said.err
    assert said.out.splitlines()[1] == "small:test,BM25,6,3,5,0,0.0e+00,0.9732,1.0000,1.0000,equal,yes"
    report = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "**at parity**" in report and "leaves out 1 without any text" in report
    assert "## Differences" not in report


@pytest.mark.parametrize(
    ("broken", "cause"),
    [("stem", "the query's terms differ"), ("idf", "not explained")],
    ids=["terms", "scores"],
)
def test_differences_are_shown_with_their_cause(
    small: Collection,
    tmp_path: Path,
    intrex: Callable[[str], Said],
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
    cause: str,
) -> None:
    pytest.importorskip("pyserini", reason="needs the extra lucene")
    if broken == "stem":
        monkeypatch.setattr(analysis, "stem", lambda token: token)
    else:
        monkeypatch.setattr(index, "idf", lambda df, n: np.float32(1.0))
    said = intrex(f"parity bm25 {small.path} --set test -o {tmp_path}/r.md")
    assert said.code == 3 and "not at parity with Anserini" in said.err
    report = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert (
        "**NOT at parity**" in report
        and cause in report
        and "| rank | native | score | Lucene | score |" in report
    )


def test_the_set_must_be_named_where_there_are_two(small: Collection, intrex: Callable[[str], Said]) -> None:
    said = intrex(f"parity bm25 {small.path}")
    assert said.code == 1 and "--set, of: test, train" in said.err

"""The leaderboard's intervals, order and refusals."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.data.locate import Judged
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.evaluate.systems import score_systems
from intrex.eval.leaderboard.rows import common_signature, leaderboard, pivot
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.intervals import figure_intervals
from intrex.eval.scoring.scorefile import write_scores
from tests.conftest import Said

N = 30
JUDGED = Judged(Qrels.from_dict({f"q{i:02d}": {"r": 1, "s": 2} for i in range(N)}), "toy", "test")
RUN = Run.from_dict(
    {
        f"q{i:02d}": {("r" if rank == 1 + i % 5 else f"x{rank}"): 20.0 - rank for rank in range(1, 9)}
        for i in range(N)
    },
    "one",
)


def test_every_figure_lies_inside_its_interval() -> None:
    """Sums and geometric means have intervals of their own kind, not of the arithmetic mean."""
    measures = parse_measures(["AP", "NumRelRet", "NumRet", "GMAP", "GMBpref"])
    rows = {r.measure: r for r in leaderboard(score_systems(JUDGED, [("one", RUN)], measures))}
    slack = 1e-12  # sums are added in another order
    outside = [r for r in rows.values() if not r.ci_low - slack <= r.value <= r.ci_high + slack]
    assert not outside
    assert rows["NumRelRet"].value == N == rows["NumRelRet"].ci_low
    assert rows["GMAP"].ci_high < rows["AP"].ci_high and rows["GMAP"].ci_low < rows["GMAP"].value


def test_intervals_of_each_kind() -> None:
    column = np.random.default_rng(0).random(40)
    column[3] = 0.0
    alone = Groups.alone(40)
    low, high = figure_intervals(
        np.stack([column] * 3, axis=1), parse_measures(["AP", "NumRel", "GMAP"]), alone
    )
    assert (low[1], high[1]) == (40 * low[0], 40 * high[0])
    logs = figure_intervals(np.log(np.maximum(column, 1e-5))[:, None], parse_measures(["AP"]), alone)
    assert (low[2], high[2]) == (np.exp(logs[0][0]), np.exp(logs[1][0]))
    few = np.array([[0.1, 0.1], [0.9, 0.9]])
    low, high = figure_intervals(few, parse_measures(["AP", "DCG"]), Groups.alone(2))
    assert (low[0], high[0]) == (0, 1) and low[1] < -4 and high[1] > 5  # only what is a share is cut


def test_a_missing_cell_ranks_below_negative_values() -> None:
    (first,) = leaderboard(score_systems(JUDGED, [("one", RUN)], parse_measures(["RR"])))
    rows = [replace(first, value=-3.0), replace(first, system="lacking", measure="AP")]
    _, table = pivot(rows, ["RR", "AP"])
    assert [line[0] for line in table] == ["one", "lacking"]


def test_the_signature_of_a_table_is_what_its_rows_share() -> None:
    (row,) = leaderboard(score_systems(JUDGED, [("one", RUN)], parse_measures(["RR"])))
    rows = [
        replace(row, signature=f"{row.signature}|{more}")
        for more in ("trainings=1|fuse=rrf(a+b)", "trainings=1")
    ]
    assert (
        common_signature(rows) == f"{row.signature}|trainings=1" and common_signature([row]) == row.signature
    )


def test_scores_that_are_no_numbers_are_refused() -> None:
    (one,) = score_systems(JUDGED, [("one", RUN)], parse_measures(["RR"]))
    one.scores.values[0, 0] = np.nan
    with pytest.raises(BadInput, match="not all finite"):
        leaderboard([one])


def test_an_unknown_order_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex: Callable[[str], Said]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_scores(score_systems(JUDGED, [("one", RUN)], parse_measures(["RR", "Judged@10"])), Path("s.jsonl"))
    said = intrex("leaderboard build s.jsonl -o l.csv --sort-by AP")
    assert said.code == 2 and "there are: RR" in said.err and not Path("l.csv").exists()


def test_stdout_holds_the_csv_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex: Callable[[str], Said]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_scores(score_systems(JUDGED, [("one", RUN)], parse_measures(["RR", "Judged@10"])), Path("s.jsonl"))
    said = intrex("leaderboard build s.jsonl -o -")
    assert said.code == 0 and len(said.out.splitlines()) == 2 and said.out.startswith("system,collection,")

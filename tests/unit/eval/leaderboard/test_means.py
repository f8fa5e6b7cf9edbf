"""One figure over several query sets."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intrex.eval.leaderboard.means import mean_rows
from intrex.eval.leaderboard.rows import read_leaderboard
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.groups import Grouping
from intrex.eval.scoring.score import Scores
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.scoring.signature import Conditions
from tests.conftest import Said


def scores(name: str, values: np.ndarray, system: str = "one") -> SystemScores:
    measures = tuple(parse_measures(["AP", "NumRel", "GMAP", "Judged@10"]))
    ids = [f"q{i:03}" for i in range(len(values))]
    columns = np.stack([values, values * 10, values, values], axis=1)
    found = Scores(measures, ids, columns, np.ones(len(ids), np.bool_), 0)
    return SystemScores(
        system,
        found,
        Conditions(name, "test", f"sha-{name}"),
        "",
        ["d" if i < 4 else "" for i in range(len(ids))],
    )


def test_means_and_intervals_by_hand() -> None:
    random = np.random.default_rng(0)
    a, b = random.random(40), random.random(90)
    rows, notes = mean_rows([scores("a", a), scores("b", b)], ["sets", "queries"])
    assert not notes and [(r.collection, r.measure) for r in rows] == [
        ("mean of 130 queries", "AP"), ("mean of 2 sets", "AP"),
    ]  # fmt: skip
    pooled, sets = rows
    assert sets.value == pytest.approx((a.mean() + b.mean()) / 2) and sets.judged_at_10 == pytest.approx(
        sets.value
    )
    assert pooled.value == pytest.approx(np.concatenate([a, b]).mean()) and pooled.n_queries == 130
    parts = [v.var(ddof=1) / len(v) / 4 for v in (a, b)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 39 + parts[1] ** 2 / 89)
    assert 60 < freedom < 129  # between that of the smaller set and all
    half = 1.98 * sum(parts) ** 0.5
    assert sets.ci_high - sets.value == pytest.approx(half, rel=0.01)
    assert "sets=a:test+b:test|" in sets.signature and "|mean=sets|interval=t|groups=none" in sets.signature
    grouped, _ = mean_rows([scores("a", a), scores("b", b)], ["sets"], Grouping("documents"))
    assert grouped[0].signature.endswith("groups=documents:124")  # four of each set are one


def test_the_mean_of_sets_covers_what_it_says() -> None:
    random, trials = np.random.default_rng(1), 600
    covered = 0
    for _ in range(trials):
        parts = [
            scores(n, np.clip(random.normal(m, 0.2, k), -9, 9))
            for n, m, k in (("a", 0.2, 35), ("b", 0.7, 300))
        ]
        (row,), _ = mean_rows(parts, ["sets"])
        covered += row.ci_low <= 0.45 <= row.ci_high
    assert 0.93 * trials <= covered <= 0.97 * trials


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex: Callable[[str], Said]
) -> None:
    """Public reports ask for it: of one set of 1 query at 1.0 and one of 2 at 0.5."""
    monkeypatch.chdir(tmp_path)
    Path("s1.qrels").write_text("a 0 d1 1\n")
    Path("s2.qrels").write_text("b 0 d1 1\nc 0 d2 1\n")
    Path("s1.run").write_text("a Q0 d1 1 3 x\n")
    Path("s2.run").write_text("b Q0 d2 1 3 x\nc Q0 d2 1 3 x\n")
    Path("y.run").write_text("a Q0 d1 1 3 y\n")
    assert intrex("evaluate s1.qrels s1.run y.run -m RR --scores 1.jsonl").code == 0
    assert intrex("evaluate s2.qrels s2.run -m RR --scores 2.jsonl").code == 0
    said = intrex("leaderboard build 1.jsonl 2.jsonl -o lb.csv --mean sets --mean queries --format table")
    assert said.code == 0 and "y has no scores of s2.qrels, and no mean over the sets" in said.err
    rows = {(r.system, r.collection): r.value for r in read_leaderboard(Path("lb.csv"))}
    assert rows["x", "mean of 2 sets"] == 0.75 and rows["x", "mean of 3 queries"] == pytest.approx(2 / 3)
    assert ("y", "mean of 2 sets") not in rows and len(rows) == 5
    lines = said.out.splitlines()
    assert "mean of 2 sets" in next(line for line in lines[6:] if line.strip())
    said = intrex("leaderboard build 1.jsonl --mean sets")
    assert said.code == 2 and "needs two of them, there is s1.qrels" in said.err
    assert intrex("evaluate s2.qrels s2.run -m RR --scores 3.jsonl --no-complete").code == 0
    said = intrex("leaderboard build 1.jsonl 3.jsonl --mean sets")
    assert said.code == 1 and "by different rules or measures" in said.err
    said = intrex("leaderboard build 1.jsonl 2.jsonl --mean sets --split s")
    assert said.code == 2 and "a split has one" in said.err

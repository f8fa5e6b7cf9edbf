"""Figures of a split: the worked example, the untrained scorer, the interval's coverage."""

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.eval.leaderboard import regimes, rows
from intrex.eval.leaderboard.by_split import FoldScores
from intrex.eval.leaderboard.regimes import RegimePlan, per_query, regime_scores
from intrex.eval.measures import Measure
from intrex.eval.scoring.score import Scores
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.scoring.signature import Conditions
from intrex.eval.splits.split import Fold, Split

SIZES, MEANS = (981, 2206, 1824, 1491, 478), (0.30, 0.25, 0.28, 0.20, 0.10)


def resttest_split(sizes: tuple[int, ...]) -> Split:
    of = np.repeat(np.arange(len(sizes)), sizes)
    ids = [f"q{i:05}" for i in range(len(of))]
    folds = []
    for b in range(len(sizes)):
        inside = {i for i, bucket in zip(ids, of, strict=True) if bucket == b}
        parts = {
            "interpolation": tuple(i for i in ids if i not in inside),
            "extrapolation": tuple(sorted(inside)),
        }
        folds.append(Fold(str(b + 1), (), parts))
    return Split("resttest", tuple(folds))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (regimes, rows):
        monkeypatch.setattr(module, "RESAMPLES", 400)


def test_the_worked_example_and_the_untrained_scorer(quick: None) -> None:
    """algorithms 1.6, check 1: a scorer that was not trained."""
    plan = RegimePlan.of(resttest_split(SIZES))
    scores = np.repeat(np.repeat(MEANS, SIZES)[:, None], 5, axis=1)
    found = regime_scores(plan, scores)
    assert found["macro", "extrapolation"].value == pytest.approx(0.226, abs=1e-12)
    assert found["micro", "extrapolation"].value == pytest.approx(0.243914, abs=5e-7)
    assert found["macro", "interpolation"].value == pytest.approx(0.243466, abs=5e-7)
    folds = [found[f, "interpolation"].value for f in plan.folds]
    np.testing.assert_allclose(folds, [0.23474, 0.24110, 0.23115, 0.25584, 0.25449], atol=5e-6)
    plain = float(np.average(MEANS, weights=SIZES))
    for regime in regimes.REGIMES:
        assert found["micro", regime].value == pytest.approx(plain, abs=1e-12)
    assert found["micro", "interpolation"].n == 27_920
    assert (
        found["paired", "gap"].value,
        found["paired", "gap"].low,
        found["paired", "gap"].high,
    ) == pytest.approx((0, 0, 0), abs=1e-12)
    assert found["micro", "gap"].value == pytest.approx(0, abs=1e-12)


def test_restrain_compares_the_same_queries(quick: None) -> None:
    ids = tuple(f"x{i:02}" for i in range(40))
    split = Split("restrain", tuple(Fold(r, (), {r: ids}) for r in regimes.REGIMES))
    plan = RegimePlan.of(split)
    random = np.random.default_rng(0)
    base = random.random(40)
    found = regime_scores(plan, np.stack([base + 0.1, base], axis=1))
    assert found["paired", "gap"].n == 40
    assert (
        found["paired", "gap"].value,
        found["paired", "gap"].low,
        found["paired", "gap"].high,
    ) == pytest.approx((0.1, 0.1, 0.1), abs=1e-12)
    assert found["macro", "interpolation"].value == pytest.approx(base.mean() + 0.1, abs=1e-12)
    same = regime_scores(plan, np.stack([base, base], axis=1))
    assert same["macro", "interpolation"] == same["macro", "extrapolation"]


def test_by_hand(quick: None) -> None:
    split = Split(
        "resttest",
        (
            Fold("1", (), {"interpolation": ("c",), "extrapolation": ("a", "b")}),
            Fold("2", (), {"interpolation": ("a", "b"), "extrapolation": ("c",)}),
        ),
    )
    scores = np.array([[0.2, 0.6], [0.0, 0.4], [1.0, 0.5]])
    found = regime_scores(RegimePlan.of(split), scores)
    assert found["1", "extrapolation"].value == pytest.approx(0.1)
    assert found["macro", "interpolation"].value == pytest.approx((1.0 + 0.5) / 2)
    assert found["micro", "interpolation"].value == pytest.approx((1.0 + 0.6 + 0.4) / 3)
    assert found["paired", "gap"].value == pytest.approx((0.4 + 0.4 + 0.5) / 3)
    assert found["macro", "gap"].value == pytest.approx(0.75 - 0.3)
    np.testing.assert_allclose(per_query(RegimePlan.of(split), scores), [[0.6, 0.2], [0.4, 0.0], [1.0, 0.5]])


def test_the_paired_interval_covers_a_known_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 simulations with unequal buckets and hard queries: the 95% interval holds the true gap as often as it says."""
    for module in (regimes, rows):
        monkeypatch.setattr(module, "RESAMPLES", 500)
    sizes, gap = (30, 50, 20, 60, 40), 0.05
    plan = RegimePlan.of(resttest_split(sizes))
    extrapolates = plan.regime == regimes.REGIMES.index("extrapolation")
    random = np.random.default_rng(1)
    covered = raw_covered = 0
    for trial in range(200):
        difficulty = random.normal(np.repeat((0.6, 0.3, 0.5, 0.4, 0.2), sizes), 0.2)
        scores = difficulty[:, None] + random.normal(0, 0.1, (200, 5)) - gap * extrapolates
        found = regime_scores(plan, scores, seed=trial)
        covered += found["paired", "gap"].low <= gap <= found["paired", "gap"].high
        raw_covered += found["macro", "gap"].low <= gap <= found["macro", "gap"].high
    assert 180 <= covered <= 199  # 190 +- 3 standard deviations, bootstrap intervals being a little short
    assert raw_covered < 180, "the raw difference mixes in that buckets are not equally hard"


def test_missing_scores_and_regimes_are_named() -> None:
    split = resttest_split((2, 3))
    plan = RegimePlan.of(split)
    scores = Scores((Measure("AP"),), ["q00000"], np.ones((1, 1)), np.ones(1, np.bool_))
    system = SystemScores("bm25", scores, Conditions("c", "test", "sha"), "")
    with pytest.raises(BadInput, match="4 of the split's 5 test queries have no score of bm25"):
        FoldScores("bm25", (system, system)).matrix(plan, "AP")
    with pytest.raises(BadInput, match="no query for interpolation"):
        RegimePlan.of(Split("import", (Fold("1", (), {"extrapolation": ("a",)}),)))

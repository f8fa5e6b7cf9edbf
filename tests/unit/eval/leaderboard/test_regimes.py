"""Figures of a split: the worked example, the untrained scorer, the interval's coverage."""

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.eval.leaderboard import regimes
from intrex.eval.leaderboard.by_split import FoldScores, split_rows
from intrex.eval.leaderboard.regimes import RegimePlan, per_query, regime_scores
from intrex.eval.measures import Measure, parse_measures
from intrex.eval.scoring.groups import Groups
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


def test_the_worked_example_and_the_untrained_scorer() -> None:
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


def test_restrain_compares_the_same_queries() -> None:
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


def test_by_hand() -> None:
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


def test_the_paired_interval_covers_a_known_gap() -> None:
    """1,000 simulations with unequal buckets and hard queries: the 95 % interval holds the true gap as often as it says."""
    sizes, gap = (30, 50, 20, 60, 40), 0.05
    plan = RegimePlan.of(resttest_split(sizes))
    extrapolates = plan.regime == regimes.REGIMES.index("extrapolation")
    random = np.random.default_rng(1)
    covered = raw_covered = 0
    for _ in range(1000):
        difficulty = random.normal(np.repeat((0.6, 0.3, 0.5, 0.4, 0.2), sizes), 0.2)
        scores = difficulty[:, None] + random.normal(0, 0.1, (200, 5)) - gap * extrapolates
        found = regime_scores(plan, scores)
        covered += found["paired", "gap"].low <= gap <= found["paired", "gap"].high
        raw_covered += found["macro", "gap"].low <= gap <= found["macro", "gap"].high
    assert 940 <= covered <= 960
    assert raw_covered < 900, "the raw difference mixes in that buckets are not equally hard"


@pytest.mark.parametrize(("noise", "trainings"), [(0.0, 1), (0.02, 1), (0.02, 3), (0.05, 3), (0.05, 5)])
def test_the_paired_interval_over_trainings(noise: float, trainings: int) -> None:
    """Retrained models: one training's interval covers too little, several trainings' as often as it says, or more."""
    sizes, gap, queries = (90, 40, 30, 30, 20), 0.05, 210
    plan = RegimePlan.of(resttest_split(sizes))
    extrapolates = plan.regime == regimes.REGIMES.index("extrapolation")
    random, covered, trials = np.random.default_rng(2), 0, 1000
    bucket = np.repeat(np.arange(5), sizes)
    for _ in range(trials):
        base = (
            random.normal(0.5, 0.25, queries)[:, None]
            - random.normal(gap, 0.25, queries)[:, None] * extrapolates
        )
        each = []
        for _ in range(trainings):  # a model of each fold is off by itself, and by bucket
            moved = random.normal(0, noise, (1, 5)) + random.normal(0, noise, (5, 5))[bucket]
            each.append(base + moved)
        found = regime_scores(plan, np.mean(each, axis=0), None, each if trainings > 1 else ())
        covered += found["paired", "gap"].low <= gap <= found["paired", "gap"].high
    if trainings > 1 or not noise:
        assert 0.94 * trials <= covered <= 0.99 * trials
    else:
        assert covered < 0.93 * trials


def test_groups_widen_intervals_and_strata_stay() -> None:
    """Every query twice, as a group: the interval is that of the queries once."""
    random = np.random.default_rng(3)
    once, twice = resttest_split((20, 30)), resttest_split((40, 60))
    scores = random.random((50, 2))
    doubled, labels = np.repeat(scores, 2, axis=0), np.repeat(np.arange(50), 2)
    single = regime_scores(RegimePlan.of(once), scores)
    naive = regime_scores(RegimePlan.of(twice), doubled)
    grouped = regime_scores(RegimePlan.of(twice), doubled, Groups(labels, "pairs"))
    for place, figure in single.items():
        assert grouped[place].value == pytest.approx(figure.value, abs=1e-12)
        assert grouped[place].low == pytest.approx(figure.low, abs=1e-12)
        assert naive[place].high - naive[place].low < 0.75 * (figure.high - figure.low)


def test_trainings_beside_a_system_enter_its_interval() -> None:
    """Systems NAME@1, NAME@2 count as its trainings only where its scores are their mean."""
    split = resttest_split((40, 50))
    ids, random = split.test_ids, np.random.default_rng(4)
    base = random.random((90, 2))
    trainings = [base + random.normal(0, 0.05, (1, 2)) for _ in range(3)]

    def system(name: str, values: np.ndarray) -> list[SystemScores]:
        measures = tuple(parse_measures(["nDCG@10", "Judged@10"]))
        made = []
        for j, fold in enumerate(split.folds):
            columns = np.stack([values[:, j], np.ones(90)], axis=1)
            scores = Scores(measures, list(ids), columns, np.ones(90, np.bool_), 0)
            conditions = Conditions("c", "test", "sha", split=split.name, fold=fold.name)
            made.append(SystemScores(name, scores, conditions, "", [""] * 90))
        return made

    each = [s for i, values in enumerate(trainings, 1) for s in system(f"one@{i}", values)]
    rows = split_rows([*system("one", np.mean(trainings, axis=0)), *each], split)
    plain = split_rows(system("one", np.mean(trainings, axis=0)), split)
    other = split_rows([*system("one", base), *each], split)
    of = {
        name: next(r for r in found if (r.system, r.fold, r.regime) == ("one", "macro", "interpolation"))
        for name, found in (("three", rows), ("none", plain), ("other", other))
    }
    assert of["three"].ci_high - of["three"].ci_low > 1.2 * (of["none"].ci_high - of["none"].ci_low)
    assert [of[k].signature.rpartition("|")[2] for k in of] == ["trainings=3", "trainings=1", "trainings=1"]


def test_missing_scores_and_regimes_are_named() -> None:
    split = resttest_split((2, 3))
    plan = RegimePlan.of(split)
    scores = Scores((Measure("AP"),), ["q00000"], np.ones((1, 1)), np.ones(1, np.bool_))
    system = SystemScores("bm25", scores, Conditions("c", "test", "sha"), "", [""])
    with pytest.raises(BadInput, match="4 of the split's 5 test queries have no score of bm25"):
        FoldScores("bm25", (system, system)).matrix(plan, "AP")
    with pytest.raises(BadInput, match="no query for interpolation"):
        RegimePlan.of(Split("import", (Fold("1", (), {"extrapolation": ("a",)}),)))


def test_groups_that_cross_strata() -> None:
    """Wordings of one question lie in several buckets, and share what training is worth to them: 125 groups of 5."""
    sizes, gap, trials = (250, 125, 100, 100, 50), 0.05, 1000
    plan = RegimePlan.of(resttest_split(sizes))
    extrapolates = plan.regime == regimes.REGIMES.index("extrapolation")
    random, covered, by_query = np.random.default_rng(5), 0, 0
    for _ in range(trials):
        groups = Groups(random.permutation(np.repeat(np.arange(125), 5)), "questions")
        gain = random.normal(gap, 0.25, 125)[groups.labels] + random.normal(0, 0.1, 625)
        scores = random.normal(0.5, 0.2, (625, 1)) - gain[:, None] * extrapolates
        for found, hits in ((regime_scores(plan, scores, groups), 0), (regime_scores(plan, scores), 1)):
            inside = found["paired", "gap"].low <= gap <= found["paired", "gap"].high
            covered, by_query = covered + (inside and not hits), by_query + (inside and hits)
    assert 930 <= covered <= 970 and by_query < 750

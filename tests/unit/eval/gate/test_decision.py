"""Decisions of a gate: worked numbers, the level by simulation, the bounds and p-values of one test."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.eval.compare.align import Aligned
from intrex.eval.gate.decision import FAIL, PASS, UNDECIDED, MeasureDecision, decide
from intrex.eval.gate.options import GateOptions
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.signature import Conditions

MARGIN = 0.02


def aligned(differences: np.ndarray, groups: Groups | None = None, measures: int = 1) -> Aligned:
    n = len(differences)
    values = np.stack([np.full(n, 0.5), 0.5 + differences], axis=1)[:, :, None].repeat(measures, axis=2)
    conditions = Conditions("made", "test", "none")
    return Aligned(
        ["old", "new"], [f"P@{i + 1}" for i in range(measures)], [f"q{i}" for i in range(n)], values,
        np.ones((n, 2), bool), conditions, groups or Groups.alone(n),
    )  # fmt: skip


def decision(differences: object, options: GateOptions | None = None, **more: object) -> MeasureDecision:
    data = aligned(np.asarray(differences, float), **more)  # type: ignore[arg-type]
    return decide(data, 0, {}, options or GateOptions(max_drop=MARGIN))


def long_tails(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Differences of mean 0 as of two lexical systems by nDCG@10: a third are zero, the rest of either sign."""
    moved = rng.normal(0, 1.0, shape) * rng.gamma(1.0, 0.12, shape)
    return np.where(rng.random(shape) < 0.35, 0.0, np.clip(moved, -1, 1))


def test_against_scipy() -> None:
    from scipy.stats import ttest_1samp

    rng = np.random.default_rng(3)
    differences = rng.normal(-0.01, 0.08, 60)
    found = decision(differences)
    above = ttest_1samp(differences, -MARGIN, alternative="greater")
    below = ttest_1samp(differences, -MARGIN, alternative="less")
    assert found.p_smaller_drop == pytest.approx(above.pvalue, rel=1e-9)
    assert found.p_larger_drop == pytest.approx(below.pvalue, rel=1e-6)
    assert found.low == pytest.approx(above.confidence_interval(0.95).low, rel=1e-9)
    assert found.high == pytest.approx(below.confidence_interval(0.95).high, rel=1e-9)


@pytest.mark.parametrize("test", ["t", "bootstrap"])
def test_the_three_verdicts(test: str) -> None:
    rng, options = np.random.default_rng(1), GateOptions(max_drop=MARGIN, test=test)
    noise = rng.normal(0, 0.05, 200)
    noise -= noise.mean()
    assert decision(noise, options).verdict == PASS
    assert decision(noise - 0.05, options).verdict == FAIL
    assert decision(noise - MARGIN, options).verdict == UNDECIDED
    assert decision(noise + 0.3, options).verdict == PASS


def test_without_any_spread() -> None:
    assert decision(np.zeros(5)).verdict == PASS
    assert decision(np.full(5, -0.01)).verdict == PASS
    assert decision(np.full(5, -MARGIN)).verdict == FAIL
    assert decision(np.full(5, -0.5)).verdict == FAIL
    assert decision(np.zeros(5)).queries_needed is None


@pytest.mark.parametrize("test", ["t", "bootstrap"])
def test_one_observation_tells_nothing(test: str) -> None:
    options = GateOptions(max_drop=MARGIN, test=test)
    for found in (
        decision([0.0], options),
        decision([-0.9], options),
        decision(np.zeros(4), options, groups=Groups(np.zeros(4, np.int64), "questions")),
    ):
        assert found.verdict == UNDECIDED
        assert (found.low, found.high) == (-math.inf, math.inf)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=3, max_size=40),
    st.sampled_from(["t", "bootstrap"]),
    st.integers(1, 3),
)
def test_bounds_and_p_values_agree(differences: list[float], test: str, measures: int) -> None:
    """A verdict is what the bound on its side says, and at most one side can be shown."""
    options = GateOptions(max_drop=MARGIN, test=test, samples=399)
    found = decision(differences, options, measures=measures)
    slack = 1e-9
    if found.verdict == PASS:
        assert found.low > -MARGIN - slack
        assert found.p_larger_drop > options.alpha
    elif found.verdict == FAIL:
        assert found.high <= -MARGIN + slack
        assert found.p_smaller_drop > options.alpha
    else:
        assert found.low <= -MARGIN + slack
        assert found.high >= -MARGIN - slack


def rates(test: str, n: int, mean: float, trials: int, measures: int = 1) -> tuple[float, float]:
    """Return how often a gate passes, and fails, of simulated query sets whose true mean difference is given."""
    rng = np.random.default_rng([n, trials, test == "t"])
    options = GateOptions(max_drop=MARGIN, test=test, samples=999)
    verdicts = [
        decision(long_tails(rng, n) + mean, options, measures=measures).verdict for _ in range(trials)
    ]
    return verdicts.count(PASS) / trials, verdicts.count(FAIL) / trials


@pytest.mark.parametrize("n", [30, 50, 150])
@pytest.mark.parametrize("test", ["t", "bootstrap"])
def test_the_level(test: str, n: int) -> None:
    """At a true drop of just the margin both wrong decisions come as often as alpha allows, about."""
    passes, fails = rates(test, n, -MARGIN, 1500)
    ceiling = 0.065 if test == "t" else 0.08
    assert 0.03 <= passes <= ceiling
    assert 0.03 <= fails <= ceiling


def test_what_so_many_queries_detect() -> None:
    """With the number of queries that a first sample asks for, an unchanged system passes four times out of five."""
    rng = np.random.default_rng(5)
    deviation = long_tails(rng, 1_000_000).std()
    needed = decision(long_tails(np.random.default_rng(9), 2000)).queries_needed
    assert needed is not None
    assert needed == pytest.approx((deviation * 2.4865 / MARGIN) ** 2, rel=0.15)
    passes, _ = rates("t", needed, 0.0, 600)
    assert 0.75 <= passes <= 0.86


def test_groups_widen_the_bounds() -> None:
    rng = np.random.default_rng(2)
    groups = Groups(np.repeat(np.arange(40), 5), "questions")
    differences = rng.normal(0, 0.1, 40)[groups.labels] + rng.normal(0, 0.02, 200)
    for test in ("t", "bootstrap"):
        options = GateOptions(max_drop=MARGIN, test=test)
        alone, together = decision(differences, options), decision(differences, options, groups=groups)
        assert together.high - together.low > 1.8 * (alone.high - alone.low)
        assert together.n_groups == 40


def test_a_failure_by_one_of_several_measures_needs_more() -> None:
    rng = np.random.default_rng(4)
    differences = rng.normal(-0.035, 0.08, 100)
    single = decision(differences)
    triple = decision(differences, measures=3)
    assert triple.p_larger_drop == pytest.approx(3 * single.p_larger_drop)
    assert triple.high > single.high
    assert triple.low == single.low


def test_the_queries_that_lost() -> None:
    options = replace(GateOptions(), losses=2)
    data = aligned(np.array([0.1, -0.3, 0.0, -0.3, -0.1]))
    losses = decide(data, 0, {"q3": "red rope"}, options).losses
    assert [(loss.query, loss.text) for loss in losses] == [("q1", ""), ("q3", "red rope")]
    assert decide(data, 0, {}, replace(options, losses=0)).losses == []

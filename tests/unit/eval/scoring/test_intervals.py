"""Coverage of intervals and level of tests, by simulation: queries alone, queries in groups."""

import numpy as np
import pytest

from intrex.eval.compare.paired import effect, t_test, wilcoxon
from intrex.eval.compare.resampling import bootstrap, randomization
from intrex.eval.compare.tukey import randomized_tukey
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.intervals import spread_of, spread_over_trainings

SAMPLES = 4000
PAIR = np.array([[0, 1]])
COUNTS = [35, 50, 93, 300]


def differences(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Differences as of two lexical systems by nDCG@10: a third are zero, the rest of either sign with long tails."""
    moved = rng.normal(0.02, 1.0, shape) * rng.gamma(1.0, 0.12, shape)
    return np.where(rng.random(shape) < 0.35, 0.0, np.clip(moved, -1, 1))


def shares_of_hits(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Scores as of one system by nDCG@10: some zeros, some ones."""
    return np.clip(rng.normal(0.55, 0.45, shape), 0, 1)


def coverage(samples: np.ndarray, truth: float, groups: Groups) -> float:
    """Return how often the interval of each column's mean holds the truth."""
    means = samples.mean(axis=0)
    half = spread_of(samples / len(samples), groups).half_widths()
    return float((np.abs(means - truth) <= half).mean())


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("draw", [differences, shares_of_hits])
def test_queries_alone(n: int, draw: object) -> None:
    rng = np.random.default_rng(n)
    truth = float(draw(rng, 4_000_000).mean())  # type: ignore[operator]
    samples = draw(rng, n, SAMPLES)  # type: ignore[operator]
    assert 0.94 <= coverage(samples, truth, Groups.alone(n)) <= 0.96


def sizes_of(kind: str, groups: int) -> np.ndarray:
    return np.full(groups, 5) if kind == "equal" else 1 + np.arange(groups) % 7


@pytest.mark.parametrize("kind", ["equal", "unequal"])
@pytest.mark.parametrize("n", COUNTS)
def test_queries_in_groups(n: int, kind: str) -> None:
    """The gain is shared in a group: intervals by group cover what they say, by query two thirds of it."""
    rng, sizes = np.random.default_rng(n), sizes_of(kind, n)
    groups = Groups(np.repeat(np.arange(n), sizes), "questions")
    shared = rng.normal(0.03, 0.2, (n, SAMPLES))[groups.labels]
    samples = shared + rng.normal(0, 0.05, shared.shape)
    assert 0.94 <= coverage(samples, 0.03, groups) <= 0.96
    assert coverage(samples, 0.03, Groups.alone(len(samples))) < 0.75


@pytest.mark.parametrize("kind", ["equal", "unequal"])
def test_the_level_of_tests_by_group(kind: str) -> None:
    """Of 600 nulls with groups about 30 are rejected at .05; by query it is a third of them."""
    n, trials, rng = 40, 600, np.random.default_rng(7)
    sizes = sizes_of(kind, n)
    groups = Groups(np.repeat(np.arange(n), sizes), "questions")
    rejected = dict.fromkeys(("t", "randomization", "bootstrap", "tukey", "wilcoxon", "by query"), 0)
    for trial in range(trials):
        d = rng.normal(0, 0.2, n)[groups.labels] + rng.normal(0, 0.05, len(groups.labels))
        values = np.stack([np.zeros_like(d), d], axis=1)[:, :, None]
        sums = groups.sums(values)
        rejected["t"] += t_test(d, groups) < 0.05
        rejected["wilcoxon"] += wilcoxon((groups.sums(d) / groups.sizes).round(12)) < 0.05
        rejected["randomization"] += randomization(sums, PAIR, 499, trial)[0, 0] < 0.05
        rejected["bootstrap"] += bootstrap(sums, PAIR, 499, trial, groups.sizes)[0, 0] < 0.05
        rejected["tukey"] += randomized_tukey(sums, PAIR, 499, trial)[0, 0] < 0.05
        rejected["by query"] += t_test(d) < 0.05
    by_query = rejected.pop("by query")
    assert all(14 <= count <= 48 for count in rejected.values()), rejected
    assert by_query > 0.3 * trials


def test_the_variance_by_hand() -> None:
    """Unequal groups: the sum of the groups' squared residuals, G / (G - 1) times, over n squared."""
    d = np.array([0.1, 0.3, 0.2, 0.6, 0.5, 0.0])
    groups = Groups.of(["b", "b", "a", "c", "c", "c"], "file")
    assert groups.sizes.tolist() == [1, 2, 3] and len(groups) == 3 and not groups.single
    residuals = [0.2 - d.mean(), 0.4 - 2 * d.mean(), 1.1 - 3 * d.mean()]
    spread = spread_of(d[:, None] / 6, groups)
    assert spread.variance[0] == pytest.approx(3 / 2 * sum(r * r for r in residuals) / 36)
    assert spread.freedom[0] == pytest.approx(2)
    assert effect(d, groups).detectable is not None
    alone = spread_of(d[:, None] / 6, Groups.alone(6))
    assert alone.variance[0] == pytest.approx(d.var(ddof=1) / 6) and alone.freedom[0] == pytest.approx(5)


def test_strata_are_samples_of_their_own() -> None:
    d, strata = np.array([0.1, 0.3, 0.2, 0.6, 0.5, 0.0]), np.array([0, 0, 0, 1, 1, 1])
    spread = spread_of(d[:, None] / 6, Groups.alone(6), strata)
    parts = [d[:3].var(ddof=1) * 3 / 36, d[3:].var(ddof=1) * 3 / 36]
    assert spread.variance[0] == pytest.approx(sum(parts))
    assert spread.freedom[0] == pytest.approx(sum(parts) ** 2 / sum(p * p / 2 for p in parts))
    lone = spread_of(d[:, None], Groups(np.array([0, 0, 0, 1, 2, 3])), strata)
    assert lone.variance[0] == pytest.approx(d[3:].var(ddof=1) * 3)  # one group shows no variance


def test_no_spread_and_one_query() -> None:
    same = (np.linspace(0, 0.9, 20) + 0.1) - np.linspace(0, 0.9, 20)
    found = spread_of(same[:, None] / 20, Groups.alone(20))
    assert found.variance[0] == 0 == found.half_widths()[0]
    assert effect(np.array([0.7])).low == effect(np.array([0.7])).high == 0.7


def test_the_variance_of_a_mean_of_trainings() -> None:
    trainings = spread_over_trainings(np.array([[0.0, 0.1], [3.0, 0.1], [6.0, 0.1]]))
    assert trainings.variance.tolist() == pytest.approx([3.0, 0.0]) and trainings.freedom.tolist() == [
        2.0,
        2.0,
    ]
    assert trainings.half_widths()[0] == pytest.approx(4.30265272991 * 3**0.5)

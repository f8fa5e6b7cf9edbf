"""Our tests against scipy's own, on random scores with ties."""

import numpy as np
import pytest
from scipy import stats

from intrex.eval.compare.corrections import benjamini_hochberg
from intrex.eval.compare.paired import effect, t_test, wilcoxon
from intrex.eval.compare.resampling import randomization
from intrex.eval.compare.tukey import randomized_tukey
from intrex.eval.scoring.groups import Groups

PAIR = np.array([[0, 1]])


def scores(seed: int, n: int, steps: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, steps, n) / steps, rng.integers(0, steps + 3, n) / steps
    return x, y


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [2, 5, 11])
def test_exact_randomisation(seed: int, n: int) -> None:
    x, y = scores(seed, n)
    theirs = stats.permutation_test(
        (x, y), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    )
    ours = randomization(np.stack([x, y], 1)[:, :, None], PAIR, 10, 0)
    # scipy doubles the smaller tail, which is the same for flips of signs
    assert ours[0, 0] == pytest.approx(theirs.pvalue, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_sampled_randomisation(seed: int) -> None:
    x, y = scores(seed, 80)
    theirs = stats.permutation_test(
        (x, y), lambda a, b, axis: np.mean(a - b, axis=axis), permutation_type="samples", n_resamples=20_000,
        vectorized=True, rng=np.random.default_rng(0),
    )  # fmt: skip
    ours = randomization(np.stack([x, y], 1)[:, :, None], PAIR, 20_000, 0)
    assert ours[0, 0] == pytest.approx(theirs.pvalue, abs=0.012)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [2, 9, 60, 900])
def test_paired_t(seed: int, n: int) -> None:
    x, y = scores(seed, n, 1000)
    assert t_test(y - x) == pytest.approx(stats.ttest_rel(y, x).pvalue, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("n", "steps"), [(8, 10**6), (16, 10**6), (30, 10**6), (200, 10**6), (60, 20)])
def test_wilcoxon(seed: int, n: int, steps: int) -> None:
    x, y = scores(seed, n, steps)
    d = (y - x).round(12)
    exact = steps > 20 and n <= 50
    theirs = stats.wilcoxon(d, zero_method="wilcox", method="exact" if exact else "approx")
    assert wilcoxon(d) == pytest.approx(theirs.pvalue, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [2, 12, 60])
def test_interval_of_the_paired_t(seed: int, n: int) -> None:
    x, y = scores(seed, n)
    theirs = stats.ttest_rel(y, x)
    interval, ours = theirs.confidence_interval(0.95), effect(y - x)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert t_test(y - x) == pytest.approx(theirs.pvalue, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_groups_of_equal_size_are_the_t_test_of_their_means(seed: int) -> None:
    x, y = scores(seed, 60)
    d, groups = y - x, Groups(np.repeat(np.arange(15), 4), "fours")
    theirs = stats.ttest_1samp(d.reshape(15, 4).mean(axis=1), 0)
    interval, ours = theirs.confidence_interval(0.95), effect(d, groups)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert t_test(d, groups) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_benjamini_hochberg() -> None:
    p = np.random.default_rng(0).random(40) ** 3
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p), abs=1e-12)


def test_randomised_tukey_by_a_plain_simulation() -> None:
    rng = np.random.default_rng(8)
    values = rng.random((30, 1)) + rng.normal([0, 0.02, 0.1], 0.15, (30, 3))
    ranges = np.empty(4000)
    for i in range(len(ranges)):
        means = rng.permuted(values, axis=1).mean(axis=0)
        ranges[i] = means.max() - means.min()
    pairs = np.array([(0, 1), (0, 2), (1, 2)])
    ours = randomized_tukey(values[:, :, None], pairs, 4000, 0)[:, 0]
    means = values.mean(axis=0)
    theirs = [(ranges >= abs(means[b] - means[a])).mean() for a, b in pairs]
    assert ours == pytest.approx(theirs, abs=0.03)

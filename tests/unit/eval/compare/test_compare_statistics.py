"""Worked numbers of the tests, corrections and effect sizes; the two paths of Tukey; what nothing can be said about."""

import doctest

import numpy as np
import pytest

import intrex.eval.compare.corrections as corrections
from intrex.eval.compare.corrections import CORRECTIONS, correct
from intrex.eval.compare.paired import effect, noncentrality, t_test, wilcoxon
from intrex.eval.compare.resampling import bootstrap, fixed_point, randomization
from intrex.eval.compare.tukey import LIBRARY, randomized_tukey, shuffled_ranges

X = np.array([0.50, 0.40, 0.30, 0.80, 0.20, 0.60, 0.70, 0.10])
Y = np.array([0.55, 0.50, 0.28, 0.90, 0.30, 0.65, 0.72, 0.25])
PAIR = np.array([[0, 1]])


def cube(*systems: np.ndarray) -> np.ndarray:
    """[q, s, 1] of systems' scores by one measure."""
    return np.stack(systems, axis=1)[:, :, None]


def test_worked_numbers_of_a_pair() -> None:
    found = effect(Y - X)
    assert found.mean == pytest.approx(0.06875, abs=1e-12)
    assert t_test(Y - X) == pytest.approx(0.008806, abs=5e-7)
    assert randomization(cube(X, Y), PAIR, 10, 0)[0, 0] == 6 / 256
    assert found.d_z == pytest.approx(1.2708, abs=5e-5)
    assert found.hedges == pytest.approx(1.1296, abs=5e-5)
    assert (found.wins, found.ties, found.losses) == (7, 0, 1)


def test_wilcoxon_exact_and_with_ties() -> None:
    # As floats all eight sizes differ: 0.28 - 0.30 is not -(0.72 - 0.70). Rounded, ties share their mean rank.
    assert wilcoxon(Y - X) == 0.015625
    assert wilcoxon((Y - X).round(12)) == 6 / 256


def test_worked_corrections() -> None:
    result = doctest.testmod(corrections)
    assert result.attempted == 3 and not result.failed
    # statsmodels 0.15.0, multipletests
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.5, 0.04, 0.0001])
    expected = {
        "holm": [0.05, 0.12, 0.12, 0.03, 0.5, 0.12, 0.0007],
        "bonferroni": [0.07, 0.28, 0.21, 0.035, 1.0, 0.28, 0.0007],
        "bh": [0.0233333333, 0.0466666667, 0.0466666667, 0.0175, 0.5, 0.0466666667, 0.0007],
    }
    for how, values in expected.items():
        assert CORRECTIONS[how](p) == pytest.approx(values, abs=1e-9)


def test_families() -> None:
    p = np.array([[0.01, 0.04], [0.03, 0.005]])
    assert correct(p, "holm").ravel() == pytest.approx([0.02, 0.04, 0.03, 0.01])
    assert correct(p, "holm", over_all=True).ravel() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert correct(p, "none").tolist() == p.tolist()


@pytest.mark.parametrize(
    ("n", "d"),
    [(2, 11.549889755), (8, 1.156035272), (50, 0.4041829997), (225, 0.1875776331), (6980, 0.0335379048)],
)
def test_detectable_difference_is_that_of_statsmodels(n: int, d: float) -> None:
    """TTestPower().solve_power(nobs=n, alpha=.05, power=.8) of statsmodels 0.15.0."""
    assert noncentrality(n) / np.sqrt(n) == pytest.approx(d, rel=1e-5)


def test_detectable_difference_by_simulation() -> None:
    n = 12
    shift = noncentrality(n) / np.sqrt(n)
    samples = np.random.default_rng(5).normal(shift, 1.0, (4000, n))
    found = np.mean([t_test(sample) < 0.05 for sample in samples])
    assert found == pytest.approx(0.8, abs=0.02)
    assert effect(samples[0]).detectable == pytest.approx(shift * samples[0].std(ddof=1))


def test_nothing_moved() -> None:
    zero = np.zeros(20)
    assert t_test(zero) == wilcoxon(zero) == 1.0
    assert effect(zero).d_z == effect(zero).hedges == 0.0
    many = cube(np.linspace(0, 1, 20), np.linspace(0, 1, 20))
    found = bootstrap(many, PAIR, 100, 0)
    assert randomization(many, PAIR, 100, 0) == randomized_tukey(many, PAIR, 100, 0) == found == 1.0
    assert effect(zero).low == effect(zero).high == 0.0


def test_the_same_difference_everywhere() -> None:
    """No spread: t is infinite even where rounding leaves some, an effect size does not exist."""
    x = np.linspace(0, 0.9, 20)
    assert t_test((x + 0.1) - x) == 0.0
    found = effect((x + 0.1) - x)
    assert found.d_z is None and found.hedges is None and found.wins == 20
    assert found.detectable is None


def test_one_query() -> None:
    one = cube(np.array([0.2]), np.array([0.9]))
    assert randomization(one, PAIR, 100, 0) == randomized_tukey(one, PAIR, 100, 0) == 1.0
    assert bootstrap(one, PAIR, 100, 0) == 1.0
    assert t_test(np.array([0.7])) == wilcoxon(np.array([0.7])) == 1.0
    assert effect(np.array([0.7])).detectable is None and effect(np.array([0.7])).d_z is None


def test_sums_of_fixed_point_scores_are_exact() -> None:
    values = np.random.default_rng(0).random((7000, 3))
    fixed = fixed_point(values)
    assert np.abs(fixed.values / fixed.scale - values).max() < 3e-12
    assert fixed.values.sum(axis=0).max() < 2**53
    assert (fixed.values.sum(axis=0) == fixed.values[::-1].sum(axis=0)).all()
    assert fixed_point(np.zeros((3, 1))).values.tolist() == [[0.0]] * 3
    wide = fixed_point(values * np.array([1.0, 1000.0, 1e-3]))
    assert wide.scale[0] == fixed.scale[0] == wide.scale[2] == 1024 * wide.scale[1]


@pytest.mark.parametrize("systems", [2, 3, 5, 6, 9, 10, 17])
def test_both_paths_of_tukey_give_the_same_bits(systems: int) -> None:
    whole = np.random.default_rng(systems).integers(0, 10**9, (30, systems, 2))
    plain = shuffled_ranges(whole, 300, 7, compiled=False)
    assert LIBRARY.kernels()
    assert (plain == shuffled_ranges(whole, 300, 7, compiled=True)).all()
    assert (plain[:100] == shuffled_ranges(whole, 100, 7, compiled=False)).all()
    assert (plain != shuffled_ranges(whole, 300, 8, compiled=False)).any()


@pytest.mark.parametrize("systems", [2, 3, 4])
def test_tukeys_shuffles_are_uniform(systems: int) -> None:
    """One query whose scores are powers of ten: with two more queries fixed, every order comes equally often."""
    whole = np.zeros((2, systems, 1), np.int64)
    whole[0, :, 0] = 10 ** np.arange(systems)
    whole[1, 0, 0] = 10**9
    ranges = shuffled_ranges(whole, 6000, 3)[:, 0]
    _, counts = np.unique(ranges, return_counts=True)
    # the large score meets each of the others equally often
    assert np.abs(counts / 6000 - 1 / len(counts)).max() < 0.03


def test_tukey_with_two_systems_is_the_randomisation_test() -> None:
    rng = np.random.default_rng(2)
    x = rng.random(40)
    values = cube(x, x + rng.normal(0.05, 0.15, 40))
    one, other = randomization(values, PAIR, 20_000, 0), randomized_tukey(values, PAIR, 20_000, 0)
    assert one[0, 0] == pytest.approx(other[0, 0], abs=0.01)


def test_resampling_does_not_depend_on_the_company() -> None:
    """A pair's numbers are the same whatever other systems and measures are compared with it."""
    values = np.random.default_rng(1).random((60, 4, 3))
    every = np.array([(0, 1), (0, 2), (1, 3)])
    alone, together = values[:, [1, 3], 1:2], values
    assert randomization(alone, PAIR, 999, 4)[0, 0] == randomization(together, every, 999, 4)[2, 1]
    one, many = bootstrap(alone, PAIR, 999, 4), bootstrap(together, every, 999, 4)
    assert one[0, 0] == many[2, 1]


@pytest.mark.parametrize("n", [12, 61])
def test_large_values_do_not_depend_on_the_company_either(n: int) -> None:
    """Bit for bit, where other systems' values are far larger: each pair has a scale of its own."""
    rng = np.random.default_rng(n)
    values = rng.random((n, 5, 2)) * np.array([1.0, 1.7, 30.0, 200.0, 5.0])[None, :, None]
    values[:, 1] = values[:, 0] * 1.1
    every = np.array([(0, 1), (0, 2), (1, 3), (2, 4), (3, 4)])
    together, p = bootstrap(values, every, 499, 4), randomization(values, every, 499, 4)
    for i, pair in enumerate(every):
        assert (randomization(values[:, pair], PAIR, 499, 4)[0] == p[i]).all()
        assert (bootstrap(values[:, pair], PAIR, 499, 4)[0] == together[i]).all()

"""What must hold of any comparison."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.eval.compare.align import Aligned
from intrex.eval.compare.comparison import compare
from intrex.eval.compare.corrections import benjamini_hochberg, bonferroni, holm
from intrex.eval.compare.options import TESTS, Settings
from intrex.eval.compare.resampling import randomization
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.signature import Conditions


def aligned(values: np.ndarray) -> Aligned:
    """Systems [q, s] by one measure."""
    q, s = values.shape
    names = [f"s{i}" for i in range(s)]
    queries = [f"q{i:05d}" for i in range(q)]
    return Aligned(
        names,
        ["AP"],
        queries,
        values[:, :, None],
        np.ones((q, s), bool),
        Conditions("toy", "", "0" * 64),
        Groups.alone(q),
    )


scores = st.integers(2, 24).flatmap(
    lambda n: st.lists(st.tuples(*[st.integers(0, 20)] * 2), min_size=n, max_size=n)
)


@pytest.mark.parametrize("test", TESTS)
@given(rows=scores)
@settings(max_examples=25, derandomize=True, deadline=None)
def test_swapping_the_systems_keeps_p_and_turns_the_difference(test: str, rows: list) -> None:
    values = np.array(rows) / 20
    how = Settings(test=test, samples=200)
    one, other = compare(aligned(values), how).rows[0], compare(aligned(values[:, ::-1]), how).rows[0]
    assert one.p == pytest.approx(other.p, abs=1e-12)
    assert one.difference == pytest.approx(-other.difference, abs=1e-12)
    assert (one.wins, one.losses) == (other.losses, other.wins)
    assert one.ci_low == pytest.approx(-other.ci_high, abs=1e-9)


@pytest.mark.parametrize("test", TESTS)
@given(rows=scores, constant=st.integers(1, 9))
@settings(max_examples=25, derandomize=True, deadline=None)
def test_a_constant_added_to_both_changes_nothing(test: str, rows: list, constant: int) -> None:
    values = np.array(rows) / 20
    how = Settings(test=test, samples=200)
    one, other = compare(aligned(values), how).rows[0], compare(aligned(values + constant / 7), how).rows[0]
    assert one.p == pytest.approx(other.p, abs=1e-6)
    assert one.difference == pytest.approx(other.difference, abs=1e-9)


@pytest.mark.parametrize("test", TESTS)
@given(rows=scores)
@settings(max_examples=10, derandomize=True, deadline=None)
def test_a_system_and_its_copy(test: str, rows: list) -> None:
    values = np.array(rows)[:, [0, 0]] / 20
    row = compare(aligned(values), Settings(test=test, samples=200)).rows[0]
    assert row.p == row.p_corrected == 1.0
    assert row.difference == row.ci_low == row.ci_high == row.d_z == 0.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
@settings(derandomize=True)
def test_corrections_lie_between_the_raw_p_and_bonferroni(p: list[float]) -> None:
    raw = np.array(p)
    assert (raw <= holm(raw)).all() and (holm(raw) <= bonferroni(raw) + 1e-15).all()
    assert (raw <= benjamini_hochberg(raw) + 1e-15).all() and (
        benjamini_hochberg(raw) <= holm(raw) + 1e-15
    ).all()
    order = np.argsort(raw)
    for function in (holm, benjamini_hochberg, bonferroni):
        assert (np.diff(function(raw)[order]) >= 0).all()


@pytest.mark.parametrize("test", ["randomization", "t", "tukey"])
def test_p_is_uniform_when_labels_mean_nothing(test: str) -> None:
    """Kolmogorov and Smirnov over 1,000 simulations; scores are fine enough for ties to be rare."""
    from scipy.stats import kstest

    rng = np.random.default_rng(11)
    found = []
    for seed in range(1000):
        values = rng.random(24)[:, None] + rng.normal(0, 0.2, (24, 2))
        found.append(_p(values, test, seed))
    assert kstest(found, "uniform").pvalue > 0.01


def _p(values: np.ndarray, test: str, seed: int) -> float:
    from intrex.eval.compare.paired import t_test
    from intrex.eval.compare.tukey import randomized_tukey

    pair, cube = np.array([[0, 1]]), values[:, :, None]
    if test == "t":
        return t_test(values[:, 1] - values[:, 0])
    function = randomization if test == "randomization" else randomized_tukey
    return float(function(cube, pair, 499, seed)[0, 0])


def test_tukey_holds_the_family_wise_error() -> None:
    """Five systems that do not differ: at most about 5 % of the experiments show any difference at 0.05."""
    rng = np.random.default_rng(3)
    hits = 0
    for seed in range(300):
        data = aligned(rng.random(20)[:, None] + rng.normal(0, 0.2, (20, 5)))
        rows = compare(data, Settings(test="tukey", samples=199, seed=seed)).rows
        hits += min(row.p for row in rows) <= 0.05
    assert 3 <= hits <= 28


@pytest.mark.parametrize("test", TESTS)
def test_equal_inputs_give_equal_bytes(test: str) -> None:
    values = np.random.default_rng(0).random((300, 4))
    one, other = (compare(aligned(values), Settings(test=test, samples=700)).rows for _ in range(2))
    assert one == other

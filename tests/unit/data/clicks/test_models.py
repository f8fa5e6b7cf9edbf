"""Click models: clicks drawn from a known position-based model, whose attractiveness is found again."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from intrex.data.clicks.judgements import grade_quantiles
from intrex.data.clicks.models import click_count, click_through, position_based
from intrex.data.errors import BadInput

GAMMA = np.array([1.0, 0.7, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15])
QUERIES, DOCS, SESSIONS = 30, 8, 20_000


def simulate(seed=1):
    """Draw clicks from P = γ α. A ranker that errs shows the documents, in an order that varies a little by session."""
    rng = np.random.default_rng(seed)
    alpha = rng.uniform(0.05, 0.9, (QUERIES, DOCS))
    impressions = np.zeros((QUERIES, DOCS, len(GAMMA)), np.int64)
    clicks = np.zeros_like(impressions)
    for q in range(QUERIES):
        ranker = rng.normal(0, 1, DOCS)  # knows nothing of α
        for _ in range(SESSIONS // QUERIES):
            order = np.argsort(-(ranker + rng.normal(0, 0.5, DOCS)))
            impressions[q, order, np.arange(DOCS)] += 1
            clicks[q, order, np.arange(DOCS)] += rng.random(DOCS) < GAMMA * alpha[q, order]
    q, d, p = np.nonzero(impressions)
    return alpha, q * DOCS + d, p, impressions[q, d, p], clicks[q, d, p]


def likelihood(alpha, gamma, pairs, places, impressions, clicks):
    product = np.clip(alpha[pairs] * gamma[places], 1e-9, 1 - 1e-9)
    return float((clicks * np.log(product) + (impressions - clicks) * np.log(1 - product)).sum())


def test_attractiveness_and_examination_are_found_again_and_rank_better_than_click_through():
    alpha, *log = simulate()
    estimate = position_based(*log)
    found = np.array(list(estimate.record["examination"].values()))
    assert np.abs(found - GAMMA).max() < 0.03
    # each pair has some 670 impressions: at examination 0.15 to 1 the standard error is 0.02 to 0.1
    error = np.abs(estimate.values - alpha.ravel())
    assert error.mean() < 0.04
    assert np.sqrt((error**2).mean()) < 0.055
    rate = click_through(log[0], log[2], log[3]).values.reshape(alpha.shape)
    by_model = [kendalltau(alpha[q], estimate.values.reshape(alpha.shape)[q])[0] for q in range(QUERIES)]
    by_rate = [kendalltau(alpha[q], rate[q])[0] for q in range(QUERIES)]
    assert np.mean(by_model) > 0.75 > 0.55 > np.mean(by_rate)


def test_no_other_values_are_more_likely_than_the_estimate():
    alpha, *log = simulate(2)
    estimate = position_based(*log)
    gamma = np.array(list(estimate.record["examination"].values()))
    best = likelihood(estimate.values, gamma, *log)
    assert best > likelihood(alpha.ravel(), GAMMA, *log)
    rng = np.random.default_rng(0)
    for _ in range(20):
        near = np.clip(estimate.values * rng.normal(1, 0.02, len(estimate.values)), 0, 1)
        assert likelihood(near, gamma, *log) < best


def test_with_the_true_examination_given_only_attractiveness_is_estimated():
    alpha, *log = simulate(3)
    estimate = position_based(*log, dict(enumerate(GAMMA.tolist())))
    assert np.abs(estimate.values - alpha.ravel()).mean() < 0.04
    assert list(estimate.record["examination"].values()) == GAMMA.tolist()
    with pytest.raises(BadInput, match="not given: 7"):
        position_based(*log, dict(enumerate(GAMMA[:7].tolist())))


def test_one_pair_at_two_positions_has_the_solution_by_hand():
    # pair 0 at 1 and 2: 80 of 100 and 40 of 100; pair 1 at 1 alone: 20 of 100. Then γ = 1, 1/2 and α = 0.8, 0.2
    arrays = (np.array(x, np.int64) for x in ([0, 0, 1], [1, 2, 1], [100, 100, 100], [80, 40, 20]))
    estimate = position_based(*arrays)
    ratio = estimate.record["examination"]
    assert ratio["2"] / ratio["1"] == pytest.approx(0.5, abs=1e-3)
    assert estimate.values[0] / estimate.values[1] == pytest.approx(4, rel=1e-2)


def test_positions_that_no_pair_links_say_nothing_or_are_an_error():
    pairs, clicks = np.array([0, 0, 1]), np.array([5, 2, 3])
    estimate = position_based(pairs, np.array([1, 2, 9]), np.array([10, 10, 4]), clicks)
    assert np.isnan(estimate.values[1])
    assert estimate.record["unlinked_impressions"] == 4
    with pytest.raises(BadInput, match="no clicked document was shown at two positions"):
        position_based(np.arange(3), np.array([1, 2, 9]), np.array([10, 10, 4]), clicks)


def test_pairs_without_a_click_and_rows_without_an_impression_link_no_positions():
    # pair 2 is shown at both and never clicked: with α = 0 every γ is as likely, so 1 and 2 cannot be compared
    pairs, places, clicks = np.array([0, 1, 2, 2]), np.array([1, 2, 1, 2]), np.array([8, 2, 0, 0])
    with pytest.raises(BadInput, match="no clicked document was shown at two positions"):
        position_based(pairs, places, np.full(4, 10), clicks)
    pairs, places, clicks = np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([8, 0, 2])
    with pytest.raises(BadInput, match="no clicked document was shown at two positions"):
        position_based(pairs, places, np.array([10, 0, 10]), clicks)
    # clicked at one of two positions is enough
    estimate = position_based(pairs, places, np.full(3, 10), np.array([8, 4, 2]))
    assert not np.isnan(estimate.values).any()


def test_rates_and_counts():
    pairs, impressions, clicks = np.array([0, 0, 1]), np.array([4, 6, 5]), np.array([2, 3, 0])
    assert click_through(pairs, impressions, clicks).values.tolist() == [0.5, 0.0]
    assert click_count(pairs, clicks).values.tolist() == [5.0, 0.0]


def test_grades_are_quantiles_of_what_was_clicked_and_equal_values_have_one_grade():
    values = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert grade_quantiles(values, values > 0, 4).tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert grade_quantiles(values, values > 0, 2).tolist() == [0, 1, 1, 1, 1, 1, 1]
    assert grade_quantiles(np.full(5, 0.5), np.ones(5, bool), 4).tolist() == [1] * 5
    assert grade_quantiles(np.zeros(2), np.zeros(2, bool), 4).tolist() == [0, 0]

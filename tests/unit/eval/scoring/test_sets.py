"""Figures over several query sets: what counts the same, and how often their intervals hold the truth."""

from collections.abc import Sequence

import numpy as np
import pytest

from intrex.eval.compare.paired import effect, t_test
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.groups import Grouping
from intrex.eval.scoring.options import QUERIES, SETS
from intrex.eval.scoring.score import Scores
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.scoring.sets import SetScores, by_system, means_of, spread_over_sets
from intrex.eval.scoring.signature import Conditions


def scores(
    name: str, values: Sequence[float], group: str = "", system: str = "one", removed: int = 0
) -> SystemScores:
    measures = tuple(parse_measures(["AP", "NumRel", "Judged@10"]))
    column = np.asarray(values, np.float64)
    ids = [f"q{i:03}" for i in range(len(column))]
    found = Scores(measures, ids, np.stack([column] * 3, axis=1), np.ones(len(ids), np.bool_))
    return SystemScores(
        system, found, Conditions(name, "test", f"sha-{name}", removed=removed), "", [""] * len(ids), group
    )


def together(*parts: SystemScores) -> SetScores:
    (whole,), notes = by_system(parts)
    assert not notes
    return whole


def test_the_sets_of_a_group_count_as_one_beside_others_and_each_for_itself_alone() -> None:
    forums = [scores("c/a", [1.0], "c"), scores("c/b", [0.0, 0.5], "c")]
    beside = together(scores("arguana", [0.2, 0.2, 0.2]), *forums)
    assert beside.units == {"arguana:test": ["arguana:test"], "c": ["c/a:test", "c/b:test"]}
    sets, queries = means_of(beside, SETS), means_of(beside, QUERIES)
    assert sets.values[0] == pytest.approx((0.2 + (1.0 + 0.25) / 2) / 2)
    assert queries.values[0] == pytest.approx((0.6 + 1.0 + 0.5) / 6)
    assert (beside.label(SETS), beside.label(QUERIES)) == ("mean of 2 sets", "mean of 6 queries")
    assert "sets=arguana:test+c(c/a:test+c/b:test)|" in beside.signature(SETS)
    alone = together(*forums)
    assert (
        alone.units == {"c/a:test": ["c/a:test"], "c/b:test": ["c/b:test"]}
        and alone.label(SETS) == "mean of 2 sets"
    )
    assert means_of(alone, SETS).values[0] == 0.625
    assert [str(m) for m in sets.measures] == ["AP", "Judged@10"]  # of a sum there is no mean
    assert sets.over_sets is not None and queries.over_sets is None


def test_the_interval_over_sets_is_that_of_a_mean_of_their_figures() -> None:
    random = np.random.default_rng(2)
    parts = [scores(f"s{i:02}", random.random(n).tolist()) for i, n in enumerate((5, 40, 8, 100, 3, 17))]
    found = means_of(together(*parts), SETS)
    figures = np.array([p.scores.values[:, 0].mean() for p in parts])
    stats = pytest.importorskip("scipy.stats")
    low, high = stats.t.interval(0.95, 5, figures.mean(), figures.std(ddof=1) / 6**0.5)
    assert found.over_sets is not None
    assert (found.over_sets[0][0], found.over_sets[1][0]) == pytest.approx((low, high), abs=1e-12)
    assert found.over_queries[1][0] - found.over_queries[0][0] != pytest.approx(high - low)
    same = means_of(together(scores("a", [0.5, 0.5]), scores("b", [0.25, 0.75])), SETS)
    assert same.over_sets is not None and same.over_sets[0][0] == same.over_sets[1][0] == 0.5


def test_the_signature_is_of_all_sets() -> None:
    """What one import left out belongs to the mean, whichever set it was."""
    whole = together(
        scores("a", [1.0], removed=0), scores("b", [0.5], removed=3), scores("c", [0.5], removed=4)
    )
    assert "|removed=7|split=none|" in whole.signature(SETS) and whole.signature(SETS).endswith("|mean=sets")
    assert means_of(whole, SETS, Grouping("documents")).groups.source == "documents"


@pytest.mark.parametrize("sets", [12, 13])
@pytest.mark.parametrize("kind", ["normal", "beta", "few queries", "small and large"])
def test_intervals_over_sets_hold_the_truth_as_often_as_they_say(sets: int, kind: str) -> None:
    """The sets are a sample of all sets of their kind: what is to be held is the mean over those."""
    random, trials = np.random.default_rng(sets), 6_000
    if kind == "normal":
        truth, figures = 0.5, random.normal(0.5, 0.12, (sets, trials))
    else:
        truth = 2 / 5
        own = random.beta(2, 3, (sets, trials))  # the mean that a set's queries are drawn around
        sizes = {"beta": np.full(sets, 300), "few queries": np.full(sets, 10)}.get(
            kind, np.arange(sets) ** 2 * 5 + 8
        )
        figures = random.binomial(sizes[:, None], own) / sizes[:, None]
    half = spread_over_sets(figures).half_widths()
    covered = (np.abs(figures.mean(axis=0) - truth) <= half).mean()
    assert 0.94 <= covered <= 0.96, covered


@pytest.mark.parametrize("sets", [12, 13])
def test_the_paired_test_over_sets_holds_its_level(sets: int) -> None:
    """Two systems that differ on each set, and not on the whole."""
    random, trials = np.random.default_rng(sets + 5), 4_000
    gains = random.normal(0, 0.03, (trials, sets)) + random.laplace(0, 0.02, (trials, sets))
    rejected = sum(t_test(line) <= 0.05 for line in gains)
    assert 0.04 * trials <= rejected <= 0.06 * trials
    held = sum(e.low <= 0 <= e.high for e in map(effect, gains))
    assert 0.94 * trials <= held <= 0.96 * trials


def test_over_queries_within_sets_what_differs_between_sets_does_not_count() -> None:
    """A difference that every query of a set has alike is no scatter within it."""
    strata = np.repeat([0, 1], [30, 50])
    noise = np.random.default_rng(0).normal(0, 0.01, 80)
    differences = np.where(strata == 0, 0.3, -0.1) + noise
    assert t_test(differences, strata=strata) < 1e-10 < 1e-3 < t_test(differences)
    narrow, wide = effect(differences, strata=strata), effect(differences)
    assert narrow.high - narrow.low < 0.1 * (wide.high - wide.low) and narrow.mean == wide.mean
    assert (
        t_test(np.array([0.5, 0.25]), strata=np.array([0, 1])) == 1.0
    )  # a query in each: nothing is seen of others

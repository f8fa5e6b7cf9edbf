"""Rank similarity and reproduction against plain definitions, and against repro_eval's recorded values."""

import itertools

import numpy as np
import pytest
from scipy.stats import kendalltau

from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import as_bytes
from intrex.data.run import Run
from intrex.eval.compare.align import Aligned
from intrex.eval.compare.options import CompareOptions
from intrex.eval.compare.reproduction import reproduction
from intrex.eval.compare.similarity import Similarity, similarities
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.signature import Conditions


def run(rankings: dict[str, list[str]]) -> Run:
    return Run.from_dict({q: {d: 1000.0 - i for i, d in enumerate(docs)} for q, docs in rankings.items()})


def one(a: list[str], b: list[str], depth: int = 100, p: float = 0.9) -> Similarity:
    named = [("a", run({"q": a})), ("b", run({"q": b}))]
    return similarities(named, [(0, 1)], as_bytes(["q"]), depth, p)[0]


def rbo_ext(s: list[str], t: list[str], p: float = 0.9) -> float:
    """Webber et al. 2010, equation 32, term by term."""
    short, long = sorted((s, t), key=len)
    at = [0] + [len(set(short[:d]) & set(long[:d])) for d in range(1, len(long) + 1)]
    a, b = len(short), len(long)
    seen = sum(at[d] / d * p**d for d in range(1, b + 1))
    beyond = sum(at[a] * (d - a) / (a * d) * p**d for d in range(a + 1, b + 1))
    return (1 - p) / p * (seen + beyond) + ((at[b] - at[a]) / b + at[a] / a) * p**b


def tau_b(s: list[str], t: list[str]) -> float:
    """scipy's tau-b of the ranks of all documents; those a list lacks share the place after its last."""
    union = sorted({*s, *t})
    ranks = [[x.index(d) if d in x else len(x) for d in union] for x in (s, t)]
    return float(kendalltau(*ranks).statistic)


@pytest.mark.parametrize("seed", range(30))
def test_against_the_definitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [f"d{i}" for i in range(30)]
    a, b = (list(rng.permutation(names)[: rng.integers(2, 25)]) for _ in range(2))
    found = one(a, b)
    assert found.rbo_ext == pytest.approx(rbo_ext(a, b), abs=1e-12)
    assert found.tau_b == pytest.approx(tau_b(a, b), abs=1e-12)
    k = min(10, max(len(a), len(b)))
    assert found.overlap_10 == pytest.approx(len(set(a[:10]) & set(b[:10])) / k)
    assert one(a, b, p=0.6).rbo_ext == pytest.approx(rbo_ext(a, b, 0.6), abs=1e-12)
    turned = one(b, a)
    assert turned.rbo_ext == pytest.approx(found.rbo_ext) and turned.tau_b == pytest.approx(found.tau_b)
    cut = one(a, b, depth=7)
    assert cut.rbo_ext == pytest.approx(rbo_ext(a[:7], b[:7])) and cut.tau_b == pytest.approx(
        tau_b(a[:7], b[:7])
    )


@pytest.mark.parametrize("n", [1, 2, 3, 150])
def test_equal_and_disjoint_lists(n: int) -> None:
    a, b = [f"a{i}" for i in range(n)], [f"b{i}" for i in range(n)]
    same, other = one(a, a), one(a, b)
    assert (
        same.rbo_ext == pytest.approx(1)
        and same.tau_b == same.ktu == same.overlap_10 == same.overlap_100 == 1
    )
    assert other.rbo_ext == other.overlap_10 == 0 and other.tau_b <= 0


def test_tau_of_all_permutations() -> None:
    for order in itertools.permutations("abcd"):
        expected = kendalltau(range(4), ["abcd".index(d) for d in order]).statistic
        found = one(list("abcd"), list(order))
        assert found.tau_b == pytest.approx(expected)
        assert found.ktu == pytest.approx(expected)


def test_values_of_repro_eval() -> None:
    """KTU and RBO(p=0.9, depth=10) of repro_eval 0.5.0 on the same lists."""
    a = {"q1": list("abcdefgh"), "q2": ["d10", "d2", "d7", "d1", "d9"], "q3": list("xyzw")}
    b = {"q1": list("badcfehx"), "q2": ["d2", "d10", "d3", "d9", "d8"], "q3": list("pqrs")}
    ktu = {"q1": 0.78571428571429, "q2": 0.0, "q3": 0.0}
    rbo = {"q1": 0.731497790073824, "q2": 0.485204571342093, "q3": 0.0}
    for q in a:
        found = one(a[q], b[q], depth=10)
        assert found.ktu == pytest.approx(ktu[q], abs=1e-12)
        assert found.rbo_trunc == pytest.approx(rbo[q], abs=1e-12)
    every = similarities([("a", run(a)), ("b", run(b))], [(0, 1)], as_bytes(["q1", "q2", "q3"]), 10, 0.9)[0]
    assert every.ktu == pytest.approx(0.26190476190476336) and every.n_queries == 3


def test_queries_that_one_run_lacks_are_left_out() -> None:
    a, b = run({"q1": ["x"], "q2": ["y"]}), run({"q2": ["y"], "q3": ["z"]})
    found = similarities([("a", a), ("b", b)], [(0, 1)], as_bytes(["q1", "q2", "q3"]), 5, 0.9)[0]
    assert found.n_queries == 1 and found.overlap_10 == 1.0
    with pytest.raises(BadInput, match="no query in common"):
        similarities([("a", a), ("b", run({"q3": ["z"]}))], [(0, 1)], as_bytes(["q1", "q2", "q3"]), 5, 0.9)


def test_reproduction_as_in_repro_eval() -> None:
    """RMSE, ER and DRI of repro_eval 0.5.0 on the same scores."""
    base, advanced = [0.2, 0.4, 0.6, 0.1, 0.5], [0.3, 0.5, 0.55, 0.3, 0.7]
    base_2, advanced_2 = [0.25, 0.35, 0.6, 0.15, 0.4], [0.3, 0.45, 0.5, 0.25, 0.6]
    values = np.stack([base, advanced, base_2, advanced_2], axis=1)[:, :, None]
    data = Aligned(
        list("abcd"),
        ["AP"],
        list("12345"),
        values,
        np.ones((5, 4), bool),
        Conditions("t", "", "0" * 64),
        Groups.alone(5),
    )
    found = reproduction(data, (0, 1), (2, 3))[0]
    assert found.rmse_baseline == pytest.approx(0.05916079783099615)
    assert found.rmse_advanced == pytest.approx(0.05916079783099615)
    assert found.effect_ratio == pytest.approx(0.6363636363636364)
    assert found.delta_ri == pytest.approx(0.10555555555555529)
    still = reproduction(data, (0, 0), (2, 3))[0]
    assert still.effect_ratio is None


def test_the_cut_rbo_is_repro_evals_at_its_own_default() -> None:
    """repro-eval 0.5.0: ``rbo()`` of these lists, whose defaults are p = 0.95 and depth 1,000; then with p = 0.9."""
    a, b = ["d1", "d2", "d3"], ["d2", "d1", "d4"]
    assert one(a, b, depth=1000, p=0.95).rbo_trunc == pytest.approx(0.2153402393, abs=1e-10)
    assert one(a, b, depth=1000).rbo_trunc == pytest.approx(0.3116855762, abs=1e-10)


def test_a_persistence_lies_between_0_and_1() -> None:
    for p in (0.0, 1.0, -0.5, float("nan")):
        with pytest.raises(UsageError, match="--rbo-p"):
            CompareOptions(ranking=True, rbo_p=p)

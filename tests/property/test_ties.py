"""Expected values over ties: the mean over every order of small rankings, by counting all of them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.data.errors import UsageError
from intrex.data.qrels import Qrels
from intrex.data.run import Run, RunTable
from intrex.eval.measures import Measure, parse_measures
from intrex.eval.measures.measure import MEASURES, parameters
from intrex.eval.scoring.matching import match
from intrex.eval.scoring.rules import Rules, SelfMatch, Ties, order_run
from intrex.eval.scoring.score import score, score_hits

SETTINGS = settings(derandomize=True, max_examples=150, deadline=None)
EXPECTED = Rules(ties=Ties.expected)
AWARE = parse_measures(
    [
        "AP",
        "AP@1",
        "AP@3",
        "AP(rel=2)",
        "AP_cap@1",
        "AP_cap@3",
        "AP_cap(rel=2)@4",
        "RR",
        "RR@1",
        "RR@2",
        "RR@4",
        "RR(rel=2)@3",
        "P@1",
        "P@3",
        "P(rel=2)@4",
        "R@1",
        "R@3",
        "R(rel=2)@2",
        "R_cap@2",
        "F@3",
        "F(beta=2)@2",
        "Success@1",
        "Success@2",
        "Success@4",
        "Success(rel=2)@3",
        "Rprec",
        "Rprec(rel=2)",
        "Rprec_mult@0.5",
        "Rprec_mult@1.6",
        "DCG",
        "DCG@3",
        "nDCG",
        "nDCG@1",
        "nDCG@3",
        "nDCG(dcg='exp-log2')@4",
        "nDCG(gains={1:3.5,0:0.25})@3",
        "nDCG(floor=2)@3",
        "nDCG(dcg='binary')@3",
        "RBP",
        "RBP@2",
        "RBP(graded=True,p=0.5)@3",
        "sRBP",
        "RBPResidual",
        "Judged",
        "Judged@2",
        "Unjudged@3",
        "Hole@2",
        "SetP",
        "SetP(relative=True)",
        "SetR",
        "SetF",
        "SetAP",
        "Utility",
        "NumQ",
        "NumRet",
        "NumRel",
        "NumRelRet",
        "NumNonRelRet",
    ]
)
CONDENSED = [m.with_params(judged_only=True) for m in AWARE if "judged_only" in parameters(m.name)]
Grades = list[int | None]

grade = st.one_of(st.none(), st.integers(-1, 3))
ranking = st.lists(st.tuples(st.integers(0, 2), grade), min_size=1, max_size=6)
unseen = st.lists(st.integers(-1, 3), max_size=3)


def judgements(documents: list[tuple[int, int | None]], others: list[int]) -> Qrels:
    grades = {f"d{i}": g for i, (_, g) in enumerate(documents) if g is not None}
    grades |= {f"other{i}": g for i, g in enumerate(others)}
    return Qrels.from_dict({"q": grades or {"other": 0}})


def every_order(documents: list[tuple[int, int | None]]) -> Run:
    """A run whose queries are all orders of one ranking's ties, without ties."""
    levels = [
        [i for i, (s, _) in enumerate(documents) if s == level]
        for level in sorted({s for s, _ in documents}, reverse=True)
    ]
    orders = itertools.product(*(itertools.permutations(level) for level in levels))
    flat = ([i for level in order for i in level] for order in orders)
    return Run.from_dict(
        {f"q{n}": {f"d{i}": -float(rank) for rank, i in enumerate(order)} for n, order in enumerate(flat)}
    )


def brute_force(
    documents: list[tuple[int, int | None]], others: list[int], measures: list[Measure], rules: Rules
) -> np.ndarray:
    run = every_order(documents)
    grades = judgements(documents, others).to_dict()["q"]
    qrels = Qrels.from_dict(dict.fromkeys(run.to_dict(), grades))
    values = score(qrels, run, measures, rules).values
    assert len(values) == len(run)
    return values.mean(axis=0)


def expected(
    documents: list[tuple[int, int | None]], others: list[int], measures: list[Measure], rules: Rules
) -> np.ndarray:
    run = Run.from_dict({"q": {f"d{i}": float(s) for i, (s, _) in enumerate(documents)}})
    return score(judgements(documents, others), run, measures, rules).values[0]


@SETTINGS
@given(ranking, unseen)
def test_it_is_the_mean_over_every_order(documents: list[tuple[int, int | None]], others: list[int]) -> None:
    measures = [*AWARE, *CONDENSED]
    found = expected(documents, others, measures, EXPECTED)
    means = brute_force(documents, others, measures, Rules())
    for measure, value, mean in zip(measures, found, means, strict=True):
        assert value == pytest.approx(mean, abs=1e-12), measure


@SETTINGS
@given(ranking, unseen)
def test_it_is_so_without_the_unjudged_documents(
    documents: list[tuple[int, int | None]], others: list[int]
) -> None:
    rules = replace(EXPECTED, judged_only=True)
    found = expected(documents, others, AWARE, rules)
    assert found == pytest.approx(brute_force(documents, others, AWARE, Rules(judged_only=True)), abs=1e-12)


@SETTINGS
@given(st.lists(st.tuples(st.lists(grade, max_size=9), unseen), min_size=1, max_size=4))
def test_without_ties_it_is_the_ordinary_value_to_the_bit(queries: list[tuple[Grades, list[int]]]) -> None:
    ranked, judged = {}, {}
    for q, (grades, others) in enumerate(queries):
        documents = [(-rank, g) for rank, g in enumerate(grades)]
        judged[f"q{q}"] = judgements(documents, others).to_dict()["q"]
        if grades:
            ranked[f"q{q}"] = {f"d{i}": float(s) for i, (s, _) in enumerate(documents)}
    if not ranked:
        return
    qrels, run = Qrels.from_dict(judged), Run.from_dict(ranked)
    measures = [*AWARE, *CONDENSED]
    plain, found = (score(qrels, run, measures, rules) for rules in (Rules(), EXPECTED))
    assert found.values.tolist() == plain.values.tolist()


@SETTINGS
@given(ranking, unseen, st.integers(1, 4))
def test_a_query_does_not_depend_on_the_others(
    documents: list[tuple[int, int | None]], others: list[int], times: int
) -> None:
    grades = judgements(documents, others).to_dict()["q"]
    scores = {f"d{i}": float(s) for i, (s, _) in enumerate(documents)}
    names = [f"q{n}" for n in range(times)]
    qrels = Qrels.from_dict({**dict.fromkeys(names, grades), "none": {"x": 1}, "one": {"x": 2}})
    run = Run.from_dict({**dict.fromkeys(names, scores), "one": {"x": 1.0, "y": 1.0}, "extra": scores})
    values = score(qrels, run, AWARE, EXPECTED).values
    alone = expected(documents, others, AWARE, EXPECTED)
    rows = [i for i, q in enumerate(qrels.to_dict()) if q in names]
    for row in rows:
        assert values[row] == pytest.approx(alone, abs=1e-12)


def test_long_ties_are_those_of_the_hypergeometric_distribution() -> None:
    from scipy.stats import hypergeom, nhypergeom

    for n, relevant, above in ((1000, 3, 0), (1000, 400, 7), (5000, 1, 2), (60, 60, 1), (30_000, 2, 5)):
        names = [f"d{i}" for i in range(n)]
        qrels = Qrels.from_dict({"q": dict.fromkeys(names[:relevant], 1)})
        run = Run.from_dict({"q": {**{f"a{i}": 2.0 for i in range(above)}, **dict.fromkeys(names, 1.0)}})
        k = above + n // 3
        values = score(qrels, run, parse_measures([f"Success@{k}", f"P@{k}", "RR", "AP"]), EXPECTED).values[0]
        assert values[0] == pytest.approx(1 - hypergeom(n, relevant, k - above).pmf(0), abs=1e-12)
        assert values[1] == pytest.approx((k - above) * relevant / n / k, abs=1e-12)
        before = np.arange(n - relevant + 1)  # documents of the group above its first relevant one
        chances = nhypergeom(n, n - relevant, 1).pmf(before) if relevant < n else np.ones(1)
        assert values[2] == pytest.approx(float((chances / (above + before + 1)).sum()), abs=1e-9)
        places = np.arange(n)
        precision = (1 + places * (relevant - 1) / max(n - 1, 1)) / (above + 1 + places)
        assert values[3] == pytest.approx(float((relevant / n * precision).sum()) / relevant, abs=1e-12)


def test_scores_are_compared_with_the_precision_of_the_rules() -> None:
    qrels = Qrels.from_dict({"q": {"a": 1}})
    ids = np.array([b"a", b"b"])
    table = RunTable(np.array([b"q", b"q"]), ids, np.array([1.0, 1.0 + 1e-12]), None, "t")
    for bits, value in ((32, 0.75), (64, 0.5)):
        rules = Rules(precision=bits, ties=Ties.expected)
        hits = match(qrels, order_run(table, rules), tied=True)
        assert score_hits(qrels, hits, [Measure("RR")], rules).values.tolist() == [[value]]


def test_the_query_itself_leaves_its_group() -> None:
    qrels = Qrels.from_dict({"q": {"a": 1, "q": 0}})
    run = Run.from_dict({"q": {"a": 1.0, "q": 1.0, "b": 1.0}})
    for self_match, value in ((SelfMatch.keep, 1 / 3), (SelfMatch.drop, 1 / 2)):
        rules = Rules(ties=Ties.expected, self_match=self_match)
        assert score(qrels, run, [Measure("P", 1)], rules).values[0, 0] == pytest.approx(value, abs=1e-15)


def test_every_other_measure_is_refused_by_name() -> None:
    qrels, run = Qrels.from_dict({"q": {"a": 1}}), Run.from_dict({"q": {"a": 1.0, "b": 1.0}})
    known = {m.name for m in AWARE}
    for name in sorted(set(MEASURES.table) - known):
        cutoff = parameters(name).get("cutoff")
        measure = Measure(name, None if cutoff is None else 0.5 if cutoff.annotation is float else 5)
        with pytest.raises(
            UsageError, match=f"no expected value over tied documents is known of {name}"
        ) as said:
            score(qrels, run, [measure], EXPECTED)
        assert "nDCG" in str(said.value.hint) and "AP_cap" in str(said.value.hint)
    for text in ("NumRelRet@5", "NumRet@5", "Hole(scope='collection')@5"):
        assert not parse_measures([text])[0].tie_aware


def test_a_depth_is_refused() -> None:
    qrels, run = Qrels.from_dict({"q": {"a": 1}}), Run.from_dict({"q": {"a": 1.0}})
    with pytest.raises(UsageError, match="no depth can cut them"):
        score(qrels, run, [Measure("AP")], replace(EXPECTED, depth=5))


@pytest.mark.parametrize("k", [1, 3, 8, None])
def test_ndcg_is_scikit_learns(k: int | None) -> None:
    tool = pytest.importorskip("sklearn.metrics", reason="not installed: scikit-learn")
    random = np.random.default_rng(5)
    for _ in range(40):
        n = int(random.integers(2, 12))
        scores, grades = random.integers(0, 4, n).astype(float), random.integers(0, 4, n)
        if not grades.any():
            continue
        qrels = Qrels.from_dict({"q": {f"d{i}": int(g) for i, g in enumerate(grades)}})
        run = Run.from_dict({"q": {f"d{i}": float(s) for i, s in enumerate(scores)}})
        values = score(qrels, run, [Measure("nDCG", k), Measure("DCG", k)], EXPECTED).values[0]
        theirs = [f([grades], [scores], k=k) for f in (tool.ndcg_score, tool.dcg_score)]
        assert values == pytest.approx(theirs, abs=1e-12)

"""Our values against trec_eval (through pytrec_eval) and ir_measures on generated cases."""

import numpy as np
import pytest

from intrex.eval.scoring import evaluate

pytrec_eval = pytest.importorskip("pytrec_eval")
ir_measures = pytest.importorskip("ir_measures")

OURS = {
    "nDCG@5": "ndcg_cut_5", "nDCG@10": "ndcg_cut_10", "nDCG": "ndcg", "AP": "map", "AP@10": "map_cut_10", "P@5": "P_5", "P@10": "P_10",
    "R@5": "recall_5", "R@100": "recall_100", "RR": "recip_rank", "Success@5": "success_5", "SetR": "set_recall", "SetP": "set_P",
}  # fmt: skip
THEIRS = {
    "ndcg",
    "ndcg_cut.5,10",
    "map",
    "map_cut.10",
    "P.5,10",
    "recall.5,100",
    "recip_rank",
    "success.5",
    "set_recall",
    "set_P",
}


def case(seed: int):
    """Ties, near ties in float32, unjudged documents, negative grades, queries missing on either side."""
    random = np.random.default_rng(seed)
    pool = [f"d{i}" for i in range(12)] + ["é", "東", "D1", "d10x"]
    qrels, run = {}, {}
    for q in range(4):
        judged = random.choice(len(pool), size=random.integers(1, 9), replace=False)
        qrels[f"q{q}"] = {pool[i]: int(random.integers(-1, 4)) for i in judged}
        qrels[f"q{q}"]["d0"] = int(
            random.integers(0, 3)
        )  # pytrec_eval was seen to hang over cases without one
        if random.random() < 0.8:
            found = random.choice(len(pool), size=random.integers(1, 14), replace=False)
            scores = random.integers(0, 4, len(found)) + random.choice([0.0, 1e-9, 0.25], len(found))
            run[f"q{q}"] = {pool[i]: float(s) for i, s in zip(found, scores, strict=True)}
    run["unjudged"] = {"d1": 1.0}
    return qrels, run


@pytest.mark.parametrize("block", range(4))
def test_equal_to_trec_eval(block: int) -> None:
    compared = 0
    for seed in range(block * 250, (block + 1) * 250):
        qrels, run = case(seed)
        answered = [q for q in qrels if q in run]
        if not answered:
            continue
        theirs = pytrec_eval.RelevanceEvaluator(qrels, THEIRS).evaluate(run)
        for complete, n in ((True, len(qrels)), (False, len(answered))):
            ours = evaluate(qrels, run, list(OURS), complete)
            for name, their_name in OURS.items():
                expected = sum(theirs[q][their_name] for q in answered) / n
                assert ours[name] == pytest.approx(expected, abs=1e-9), (seed, name)
                compared += 1
    assert compared > 5000


def check_against_ir_measures(seed: int, qrels: dict, run: dict, names: list[str]) -> None:
    parsed = [ir_measures.parse_measure(n) for n in names]
    theirs = {str(m): v for m, v in ir_measures.calc_aggregate(parsed, qrels, run).items()}
    ours = evaluate(qrels, run, names)
    for name in names:
        expected = theirs[str(ir_measures.parse_measure(name))]
        assert ours[name] == pytest.approx(expected, abs=1e-9), (seed, name)


def test_equal_to_ir_measures() -> None:
    names = ["nDCG@10", "AP(rel=2)", "AP(rel=2)@5", "P(rel=2)@5", "R(rel=2)@5", "Success(rel=2)@5"]
    for seed in range(300):
        qrels, run = case(seed)
        if any(q in run for q in qrels):
            check_against_ir_measures(seed, qrels, run, names)


def test_equal_to_ir_measures_where_its_tie_order_differs() -> None:
    # its own Judged and RR@k break ties in other orders than trec_eval and we do: compare without ties
    for seed in range(300):
        qrels, run = case(seed)
        run = {q: {d: float(i) for i, d in enumerate(docs)} for q, docs in run.items() if q in qrels}
        if len(run) == len(qrels):
            check_against_ir_measures(seed, qrels, run, ["Judged@5", "RR@10", "RR(rel=2)@10"])

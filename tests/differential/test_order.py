"""Compat, PairAccuracy and sets with a cutoff against ir_measures and pytrec_eval themselves."""

import numpy as np
import pytest

from intrex.eval.measures import Rankings, parse_measures

ir_measures = pytest.importorskip("ir_measures")
pytrec_eval = pytest.importorskip("pytrec_eval")


def case(seed: int) -> tuple[list[int | None], list[int], dict[str, int], dict[str, float]]:
    """Grades down a ranking without ties, those of documents that it lacks, and the same as dictionaries."""
    random = np.random.default_rng(seed)
    known = [None, None, -1, 0, 0, 1, 2, 3]
    size = int(random.choice([1, 2, 5, 30, 1200]))
    grades = [known[i] for i in random.integers(0, len(known), size)]
    others = random.integers(0, 4, random.integers(1, 6)).tolist()
    qrels = {f"d{i}": g for i, g in enumerate(grades) if g is not None}
    qrels |= {f"o{i}": g for i, g in enumerate(others)}
    return grades, others, qrels, {f"d{i}": float(size - i) for i in range(size)}


def value(text: str, grades: list[int | None], others: list[int]) -> float:
    (measure,) = parse_measures([text])
    return float(measure.values(Rankings.of(grades, [g for g in grades if g is not None] + others))[0])


@pytest.mark.parametrize(
    "text", ["Compat", "Compat(p=0.8,normalize=False)", "Compat(p=0.5)", "Compat(p=1.0)"]
)
def test_compat(text: str) -> None:
    for seed in range(60):
        grades, others, qrels, run = case(seed)
        theirs = ir_measures.calc_aggregate([ir_measures.parse_measure(text)], {"q": qrels}, {"q": run})
        assert value(text, grades, others) == pytest.approx(next(iter(theirs.values())), abs=1e-10), seed


@pytest.mark.parametrize("cutoff", ["", "@3", "@20"])
@pytest.mark.parametrize("level", ["", "(rel=2)"])
def test_pair_accuracy(level: str, cutoff: str) -> None:
    compared = 0
    for seed in range(60):
        grades, others, qrels, run = case(seed)
        theirs = ir_measures.parse_measure(f"Accuracy{level}{cutoff}")
        ours = value(f"PairAccuracy{level}{cutoff}", grades, others)
        top = grades[: int(cutoff[1:] or 10**6)]
        good = [(g or 0) >= (2 if level else 1) for g in top]
        if all(good) or not any(good):  # ir_measures divides by zero, or has no value
            assert ours == float(all(good))
            continue
        (found,) = ir_measures.iter_calc([theirs], {"q": qrels}, {"q": run})
        assert ours == pytest.approx(found.value, abs=1e-12), seed
        compared += 1
    assert compared > 20


@pytest.mark.parametrize("level", [1, 2])
def test_sets_with_a_cutoff_are_those_of_a_cut_run(level: int) -> None:
    for seed in range(60):
        grades, others, qrels, run = case(seed)
        for k in (1, 5, 100):
            top = dict(sorted(run.items(), key=lambda pair: -pair[1])[:k])
            tool = pytrec_eval.RelevanceEvaluator(
                {"q": qrels}, ["set_P", "set_recall", "set_relative_P"], level
            )
            theirs = tool.evaluate({"q": top})["q"]
            names = {"set_P": "", "set_recall": "", "set_relative_P": ",relative=True"}
            for name, more in names.items():
                ours = "SetR" if name == "set_recall" else "SetP"
                found = value(f"{ours}(rel={level}{more})@{k}", grades, others)
                assert found == pytest.approx(theirs[name], abs=1e-12), (seed, name, k)

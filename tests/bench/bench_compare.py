"""compare of 10 systems on 6,980 queries (as many as MS MARCO dev) by 10,000 samples, beside scipy and ranx.

Prints the Markdown table of docs/benchmarks.md. Scores are synthetic; times are of one process, imports not counted.
"""

import time
from collections.abc import Callable

import numpy as np

from intrex.eval.compare.align import Aligned
from intrex.eval.compare.comparison import compare
from intrex.eval.compare.options import TESTS, Settings
from intrex.eval.scoring.signature import Conditions

QUERIES, SYSTEMS, SAMPLES = 6980, 10, 10_000


def synthetic(measures: int) -> Aligned:
    rng = np.random.default_rng(0)
    hard = rng.beta(0.5, 0.8, (QUERIES, 1, measures))
    values = np.clip(hard + rng.normal(0, 0.15, (QUERIES, SYSTEMS, measures)), 0, 1).round(4)
    names = [f"system{i}" for i in range(SYSTEMS)]
    answered = np.ones((QUERIES, SYSTEMS), bool)
    measure_names = ["nDCG@10", "RR@10", "R@100", "AP"][:measures]
    return Aligned(
        names,
        measure_names,
        [str(i) for i in range(QUERIES)],
        values,
        answered,
        Conditions("x", "", "0" * 64),
    )


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def scipys(data: Aligned, samples: int) -> float:
    from scipy.stats import permutation_test

    a, b = data.values[:, 0, 0], data.values[:, 1, 0]
    return timed(
        lambda: permutation_test(
            (a, b), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", n_resamples=samples,
            vectorized=True, batch=500, rng=np.random.default_rng(0),
        )
    )  # fmt: skip


def ranxs(data: Aligned) -> float | None:
    try:
        from ranx.statistical_tests import fisher_randomization_test
    except ImportError:
        return None
    a, b = np.ascontiguousarray(data.values[:, 0, 0]), np.ascontiguousarray(data.values[:, 1, 0])
    fisher_randomization_test(a, b, n_permutations=10)
    return timed(lambda: fisher_randomization_test(a, b, n_permutations=SAMPLES))


def main() -> None:
    print("| test | pairs | measures | s | s a pair and measure |\n| --- | --: | --: | --: | --: |")
    pairs = SYSTEMS * (SYSTEMS - 1) // 2
    ours = 0.0
    for measures in (1, 4):
        data = synthetic(measures)
        compare(data, Settings(test="tukey", samples=300))  # compiles
        for test in TESTS:
            seconds = timed(lambda data=data, test=test: compare(data, Settings(test=test, samples=SAMPLES)))
            each = seconds / pairs / measures
            ours = each if test == "randomization" and measures == 4 else ours
            print(
                f"| {test}, with bootstrap intervals | {pairs} | {measures} | {seconds:.2f} | {each:.4f} |",
                flush=True,
            )
    data = synthetic(1)
    theirs = scipys(data, SAMPLES // 10) * 10
    print(f"| scipy permutation_test (from a tenth of the samples) | 1 | 1 | {theirs:.2f} | {theirs:.4f} |")
    ranx = ranxs(data)
    if ranx is not None:
        print(f"| ranx fisher (no interval) | 1 | 1 | {ranx:.2f} | {ranx:.4f} |")
    print(
        f"\nOurs is {theirs / ours:,.0f} times as fast as scipy"
        + (f", {ranx / ours:,.0f} times as fast as ranx." if ranx else ".")
    )


if __name__ == "__main__":
    main()

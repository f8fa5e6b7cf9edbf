"""Fusion: the worked table, what may be asked, and what is refused."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.packed import PackedRun
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.retrievers.fusion import fuse
from intrex.retrievers.fusion.fuse import fuse_packed, fuse_runs, normalize_run
from intrex.retrievers.fusion.kernels import values
from intrex.retrievers.fusion.kernels.fuse import CONDORCET, COPELAND, MAX, MED, MIN, SUM, WEIGHTS
from intrex.retrievers.fusion.methods import METHODS, NORMS, Merge, Source
from intrex.retrievers.fusion.options import FuseOptions, NormalizeOptions
from intrex.retrievers.fusion.training import learn
from intrex.retrievers.postprocess import cut

A = Run.from_dict({"q": {"d1": 10, "d2": 8, "d3": 2}}, "a")
B = Run.from_dict({"q": {"d2": 0.9, "d4": 0.7, "d1": 0.1}}, "b")
WEIGHED = {"weights": (0.7, 0.3)}
# algorithms.md 7.4; ranx 0.3.21 gives the same where it has the method
WORKED = [
    ({"method": "sum"}, (1, 1.75, 0, 0.75)),
    ({"method": "normalize"}, (1, 1.75, 0, 0.75)),
    ({"method": "mnz"}, (2, 3.5, 0, 0.75)),
    ({"method": "gmnz", "gamma": 2.0}, (4, 7, 0, 0.75)),
    ({"method": "anz"}, (0.5, 0.875, 0, 0.75)),
    ({"method": "min"}, (0, 0.75, 0, 0.75)),
    ({"method": "max"}, (1, 1, 0, 0.75)),
    ({"method": "med"}, (0.5, 0.875, 0, 0.75)),
    ({"method": "wsum", **WEIGHED}, (0.7, 0.825, 0, 0.225)),
    ({"method": "mixed", **WEIGHED}, (0.989949, 1.166726, 0, 0.225)),
    ({"method": "wmnz", **WEIGHED}, (1, 1.75, 0, 0.225)),
    ({"method": "rrf"}, (0.032266, 0.032522, 0.015873, 0.016129)),
    ({"method": "isr"}, (2.222222, 2.5, 0.111111, 0.25)),
    ({"method": "log_isr"}, (0.770164, 0.866434, 0, 0)),
    ({"method": "logn_isr", "sigma": 0.01}, (0.775705, 0.872668, 0.001106, 0.002488)),
    ({"method": "bordafuse"}, (6, 7, 3, 4)),
    ({"method": "w_bordafuse", **WEIGHED}, (3.4, 3.3, 1.7, 1.6)),
    ({"method": "rbc"}, (0.328, 0.36, 0.128, 0.16)),
    ({"method": "copeland"}, (2, 2.5, 0.5, 1)),
    ({"method": "sum", "norm": "max"}, (1.111111, 1.8, 0.2, 0.777778)),
    ({"method": "sum", "norm": "sum"}, (0.571429, 1, 0, 0.428571)),
    ({"method": "sum", "norm": "zmuv"}, (-0.392232, 1.372813, -1.372813, 0.392232)),
    ({"method": "sum", "norm": "rank"}, (1.333333, 1.666667, 0.333333, 0.666667)),
    ({"method": "sum", "norm": "borda"}, (1.5, 1.75, 0.75, 1)),
    ({"method": "sum", "norm": "dbsf"}, (0.946624, 1.186816, 0.313184, 0.553376)),
    ({"method": "sum", "norm": "none"}, (10.1, 8.9, 2, 0.7)),
    ({"method": "average", "norm": "none"}, (5.05, 4.45, 1, 0.35)),
]


def fused(runs: list[Run], **options: object) -> dict[str, float]:
    return fuse_runs(runs, FuseOptions(**options)).to_dict()["q"]


@pytest.fixture(params=["kernel", "plain"])
def both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel and its plain form."""
    monkeypatch.setattr(fuse, "WORTH_LOADING", 0 if request.param == "kernel" else 10**9)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    ("options", "expected"),
    WORKED,
    ids=lambda o: "-".join(map(str, o.values())) if isinstance(o, dict) else "",
)
def test_worked_example(options: dict, expected: tuple[float, ...]) -> None:
    assert fused([A, B], **options) == pytest.approx(
        dict(zip(("d1", "d2", "d3", "d4"), expected, strict=True)), abs=2e-6
    )


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    ("alpha", "expected"), [(0.5, (0.789474, 0.9, 0.1, 0.447368)), (0.8, (0.663158, 0.96, 0.04, 0.715789))]
)
def test_convex_combination_with_the_theoretical_lowest_scores(
    alpha: float, expected: tuple[float, ...]
) -> None:
    """The dense run first, as Bruch et al. weigh it; BM25 is never below 0, a cosine never below -1."""
    found = fused([B, A], method="cc", norm="tmm", infima=(-1.0, 0.0), alpha=alpha)
    assert found == pytest.approx(dict(zip(("d1", "d2", "d3", "d4"), expected, strict=True)), abs=2e-6)


@pytest.mark.usefixtures("both")
def test_a_method_that_is_no_order_is_sorted_as_it_comes() -> None:
    assert fused([A, B], method="condorcet") == {"d1": 2.0, "d2": 3.0, "d3": 1.0, "d4": 4.0} or set(
        fused([A, B], method="condorcet").values()
    ) == {1.0, 2.0, 3.0, 4.0}
    three = [Run.from_dict({"q": {"x": 3, "y": 2, "z": 1}}), Run.from_dict({"q": {"x": 3, "z": 2, "y": 1}})]
    three.append(Run.from_dict({"q": {"y": 3, "x": 2, "z": 1}}))
    for method in ("condorcet", "w_condorcet"):
        assert fused(three, method=method) == {"x": 3.0, "y": 2.0, "z": 1.0}, "where it is one, that is it"
    assert fused(three, method="copeland") == {"x": 2.0, "y": 1.0, "z": 0.0}


@pytest.mark.usefixtures("both")
def test_copeland_counts_wins_and_half_the_ties_of_any_number_of_runs() -> None:
    random = np.random.default_rng(5)
    for n in (2, 3, 5):
        runs = [
            Run.from_dict(
                {
                    "q": {
                        f"d{d}": float(-i)
                        for i, d in enumerate(random.choice(12, random.integers(1, 12), replace=False))
                    }
                }
            )
            for _ in range(n)
        ]
        places = [{d: i for i, d in enumerate(run.to_dict()["q"])} for run in runs]
        found = fused(runs, method="copeland")
        for one in found:
            wins = 0.0
            for other in found.keys() - {one}:
                lead = sum(
                    (p.get(one, 99) < p.get(other, 99)) - (p.get(one, 99) > p.get(other, 99)) for p in places
                )
                wins += 1.0 if lead > 0 else 0.5 if lead == 0 else 0.0
            assert found[one] == wins


@pytest.mark.usefixtures("both")
def test_a_query_is_fused_of_the_runs_that_answer_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "intrex")
    more = Run.from_dict({"p": {"x": 5.0, "y": 5.0}, "q": {"d1": 1.0}}, "c")
    found = fuse_runs([A, more], FuseOptions(method="wsum")).to_dict()
    assert found["p"] == {"y": 0.5, "x": 0.5}, "equal scores and single documents count as the best"
    assert "a lacks 1 of 2 queries" in caplog.text
    for method in METHODS:
        if not METHODS[method].trained:
            run = fuse_runs(
                [A, more],
                FuseOptions(method=method, norm="none" if method in ("average", "interpolation") else None),
            )
            assert set(run.to_dict()["p"]) == {"x", "y"}


def test_depth_and_k() -> None:
    assert list(fused([A, B], depth=1)) == ["d2", "d1"]
    assert len(fused([A, B], k=2)) == 2
    assert cut(A, 2).to_dict() == {"q": {"d1": 10.0, "d2": 8.0}}
    assert fused([A, B], method="bordafuse", depth=1) == {"d1": 3.0, "d2": 3.0}


@pytest.mark.usefixtures("both")
def test_normalising_one_run() -> None:
    def of(**options: object) -> dict[str, float]:
        return normalize_run(PackedRun.of(A), NormalizeOptions(**options)).run("t").to_dict()["q"]

    assert of() == pytest.approx({"d1": 1, "d2": 0.75, "d3": 0})
    assert of(norm="tmm", infimum=0.0) == pytest.approx({"d1": 1, "d2": 0.8, "d3": 0.2})
    assert of(norm="borda") == of(norm="rank") == pytest.approx({"d1": 1, "d2": 2 / 3, "d3": 1 / 3})
    assert of(norm="none") == A.to_dict()["q"]
    assert of(depth=2) == {"d1": 1.0, "d2": 0.0}
    one = Run.from_dict({"q": {"x": 3.0}, "r": {"x": 2.0, "y": 2.0}})
    expected = {"none": 3, "min-max": 1, "max": 1, "sum": 1, "zmuv": 0, "rank": 1, "borda": 1, "dbsf": 0.5}
    for norm, value in expected.items():
        found = normalize_run(PackedRun.of(one), NormalizeOptions(norm=norm)).run("t").to_dict()
        assert found["q"] == {"x": value} and all(map(math.isfinite, found["r"].values()))


@pytest.mark.usefixtures("both")
def test_what_is_learned_of_training_queries() -> None:
    """By hand: run a finds d2 (rank 2), run b d2 (rank 1) and d1 (rank 3), of two relevant ones."""
    qrels = Qrels.from_dict({"q": {"d2": 1, "d9": 1, "d4": 0}})
    packed = [PackedRun.of(A), PackedRun.of(B)]

    def tables(method: str, **options: object) -> np.ndarray:
        return learn(FuseOptions(method=method, train_on="x", **options), qrels, packed)

    assert tables("posfuse").tolist() == [[0, 1, 0], [1, 0, 0]]
    assert tables("mapfuse").tolist() == [[1 / 4, 1 / 8, 1 / 12], [1 / 2, 1 / 4, 1 / 6]]
    assert tables("probfuse", segments=2).tolist() == [[0.5, 0], [0.5, 0]]
    assert tables("segfuse")[:, [0, 4, 5]].tolist() == [[0.2, 0.2, 0], [0.2, 0.2, 0]]
    assert tables("bayesfuse")[0, [0, 5]] == pytest.approx([math.log(0.2 / 0.8), math.log(0.001 / 0.999)])
    options = FuseOptions(method="probfuse", segments=2, train_on="x")
    found = fuse_packed(packed, options, tables("probfuse", segments=2)).run("t").to_dict()["q"]
    assert found == {"d2": 1.0, "d4": 0.5, "d1": 0.5, "d3": 0.0}
    with pytest.raises(BadInput, match="answers none of the 1 training queries"):
        learn(options, Qrels.from_dict({"p": {"d": 1}}), packed)


def test_the_kernel_knows_methods_and_norms_by_the_same_numbers() -> None:
    assert [
        m.value
        for m in (Merge.SUM, Merge.MIN, Merge.MAX, Merge.MED, Merge.WEIGHTS, Merge.COPELAND, Merge.CONDORCET)
    ] == [SUM, MIN, MAX, MED, WEIGHTS, COPELAND, CONDORCET]
    assert {s.name: s.value for s in Source} == {s.name: getattr(values, s.name) for s in Source}
    kernel = ("NONE", "MIN_MAX", "MAX_NORM", "SUM_NORM", "ZMUV", "RANK", "BORDA_NORM", "TMM", "DBSF")
    assert [getattr(values, name) for name in kernel] == list(range(len(NORMS)))


def test_ranx_engine() -> None:
    pytest.importorskip("ranx")
    assert fused([A, B], method="mnz", engine="ranx") == pytest.approx(
        {"d1": 2.0, "d2": 3.5, "d3": 0.0, "d4": 0.75}
    )
    assert set(fused([A, B], method="mnz", engine="ranx", depth=1)) == {"d1", "d2"}, "as without it"
    with pytest.raises(BadInput, match="equal queries"):
        fuse_runs([A, Run.from_dict({"p": {"x": 1.0}}, "c")], FuseOptions(method="mnz", engine="ranx"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "rff"}, "unknown fusion method"),
        ({"method": "rrf", "weights": (1.0, 1.0)}, "--weights is for"),
        ({"method": "wsum", "weights": (1.0,)}, "1 weights for 2 runs"),
        ({"method": "wsum", "weights": (1.0, 2.0, 3.0)}, "3 weights for 2 runs"),
        ({"method": "wsum", "weights": (-1.0, 1.0)}, "from 0 to"),
        ({"method": "wsum", "weights": (0.0, 0.0)}, "not all zero"),
        ({"method": "wsum", "weights": (float("nan"), 1.0)}, "from 0 to"),
        ({"method": "rrf", "norm": "max"}, "--norm is for"),
        ({"method": "sum", "norm": "tmm"}, "--infima"),
        ({"method": "sum", "norm": "max", "infima": (0.0, 0.0)}, "--infima is for"),
        ({"method": "sum", "norm": "tmm", "infima": (0.0,)}, "1 infima for 2 runs"),
        ({"method": "posfuse"}, "--train-on"),
        ({"method": "rrf", "engine": "x"}, "--engine"),
        ({"method": "wsum", "rrf_k": 60.0}, "--rrf-k is for"),
        ({"method": "copeland", "engine": "ranx"}, "does not serve copeland"),
        ({"method": "sum", "norm": "dbsf", "engine": "ranx"}, "ranx has neither"),
        ({"method": "cc", "alpha": 1.5}, "--alpha"),
    ],
)
def test_what_cannot_be_asked(options: dict, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        fuse_runs([A, B], FuseOptions(**options))
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_the_number_of_runs() -> None:
    for method in ("rrf", "wsum"):
        with pytest.raises(UsageError, match="at least two runs"):
            fuse_runs([A], FuseOptions(method=method))
    with pytest.raises(UsageError, match="is of two runs"):
        fuse_runs([A, B, B], FuseOptions(method="cc"))


@pytest.mark.usefixtures("both")
def test_runs_and_scores_that_cannot_be_fused() -> None:
    with pytest.raises(BadInput, match="no query is in two of the runs: a, c"):
        fuse_runs([A, Run.from_dict({"p": {"x": 1.0}}, "c")], FuseOptions())
    with pytest.raises(BadInput, match=r"unlike scales: b 0.1 to 0.9, a 2 to 10"):
        fuse_runs([A, B], FuseOptions(method="average"))
    assert fuse_runs([A, replace(A, tag="c")], FuseOptions(method="average")).to_dict() == A.to_dict()
    below = Run.from_dict({"q": {"x": -1.0, "y": -2.0}}, "c")
    with pytest.raises(BadInput, match="query q of c has no score above 0"):
        fuse_runs([A, below], FuseOptions(method="sum", norm="max"))
    with pytest.raises(BadInput, match="query q of c has a score below -1"):
        fuse_runs([A, below], FuseOptions(method="sum", norm="tmm", infima=(0.0, -1.0)))


@pytest.mark.parametrize("options", [{"method": "gmnz", "gamma": 100.0}, {"method": "sum", "norm": "none"}])
@pytest.mark.parametrize("lines", [1, 3000])
def test_scores_beyond_float32_are_refused_not_ranked_by_ids(
    options: dict[str, object], lines: int, tmp_path: Path
) -> None:
    """By numpy and by the kernel, in memory and to a file."""
    top = 3e38 if options["method"] == "sum" else 1.0
    run = Run.from_dict({f"q{i}": {f"d{j}": top - j / 10 for j in range(60)} for i in range(lines)})
    with pytest.raises(BadInput, match="a fused score of query q0 is beyond float32"):
        fuse_runs([run, run, run], FuseOptions(**options))
    fusion = fuse_packed([PackedRun.of(run)] * 3, FuseOptions(**options))
    with pytest.raises(BadInput, match="beyond float32"):
        fusion.write("t", tmp_path / "out")
    assert not (tmp_path / "out").exists()

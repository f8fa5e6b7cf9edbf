import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.run import Run
from intrex.retrievers.fusion.fuse import fuse_runs
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.postprocess import cut

A = Run.from_dict({"q": {"d1": 10, "d2": 8, "d3": 2}}, "a")
B = Run.from_dict({"q": {"d2": 0.9, "d4": 0.7, "d1": 0.1}}, "b")


def rrf(runs: list[Run], **options: int) -> Run:
    return fuse_runs(runs, FuseOptions(**options))


def wsum(runs: list[Run], weights: list[float]) -> Run:
    return fuse_runs(runs, FuseOptions(method="wsum", weights=tuple(weights)))


def close(run: Run, expected: dict[str, float]) -> None:
    assert run.to_dict()["q"] == pytest.approx(expected, abs=1e-6)


def test_worked_example() -> None:
    # ranx 0.3.21 gives the same values for its rrf and wsum (min-max)
    close(rrf([A, B]), {"d2": 0.032522, "d1": 0.032266, "d4": 0.016129, "d3": 0.015873})
    close(wsum([A, B], [0.7, 0.3]), {"d2": 0.825, "d1": 0.7, "d4": 0.225, "d3": 0.0})


def test_runs_may_have_different_queries_and_one_hit_lists_count_one() -> None:
    other = Run.from_dict({"p": {"x": 5.0}}, "c")
    assert set(rrf([A, other]).to_dict()) == {"p", "q"}
    assert wsum([A, other], [0.5, 0.5]).to_dict()["p"] == {"x": 0.5}


def test_depth_and_k() -> None:
    assert list(rrf([A, B], depth=1).to_dict()["q"]) == ["d2", "d1"]
    assert len(rrf([A, B], k=2).doc_ids) == 2
    assert cut(A, 2).to_dict() == {"q": {"d1": 10.0, "d2": 8.0}}


def test_a_run_fused_with_itself_keeps_its_ranking() -> None:
    random = np.random.default_rng(1)
    run = Run.from_dict({f"q{i}": {f"d{j}": float(random.integers(9)) for j in range(20)} for i in range(9)})
    for method in ("rrf", "wsum"):
        fused = fuse_runs([run, run], FuseOptions(method=method))
        if method == "rrf":
            assert [list(d) for d in fused.to_dict().values()] == [list(d) for d in run.to_dict().values()]
        else:
            assert fused.to_dict().keys() == run.to_dict().keys()


def test_invariance() -> None:
    affine = Run.from_dict({"q": {d: 3 * s + 5 for d, s in A.to_dict()["q"].items()}}, "x")
    monotone = Run.from_dict({"q": {d: s**3 for d, s in A.to_dict()["q"].items()}}, "x")
    close(wsum([affine, B], [0.7, 0.3]), wsum([A, B], [0.7, 0.3]).to_dict()["q"])
    assert rrf([monotone, B]).to_dict() == rrf([A, B]).to_dict()


def test_ranx_engine() -> None:
    pytest.importorskip("ranx")
    mnz = FuseOptions(method="mnz", engine="ranx")
    close(fuse_runs([A, B], mnz), {"d1": 2.0, "d2": 3.5, "d3": 0.0, "d4": 0.75})
    deep = fuse_runs([A, B], FuseOptions(method="mnz", engine="ranx", depth=1)).to_dict()["q"]
    assert set(deep) == {"d1", "d2"}, "the depth is that of the native methods"
    with pytest.raises(BadInput, match="equal queries"):
        fuse_runs([A, Run.from_dict({"p": {"x": 1.0}}, "c")], mnz)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "rff"},
        {"method": "mnz"},
        {"method": "rrf", "weights": [1, 1]},
        {"method": "wsum", "weights": [1.0]},
        {"method": "wsum", "weights": [-1.0, 1.0]},
        {"method": "wsum", "weights": [float("nan"), 1.0]},
        {"method": "rrf", "engine": "x"},
        {"method": "wsum", "rrf_k": 60.0},
        {"method": "mnz", "engine": "ranx", "rrf_k": 60.0},
    ],
)
def test_what_cannot_be_asked(options: dict) -> None:
    with pytest.raises(UsageError):
        fuse_runs([A, B], FuseOptions(**options))
    with pytest.raises(UsageError):
        fuse_runs([A], FuseOptions())

"""Fusion beside ranx and pyserini, live, on the ground that they have: every query in every run, no list of equal scores."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from intrex.data.packed import PackedRun
from intrex.data.qrels import Qrels
from intrex.data.rankings.write import write_run
from intrex.data.run import Run
from intrex.retrievers.fusion.fuse import fuse_packed, fuse_runs
from intrex.retrievers.fusion.methods import METHODS
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.fusion.training import learn

RANX_NORMS = ("none", "min-max", "max", "sum", "zmuv", "rank", "borda")
PARAMETERS = {"rrf_k": ("k", 20.0), "phi": ("phi", 0.7), "gamma": ("gamma", 1.5), "sigma": ("sigma", 0.1)}


def runs(n: int, seed: int, queries: int = 12, depth: int = 30) -> list[Run]:
    random = np.random.default_rng(seed)
    return [
        Run.from_dict(
            {
                f"q{q}": {
                    f"d{d}": float(s)
                    for d, s in zip(
                        random.choice(60, depth, replace=False), random.normal(9, 3, depth) + 20, strict=True
                    )
                }
                for q in range(queries)
            },
            f"r{i}",
        )
        for i in range(n)
    ]


def ranx_runs(runs: list[Run]) -> list:
    ranx = pytest.importorskip("ranx")
    return [ranx.Run(run.to_dict(), name=str(i)) for i, run in enumerate(runs)]


def same(ours: Run, theirs: dict) -> None:
    mine = ours.to_dict()
    assert mine.keys() == theirs.keys()
    for query, ranking in theirs.items():
        assert mine[query] == pytest.approx(dict(ranking), rel=3e-7, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize(
    "name", [n for n, m in METHODS.items() if m.ranx and not m.trained and "condorcet" not in n]
)
def test_every_method_of_ranx_with_every_norm(name: str, n: int) -> None:
    ranx = pytest.importorskip("ranx")
    given, method = runs(n, 3 * n), METHODS[name]
    options = {key: value for key, (_, value) in PARAMETERS.items() if key in method.takes}
    theirs = {PARAMETERS[key][0]: value for key, value in options.items()}
    if "weights" in method.takes:
        weights = (0.5, 0.3, 0.2)[:n]
        options["weights"], theirs["weights"] = weights, list(weights)
    for norm in RANX_NORMS if method.norm else (None,):
        fused = ranx.fuse(ranx_runs(given), norm=None if norm == "none" else norm, method=name, params=theirs)
        same(fuse_runs(given, FuseOptions(method=name, norm=norm, **options)), fused.to_dict())
        same(fuse_runs(given, FuseOptions(method=name, norm=norm, engine="ranx", **options)), fused.to_dict())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["condorcet", "w_condorcet"])
def test_ranxs_comparator_where_it_is_an_order(name: str) -> None:
    """Three full rankings that a majority orders: each document is moved by at most one place in one of them."""
    ranx = pytest.importorskip("ranx")
    docs = [f"d{i:02}" for i in range(20)]
    swapped = [docs, docs[1::-1] + docs[2:], [*docs[:10], docs[11], docs[10], *docs[12:]]]
    given = [
        Run.from_dict({"q": {d: float(-i) for i, d in enumerate(one)}}, f"r{r}")
        for r, one in enumerate(swapped)
    ]
    params = {"weights": [0.4, 0.3, 0.3]} if name == "w_condorcet" else {}
    theirs = ranx.fuse(ranx_runs(given), norm=None, method=name, params=params).to_dict()
    options = {"weights": (0.4, 0.3, 0.3)} if params else {}
    same(fuse_runs(given, FuseOptions(method=name, **options)), theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if m.trained])
def test_what_ranx_learns(name: str) -> None:
    ranx = pytest.importorskip("ranx")
    import ranx.fusion as fusion

    training, given = runs(2, 8), runs(2, 9)
    random = np.random.default_rng(4)
    judged = {f"q{q}": {f"d{d}": 1 for d in random.choice(60, 8, replace=False)} for q in range(12)}
    normed = [ranx.normalization.min_max_norm(run) for run in ranx_runs(given)]
    learn_theirs, key = (
        getattr(fusion, f"{name}_train"),
        {"bayesfuse": "log_odds", "mapfuse": "map_scores"}.get(name, "probs"),
    )
    extra = {"n_segments": 7} if name == "probfuse" else {}
    learned = learn_theirs(ranx.Qrels(judged), ranx_runs(training), **extra)
    theirs = getattr(fusion, name)(normed, **{key: learned}, **({"w": 3} if name == "slidefuse" else {}))
    ours = {"segments": 7} if name == "probfuse" else {"window": 3} if name == "slidefuse" else {}
    options = FuseOptions(method=name, train_on="x", **ours)
    tables = learn(options, Qrels.from_dict(judged), [PackedRun.of(run) for run in training])
    same(fuse_packed([PackedRun.of(run) for run in given], options, tables).run("t"), theirs.to_dict())


def pyserini(folder: Path, *words: str) -> dict[str, dict[str, float]]:
    pytest.importorskip("pyserini")
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "pyserini.fusion",
        *words,
        "--output",
        str(folder / "theirs"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    found: dict[str, dict[str, float]] = {}
    for line in (folder / "theirs").read_text().splitlines():
        query, _, doc, _, score, _ = line.split()
        found.setdefault(query, {})[doc] = float(score)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "--method rrf", "--method rrf --rrf.k 10 --depth 7", "--method interpolation --alpha 0.3", "--method average --k 20",
        "--method normalize", "--method normalize --depth 12 --resort", "--method rrf --resort", "--runtag mine",
    ],
)  # fmt: skip
def test_pyserinis_command_line_verbatim(words: str, tmp_path: Path, intrex) -> None:
    """Runs whose rank columns have gaps; one lists its lines otherwise than its scores say."""
    for i, run in enumerate(runs(2, 21)):
        write_run(run, tmp_path / f"{i}")
    lines = (tmp_path / "1").read_text().splitlines()
    fields = [line.split() for line in lines]
    for row in fields:
        row[3] = str(2 * int(row[3]) - 1)
    (tmp_path / "1").write_text("".join(" ".join(row) + "\n" for row in fields))
    given = f"--runs {tmp_path}/0 {tmp_path}/1 {words}"
    theirs = pyserini(tmp_path, *given.split())
    assert intrex(f"fuse {given} --output {tmp_path}/ours").code == 0
    ours: dict[str, dict[str, float]] = {}
    for line in (tmp_path / "ours").read_text().splitlines():
        query, _, doc, _, score, tag = line.split()
        ours.setdefault(query, {})[doc] = float(score)
    assert tag == "mine" or "runtag" not in words
    assert ours.keys() == theirs.keys()
    for query, ranking in theirs.items():
        assert sorted(ours[query].values()) == pytest.approx(sorted(ranking.values()), rel=2e-6, abs=2e-7)
        for doc in (
            ours[query].keys() & ranking.keys()
        ):  # scores are float32 here, and at the cut equal ones are ordered otherwise
            assert ours[query][doc] == pytest.approx(ranking[doc], rel=2e-6, abs=2e-7)

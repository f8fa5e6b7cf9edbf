"""The source in a stage's key: all that its work runs, and no more than what it could import."""

from pathlib import Path

import pytest

from intrex.eval.pipelines.experiment import sources
from intrex.eval.pipelines.experiment.recipe import read_recipe
from intrex.eval.pipelines.experiment.run import plan_experiment, run_experiment
from intrex.eval.pipelines.experiment.sources import code_version, reach
from tests.conftest import write_beir
from tests.support.executed import Executed
from tests.unit.eval.pipelines.test_experiment import Watch

RECIPE = """
name = "toy"
queries = "test"
measures = ["nDCG@10", "ERR@10"]
[collection]
import = "src"
[[system]]
name = "bm25"
index = "bm25"
[[system]]
name = "rm3"
index = "bm25"
rm3 = true
[[system]]
name = "hash"
index = "dense"
encoder = "hashing:64"
[[system]]
name = "hash+avg"
index = "dense"
encoder = "hashing:64"
prf_depth = 2
rounds = 2
[[system]]
name = "tokens"
index = "multivector"
encoder = "hashing:16"
[[system]]
name = "fde"
index = "fde"
tokens = "tokens"
[[system]]
name = "terms"
index = "sparse"
encoder = "hashing"
[[system]]
name = "again"
rerank = "bm25"
index = "hash"
depth = 3
[[system]]
name = "both"
fuse = ["bm25", "hash"]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Executed]:
    folder = tmp_path_factory.mktemp("sources")
    write_beir(folder / "src")
    (folder / "r.toml").write_text(RECIPE.replace('"src"', f'"{folder / "src"}"'))
    executed = Executed()
    with pytest.MonkeyPatch.context() as patch, executed.recording(patch):
        run_experiment(read_recipe(str(folder / "r.toml")), folder / "out", Watch())
    return folder, executed


def test_all_that_a_stage_runs_is_in_its_key(made: tuple[Path, Executed]) -> None:
    _, executed = made
    assert {name: modules for name, modules in executed.unkeyed.items() if modules} == {}
    assert {
        "collection",
        "bm25",
        "dense",
        "multivector",
        "fde",
        "sparse",
        "search",
        "fuse",
        "rerank",
        "evaluate",
    } <= executed.kinds


CHANGES = {
    "intrex.eval.measures.graded": {"scores"},
    "intrex.eval.leaderboard.rows": {"leaderboard"},
    "intrex.retrievers.rerank.index": {"run/again"},
    "intrex.retrievers.prf.rm3": {"index/bm25"},
    "intrex.encoders.fde.encoder": {"index/fde"},
    "intrex.data.importers.beir": {"collection"},
    "intrex.eval.gate.decision": set(),
    "intrex.eval.compare.movers": set(),
    "intrex.cli.search": set(),
}
"""Stages that run again themselves after a change of a module; others may follow, where their inputs change."""


@pytest.mark.parametrize("module", CHANGES)
def test_a_change_runs_again_what_depends_on_it(
    made: tuple[Path, Executed], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = made
    recipe = read_recipe(str(folder / "r.toml"))
    assert {p.state for p in plan_experiment(recipe, folder / "out")} == {"done"}
    digest = sources.digest_of
    code_version.cache_clear()
    monkeypatch.setattr(sources, "digest_of", lambda name: "changed" if name == module else digest(name))
    try:
        states = {p.stage.name: p.state for p in plan_experiment(recipe, folder / "out")}
    finally:
        code_version.cache_clear()
    assert {name for name, state in states.items() if state == "other code than last time"} == CHANGES[module]


def test_a_module_counts_with_what_it_imports_and_kernels_by_their_names() -> None:
    found = reach(("retrievers/bm25/index.py",))
    assert "intrex.retrievers.bm25.kernels" in found
    assert "intrex.retrievers.inverted.kernels.search" in found
    assert "intrex.retrievers.text.stop.txt" in found
    assert "intrex.data.errors" in found
    assert not any(name.startswith(("intrex.encoders", "intrex.eval", "intrex.cli")) for name in found)


def test_another_package_counts_whole_and_what_it_imports() -> None:
    found = reach(("hypothesis.strategies:integers",))
    assert {"hypothesis.core", "hypothesis.strategies"} <= found
    assert reach(("no_such_package_of_anybody",)) == set()

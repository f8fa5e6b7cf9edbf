"""``experiment generalize --quick``, as it is typed, on models that train in a second."""

from pathlib import Path

import pytest

from tests.support.tinymodel import write_tiny_model
from tests.unit.eval.pipelines.test_generalize import RECIPE, WORDS, write_toy

pytest.importorskip("accelerate")
pytest.importorskip("datasets")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_toy(tmp_path / "src")
    model = write_tiny_model(tmp_path, WORDS)
    (tmp_path / "r.toml").write_text(RECIPE.format(source="nowhere", tiny=model, seeds=1))
    return tmp_path


def test_quick(work: Path, intrex) -> None:
    line = "experiment generalize src --recipe r.toml --quick --systems bm25,dense,cross,both"
    said = intrex(line)
    assert said.code == 0, said.err
    out = work / "out" / "toy-src"
    for file in (
        "leaderboard.csv",
        "tests.csv",
        "report.md",
        "generalization.png",
        "costs.csv",
        "scores.jsonl",
    ):
        assert (out / file).stat().st_size > 0
    for system in ("bm25", "dense", "dense.untrained", "cross", "cross.untrained", "both", "both.untrained"):
        assert f" {system} " in said.out
    assert "fold-2" in said.err and "fold-3" not in said.err
    assert "paired gap" in said.out
    assert said.err.count("warning: ") == 1 and "warning: --quick: trained in a few steps" in said.err
    assert "**Warning**: --quick" in (out / "report.md").read_text()
    rows = (out / "leaderboard.csv").read_text().splitlines()[1:]
    assert rows and all(row.endswith("|quick=yes") for row in rows)
    assert any("|train=pairs:32;" in row for row in rows if row.startswith("dense,"))
    again = intrex(line)
    assert again.code == 0 and again.out == said.out and "0 of " in again.err


def test_an_encoder_under_test_is_warned_of(work: Path, intrex) -> None:
    line = (
        f"experiment generalize src --recipe r.toml --quick --systems bm25,dense --encoder {work / 'model'}"
    )
    said = intrex(line)
    assert said.code == 0, said.err
    assert "warning: the queries were compared by" in said.err and "dense is made" in said.err
    assert "--encoder bm25" in said.err
    assert "**Warning**" in (work / "out" / "toy-src" / "report.md").read_text()


def test_what_cannot_be(work: Path, intrex) -> None:
    said = intrex("experiment generalize src --recipe r.toml --systems dens")
    assert said.code == 2 and "did you mean dense" in said.err
    said = intrex("experiment generalize src --recipe r.toml --set tset --systems bm25")
    assert said.code == 1 and "no query set 'tset'" in said.err
    said = intrex("experiment generalize src --recipe r.toml --min-queries 20 --systems bm25,dense")
    assert said.code == 1 and "too few test queries" in said.err
    said = intrex("experiment generalize nowhere --recipe r.toml --systems bm25,dense")
    assert said.code == 1 and "nowhere" in said.err


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_recipe_that_leaves_its_collection_open_says_what_runs_it(intrex, command: str) -> None:
    said = intrex(f"experiment {command} generalize")
    assert said.code == 2 and "names no collection" in said.err
    assert "intrex experiment generalize COLLECTION --recipe generalize" in said.err

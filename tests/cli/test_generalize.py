"""``experiment generalize --quick``, as it is typed, on models that train in a second."""

import csv
import json
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest

from intrex.cli.app import run
from intrex.encoders.training.trainer import WHOLE
from tests.support.lastmoments import CODE, exit_code
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
    packages = (out / "packages.txt").read_text().splitlines()
    names = [line.partition("==")[0] for line in packages[1:]]
    assert packages[0].startswith("# CPython 3.") and names == sorted(names)
    assert {f"intrex=={version('intrex')}", f"numpy=={version('numpy')}"} <= set(packages)
    kept = intrex(f"experiment run {out / 'recipe.toml'}")
    assert kept.code == 0 and kept.out == said.out and "0 of " in kept.err, (
        "the recipe that was kept is what was run"
    )


@pytest.mark.long
def test_a_kill_in_the_last_moments_of_a_training_stage(work: Path, intrex) -> None:
    """The stage is trained to its end by the next run, from the checkpoints that are still there."""
    line = "experiment generalize src --recipe r.toml --quick --systems bm25,dense --output"
    assert exit_code("first", partial(run, f"{line} e".split())) == CODE
    assert list((work / "e").rglob(f".*.building/.scratch/checkpoints/checkpoint-*/{WHOLE}"))
    for out in ("e", "undisturbed"):
        assert intrex(f"{line} {out}").code == 0
    models = [sorted((work / out / ".stages").rglob("model.safetensors")) for out in ("e", "undisturbed")]
    assert models[0] and [m.read_bytes() for m in models[0]] == [m.read_bytes() for m in models[1]]
    assert not list((work / "e").rglob(".*.building"))


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


def test_queries_of_one_document_are_one_observation_where_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex
) -> None:
    """Each test query twice: half as many observations, so wider intervals; a groups file is an input of the leaderboard."""
    monkeypatch.chdir(tmp_path)
    folder = write_toy(tmp_path / "src")
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    again = "".join(json.dumps({**query, "_id": query["_id"] + "b"}) + "\n" for query in queries[36:])
    with (folder / "queries.jsonl").open("a") as stream:
        stream.write(again)
    with (folder / "qrels" / "test.tsv").open("a") as stream:
        stream.write("".join(f"q{i}b\td{i}\t1\n" for i in range(36, 60)))
    (tmp_path / "g.tsv").write_text("".join(f"q{i}{b}\tg{i}\n" for i in range(36, 60) for b in ("", "b")))
    line = "experiment generalize src --systems bm25 --encoder bm25 --quick --output"

    def widths(name: str, options: str = "") -> tuple[str, list[float], str]:
        said = intrex(f"{line} {name} {options}")
        assert said.code == 0, said.err
        text = (tmp_path / name / "leaderboard.csv").read_text()
        rows = [row for row in csv.DictReader(text.splitlines()) if row["ci_low"] != row["ci_high"]]
        return said.err, [float(row["ci_high"]) - float(row["ci_low"]) for row in rows], text

    said, alone, text = widths("a")
    note = "queries share all their relevant documents with another"
    assert note in said and "groups=none" in text
    said, together, text = widths("b", "--groups documents")
    assert note not in said and "groups=documents:" in text and "groups=none" not in text
    assert len(alone) == len(together) and alone
    assert sum(together) > 1.2 * sum(alone)
    widths("c", "--groups g.tsv")
    assert "0 of 7 stages ran" in widths("c", "--groups g.tsv")[0]
    (tmp_path / "g.tsv").write_text(
        "".join(f"q{i}{b}\tg{i // 2}\n" for i in range(36, 60) for b in ("", "b"))
    )
    said, _, text = widths("c", "--groups g.tsv")
    assert "2 of 7 stages ran" in said and "groups=g.tsv@" in text, said

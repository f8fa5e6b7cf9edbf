"""experiment new, plan, why, status and clean: what a user asks of an experiment beside running it."""

import csv
import fcntl
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Said, write_beir

Call = Callable[[str], Said]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex: Call) -> Path:
    """A new recipe of which everything ran."""
    monkeypatch.chdir(tmp_path)
    write_beir(tmp_path / "src")
    assert intrex("experiment new r.toml --collection src").code == 0
    assert intrex("experiment run r.toml").code == 0
    return tmp_path / "r.toml"


def table(said: Said) -> list[dict[str, str]]:
    assert said.code == 0, said.err
    return list(csv.DictReader(io.StringIO(said.out)))


def change(recipe: Path, before: str, after: str) -> None:
    text = recipe.read_text()
    assert before in text
    recipe.write_text(text.replace(before, after, 1))


def test_a_new_recipe_says_what_it_is_and_replaces_none(recipe: Path, intrex: Call) -> None:
    text = recipe.read_text()
    assert 'name = "r"' in text and 'import = "src"' in text and 'queries = "test"' in text
    assert intrex("experiment new r.toml").code == 1
    assert recipe.read_text() == text
    assert intrex("experiment new other.toml --collection 'a\"b'").code == 0
    assert r'import = "a\"b"' in Path("other.toml").read_text()


def test_the_plan_has_what_each_stage_took(recipe: Path, intrex: Call) -> None:
    rows = table(intrex("experiment plan r.toml --format csv"))
    assert {row["state"] for row in rows} == {"done"}
    assert all(float(row["seconds"]) >= 0 and row["size"] for row in rows)
    change(recipe, "# k1 = 0.9", "k1 = 1.3")
    said = intrex("experiment plan r.toml --format csv")
    states = {row["stage"]: row for row in table(said)}
    assert states["index/bm25"]["state"] == "other params than last time" and states["index/bm25"]["seconds"]
    assert states["run/fused"]["state"] == "runs after run/bm25"
    assert "5 stages of 8" in said.err


def test_why_names_the_parameter_the_input_and_the_module(
    recipe: Path, intrex: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = intrex("experiment why r.toml")
    assert said.code == 0 and not said.out and "nothing would run" in said.err
    change(recipe, "# k1 = 0.9", "k1 = 1.3")
    rows = table(intrex("experiment why r.toml run/bm25 --format csv"))
    assert rows[0] == {"stage": "index/bm25", "what": "parameter k1", "before": "-", "now": "1.3"}
    assert [row["stage"] for row in rows] == ["index/bm25", "run/bm25"]
    change(recipe, "k1 = 1.3", "# k1 = 0.9")
    from intrex.eval.pipelines.experiment import plan, sources

    digest = sources.digest_of
    changed = "intrex.eval.leaderboard.rows"
    sources.code_version.cache_clear()
    for module in (sources, plan):
        monkeypatch.setattr(module, "digest_of", lambda name: "0" * 64 if name == changed else digest(name))
    rows = table(intrex("experiment why r.toml --format csv"))
    sources.code_version.cache_clear()
    first = rows[0]
    assert (first["stage"], first["what"], first["now"]) == ("leaderboard", f"source {changed}", "0" * 12)
    assert len([row for row in rows if row["what"]]) == 1


def test_why_names_the_input_that_changed(recipe: Path, intrex: Call) -> None:
    with Path("src/corpus.jsonl").open("a") as stream:
        stream.write('{"_id": "new", "title": "", "text": "lift of wings"}\n')
    assert table(intrex("experiment why r.toml collection --format csv"))[0]["what"] == "parameter made from"


def test_why_of_no_stage_names_the_nearest(recipe: Path, intrex: Call) -> None:
    said = intrex("experiment why r.toml run/bm52")
    assert said.code == 2 and "did you mean run/bm25?" in said.err


def test_clean_removes_what_the_recipe_has_no_use_for_and_nothing_else(recipe: Path, intrex: Call) -> None:
    stages = Path("out/r/.stages")
    first = {folder.name for folder in stages.iterdir()}
    assert intrex("experiment clean r.toml").err.startswith("0 folders")
    change(recipe, "# k1 = 0.9", "k1 = 1.3")
    said = intrex("experiment clean r.toml")  # before it ran: what out/r shows stays
    assert said.code == 0 and all(link.exists() for link in Path("out/r/run").iterdir())
    assert not {line.split("-")[0] for line in said.out.splitlines()} & {"search", "fuse", "collection"}
    assert intrex("experiment run r.toml").code == 0
    (stages / "search-0123456789abcdef").mkdir()  # as a kill leaves one
    said = intrex("experiment clean r.toml --dry-run")
    listed = {line.split()[0] for line in said.out.splitlines()}
    assert "search-0123456789abcdef" in listed and len(listed) >= 3
    assert listed <= {folder.name for folder in stages.iterdir()}
    assert intrex("experiment clean r.toml").code == 0
    left = {folder.name for folder in stages.iterdir()}
    assert not listed & left
    assert len(first & left) == 4  # the collection, the index and the run of bm25+rm3, the lock
    assert "0 of 8 stages ran" in intrex("experiment run r.toml").err


def test_status_and_clean_beside_a_run(recipe: Path, intrex: Call) -> None:
    record = json.loads(intrex("experiment status r.toml --format jsonl").out)
    assert (record["stages"], record["running"], record["to come"]) == ("8 of 8 done", "no", "nothing")
    change(recipe, "# k1 = 0.9", "k1 = 1.3")
    with Path("out/r/.stages/.lock").open("r+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        record = json.loads(intrex("experiment status r.toml --format jsonl").out)
        assert (record["stages"], record["running"]) == ("3 of 8 done", "yes")
        said = intrex("experiment clean r.toml")
        assert said.code == 1 and "another process is running an experiment" in said.err
    assert len(list(Path("out/r/.stages").glob("*/stage.json"))) == 7


def test_a_recipe_that_never_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex: Call) -> None:
    monkeypatch.chdir(tmp_path)
    write_beir(tmp_path / "src")
    assert intrex("experiment new r.toml --collection src").code == 0
    assert json.loads(intrex("experiment status r.toml --format jsonl").out)["stages"] == "0 of 8 done"
    assert table(intrex("experiment why r.toml collection --format csv"))[0]["now"] == "never ran"
    assert intrex("experiment clean r.toml").err.startswith("0 folders")
    assert not Path("out").exists()

"""A recipe with a CUR index: its scorer, its search and the index that this begins with."""

from pathlib import Path

import pytest

from tests.unit.retrievers.cur.test_index import work as work

RECIPE = """name = "r"
queries = "test"
measures = ["AP"]
[collection]
import = "SOURCE"
[[system]]
name = "cur"
index = "cur"
scorer = "hashing:32"
anchors = 12
budget = 30
rounds = 3
first_stage = "first"
"""


def test_a_recipe_builds_and_searches_and_knows_what_it_began_with(
    work: Path, tmp_path: Path, intrex, all_well, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.toml").write_text(RECIPE.replace("SOURCE", str(work / "src")))
    said = intrex("experiment run r.toml --output e")
    assert said.code == 1 and "not found: first" in said.err and not Path("e/index").exists()
    all_well(f"index bm25 {work}/c first", "experiment run r.toml --output e")
    all_well(
        f"index cur {work}/c again --scorer hashing:32 --anchors 12",
        f"search again {work}/c:test --budget 30 --rounds 3 --first-stage first --tag cur -o direct.txt.gz",
    )
    assert Path("direct.txt.gz").read_bytes() == Path("e/run/cur.txt.gz").read_bytes()
    assert states(intrex) == {"collection": "done", "index/cur": "done", "run/cur": "done"}
    all_well(f"index bm25 {work}/c first --k1 3 --overwrite")
    assert states(intrex) == {
        "collection": "done",
        "index/cur": "done",
        "run/cur": "other params than last time",
    }


def states(intrex) -> dict[str, str]:
    """The state of each stage but the last two, as ``plan`` says it."""
    rows = [
        line.split(",") for line in intrex("experiment plan r.toml --output e --format csv").out.splitlines()
    ]
    return {row[0]: row[2] for row in rows[1:-2]}

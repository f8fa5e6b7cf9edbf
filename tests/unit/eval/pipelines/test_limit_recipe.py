"""A recipe builds LIMIT with the builder's own options; a list of items is an input like any other."""

from pathlib import Path

import pytest

from intrex.data.collection import Collection

RECIPE = """name = "likes"
queries = "test"
measures = ["R@2"]
k = 10
[collection]
build = "limit"
documents = 30
queries = 8
likes = 3
pattern = "cycle"
items = "things.txt"
[[system]]
name = "bm25"
index = "bm25"
"""


def built(folder: Path, word: str) -> Collection:
    """The one collection that asks for things of a word; an earlier one stays in the cache."""
    made = [Collection.open(p.parent) for p in (folder / "out").rglob("corpus.jsonl")]
    (found,) = (c for c in made if all(word in text for text in c.queries().texts))
    return found


def test_a_recipe_builds_limit_and_sees_another_list(
    tmp_path: Path, intrex, all_well, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("things.txt").write_text("".join(f"thing{i}\n" for i in range(20)))
    Path("r.toml").write_text(RECIPE)
    all_well("experiment run r.toml -o out")
    origin = built(tmp_path, "thing").manifest.params["origin"]
    assert (origin["pattern"], origin["documents"], origin["queries"], origin["items"]) == (
        "cycle",
        30,
        8,
        20,
    )
    Path("things.txt").write_text("".join(f"other{i}\n" for i in range(20)))
    all_well("experiment run r.toml -o out")
    assert built(tmp_path, "other").n_documents == 30


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("likes = 3", "sample = 3", "sample does not belong to build limit, it would be ignored"),
        ('build = "limit"', 'build = "stdlib"', "pattern does not belong to build stdlib"),
        ('"cycle"', '"ring"', "pattern is 'ring'"),
        ("likes = 3", "likes = 0", "likes is 0"),
    ],
)
def test_options_of_another_builder_are_refused(
    tmp_path: Path, intrex, old: str, new: str, said: str
) -> None:
    (tmp_path / "r.toml").write_text(RECIPE.replace(old, new))
    answer = intrex(f"experiment run {tmp_path / 'r.toml'} -o {tmp_path / 'out'}")
    assert answer.code != 0 and said in answer.err

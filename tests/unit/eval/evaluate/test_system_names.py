"""Names of systems whose runs share a tag."""

import pytest

from intrex.data.errors import UsageError
from intrex.eval.compare.inputs import _tag
from intrex.eval.evaluate.systems import name_systems


@pytest.mark.parametrize("folder", ["", "/data/x/", "runs/"])
def test_a_name_does_not_depend_on_the_folder(folder: str) -> None:
    runs = [(f"{folder}{name}.txt", "t") for name in ("one", "two")]
    assert name_systems([*runs, (f"{folder}three.txt", "u")]) == ["t (one.txt)", "t (two.txt)", "u"]


def test_as_many_folders_as_tell_them_apart() -> None:
    files = ["/w/x/a/run.txt", "/w/x/b/run.txt", "/w/y/b/run.txt", "run.txt", "/w/x/other.txt"]
    ends = ["a/run.txt", "x/b/run.txt", "y/b/run.txt", "run.txt", "other.txt"]
    found = name_systems([(file, "t") for file in files])
    assert found == [f"t ({end})" for end in ends]
    assert [_tag(name, file) for name, file in zip(found, files, strict=True)] == ["t"] * 5
    with pytest.raises(UsageError, match="given twice"):
        name_systems([("a", "t"), ("a", "t")])

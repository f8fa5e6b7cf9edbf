"""docs/settings.md names every environment variable that the code reads, and no other."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

PRODUCT = ("cli", "data", "encoders", "eval", "retrievers")
HELD = {"JVM_PATH", "IR_DATASETS_DL_TRIES", "IR_DATASETS_DL_TIMEOUT", "NUMBA_OPT"}
"""Set and put back by the code, never read for what a user said: named below the tables."""


def is_environ(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "environ"


def name_of(node: ast.AST) -> list[str]:
    """The text of a variable's name; of ``f"NAME{version}"`` what stands before the braces."""
    if isinstance(node, ast.JoinedStr):
        return [str(part.value) for part in node.values[:1] if isinstance(part, ast.Constant)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def variables(source: str) -> Iterator[str]:
    """Names that a module looks up in ``os.environ``, by a method, by an index or by ``os.getenv``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if is_environ(node.func.value) or node.func.attr == "getenv":
                yield from name_of(node.args[0])
        elif isinstance(node, ast.Subscript) and is_environ(node.value):
            yield from name_of(node.slice)


def used_in(*folders: str) -> set[str]:
    files = (p for folder in folders for p in (ROOT / folder).rglob("*.py"))
    return {name for file in files for name in variables(file.read_text(encoding="utf-8")) if name.isupper()}


def tables() -> dict[str, set[str]]:
    """The variables of each table's first column, by heading."""
    found: dict[str, set[str]] = {}
    heading = ""
    for line in Path(ROOT / "docs" / "settings.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("| `"):
            cell = line.split(" | ")[0]
            found.setdefault(heading, set()).update(cell.removeprefix("| ").strip("`").split("`, `"))
    return found


def test_the_first_table_is_what_the_code_reads() -> None:
    assert tables()["What intrex reads"] == used_in(*PRODUCT) - HELD


def test_variables_of_the_tests_are_named() -> None:
    documented = set().union(*tables().values())
    lacking = {n for n in used_in("tests") if not any(name.startswith(n) for name in documented)}
    assert not lacking


def test_a_variable_of_ours_is_never_named_without_being_read() -> None:
    ours = {name for names in tables().values() for name in names if name.startswith("INTREX_")}
    read = used_in(*PRODUCT, "tests")
    assert not {name for name in ours if not any(name.startswith(n) for n in read)}


def test_every_way_of_reading_is_seen() -> None:
    source = 'import os\nos.environ["A"]\nos.environ.get("B", "")\nos.getenv("C")\nos.environ.pop("D")\nos.environ.get(f"E{1}")'
    assert set(variables(source)) == {"A", "B", "C", "D", "E"}

"""Source that a stage's result depends on: the modules that its work can import, found by reading what each one imports.

A module counts whole, with the `__init__` of the packages it is in. What is loaded by a name that only the program's run
tells, as the kinds of indexes and encoders are, is named by whoever asks (`StageKind.code`); a test runs every kind of stage
and compares what it imported with what its key holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("cli", "data", "encoders", "eval", "retrievers")
WORK = tuple(
    f"intrex.eval.pipelines.experiment.{module}"
    for module in ("costs", "describe", "foldwork", "pins", "work")
)
"""Modules that call what a stage's key names: they import the work of every kind, so they count alone."""
BESIDE = frozenset({".txt", ".java"})
"""Files in a package that its modules read or compile."""
_OWN = "intrex"
_TYPES = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+.*\n|\n)+", re.MULTILINE)
_FROM = re.compile(rf"^[ \t]*from ({_OWN}(?:\.\w+)+) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
_IMPORT = re.compile(rf"^[ \t]*import ({_OWN}(?:\.\w+)+)", re.MULTILINE)
_SPELLED = re.compile(rf"[\"']({_OWN}(?:\.\w+){{2,}})[\"']")  # fewer parts are groups of entry points
_WORD = re.compile(r"\w+")


@cache
def modules_of(roots: tuple[str, ...]) -> tuple[str, ...]:
    """Return the modules and files, in order, whose source counts: what can be reached from the roots, and `WORK`.

    Args:
        roots: dotted names of modules or packages, of which all modules count; ``module:attribute`` is its module, a name
            below one of `PACKAGES` may lack the ``intrex.`` before it.
    """
    return tuple(sorted(reach(roots) | set(WORK)))


@cache
def code_version(modules: tuple[str, ...]) -> str:
    """Return the sha256 of the names and the source of modules."""
    return hashlib.sha256("".join(f"{name}\n{digest_of(name)}\n" for name in modules).encode()).hexdigest()


def reach(roots: Iterable[str]) -> set[str]:
    """Return the names of the modules and files that the roots are and import, directly or not."""
    waiting, found = [name for root in roots for name in _members(_dotted(root))], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(name)
    return found


def _dotted(root: str) -> str:
    name = root.partition(":")[0].removesuffix(".py").replace("/", ".")
    return f"{_OWN}.{name}" if name.partition(".")[0] in PACKAGES else name


@cache
def _tree(package: str) -> dict[str, Path]:
    """Map the names of a package's modules, and of the files beside them, to their files."""
    own, _, part = package.partition(".")
    if own == _OWN and part not in PACKAGES:
        return {}
    if own != _OWN:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            return {}
        if not spec.submodule_search_locations:
            return {package: Path(spec.origin)}
    root = Path(str(files(package)))
    tree = {}
    for file in root.rglob("*"):
        inside = file.relative_to(root)
        if "__pycache__" in inside.parts or not (file.suffix == ".py" or file.suffix in BESIDE):
            continue
        parts = inside.parts if file.suffix in BESIDE else inside.with_suffix("").parts
        tree[".".join([package, *(part for part in parts if part != "__init__")])] = file
    return tree


def _package(name: str) -> str:
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == _OWN else parts[0]


def _file(name: str) -> Path | None:
    return _tree(_package(name)).get(name)


def _members(name: str) -> list[str]:
    """Return a module's own name, a package's with all that is in it, of another package all; what is no module is none."""
    tree = _tree(_package(name))
    if not name.startswith(f"{_OWN}."):
        return list(tree)
    return [one for one in tree if one == name or one.startswith(f"{name}.")]


@cache
def digest_of(name: str) -> str:
    """Return the sha256 of a module's source; empty where there is no such module."""
    file = _file(name)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file else ""


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Return what a module imports of intrex at any time, the packages it is in, and what it names as a whole."""
    file = _file(name)
    if file is None or file.suffix != ".py":
        return ()
    return tuple(dict.fromkeys(_mentions(name, _TYPES.sub("", file.read_text(encoding="utf-8")))))


def _mentions(name: str, text: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (package for i in range(2, len(parts)) if _file(package := ".".join(parts[:i])))
    for module, names in _FROM.findall(text):
        yield from _importable(module)
        yield from (found for word in _WORD.findall(names) for found in _importable(f"{module}.{word}"))
    for module in _IMPORT.findall(text):
        yield from _importable(module)
    for spelled in _SPELLED.findall(text):  # of kernels, which are compiled and loaded by their names
        yield from _members(spelled)


def _importable(name: str) -> Iterator[str]:
    if _file(name):
        yield name

"""Functions and classes of Python sources: where they are, their source without docstrings, their first paragraph.

- The text of an object is whole lines, from the first decorator to the end of the body, comments included, dedented
  by the indentation of the first of them.
- Each docstring is cut out together with the string statements right after it, a ``;`` behind it, and the line and
  blank lines that it leaves empty. Nothing is put in its place: where it was the whole body, the body is empty.
"""

from __future__ import annotations

import ast
import os
import re
import warnings
from dataclasses import dataclass
from importlib.util import decode_source
from itertools import takewhile
from pathlib import Path
from typing import TypeAlias

MIN_WORDS = 4

_FOLDERS_OUT = {"test", "tests", "idle_test", "__pycache__", "_bundled", "_vendor", "_vendored"}
_FILES_OUT = re.compile(r"tests?|test_.*|_test.*|.*_tests?|sitecustomize|usercustomize|_sysconfigdata_.*")

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class CodeObject:
    """Function or class of a module."""

    module: str
    name: str
    """Qualified name inside the module."""
    line: int
    """Line of ``def`` or ``class``, from 1."""
    text: str
    """Its source without docstrings."""
    paragraph: str
    """First paragraph of its docstring on one line; empty when there is none of at least four words."""

    @property
    def id(self) -> str:
        """Document id; the line tells objects of one name apart."""
        return f"{self.module}:{self.name}:{self.line}"


def find_modules(root: Path) -> dict[str, Path]:
    """Return dotted name and file of each module below ``root``, sorted by path, without what is left out."""
    files: list[tuple[str, ...]] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f.isidentifier() and f not in _FOLDERS_OUT]
        parts = Path(folder).relative_to(root).parts
        files += [(*parts, name) for name in names if _is_module(name)]
    modules: dict[str, Path] = {}
    # As tuples, ("x", "__init__.py") sorts before ("x.py",), which it hides from import.
    for file in sorted(files):
        path = root.joinpath(*file)
        name = ".".join(file).removesuffix(".py").removesuffix(".__init__")
        if path.is_file():  # a link may lead nowhere
            modules.setdefault(name, path)
    return modules


def _is_module(file: str) -> bool:
    stem = file.removesuffix(".py")
    return stem != file and stem.isidentifier() and not _FILES_OUT.fullmatch(stem)


def parse_module(module: str, raw: bytes) -> list[CodeObject]:
    """Return the functions and classes of a module's source, in order of their lines.

    Raises:
        SyntaxError: the source is not this Python's, or its encoding is unknown.
        ValueError: the source cannot be decoded or holds a null byte.
        RecursionError: the source is nested too deeply.
    """
    text = decode_source(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in strings
        tree = ast.parse(text)
    # Positions are lines that end in "\n" alone, and UTF-8 bytes within the line.
    lines: list[bytes | None] = list(text.encode("utf-8").split(b"\n"))
    definitions = _definitions(tree)
    for _, node in definitions:
        _cut_docstring(lines, node)
    return [
        CodeObject(module, name, node.lineno, _source(lines, node), _paragraph(node))
        for name, node in definitions
    ]


def _definitions(tree: ast.Module) -> list[tuple[str, _Definition]]:
    """Return all functions and classes with their qualified names; a stack, since ``elif`` chains nest without limit."""
    definitions: list[tuple[str, _Definition]] = []
    stack: list[tuple[str, ast.AST]] = [("", tree)]
    while stack:
        prefix, parent = stack.pop()
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, _Definition):
                definitions.append((prefix + node.name, node))
                stack.append((f"{prefix}{node.name}.", node))
            elif not isinstance(node, ast.expr):
                stack.append((prefix, node))
    return sorted(definitions, key=lambda item: item[1].lineno)


def _cut_docstring(lines: list[bytes | None], node: _Definition) -> None:
    """Cut a definition's docstring out of ``lines``, where None is a line that is gone."""
    # A string behind the docstring would take its place.
    strings = list(takewhile(_is_string, node.body))
    if not strings:
        return
    first, last = strings[0].lineno - 1, (strings[-1].end_lineno or 0) - 1
    head = (lines[first] or b"")[: strings[0].col_offset]
    tail = (lines[last] or b"")[strings[-1].end_col_offset :].lstrip()
    tail = tail.removeprefix(b";").lstrip()
    lines[first : last + 1] = [None] * (last + 1 - first)
    if (head + tail).strip():
        lines[first] = (head + tail).rstrip()
        return
    if (lines[first - 1] or b"").endswith(b"\\"):
        lines[first] = b""  # else the line before would go on in the next one
    after = last + 1
    while after < len(lines) and not (lines[after] or b"").strip():
        lines[after] = None
        after += 1


def _is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _source(lines: list[bytes | None], node: _Definition) -> str:
    start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
    while node.decorator_list and not (lines[start] or b"").lstrip().startswith(b"@"):
        start -= 1  # "@(" may stand alone on its line
    body = [line for line in lines[start : node.end_lineno] if line is not None]
    indent = body[0][: len(body[0]) - len(body[0].lstrip())]
    return b"\n".join(line.removeprefix(indent) for line in body).decode("utf-8")


def _paragraph(node: _Definition) -> str:
    doc = ast.get_docstring(node) or ""
    words = re.split(r"\n\s*\n", doc.strip(), maxsplit=1)[0].split()
    # An escape such as "\ud800" is fine in a Python string and cannot be written as UTF-8.
    return " ".join(words).encode("utf-8", "replace").decode("utf-8") if len(words) >= MIN_WORDS else ""

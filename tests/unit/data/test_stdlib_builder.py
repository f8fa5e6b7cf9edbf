"""The builder of the code search collection: on small folders, and on the library of the running Python."""

from __future__ import annotations

import ast
import json
import re
import sysconfig
import textwrap
from pathlib import Path

import pytest

from intrex.data.builders.python_source import CodeObject, find_modules
from intrex.data.builders.stdlib import BOUNDS, assign_splits, build_stdlib, check_disjoint
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.ids import as_strings

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def parse(document: str) -> ast.stmt:
    """Parse a document; a body that its docstring left empty becomes ``pass``."""
    lines = [*document.split("\n"), "pass"]  # a last line, for errors at the end to point at
    while True:
        try:
            parsed, _ = ast.parse("\n".join(lines)).body
            return parsed
        except IndentationError as error:
            header = lines[int(re.search(r"on line (\d+)$", error.msg)[1]) - 1]
            depth = len(header) - len(header.lstrip())
            lines.insert(error.lineno - 1, " " * depth + " pass")


def without_docstrings(node: ast.AST) -> str:
    """The tree of a definition as text, without the strings that open bodies, and without indentation in strings."""
    for inner in ast.walk(node):
        if isinstance(inner, DEFINITIONS):
            while inner.body and is_string(inner.body[0]):
                del inner.body[0]
            inner.body = inner.body or [ast.Pass()]
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            inner.value = re.sub(r"\n[ \t]+", "\n", inner.value)
    return ast.dump(node)


def is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def write(root: Path, files: dict[str, str]) -> Path:
    for name, source in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(source), encoding="utf-8")
    return root


@pytest.fixture
def small(tmp_path: Path) -> Path:
    modules = {
        f"m{i}.py": f'''
            class C{i}:
                """Class number {i} of the small library."""

                def run(self):
                    """Run the thing number {i} once."""
                    return {i}

                def silent(self): return "no docstring {i}"
            '''
        for i in range(20)
    }
    return write(tmp_path / "lib", modules)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return build_stdlib(tmp_path_factory.mktemp("built") / "stdlib")


def test_one_query_for_a_paragraph_that_several_objects_carry(tmp_path: Path) -> None:
    shared = 'def f():\n    """Do the\n    shared thing.\n\n    Once."""\n'
    root = write(
        tmp_path / "lib", {"b.py": shared, "pkg/a.py": '"""Module docstrings make no query."""\n' + shared}
    )
    built = build_stdlib(tmp_path / "out", root=root)
    queries = built.queries()
    assert (queries.ids, queries.texts) == (["q:b:f:1"], ["Do the shared thing."])
    assert [(d.id, d.title, d.text) for d in built.documents()] == [
        ("b:f:1", "b f", "def f():"),
        ("pkg.a:f:2", "pkg.a f", "def f():"),
    ]
    assert sum(s["judgements"] for s in built.sets.values()) == 2
    assert len(built.sets) == 1


def test_files_that_do_not_parse_are_counted(tmp_path: Path) -> None:
    root = write(tmp_path / "lib", {"good.py": "def f(): pass\n", "bad.py": "print 1\n", "null.py": "x\0\n"})
    (root / "latin.py").write_bytes(b"x = '\xe9'\n")
    (root / "unknown.py").write_bytes(b"# coding: nonsense\n")
    done: list[int] = []
    built = build_stdlib(tmp_path / "out", root=root, progress=done.append)
    origin = built.manifest.params["origin"]
    assert (origin["modules"], origin["unparsed"], built.n_documents, sum(done)) == (5, 4, 1, 5)
    assert str(tmp_path) not in (built.path / "collection.json").read_text()


def test_the_same_sources_give_the_same_fingerprint(small: Path, tmp_path: Path) -> None:
    one = build_stdlib(tmp_path / "one", root=small)
    copy = write(
        tmp_path / "elsewhere", {p.name: p.read_text() for p in sorted(small.iterdir(), reverse=True)}
    )
    two = build_stdlib(tmp_path / "two", root=copy)
    assert one.fingerprint == two.fingerprint
    assert one.manifest.fingerprint == two.manifest.fingerprint
    (copy / "m7.py").write_text("def changed(): pass\n")
    assert build_stdlib(tmp_path / "two", root=copy, overwrite=True).fingerprint != one.fingerprint


def test_samples_are_nested_and_agree_with_the_whole(small: Path, tmp_path: Path) -> None:
    sizes = [1, 7, 30, 60, 1000]
    built = [build_stdlib(tmp_path / str(n), root=small, sample=n, seed=5) for n in sizes]
    rows = [judged(c) for c in built]
    ids = [{d.id for d in c.documents()} for c in built]
    assert [c.n_documents for c in built] == [1, 7, 30, 60, 60]
    assert [c.name for c in built[:2]] == ["stdlib-1", "stdlib-7"]
    for smaller, larger, few, many in zip(ids, ids[1:], rows, rows[1:], strict=False):
        assert smaller < larger or len(smaller) == 60
        assert few == {row for row in many if row[2] in smaller}
    for c, r in zip(built, rows, strict=True):
        assert set(c.queries().ids) == {query for _, query, _ in r}
    whole = build_stdlib(tmp_path / "whole", root=small)
    assert built[-1].fingerprint == built[-2].fingerprint == whole.fingerprint
    other = build_stdlib(tmp_path / "other", root=small, sample=7, seed=6)
    assert {d.id for d in other.documents()} != ids[1]


def judged(collection: Collection) -> set[tuple[str, str, str]]:
    rows = set()
    for name in collection.sets:
        lines = (collection.path / "qrels" / f"{name}.tsv").read_text().splitlines()[1:]
        rows |= {(name, *line.split("\t")[:2]) for line in lines}
    return rows


@pytest.mark.parametrize("size", [0, -3])
def test_a_sample_of_nothing_is_refused(size: int, small: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sample"):
        build_stdlib(tmp_path / "out", root=small, sample=size)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no function or class"):
        build_stdlib(tmp_path / "out", root=tmp_path / "nowhere")


def test_existing_output_is_refused(small: Path, tmp_path: Path) -> None:
    build_stdlib(tmp_path / "out", root=small)
    with pytest.raises(IntrexError, match="exists"):
        build_stdlib(tmp_path / "out", root=small)


def test_modules_that_share_a_text_stay_together() -> None:
    modules_of = {f"text {i}": [f"m{i:03}"] for i in range(200)}
    modules_of |= {f"shared {i}": [f"m{i:03}", f"m{i + 1:03}"] for i in range(50, 80)}
    split_of = assign_splits(modules_of)
    assert (
        len({split_of[f"text {i}"] for i in range(50, 81)} | {split_of[f"shared {i}"] for i in range(50, 80)})
        == 1
    )
    assert split_of == assign_splits(dict(reversed(modules_of.items())))


def test_splits_keep_their_shares_with_a_large_group() -> None:
    modules_of = {f"text {i}": [f"m{i:03}"] for i in range(900)} | {f"big {i}": ["big"] for i in range(100)}
    splits = list(assign_splits(modules_of).values())
    starts = dict(zip(BOUNDS, [0, *BOUNDS.values()], strict=False))
    for name, end in BOUNDS.items():
        assert splits.count(name) == pytest.approx(10 * (end - starts[name]), abs=101)


@pytest.mark.parametrize(
    ("kind", "text", "module", "line"),
    [("query text", "one", "b", 1), ("document", "two", "a", 1), ("module", "two", "a", 9)],
)
def test_overlapping_splits_are_refused(kind: str, text: str, module: str, line: int) -> None:
    first = CodeObject("a", "f", 1, "def f(): pass", "one")
    second = CodeObject(module, "f", line, "def f(): pass", text)
    check_disjoint([("train", "one", first), ("train", text, second)])
    with pytest.raises(IntrexError, match=f"train and test share the {kind}"):
        check_disjoint([("train", "one", first), ("test", text, second)])


def test_library_has_its_size_and_shares(library: Collection) -> None:
    queries = {name: counts["queries"] for name, counts in library.sets.items()}
    total = sum(queries.values())
    assert library.n_documents > 12_000
    assert total == len(library.queries()) > 5_000
    assert {name: round(10 * n / total) for name, n in queries.items()} == {"train": 6, "dev": 1, "test": 3}
    assert library.manifest.params["encoded_ids"] == 0


def test_library_documents_differ_from_the_source_by_their_docstrings_alone(library: Collection) -> None:
    paths = find_modules(LIBRARY)
    trees: dict[str, dict[int, ast.AST]] = {}
    for document in library.documents():
        module, name, line = document.id.split(":")
        if "." in name:  # is part of the object around it
            continue
        if module not in trees:
            nodes = ast.walk(ast.parse(paths[module].read_bytes()))
            trees = {module: {n.lineno: n for n in nodes if isinstance(n, DEFINITIONS)}}
        parsed = parse(document.text)
        assert not any(ast.get_docstring(n) for n in ast.walk(parsed) if isinstance(n, DEFINITIONS)), (
            document.id
        )
        assert without_docstrings(parsed) == without_docstrings(trees[module][int(line)]), document.id


def test_library_splits_share_no_text_no_document_and_no_module(library: Collection) -> None:
    text_of = dict(zip(library.queries().ids, library.queries().texts, strict=True))
    assert len(set(text_of.values())) == len(text_of)
    seen: dict[str, dict[str, set[str]]] = {"text": {}, "document": {}, "module": {}}
    for name in library.sets:
        qrels = library.qrels(name)
        documents = as_strings(qrels.doc_ids)
        seen["text"][name] = {text_of[q] for q in as_strings(qrels.query_ids)}
        seen["document"][name] = set(documents)
        seen["module"][name] = {d.partition(":")[0] for d in documents}
    for parts in seen.values():
        assert sum(map(len, parts.values())) == len(set().union(*parts.values()))


def test_library_lines_are_json_in_beir_form(library: Collection) -> None:
    with (library.path / "corpus.jsonl").open("rb") as stream:
        first = json.loads(next(stream))
    assert list(first) == ["_id", "title", "text"]
    assert re.fullmatch(r"\S+:\S+:\d+", first["_id"])

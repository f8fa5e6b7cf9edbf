"""Functions and classes found in sources, their text without docstrings, their first paragraph."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from intrex.data.builders.python_source import CodeObject, find_modules, parse_module


def objects(source: str) -> dict[str, CodeObject]:
    return {o.name: o for o in parse_module("m", textwrap.dedent(source).encode())}


def text(source: str, name: str = "f") -> str:
    return objects(source)[name].text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('def f():\n    """One."""\n    return 1\n', "def f():\n    return 1"),
        (
            'def f():\n    """One.\n\n    Two.\n    """\n\n    # why\n    return 1\n',
            "def f():\n    # why\n    return 1",
        ),
        ('def f(): "One."\n', "def f():"),
        ('def f():\n    """One."""\n\nx = 1\n', "def f():"),
        ('def f(): "One."; return 1\n', "def f(): return 1"),
        ('def f(): """One.\nTwo."""; return 1\n', "def f(): return 1"),
        ('def f():\n    "One." ;\n    return 1\n', "def f():\n    return 1"),
        ('def f():\n    "One."; x = ";"; return x\n', 'def f():\n    x = ";"; return x'),
        ('def f():\n    "One."  # noqa\n    return 1\n', "def f():\n    # noqa\n    return 1"),
        ('def f():\n    ("One."\n     "Two.")\n    return 1\n', "def f():\n    return 1"),
        ('def f():\n    "One." \\\n    "Two."\n    return 1\n', "def f():\n    return 1"),
        ('def f(): \\\n    "One."\nx = 1\n', "def f(): \\\n"),
        ('def f():\n    rb"""Not one."""\n', 'def f():\n    rb"""Not one."""'),
        ('def f():\n    f"""Not one."""\n', 'def f():\n    f"""Not one."""'),
        ('def f():\n    """One."""\n    "Another string."\n    return 1\n', "def f():\n    return 1"),
        ('def f(x="é"): "éé"; return "ü"\n', 'def f(x="é"): return "ü"'),
        (
            '@one\n@(\n    two\n)\ndef f():\n    """One."""\n    return 1\n',
            "@one\n@(\n    two\n)\ndef f():\n    return 1",
        ),
        ("@(\n    one\n)\nasync def f(): pass\n", "@(\n    one\n)\nasync def f(): pass"),
        (
            'def f():\n\f    """One."""\n    x = "\x0c\u2028\x85"\n    return x\n',
            'def f():\n    x = "\x0c\u2028\x85"\n    return x',
        ),
        (
            'if True:\n    def f(a,\n  b):\n        """One."""\n# low\n        return a\n',
            "def f(a,\n  b):\n# low\n    return a",
        ),
    ],
)
def test_docstring_is_cut_exactly(source: str, expected: str) -> None:
    assert text(source) == expected


def test_line_ends_and_encoding_are_those_of_the_file() -> None:
    raw = '# coding: latin-1\r\ndef f():\r\n    """Über."""\r\n    return "é"\r\n'.encode("latin-1")
    (found,) = parse_module("m", raw)
    assert (found.text, found.line) == ('def f():\n    return "é"', 2)


def test_nested_objects_lose_their_docstrings_too() -> None:
    source = '''
        class A:
            """Outer."""
            def m(self):
                """Method."""
                def g():
                    """Inner."""
                class B: "Innermost."
                return g
        '''
    found = objects(source)
    assert [(o.name, o.line) for o in found.values()] == [("A", 2), ("A.m", 4), ("A.m.g", 6), ("A.m.B", 8)]
    outer = "class A:\n    def m(self):\n        def g():\n        class B:\n        return g"
    assert found["A"].text == outer
    assert found["A.m"].text == "def m(self):\n    def g():\n    class B:\n    return g"


def test_definitions_are_found_in_every_kind_of_block() -> None:
    blocks = "try:\n def a(): pass\nexcept E:\n def b(): pass\nmatch x:\n case 1:\n  def c(): pass\n"
    assert list(objects(blocks + "while 1:\n with x:\n  async def d(): pass\n")) == ["a", "b", "c", "d"]


def test_a_long_elif_chain_does_not_exhaust_the_stack() -> None:
    chain = "if x == 0: pass\n" + "".join(f"elif x == {i}: pass\n" for i in range(1, 1200))
    assert list(objects(chain + "else:\n def f(): pass\n")) == ["f"]


@pytest.mark.parametrize(
    ("docstring", "paragraph"),
    [
        ('"""Give back one  thing.\n\n    More."""', "Give back one thing."),
        ('"""\n    Give back\n\tone thing.\n  \t \n    More."""', "Give back one thing."),
        ('"""   \n\n        \n    Give back one thing."""', "Give back one thing."),
        ('"Only three words."', ""),
        ('"Four \\ud800 words here."', "Four ? words here."),
        ("pass", ""),
    ],
)
def test_query_is_the_first_paragraph(docstring: str, paragraph: str) -> None:
    assert objects(f"def f():\n    {docstring}\n")["f"].paragraph == paragraph


def test_modules_found_and_left_out(tmp_path: Path) -> None:
    inside = "a.py pkg/__init__.py pkg/sub/doctest.py unittest/mock.py x/__init__.py"
    outside = """
        x.py test/a.py pkg/tests/a.py idlelib/idle_test/a.py ensurepip/_bundled/a.py p/_vendor/a.py
        site-packages/a.py dist-packages/a.py config-3.11-x/a.py lib-dynload/a.py __pycache__/a.py
        _test_a.py test_a.py a_test.py _testhelp.py 2to3.py a.txt _sysconfigdata_x.py sitecustomize.py
        """
    for name in (inside + outside).split():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    modules = find_modules(tmp_path)
    assert list(modules) == ["a", "pkg", "pkg.sub.doctest", "unittest.mock", "x"]
    assert modules["x"] == tmp_path / "x" / "__init__.py"

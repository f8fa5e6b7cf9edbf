"""What the documents show is true: their Python runs, their recipe is sound, their links lead somewhere."""

import re

import pytest

from intrex.data.importers.options import LAYOUTS
from intrex.data.rankings.options import FORMS
from intrex.eval.pipelines.experiment.recipe import read_recipe
from tests.conftest import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def block(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def test_the_python_of_the_tutorial_gives_what_its_comment_says() -> None:
    code = block("docs/tutorial.md", "python")
    *statements, call, comment = code.strip().splitlines()
    names: dict = {}
    exec("\n".join(statements), names)
    assert repr(eval(call, names)) == comment.removeprefix("# ")


def test_the_recipe_of_the_tutorial_is_sound(tmp_path) -> None:
    (tmp_path / "r.toml").write_text(block("docs/tutorial.md", "toml"), encoding="utf-8")
    assert read_recipe(str(tmp_path / "r.toml")).systems == ("bm25", "minilm", "tokens", "muvera", "both")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_pages_that_the_code_names_are_there() -> None:
    for folder in ("cli", "eval", "retrievers", "encoders", "data"):
        for file in (ROOT / folder).rglob("*.py"):
            for page in re.findall(r"docs/[\w/-]+\.md", file.read_text(encoding="utf-8")):
                assert (ROOT / page).is_file(), f"{file.relative_to(ROOT)} names {page}"


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\n    make demo\n    make test\n" in text
    assert "OUTPUT" not in text


def test_the_table_of_forms_names_every_form_of_a_run_and_every_layout_of_a_corpus():
    text = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    table = text[text.index("\n## Forms\n") : text.index("\n## Click logs\n")]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert rows[0] == "| what | form | read | written | how it is recognised |"
    assert all(row.count("|") == 6 for row in rows), rows
    forms = [row.split("|")[2].strip().lower() for row in rows]
    for name in FORMS:
        assert any(form.startswith(f"`{name}`: ") for form in forms), name
    for name in LAYOUTS[1:]:
        assert any(form.startswith((f"`{name}`: ", f"{name}: ")) for form in forms), name

"""The papers agree with one another: version, licence, and what the licence page names."""

import re
import tomllib

import pytest

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def lines_of(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def test_the_citation_has_version_and_licence_of_the_package() -> None:
    lines = lines_of("CITATION.cff")
    assert f"version: {PROJECT['version']}" in lines
    assert f"license: {PROJECT['license']}" in lines
    assert "cff-version: 1.2.0" in lines


def test_the_licence_is_the_one_that_is_named() -> None:
    text = "\n".join(lines_of("LICENSE"))
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in text and "Version 2.0, January 2004" in text and "END OF TERMS" in text
    assert all((ROOT / name).is_file() for name in PROJECT["license-files"])


def test_what_the_notice_names_is_there() -> None:
    folders = ("retrievers/", "data/", "tests/", "docs/")
    named = [line.split(":")[0].split(",")[0] for line in lines_of("NOTICE") if line.startswith(folders)]
    assert named and all((ROOT / name).exists() for name in named)


def test_the_notice_names_each_language_of_the_stop_words() -> None:
    shipped = {line.split()[0] for line in lines_of("retrievers/text/stop.txt")}
    listed = [line for line in lines_of("NOTICE") if line.startswith("  - ")]
    named = {name.strip() for line in listed for name in line[4:].split(":")[0].split(",")}
    assert shipped <= named


def test_every_path_that_the_architecture_names_is_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = ("cli", "data", "encoders", "eval", "retrievers", "tests", "docs")
    named = {path for path in re.findall(r"[`\s]([\w./-]+/[\w./-]*)", text) if path.split("/")[0] in folders}
    patterns = {path.rstrip(".,").replace("COMMAND", "search") for path in named}
    assert len(patterns) > 30
    assert not {path for path in patterns if not (ROOT / path).exists()}


def test_every_import_contract_is_listed() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## Import contracts")[1]
    listed = re.findall(r"^(\d+)\. ", text, re.MULTILINE)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert listed == [str(i + 1) for i in range(len(contracts["contracts"]))]


def test_the_changelog_is_in_sections_with_unreleased_on_top() -> None:
    headings = [line for line in lines_of("CHANGELOG.md") if line.startswith("## ")]
    assert headings[0] == "## Unreleased"
    assert all(re.fullmatch(r"## \d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", line) for line in headings[1:])


def test_every_kind_of_artifact_is_in_the_page_of_formats() -> None:
    from intrex.data.group import GROUP
    from intrex.eval.pipelines.training.train import KIND as MODEL
    from intrex.eval.splits.split import KIND as SPLIT
    from intrex.retrievers.options import index_kinds

    row = next(line for line in lines_of("docs/formats.md") if line.startswith("| `kind` |"))
    assert set(re.findall(r"`(\w+)`", row)) - {"kind", "train"} == {
        "collection",
        GROUP,
        MODEL,
        SPLIT,
        *(kind.stored for kind in index_kinds().values()),
    }


def test_the_issue_forms_and_the_citation_are_sound_yaml() -> None:
    yaml = pytest.importorskip("yaml")
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    read = {form.stem: yaml.safe_load(form.read_text(encoding="utf-8")) for form in forms}
    assert set(read) == {"bug", "config", "feature", "wrong_number"}
    for name in ("bug", "feature", "wrong_number"):
        assert {"name", "description", "body"} <= set(read[name])
        assert all({"type", "id", "attributes"} <= set(part) for part in read[name]["body"])
    assert "intrex doctor" in str(read["bug"]) and "intrex doctor" in str(read["wrong_number"])
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["authors"] == [{"name": "The intrex authors"}]

"""The papers agree with one another: version, licence, and what the licence page names."""

import tomllib

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

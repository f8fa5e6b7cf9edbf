"""docs/ci.md word for word: a user's own JSON lines become a gated build, in the shell of GitHub's and of GitLab's runners."""

import csv
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs/ci.md").read_text(encoding="utf-8")
INSTALLS = re.compile(r"pip install ./intrex\b")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def github_steps() -> list[dict[str, str]]:
    text = next(block for block in blocks("yaml") if "runs-on" in block)
    return [step for step in yaml.safe_load(text)["jobs"]["gate"]["steps"] if "run" in step]


def gitlab_script() -> str:
    job = next(yaml.safe_load(block)["search quality"] for block in blocks("yaml") if "script:" in block)
    return "\n".join(["set -e", *job["script"]])


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    environment = {
        **os.environ,
        "PATH": path,
        "COLUMNS": "80",
        "GITHUB_STEP_SUMMARY": str(folder / "step.md"),
    }
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A user's three files, and the first steps of the page."""
    with (HERE / "shop/products.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    lines = [json.dumps({key: row[key] for key in ("sku", "title", "description")}) for row in rows]
    (tmp_path / "products.jsonl").write_text("\n".join(lines) + "\n")
    with (HERE / "shop/clicks.csv").open() as stream:
        clicks = list(csv.DictReader(stream))
    texts = {click["query_id"]: click["query"] for click in clicks}
    (tmp_path / "queries.jsonl").write_text(
        "".join(json.dumps({"id": query, "text": text}) + "\n" for query, text in texts.items())
    )
    found = {(click["query_id"], click["sku"]) for click in clicks if click["clicked"] == "1"}
    judged = [f"{query},{document},1" for query, document in sorted(found)]
    (tmp_path / "judgements.csv").write_text("\n".join(["query,document,grade", *judged]) + "\n")
    (first,) = blocks("sh")
    done = shell(tmp_path, first)
    assert done.returncode == 0, done.stderr
    subprocess.run(["rm", "-r", tmp_path / "shop", tmp_path / "index"], check=True)  # not committed
    return tmp_path


def spoil(script: str) -> str:
    """Make the build one that answers with one product a query."""
    spoilt = script.replace("search index shop:test", "search index shop:test --k 1")
    assert spoilt != script
    return spoilt


def test_github(shop: Path) -> None:
    install, rank, decide, summary = github_steps()
    assert INSTALLS.match(install["run"])
    assert shell(shop, rank["run"]).returncode == 0
    done = shell(shop, decide["run"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert shell(shop, summary["run"]).returncode == 0
    assert (shop / "step.md").read_text().startswith("### intrex gate: passes")


def test_github_with_a_build_that_fell_apart(shop: Path) -> None:
    _, rank, decide, summary = github_steps()
    assert shell(shop, spoil(rank["run"])).returncode == 0
    done = shell(shop, decide["run"])
    assert done.returncode == 3
    assert "FAIL R@10" in done.stdout
    assert summary["if"] == "always()"
    assert shell(shop, summary["run"]).returncode == 0
    assert (shop / "step.md").read_text().startswith("### intrex gate: fails")


def test_gitlab(shop: Path) -> None:
    done = shell(shop, gitlab_script())
    assert done.returncode == 0, done.stdout + done.stderr
    root = ET.fromstring((shop / "gate.xml").read_text())  # noqa: S314 -- our own output
    assert (root.attrib["tests"], root.attrib["failures"]) == ("2", "0")


def test_gitlab_with_a_build_that_fell_apart(shop: Path) -> None:
    assert shell(shop, spoil(gitlab_script())).returncode == 3
    root = ET.fromstring((shop / "gate.xml").read_text())  # noqa: S314 -- our own output
    assert int(root.attrib["failures"]) > 0

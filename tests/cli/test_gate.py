"""`intrex gate` as a build calls it."""

import json
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Said

QUERIES = 60


def write_run(path: Path, ranks: np.ndarray, tag: str) -> Path:
    """Write a run whose relevant document of each query stands at a rank; at 0 the query is missing."""
    lines = [
        f"q{q} Q0 {f'hit{q}' if place == rank else f'd{place}'} {place} {100 - place} {tag}"
        for q, rank in enumerate(ranks.tolist())
        for place in range(1, 12)
        if rank
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / "test.qrels").write_text("".join(f"q{q} 0 hit{q} 1\n" for q in range(QUERIES)))
    base = rng.integers(1, 4, QUERIES)
    return {
        "base": write_run(tmp_path / "base.run", base, "base"),
        "same": write_run(tmp_path / "same.run", base, "same"),
        "worse": write_run(tmp_path / "worse.run", base + 5, "worse"),
        "noise": write_run(tmp_path / "noise.run", rng.integers(1, 4, QUERIES), "noise"),
        "lacking": write_run(tmp_path / "lacking.run", np.where(np.arange(QUERIES) < 30, 0, base), "lacking"),
    }


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gate(intrex: Callable[[str], Said], world: dict[str, Path]) -> Call:
    def call(new: str, *arguments: str) -> tuple[int, str, str]:
        said = intrex(shlex.join(["gate", "test.qrels", "base.run", world[new].name, *arguments]))
        return said.code, said.out, said.err

    return call


def test_a_build_that_changed_nothing_passes(gate: Call) -> None:
    code, out, err = gate("same")
    assert code == 0
    assert out.startswith("PASS nDCG@10 ")
    assert out.count("\n") == 1
    assert not err


def test_a_build_that_fell_apart_fails_and_its_queries_are_named(gate: Call) -> None:
    code, out, err = gate("worse", "-m", "RR@10", "--max-drop", "0.1", "--losses", "2")
    assert code == 3
    assert out.startswith("FAIL RR@10 ")
    assert "error: the gate is shut: fail" in err
    assert err.count("q") >= 2


def test_in_between_the_option_decides(gate: Call) -> None:
    code, out, _ = gate("noise")
    assert code == 3
    assert out.startswith("CANNOT TELL nDCG@10 ")
    assert "60 queries detect " in out
    assert "queries would tell it" in out
    assert gate("noise", "--undecided", "pass")[0] == 0


def test_queries_that_the_build_lost_are_empty_rankings(gate: Call) -> None:
    code, out, err = gate("lacking")
    assert code == 3
    assert out.startswith("FAIL")
    assert "note: lacking lacks 30 of 60 judged queries; they count as empty rankings" in err


def test_one_measure_that_fails_is_enough(gate: Call) -> None:
    code, out, _ = gate("worse", "-m", "R@10 RR@10")
    assert code == 3
    assert [line.split()[0] for line in out.splitlines()] == ["PASS", "FAIL"]


def test_files_for_the_build_system(gate: Call, tmp_path: Path) -> None:
    code, _, _ = gate(
        "worse", "-m", "RR@10 P@1", "--junit", "g.xml", "--json", "g.json", "--markdown", "g.md"
    )
    assert code == 3  # written all the same
    suite = ET.fromstring((tmp_path / "g.xml").read_text()).find("testsuite")  # noqa: S314 -- our own output
    assert suite is not None
    assert suite.attrib["tests"] == suite.attrib["failures"] == "2"
    assert [case.attrib["name"] for case in suite] == ["RR@10", "P@1"]
    assert all(case.find("failure") is not None for case in suite)
    record = json.loads((tmp_path / "g.json").read_text())
    assert (record["verdict"], record["passed"]) == ("fail", False)
    assert record["measures"][0]["difference"] == pytest.approx(
        record["measures"][0]["mean_new"] - record["measures"][0]["mean_baseline"]
    )
    assert len(record["measures"][0]["losses"]) == 10
    assert "max_drop=0.01|alpha=0.05" in record["signature"]
    summary = (tmp_path / "g.md").read_text()
    assert summary.startswith("### intrex gate: fails\n")
    assert "| RR@10 | " in summary


def test_json_on_stdout_stands_alone(gate: Call) -> None:
    code, out, _ = gate("same", "--json", "-")
    assert code == 0
    assert json.loads(out)["verdict"] == "pass"


@pytest.mark.usefixtures("world")
def test_files_of_scores_serve(intrex: Callable[[str], Said]) -> None:
    assert intrex("evaluate test.qrels base.run -m RR@10 --scores base.jsonl").code == 0
    said = intrex("gate test.qrels base.jsonl worse.run -m RR@10 --max-drop 0.1")
    assert said.code == 3
    assert said.out.startswith("FAIL RR@10")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-drop", "0"], "--max-drop is 0, it must be above 0"),
        (["--max-drop", "nan"], "--max-drop is nan"),
        (["--alpha", "0.7"], "--alpha is 0.7"),
        (
            ["--test", "bootstrap", "--samples", "100", "--alpha", "0.001"],
            "100 resamples cannot show anything",
        ),
        (["--json", "x", "--junit", "x"], "name one file"),
        (["-m", "nDCG@1O"], "nDCG"),
        (["--undecided", "maybe"], "maybe"),
    ],
)
def test_requests_that_cannot_be(gate: Call, arguments: list[str], message: str, tmp_path: Path) -> None:
    code, out, err = gate("same", *arguments)
    assert code in (1, 2)
    assert not out
    assert message in err
    assert not (tmp_path / "x").exists()


def test_two_builds_of_one_baseline_and_one_run_for_both(gate: Call) -> None:
    code, _, err = gate("base")
    assert code == 2
    assert "given twice" in err


@pytest.mark.parametrize("option", ["--json", "--junit", "--markdown"])
def test_no_file_of_the_gate_takes_the_place_of_an_input(gate: Call, tmp_path: Path, option: str) -> None:
    before = (tmp_path / "base.run").read_bytes()
    code, _, err = gate("same", option, "base.run", "--overwrite")
    assert code != 0
    assert "input" in err
    assert (tmp_path / "base.run").read_bytes() == before
    assert gate("same", option, "new.file")[0] == 0
    assert gate("worse", option, "new.file", "--overwrite")[0] == 3  # replaced, though the gate is shut
    assert "worse" in (tmp_path / "new.file").read_text()

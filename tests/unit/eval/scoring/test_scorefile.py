"""The file ``scores.jsonl``: whatever is damaged in it is named with its line."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intrex.data.errors import BadInput
from intrex.data.runformats import read_any_run
from intrex.eval.evaluate.options import TIES
from intrex.eval.scoring.scorefile import read_scores
from intrex.eval.scoring.signature import run_fingerprint

Lines = list[dict[str, Any]]
SOUND: Lines = [
    {
        "schema": 5,
        "system": "bm25",
        "measures": ["AP", "P@5"],
        "conditions": {
            "collection": "toy",
            "query_set": "",
            "qrels": "ab" * 32,
            "rules": {
                "precision": 32,
                "ties": "docid-desc",
                "self_match": "keep",
                "complete": True,
                "judged_only": False,
                "depth": None,
                "excluded": "",
            },
            "dialect": "intrex",
            "split": "none",
            "fold": "",
            "subtopics": "",
            "removed": 0,
            "corpus": "",
            "version": "1.0",
        },
        "run_sha256": "cd" * 32,
        "n_queries": 3,
        "n_extra": 0,
    },
    {"query": "q1", "relevant": "00ff", "answered": True, "values": [0.5, 0.2]},
    {"query": "q10", "relevant": "", "answered": True, "values": [1, 0]},
    {"query": "é", "relevant": "00ff", "answered": False, "values": [0.0, 0.0]},
]


def written(lines: Lines, folder: Path) -> Path:
    path = folder / "s.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def put(line: int, *keys: Any) -> Callable[[Lines], None]:
    """Put the last of ``keys`` where the others lead."""
    *way, last, value = keys

    def change(lines: Lines) -> None:
        held: Any = lines[line]
        for key in way:
            held = held[key]
        held[last] = value

    return change


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    (one,) = read_scores(written(SOUND, tmp_path))
    assert one.scores.query_ids == ["q1", "q10", "é"] and one.scores.values.tolist()[1] == [1.0, 0.0]


RULES = (0, "conditions", "rules")
DAMAGE = {
    "a measure that is no text": (put(0, "measures", ["AP", 5]), 1),
    "measures that are no list": (put(0, "measures", "AP"), 1),
    "no measures": (put(0, "measures", []), 1),
    "an unknown measure": (put(0, "measures", ["AP", "nope"]), 1),
    "a measure twice": (put(0, "measures", ["AP", "map"]), 1),
    "a system that is no text": (put(0, "system", 7), 1),
    "a system without a name": (put(0, "system", ""), 1),
    "a half character": (put(0, "system", "\ud800"), 1),
    "a count that is none": (put(0, "n_extra", "0"), 1),
    "a count below zero": (put(0, "n_extra", -1), 1),
    "no digest": (put(0, "run_sha256", None), 1),
    "another schema": (put(0, "schema", 4), 1),
    "relevant documents that are a number": (put(1, "relevant", 5), 2),
    "a schema that is no number": (put(0, "schema", [2]), 1),
    "conditions of another kind": (put(0, "conditions", []), 1),
    "a condition too many": (put(0, "conditions", "extra", 1), 1),
    "rules of another kind": (put(0, "conditions", "rules", None), 1),
    "a collection that is no text": (put(0, "conditions", "collection", 4), 1),
    "another precision": (put(*RULES, "precision", 16), 1),
    "a precision that is no integer": (put(*RULES, "precision", 32.0), 1),
    "unknown ties": (put(*RULES, "ties", "random"), 1),
    "ties that are a list": (put(*RULES, "ties", []), 1),
    "complete that is a number": (put(*RULES, "complete", 1), 1),
    "a depth of zero": (put(*RULES, "depth", 0), 1),
    "a value that is not finite": (put(1, "values", [0.5, float("nan")]), 2),
    "an infinite value": (put(1, "values", [0.5, float("inf")]), 2),
    "a value too large": (put(1, "values", [0.5, 10**400]), 2),
    "a value that is a text": (put(1, "values", [0.5, "0.5"]), 2),
    "a value that is a truth value": (put(1, "values", [0.5, True]), 2),
    "a value too few": (put(2, "values", [0.5]), 3),
    "a value too many": (put(2, "values", [0.5, 0.5, 0.5]), 3),
    "values that are no list": (put(2, "values", 1), 3),
    "a query that is no text": (put(2, "query", 10), 3),
    "a query twice": (put(2, "query", "q1"), 3),
    "queries out of order": (put(2, "query", "a"), 3),
    "answered that is a number": (put(3, "answered", 1), 4),
    "no query": (lambda lines: lines[3].pop("query"), 4),
    "a missing rule": (lambda lines: lines[0]["conditions"]["rules"].pop("ties"), 1),
    "no header": (lambda lines: lines[0].pop("schema"), 1),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_named_with_its_line(what: str, tmp_path: Path) -> None:
    change, line = DAMAGE[what]
    lines = copy.deepcopy(SOUND)
    change(lines)
    with pytest.raises(BadInput, match=rf"s\.jsonl:{line}\b") as caught:
        read_scores(written(lines, tmp_path))
    assert caught.value.hint


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cut off: 2 of 3"):
        read_scores(written(SOUND[:-1], tmp_path))


@pytest.mark.parametrize("ties", TIES)
def test_scores_of_every_treatment_of_ties_are_read_back(
    ties: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("q").write_text("q1 0 d1 1\nq1 0 d2 0\n")
    Path("r").write_text("q1 Q0 d1 1 2 t\nq1 Q0 d2 1 2 t\n")
    said = intrex(f"evaluate q r -m AP --scores s.jsonl --ties {ties}")
    rule = "f32-expected" if ties == "expected" else ties
    assert said.code == 0 and f"|ties={rule}|" in said.out
    (system,) = read_scores(Path("s.jsonl"))
    value = {"docid-desc": 0.5, "docid-asc": 1.0, "file": 1.0, "expected": 0.75}
    assert system.scores.values[:, 0].tolist() == [value[rule[4:]]]
    assert f"|ties={rule}|" in system.conditions.signature()
    assert system.run_sha256 == run_fingerprint(read_any_run(Path("r")))
    assert intrex("leaderboard build s.jsonl").code == 0


def test_expected_values_do_not_stand_beside_those_of_an_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("q").write_text("q1 0 d1 1\nq2 0 d2 1\n")
    for tag in ("a", "b"):
        Path(tag).write_text(f"q1 Q0 d1 1 2 {tag}\nq1 Q0 d2 1 2 {tag}\nq2 Q0 d2 1 2 {tag}\n")
    assert intrex("evaluate q a -m AP --scores a.jsonl --ties expected").code == 0
    assert intrex("evaluate q b -m AP --scores b.jsonl").code == 0
    assert intrex("evaluate q b -m AP --scores c.jsonl --ties f64-expected").code == 0
    board = intrex("leaderboard build a.jsonl b.jsonl")
    assert board.code == 1 and "scored by different rules" in board.err
    for other, words in (("b", "ties=expected against docid-desc"), ("c.jsonl", "precision=32 against 64")):
        said = intrex(f"compare q a.jsonl {other} -m AP")
        assert said.code == 1 and words in said.err, said.err


def test_scores_that_looked_at_other_queries_judgements_are_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("q").write_text("q1 0 d1 1\nq2 0 d2 1\n")
    Path("r").write_text("q1 Q0 d2 1 2 t\nq1 Q0 d3 1 1 t\n")
    assert intrex("""evaluate q r -m "Hole(scope='collection')@2" --scores s.jsonl""").code == 0
    (system,) = read_scores(Path("s.jsonl"))
    assert system.run_sha256 == run_fingerprint(read_any_run(Path("r")))
    assert system.scores.values[0, 0] == 0.5

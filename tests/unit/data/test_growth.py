"""Runs whose scores contradict their ranks in every query."""

import gzip
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from intrex.data.growth import scores_grow
from intrex.eval.scoring import stream
from tests.conftest import Said


def run_of(*rankings: list[tuple[object, float]]) -> str:
    """A run's text: the ranks and scores of each query."""
    return "".join(
        f"q{q} Q0 d{row} {rank} {score} t\n"
        for q, ranking in enumerate(rankings)
        for row, (rank, score) in enumerate(ranking)
    )


UP = [(rank, -10 + 1.5 * rank) for rank in range(1, 5)]


@pytest.mark.parametrize(
    ("text", "grow"),
    [
        (run_of(UP, UP), True),
        (run_of(UP[::-1], UP), True),  # the ranks count, not the order of the lines
        (run_of(UP, [(1, 0.5)], [(1, 1), (2, 1), (3, 2)]), True),
        ("# a comment\n\n" + run_of(UP), True),
        (run_of(UP, [(1, 2), (2, 1)]), False),
        (run_of(UP, [(1, 1), (2, 1)]), False),
        (run_of([(1, 1), (2, 2)]), False),  # one row in the wrong place
        (run_of([(0, score) for _, score in UP]), False),  # the ranks say nothing
        (run_of([("x", score) for _, score in UP]), False),
        (run_of([(1, 1.0)] * 20_000), False),
        ("q d 1\nq e 2\n", False),
        ("", False),
    ],
)
def test_scores_that_grow_in_every_query(tmp_path: Path, text: str, grow: bool) -> None:
    (tmp_path / "r").write_text(text)
    (tmp_path / "r.gz").write_bytes(gzip.compress(text.encode()))
    assert scores_grow(tmp_path / "r") == scores_grow(tmp_path / "r.gz") == grow


def test_it_is_said_once_for_a_run(
    tmp_path: Path, intrex: Callable[[str], Said], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "up.txt").write_text(run_of(UP, UP))
    (tmp_path / "down.txt").write_text(run_of([(rank, -score) for rank, score in UP], UP))
    (tmp_path / "qrels").write_text("q0 0 d0 1\nq1 0 d1 1\n")
    caplog.set_level(logging.INFO, "intrex")
    assert intrex(f"evaluate {tmp_path}/qrels {tmp_path}/up.txt {tmp_path}/down.txt -m RR").code == 0
    assert intrex(f"compare {tmp_path}/qrels {tmp_path}/up.txt {tmp_path}/down.txt -m RR").code == 0
    notes = [r.getMessage() for r in caplog.records if "scores grow with the ranks" in r.getMessage()]
    assert len(notes) == 1 and notes[0].startswith("up.txt: in every query")
    (tmp_path / "more.txt").write_text(run_of(UP))
    assert intrex(f"fuse {tmp_path}/up.txt {tmp_path}/more.txt -o {tmp_path}/f.txt").code == 0
    assert any(text.startswith("more.txt: in every query") for text in caplog.messages)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "row", ["q1 Q0 -1 3 -3.4028235e38 t", "q1 Q0 -1 3 0.5 t", "q1 Q0 d9 3 -3.4028234663852886e+38 t"]
)
def test_a_padded_row_is_said(
    tmp_path: Path,
    intrex,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    streamed: bool,
    row: str,
) -> None:
    """faiss fills up lists that are too short; each such row counts as a document that was retrieved."""
    if streamed:
        monkeypatch.setattr(stream, "WORTH_LOADING", 0)
        monkeypatch.setattr(stream, "WORTH_COMPILING", 0)
    sound = "q1 Q0 d1 1 2.5 t\nq1 Q0 x1 2 1.5 t\nq2 Q0 -2 1 3.4e37 t\nq2 Q0 11 -1 -1 t\n"
    (tmp_path / "sound.txt").write_text(sound)
    (tmp_path / "padded.txt").write_text(sound.replace("q2", row + "\nq2", 1))
    (tmp_path / "qrels").write_text("q1 0 d1 1\nq2 0 11 1\n")
    caplog.set_level(logging.INFO, "intrex")
    for name, count in (("sound", 0), ("padded", 1)):
        assert intrex(f"evaluate {tmp_path}/qrels {tmp_path}/{name}.txt -m RR").code == 0
        notes = [r.getMessage() for r in caplog.records if "padded rows" in r.getMessage()]
        assert len(notes) == count
    assert notes[0].startswith("padded.txt: padded rows") and notes[0].count(": 1.") == 1

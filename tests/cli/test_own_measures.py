"""Measures of the user's own: ``-m FILE.py:FUNCTION``."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.score import score
from tests.differential.adversarial import make

CODE = """
import numpy as np


def ndcg(gains, ideal):
    def dcg(values):
        return (values / np.log2(np.arange(2, len(values) + 2))).sum()

    return dcg(gains) / dcg(ideal)


def precision(gains, ideal):
    return (gains > 0).mean()


def judged(gains, ideal, judged):
    return judged.mean()


def reversed_ideal(gains, ideal, tail=1):
    return ideal[-tail:].sum()


def fails(gains, ideal):
    return gains[len(gains)]


def nothing(gains, ideal):
    pass


def nan(gains, ideal):
    return float("nan")


def alone(gains):
    return 1
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "q").write_text("t1 0 a 2\nt1 0 b 0\nt1 0 c 1\nt2 0 a 1\nt2 0 n -1\nt3 0 z 1\nt4 0 a 0\n")
    (tmp_path / "r").write_text(
        "t1 Q0 b 1 3.0 A\nt1 Q0 a 2 2.0 A\nt1 Q0 u 3 1.0 A\nt2 Q0 n 1 2.0 A\nt2 Q0 a 2 1.0 A\nt4 Q0 a 1 1.0 A\n"
    )
    (tmp_path / "mine.py").write_text(CODE)
    return tmp_path


def values(said: Any) -> dict[str, float]:
    return {row["measure"]: float(row["value"]) for row in csv.DictReader(said.out.splitlines())}


def test_own_measures_beside_those_of_intrex(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CODE)
    own = [
        f"{tmp_path}/mine.py:{text}" for text in ("ndcg", "precision", "judged@5", "ndcg(judged_only=True)")
    ]
    known = ["nDCG", "SetP", "nDCG(judged_only=True)"]
    for seed in range(5):
        qrels, run = make(seed)
        found = score(Qrels.from_dict(qrels), Run.from_dict(run), parse_measures([*own, *known]))
        ndcg, precision, _, condensed, *theirs = found.values.T
        assert ndcg == pytest.approx(theirs[0], abs=1e-12)
        assert precision == pytest.approx(theirs[1], abs=1e-12)
        assert condensed == pytest.approx(theirs[2], abs=1e-12)


def test_what_a_function_is_given(files: Path, intrex: Callable[..., Any]) -> None:
    text = " ".join(f"{files}/mine.py:{m}" for m in ("precision@1", "judged", "judged@1", "reversed_ideal"))
    said = intrex(f"evaluate {files}/q {files}/r -m '{text}' -q --format csv")
    rows = list(csv.DictReader(said.out.splitlines()))
    found = {
        (r["measure"].split(":")[1].replace(r["measure"].split("#")[1][:12], ""), r["query"]): r["value"]
        for r in rows
    }
    assert [float(found["precision#@1", q]) for q in ("t1", "t2", "t3", "t4")] == [0, 0, 0, 0]
    # u is unjudged, n pooled and not judged; t3 retrieves nothing and t4 has nothing to find: 0 without a call
    assert [float(found["judged#", q]) for q in ("t1", "t2", "t3", "t4")] == pytest.approx(
        [2 / 3, 1 / 2, 0, 0]
    )
    assert [float(found["judged#@1", q]) for q in ("t1", "t2", "t3", "t4")] == [1, 0, 0, 0]
    assert [float(found["reversed_ideal#", q]) for q in ("t1", "t2")] == [0, 0]


def test_the_name_carries_the_hash_of_the_code(files: Path, intrex: Callable[..., Any]) -> None:
    line = f"evaluate {files}/q {files}/r -m {files}/mine.py:precision@1 --format csv"
    (first,) = values(intrex(line))
    assert first == first.strip() and first.startswith("mine.py:precision#") and first.endswith("@1")
    assert list(values(intrex(line))) == [first]
    with (files / "mine.py").open("a") as code:
        code.write("# another version\n")
    (second,) = values(intrex(line))
    assert second != first
    assert not list(files.glob("__pycache__"))


def test_scores_are_read_and_compared_without_the_code(files: Path, intrex: Callable[..., Any]) -> None:
    (files / "r2").write_text((files / "r").read_text().replace(" A\n", " B\n").replace("a 2 2.0", "a 2 4.0"))
    (files / "mine.py").write_text(CODE + f"\nopen({str(files / 'ran')!r}, 'a').write('x')\n")
    own = f"{files}/mine.py:ndcg"
    said = intrex(f"evaluate {files}/q {files}/r {files}/r2 -m {own} --scores {files}/s.jsonl --format csv")
    assert said.code == 0
    name = json.loads((files / "s.jsonl").read_text().splitlines()[0])["measures"][0]
    assert intrex(f"compare {files}/q {files}/s.jsonl -m {own} --format csv").out.count(name) == 1
    (files / "ran").unlink()
    (files / "mine.py").unlink()
    assert intrex(f"compare {files}/q {files}/s.jsonl -m {name} --format csv").out.count(name) == 1
    assert name in intrex(f"leaderboard build {files}/s.jsonl --format csv").out
    assert not (files / "ran").exists()
    said = intrex(f"evaluate {files}/q {files}/r -m {name.replace('#', '#0')[:-1]}")
    assert said.code == 2 and "is not at hand" in said.err


def test_a_function_of_a_module(
    files: Path, intrex: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "own_measures_of_a_test").mkdir()
    (files / "own_measures_of_a_test" / "late.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(files))
    said = intrex(f"evaluate {files}/q {files}/r -m own_measures_of_a_test.late:ndcg -m nDCG --format csv")
    own, known = values(said).values()
    assert own == pytest.approx(known)
    assert next(iter(values(said))).startswith("own_measures_of_a_test.late:ndcg#")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mine.py:fails", "mine.py:fails, query 1 of the judgements: IndexError: index 3 is out of bounds"),
        ("mine.py:fails", "(line 25)"),
        ("mine.py:nothing", "query 1 of the judgements: the value is None, a number is needed"),
        ("mine.py:nan", "the value is nan, a finite number is needed"),
        ("mine.py:alone", "alone takes gains"),
        ("mine.py:precison", "did you mean precision?"),
        ("mine.py:np", "has no function np"),
        ("mine.py:ndcg(p=1)", "unknown parameter 'p'"),
        ("mine.py:ndcg@0", "must be at least 1"),
        ("other.py:ndcg", "no file "),
        ("wrong.py:ndcg", "cannot be imported: NameError: name 'undefined' is not defined (line 2)"),
        ("syntax.py:ndcg", "cannot be imported: SyntaxError"),
        ("exits.py:ndcg", "cannot be imported: SystemExit: 3"),
        ("leaves.py:ndcg", "query 1 of the judgements: SystemExit: 3 (line 2)"),
    ],
)
def test_what_goes_wrong_is_said(files: Path, intrex: Callable[..., Any], text: str, message: str) -> None:
    (files / "wrong.py").write_text("\nundefined\n")
    (files / "syntax.py").write_text("def ndcg(:\n")
    (files / "exits.py").write_text("import sys\nsys.exit(3)\n")
    (files / "leaves.py").write_text("def ndcg(gains, ideal):\n    raise SystemExit(3)\n")
    said = intrex(f"evaluate {files}/q {files}/r -m {files}/{text}")
    assert said.code == 2 and message in said.err, said.err
    assert "Traceback" not in said.err


def test_other_tools_do_not_have_it(files: Path, intrex: Callable[..., Any]) -> None:
    said = intrex(f"evaluate {files}/q {files}/r -m {files}/mine.py:ndcg --as ranx")
    assert said.code == 2 and "ranx has no measure like mine.py:ndcg#" in said.err
    said = intrex(f"evaluate {files}/q {files}/r -m {files}/mine.py:ndcg --ties expected")
    assert said.code == 2 and "no expected value" in said.err


def test_what_a_function_gets_are_copies_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "writes.py").write_text(
        "def f(gains, ideal):\n    gains[:] = 0\n    ideal[:] = 0\n    return 0\n"
    )
    qrels, run = make(3)
    texts = ["nDCG", "AP"]
    judged, ranked = Qrels.from_dict(qrels), Run.from_dict(run)
    alone = score(judged, ranked, parse_measures(texts)).values
    beside = score(judged, ranked, parse_measures([f"{tmp_path}/writes.py:f", *texts])).values
    assert np.array_equal(alone, beside[:, 1:])

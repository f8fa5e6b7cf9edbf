"""Grades that are words: ``--grades A=3,B=2,C=1,D=0``."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MAP = "--grades A=3,B=2,L1=1,D=0"
PAIRS = [
    ("t1", "x9", "A"),
    ("t1", "x4", "D"),
    ("t1", "x5", "L1"),
    ("t2", "x4", "-1"),
    ("t2", "x9", "B"),
    ("t2", "x1", "1"),
]
NUMBERS = {"A": "3", "B": "2", "L1": "1", "D": "0"}


def _trec(rows: list[tuple[str, str, str]]) -> str:
    return "".join(f"{q} 0 {d} {g}\n" for q, d, g in rows)


def _beir(rows: list[tuple[str, str, str]]) -> str:
    return "query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t{g}\n" for q, d, g in rows)


def _csv(rows: list[tuple[str, str, str]]) -> str:
    return "qid,doc,grade\n" + "".join(f"{q},{d},{g}\n" for q, d, g in rows)


def _json(rows: list[tuple[str, str, str]]) -> str:
    inner = {q: ",".join(f'"{d}":"{g}"' for p, d, g in rows if p == q) for q, _, _ in rows}
    return "{" + ",".join(f'"{q}":{{{docs}}}' for q, docs in inner.items()) + "}"


FORMS = {"a.qrels": _trec, "b.qrels": _beir, "c.csv": _csv, "d.json": _json}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "r"
    path.write_text("t1 Q0 x4 1 2.0 A\nt1 Q0 x9 2 1.0 A\nt2 Q0 x9 1 2.0 A\nt2 Q0 x4 2 1.0 A\n")
    return path


def value(said: Any) -> tuple[float, str]:
    (row,) = csv.DictReader(said.out.splitlines())
    return float(row["value"]), row["signature"].split("qrels=")[1][:12]


@pytest.mark.parametrize("name", FORMS)
def test_words_are_grades_in_every_form(
    tmp_path: Path, intrex: Callable[..., Any], run: Path, name: str
) -> None:
    words, numbers = tmp_path / name, tmp_path / f"n-{name}"
    words.write_text(FORMS[name](PAIRS))
    numbers.write_text(FORMS[name]([(q, d, NUMBERS.get(g, g)) for q, d, g in PAIRS]))
    plain = intrex(f"evaluate {numbers} {run} -m nDCG --format csv")
    mapped = intrex(f"evaluate {words} {run} -m nDCG {MAP} --format csv")
    assert plain.code == mapped.code == 0
    assert value(mapped) == value(plain)  # the fingerprint of the judgements too
    assert value(plain)[0] < 1
    refused = intrex(f"evaluate {words} {run} -m nDCG")
    assert refused.code == 1 and "the grade is 'A'" in refused.err
    assert "--grades A=3,B=2,C=1,D=0" in refused.err


def test_a_word_without_a_number_is_named_with_its_line(
    tmp_path: Path, intrex: Callable[..., Any], run: Path
) -> None:
    (tmp_path / "q").write_text(_trec(PAIRS))
    said = intrex(f"evaluate {tmp_path}/q {run} --grades A=3,D=0")
    assert said.code == 1 and "the grade is 'B', an integer is needed (q:5)" in said.err
    assert "'A'" not in said.err


@pytest.mark.parametrize("text", ["A", "A=", "=3", "A=x", "A=1.5", "A=99999999999", "A=3,A=2", ""])
def test_what_is_no_map_is_refused(tmp_path: Path, intrex: Callable[..., Any], run: Path, text: str) -> None:
    (tmp_path / "q").write_text(_trec(PAIRS))
    said = intrex(f"evaluate {tmp_path}/q {run} --grades '{text}'")
    assert said.code == 2 and "--grades" in said.err


def test_numbers_can_stand_for_others(tmp_path: Path, intrex: Callable[..., Any], run: Path) -> None:
    """Grade 1, "related", as not relevant."""
    (tmp_path / "q").write_text("t1 0 x9 1\nt1 0 x4 2\n")
    said = intrex(f"evaluate {tmp_path}/q {run} -m P@2 --grades 1=0,2=1 --format csv")
    assert value(said)[0] == 0.5


def test_other_commands_read_them(tmp_path: Path, intrex: Callable[..., Any], run: Path) -> None:
    judged = tmp_path / "judged.txt"
    judged.write_text(_trec(PAIRS))
    (tmp_path / "r2").write_text(run.read_text().replace(" A\n", " B\n").replace("x4 1 2.0", "x4 1 0.5"))
    said = intrex(f"compare {judged} {run} {tmp_path}/r2 {MAP} -m nDCG --format csv")
    assert said.code == 0 and said.out.startswith("measure,")
    assert intrex(f"check {judged} {MAP}").code == 0
    assert intrex(f"check {judged}").code != 0
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text("".join(f'{{"_id":"x{i}","text":"a"}}\n' for i in (1, 4, 5, 9)))
    (folder / "queries.jsonl").write_text('{"_id":"t1","text":"a"}\n{"_id":"t2","text":"b"}\n')
    for name in ("a.qrels", "c.csv"):
        (tmp_path / name).write_text(FORMS[name](PAIRS))
        said = intrex(f"collection import {folder} {tmp_path}/c-{name} --qrels test={tmp_path}/{name} {MAP}")
        assert said.code == 0, said.err
        kept = (tmp_path / f"c-{name}" / "qrels" / "test.tsv").read_text().splitlines()[1:]
        assert sorted(kept) == sorted(f"{q}\t{d}\t{NUMBERS.get(g, g)}" for q, d, g in PAIRS)
    said = intrex(f"collection import {folder} {tmp_path}/c --qrels test={tmp_path}/a.qrels")
    assert said.code == 1 and "--grades A=3" in said.err

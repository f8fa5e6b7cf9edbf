"""Judgements that name relevant documents only, and the values that mislead on them."""

from pathlib import Path

import pytest

NOTE = "the judgements name relevant documents only"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").write_text("q1 0 d1 1\nq2 0 d3 2\n")
    (tmp_path / "n").write_text("q1 0 d1 1\nq1 0 d2 0\nq2 0 d3 2\n")
    (tmp_path / "r").write_text("q1 Q0 d2 1 3 t\nq1 Q0 d1 2 2 t\nq2 Q0 d3 1 2 t\n")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("-m nDCG@10", None),
        ("-m nDCG@10 -m Judged@10", "Judged@10"),
        ("-m bpref -m infAP", "Bpref, infAP"),
        ("-m 'nDCG(judged_only=True)@10 P@5'", "nDCG(judged_only=True)@10"),
        ("-m nDCG@10 -m P@5 -J", "nDCG@10, P@5"),
        ("-m nDCG@10 --pool-bias", "condensed, judged"),
        ("-m nDCG@10 --scores s.jsonl", "Judged@10"),
    ],
)
def test_values_of_the_pool_get_a_note(work: Path, intrex, options: str, named: str | None) -> None:
    said = intrex(f"evaluate p r {options}")
    assert said.code == 0, said.err
    assert (f"{NOTE}: {named} cannot tell" in said.err) if named else NOTE not in said.err
    said = intrex(f"evaluate n r {options.replace('s.jsonl', 's2.jsonl')}")
    assert said.code == 0 and NOTE not in said.err


def test_check_names_them(work: Path, intrex) -> None:
    said = intrex("check p --format csv")
    assert said.code == 0 and 'Q013,note,p,1,"every grade is above 0, in 2 judgements"' in said.out
    assert "Q013" not in intrex("check n --format csv").out
    assert "Q013" not in intrex("check r --as qrels --format csv").out

"""Accuracy by answers: ``evaluate ANSWERS RUN --answers COLLECTION``."""

import json
from pathlib import Path

import pytest

from intrex.eval.evaluate.answers import has_answer
from intrex.eval.scoring.scorefile import read_scores

DOCS = {"d1": ("Ferries", "Summer ferries to Port Ellen, daily."), "d2": ("Port Ellen", "A harbour on Islay."), "d3": ("", "Portsmouth")}  # fmt: skip


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_well) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = ({"_id": i, "title": title, "text": text} for i, (title, text) in DOCS.items())
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.jsonl").write_text('{"_id": "q1", "text": "where to?", "answers": ["Port Ellen"]}\n')
    (tmp_path / "r").write_text("q1 Q0 d2 1 2 t\nq1 Q0 d1 2 1 t\n")
    all_well("collection import docs.jsonl c")
    return tmp_path


def values(said) -> dict[str, float]:
    assert said.code == 0, said.err
    rows = [line.split(",") for line in said.out.splitlines()[1:]]
    return {row[1]: float(row[2]) for row in rows}


def test_a_text_that_has_the_answer_counts_its_title_does_not(work: Path, intrex) -> None:
    said = intrex("evaluate a.jsonl r --answers c -m accuracy@1 -m accuracy@2 -m RR@10 -m P@2 --format csv")
    assert values(said) == {"Success@1": 0.0, "Success@2": 1.0, "RR@10": 0.5, "P@2": 0.5}
    assert "set=a.jsonl:answers-in-docs.jsonl|" in said.out or "set=a.jsonl:answers-in-docs|" in said.out
    assert list(values(intrex("evaluate a.jsonl r --answers c --format csv"))) == [
        "Success@1", "Success@5", "Success@20", "Success@100",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        'q1\t["Port Ellen"]\nq2\t["x"]\n',
        'q1\twhere to?\t["Port Ellen"]\nq2\tand?\t[]\n',
        '[{"id": "q1", "answer": "port ellen"},\n {"id": "q2", "answers": ["x", ""]}]\n',
    ],
)
def test_forms_of_answers_and_queries_without_a_hit_or_a_ranking(work: Path, intrex, text: str) -> None:
    (work / "a").write_text(text)
    assert values(intrex("evaluate a r --answers c -m Success@2 --format csv")) == {"Success@2": 0.5}
    assert values(intrex("evaluate a r --answers c -m Success@2 --no-complete --format csv")) == {
        "Success@2": 1.0
    }


@pytest.mark.parametrize(
    ("text", "answers", "found"),
    [
        ("Portsmouth", ["port"], False),
        ("a PORT, ellen", ["port ellen"], False),
        ("in the port-ellen ferry", ["Port-Ellen"], True),
        ("Cafe\u0301 Zoe\u0308", ["caf\u00e9"], True),
        ("cafe", ["caf\u00e9"], False),
        ("in 1,965 days", ["1,965"], True),
        ("东京 塔", ["东京"], True),
        ("anything", ["", "  "], False),
        ("one two", ["x", "two"], True),
    ],
)
def test_words_one_after_another(text: str, answers: list[str], found: bool) -> None:
    assert has_answer(text, answers) is found


def test_equal_to_the_code_of_dpr() -> None:
    """pyserini carries DPR's own tokenizer and comparison; an answer without words, found everywhere there, is left out."""
    pytest.importorskip("pyserini")
    from pyserini.eval.evaluate_dpr_retrieval import SimpleTokenizer, has_answers

    texts = [
        *(text for _, text in DOCS.values()),
        "Ünï-6 of Straße & 東京 (1965): $3.50, don't!",
        "A.B. a\u200bb \ta",
    ]
    answers = [
        "port ellen",
        "Straße",
        "STRASSE",
        "don't",
        "3.50",
        "$3",
        "a.b.",
        "a b",
        "ab",
        "東京",
        "東",
        "harbour on",
        "ünï",
    ]
    tokenizer = SimpleTokenizer()
    for text in texts:
        for answer in answers:
            assert has_answer(text, [answer]) == has_answers(text, [answer], tokenizer), (text, answer)


def test_scores_go_on_to_a_leaderboard(work: Path, intrex, all_well) -> None:
    all_well(
        "evaluate a.jsonl r --answers c -m Success@2 --scores s.jsonl", "leaderboard build s.jsonl -o lb.csv"
    )
    (system,) = read_scores(work / "s.jsonl")
    assert (
        system.conditions.query_set.startswith("answers-in-") and system.scores.values.tolist()[0][0] == 1.0
    )


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("evaluate a.jsonl r --answers c -m nDCG@10", 2, "nDCG@10 cannot be told from answers"),
        ("evaluate a.jsonl r --answers c -m RR", 2, "RR cannot be told from answers"),
        (
            "evaluate a.jsonl r --answers c -m P@5 --pool-bias",
            2,
            "--answers and --pool-bias do not go together",
        ),
        ("evaluate a.jsonl far --answers c -m P@5", 1, "1 retrieved documents are not in docs"),
        ("evaluate a.jsonl other --answers c -m P@5", 1, "none of the 1 judged queries"),
        ("evaluate bad r --answers c -m P@5", 1, "the answers are an integer"),
        ("evaluate none r --answers c -m P@5", 1, "the query has no answers"),
    ],
)
def test_refusals(work: Path, intrex, line: str, code: int, message: str) -> None:
    (work / "far").write_text("q1 Q0 elsewhere 1 2 t\n")
    (work / "other").write_text("q7 Q0 d1 1 2 t\n")
    (work / "bad").write_text('{"_id": "q1", "answers": 3}\n')
    (work / "none").write_text('{"_id": "q1", "text": "x"}\n')
    said = intrex(line)
    assert said.code == code and message in said.err, said.err


def test_excluded_ids_of_bright(work: Path, intrex) -> None:
    (work / "examples.jsonl").write_text(
        '{"query": "x", "id": "q1", "excluded_ids": ["d2"], "gold_ids": ["d1"]}\n{"id": "1", "excluded_ids": ["N/A"]}\n'
    )
    (work / "q.qrels").write_text("q1 0 d1 1\n")
    said = intrex("evaluate q.qrels r -m RR@10 --exclude examples.jsonl --format csv")
    assert values(said) == {"RR@10": 1.0} and "|excluded=" in said.out
    (work / "examples.jsonl").write_text('{"id": "q1", "excluded_ids": "d2"}\n')
    said = intrex("evaluate q.qrels r -m RR@10 --exclude examples.jsonl")
    assert said.code == 1 and "examples.jsonl:1" in said.err


def test_columns_of_the_run_are_named_beside_answers(work: Path, intrex) -> None:
    (work / "r3").write_text("q1 d1 7\nq1 d2 5\n")
    command = "evaluate a.jsonl r3 --answers c -m Success@1 --format csv --columns query,document,score"
    assert values(intrex(command)) == {"Success@1": 1.0}

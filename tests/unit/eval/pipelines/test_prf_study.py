"""The study of feedback: its grid, its tests, and that its page is made of its CSV files."""

import random
from pathlib import Path

import pytest

from intrex.eval.pipelines.studies.prf import page, results
from intrex.eval.pipelines.studies.prf.grid import (
    ALONE,
    COLLECTIONS,
    FIRST,
    MEASURES,
    PLAIN,
    QUESTIONS,
    System,
    evaluation,
    systems,
)
from intrex.eval.pipelines.studies.prf.results import Difference, Score
from tests.conftest import ROOT

DOCS = ROOT / "docs" / "studies"


def test_every_baseline_is_a_system_of_the_grid() -> None:
    every = set(systems())
    assert len(every) == len(systems()) == 64 and len({s.name for s in every}) == 64
    for question in QUESTIONS:
        for system, baseline in question.pairs():
            assert {system, baseline} <= every and system != baseline
    assert [len(list(question.pairs())) for question in QUESTIONS] == [48, 16, 16, 24, 48]
    assert [s.partner for s in systems()[:2]] == ["bm25", "splade"], "lists that are mixed in come first"


def test_a_search_says_what_the_system_is() -> None:
    both = System("minilm", "bm25", "both", 3).search("c")
    assert "c-minilm c:test --k 100 --prf-depth 3 --prf-method avg --interpolate both" in both
    assert both.endswith(
        "--with c-runs/bm25.txt.gz --alpha 0.5 --tag minilm-bm25-both3 -o c-runs/minilm-bm25-both3.txt.gz"
    )
    plain = System("minilm", "bm25", PLAIN, 0).search("c")
    assert "--prf-depth 0 --interpolate after --with c-runs/bm25.txt.gz" in plain
    assert "--with" not in System("minilm", "", ALONE, 5).search("c")
    assert "--prf" not in System("", "bm25", FIRST, 0).search("c")


def test_answers_follow_from_the_tests() -> None:
    def made(*differences: tuple[float, float]) -> list[Difference]:
        system = System("minilm", "bm25", "both", 3)
        return [Difference("q", "c", system, "b", d, d, d, p, p, 9, 9) for d, p in differences]

    assert page.counts(made((0.1, 0.01), (0.2, 0.5), (-0.1, 0.2), (0, 1))) == (2, 1, 1, 0)
    assert page.verdict(made((0.1, 0.5), (-0.1, 0.06))).startswith("No difference is significant")
    assert page.verdict(made((0.1, 0.01), (-0.1, 0.06))).startswith("Yes")
    assert page.verdict(made((0.1, 0.5), (-0.1, 0.01))).startswith("No: ")
    assert page.verdict(made((0.1, 0.01), (-0.1, 0.01))).startswith("It depends")


def test_scores_are_tested_and_come_back_from_their_files(tmp_path: Path, intrex) -> None:
    """Runs by chance, in which one system finds what is relevant; the whole way from runs to the page and plot."""
    draw = random.Random(0)
    queries, docs = [f"q{i}" for i in range(20)], [f"d{i}" for i in range(40)]
    (tmp_path / "qrels.txt").write_text("".join(f"{q} 0 {draw.choice(docs)} 1\n" for q in queries))
    relevant = dict(line.split()[::2] for line in (tmp_path / "qrels.txt").read_text().splitlines())
    best = System("minilm", "bm25", "both", 3)
    for system in systems():
        lines = []
        for query in queries:
            ranked = draw.sample(docs, 10)
            if system == best:
                ranked = [relevant[query], *(doc for doc in ranked if doc != relevant[query])][:10]
            lines += [f"{query} Q0 {doc} {i} {11 - i} {system.name}\n" for i, doc in enumerate(ranked, 1)]
        (tmp_path / f"{system.name}.txt.gz").write_text("".join(lines))
    runs = " ".join(f"{tmp_path}/{system.name}.txt.gz" for system in systems())
    words = evaluation("c").replace("c:test", f"{tmp_path}/qrels.txt").replace("c-runs/*.txt.gz", runs)
    said = intrex(words.removeprefix("intrex ").replace("c.jsonl", f"{tmp_path}/c.jsonl"))
    assert said.code == 0, said.err
    scores = [
        Score(name, s.system, s.values)
        for name in COLLECTIONS
        for s in results.read_means("c", tmp_path / "c.jsonl")
    ]
    assert next(s.values[0] for s in scores if s.system == best) == 1.0
    tests = results.run_tests(dict.fromkeys(COLLECTIONS, tmp_path / "c.jsonl"))
    of_best = [t for t in tests if t.system == best]
    assert of_best and all(t.difference > 0.5 and t.p_holm < 0.05 for t in of_best)
    assert all(t.p_holm >= t.p for t in tests)
    results.write_scores(scores, tmp_path / "prf-scores.csv")
    results.write_tests(tests, tmp_path / "prf-tests.csv")
    back = results.load_tests(tmp_path / "prf-tests.csv")
    assert [(t.system, t.baseline, t.queries) for t in back] == [
        (t.system, t.baseline, t.queries) for t in tests
    ]
    text = page.make_page(tmp_path)
    assert "minilm-bm25-both3" in text and "![scores by depth](prf.png)" in text
    page.draw(tmp_path, tmp_path / "prf.png")
    assert (tmp_path / "prf.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_is_made_of_its_csv_files() -> None:
    if not (DOCS / "prf.md").exists():
        pytest.fail("make reproduce-prf writes docs/studies/prf.md")
    assert (DOCS / "prf.md").read_text(encoding="utf-8") == page.make_page(DOCS)
    assert len(results.load_scores(DOCS / "prf-scores.csv")) == len(COLLECTIONS) * len(systems())
    assert MEASURES[0] == results.TESTED

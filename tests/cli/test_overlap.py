"""``intrex overlap`` and ``evaluate --exclude-flagged``."""

from pathlib import Path

import pytest

from intrex.eval.overlap.audit import read_audit
from intrex.eval.scoring.scorefile import read_scores


@pytest.fixture
def work(shared: Path, tmp_path: Path, intrex, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert intrex(f"collection import {shared / 'stackfaq'} c").code == 0
    return tmp_path


def test_audit_and_scores_without_the_flagged(work: Path, intrex, all_well) -> None:
    said = intrex("overlap c:train c:test -o f.jsonl --encoder hashing:256 --neighbour 0.7 --format csv")
    assert said.code == 0, said.err
    made = read_audit(work / "f.jsonl")
    assert len(made.queries) == 624
    assert set(made.flags) == {"exact", "normalised", "ngram", "neighbour", "entity", "label", "document"}
    assert len(made.flags["label"]) == 624, "every question of a group shares its answer"
    assert 0 < len(made.flags["ngram"]) < 624
    all_well("index bm25 c i", "search i c:test -o r.txt")
    said = intrex(
        "evaluate c:test r.txt -m nDCG@10 --exclude-flagged f.jsonl:ngram+neighbour --scores s.jsonl"
    )
    assert said.code == 0, said.err
    whole, rest = read_scores(work / "s.jsonl")
    bad = made.flagged(["ngram", "neighbour"])
    assert set(rest.scores.query_ids) == set(whole.scores.query_ids) - bad
    known = dict(zip(whole.scores.query_ids, whole.scores.values.tolist(), strict=True))
    assert all(known[q] == v for q, v in zip(rest.scores.query_ids, rest.scores.values.tolist(), strict=True))
    assert rest.conditions.query_set.startswith("test-without-ngram+neighbour@")
    said = intrex("leaderboard build s.jsonl -o lb.csv")
    assert said.code == 0 and "i (unflagged)" in said.out
    said = intrex("evaluate c:test r.txt --exclude-flagged f.jsonl")
    assert said.code == 1 and "all 624 queries are flagged" in said.err
    said = intrex("evaluate c:train r.txt --exclude-flagged f.jsonl:ngram")
    assert said.code == 1


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("overlap c:train c:test --flag nothing", 2, "--flag is 'nothing'"),
        ("overlap c:train c:test --flag neighbour", 2, "name an --encoder"),
        ("overlap q.tsv c:test --flag label", 2, "both sides need judgements"),
        ("overlap c:train c:test --entities no_such_pipeline --flag entity", 1, "spa"),
        ("overlap c:train c:nowhere", 1, "no query set"),
        ("evaluate c:test r.txt --exclude-flagged f.jsonl", 1, "f.jsonl"),
    ],
)
def test_refusals(work: Path, intrex, line: str, code: int, message: str) -> None:
    (work / "q.tsv").write_text("1\tone query\n2\tanother\n")
    (work / "r.txt").write_text("q Q0 d 1 1.0 t\n")
    said = intrex(line)
    assert said.code == code and message in said.err, said.err


def test_ids_of_two_corpora_are_compared_only_if_asked(work: Path, shared: Path, intrex) -> None:
    assert intrex(f"collection import {shared / 'adi'} other").code == 0
    said = intrex("overlap c:train other:test -o f.jsonl")
    assert said.code == 0 and set(read_audit(work / "f.jsonl").flags) == {
        "exact",
        "normalised",
        "ngram",
        "entity",
    }
    said = intrex("overlap c:train other:test --flag label -o g.jsonl")
    assert said.code == 0 and set(read_audit(work / "g.jsonl").flags) == {"label"}
    said = intrex("overlap c:train other:test --flag document")
    assert said.code == 2 and "with the same documents" in said.err


def test_entities_by_spacy(work: Path, intrex, tmp_path: Path) -> None:
    """A real pipeline without weights: a ruler that knows one name, which stands in two of the three test queries."""
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "X", "pattern": [{"LOWER": "java"}]}])
    pipeline.to_disk(tmp_path / "pipeline")
    (work / "train.tsv").write_text("1\twhere Java began\n2\ta history of islands\n")
    (work / "test.tsv").write_text("a\tcoffee from java\nb\tcoffee from Sumatra\nc\tJava and islands\n")
    said = intrex("overlap train.tsv test.tsv --flag entity --entities pipeline -o f.jsonl")
    assert said.code == 0, said.err
    flags = read_audit(work / "f.jsonl").flags["entity"]
    assert {query: flag.like for query, flag in flags.items()} == {"a": "1", "c": "1"}

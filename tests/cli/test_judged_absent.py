"""Judgements on documents and queries that a collection lacks: kept on request, or left out and said so."""

import csv
import io
import json
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.eval.scoring.scorefile import read_scores

CORPUS = [{"_id": "d1", "title": "", "text": "ferry timetable"}, {"_id": "d2", "title": "", "text": "ankle brace"}]  # fmt: skip
JUDGED = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\tgone1\t1\nq2\tgone2\t1\n"
MEASURES = "-m R@100 -m nDCG@10 --format csv"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b" / "qrels").mkdir(parents=True)
    (tmp_path / "b" / "corpus.jsonl").write_text("".join(json.dumps(d) + "\n" for d in CORPUS))
    queries = '{"_id": "q1", "text": "ferry"}\n{"_id": "q2", "text": "ankle"}\n'
    (tmp_path / "b" / "queries.jsonl").write_text(queries)
    (tmp_path / "b" / "qrels" / "test.tsv").write_text(JUDGED)
    (tmp_path / "r.run").write_text("q1 Q0 d1 1 2.0 a\nq2 Q0 d2 1 2.0 a\n")
    return tmp_path


def scored(intrex, line: str) -> dict[str, str]:
    """Values by measure, and the signature that all share."""
    said = intrex(line)
    assert said.code == 0, said.err
    rows = list(csv.DictReader(io.StringIO(said.out)))
    (signature,) = {row["signature"] for row in rows}
    return {row["measure"]: row["value"] for row in rows} | {"signature": signature}


def test_kept_judgements_count_as_in_the_file_itself(folder: Path, intrex, all_well) -> None:
    """trec_eval -c of the same files: recall_100 0.2500, ndcg_cut_10 0.3066."""
    all_well("collection import b c --allow-unknown", "collection verify c")
    for qrels in ("c:test", "b/qrels/test.tsv"):
        row = scored(intrex, f"evaluate {qrels} r.run {MEASURES}")
        assert float(row["R@100"]) == 0.25
        assert float(row["nDCG@10"]) == pytest.approx((1 / (1 + 1 / 1.584962500721156)) / 2, abs=1e-12)
        assert "removed" not in row["signature"]
    said = intrex("collection info c")
    assert "2 judgements of the set test name documents or queries that are not there; they count" in said.out
    assert "X005" in intrex("check c --format csv").out


def test_removed_judgements_stand_in_info_and_in_every_signature(folder: Path, intrex, all_well) -> None:
    said = intrex("collection import b c --drop-unknown")
    assert (
        said.code == 0 and "2 judgements of the set test were left out, with all those of 1 query" in said.err
    )
    assert Collection.open(folder / "c").sets["test"] == {
        "queries": 1, "judgements": 1, "removed": 2, "removed_queries": 1,
    }  # fmt: skip
    assert "were left out" in intrex("collection info c").out
    row = scored(intrex, f"evaluate c:test r.run {MEASURES}")
    assert float(row["R@100"]) == 1.0 and "|removed=2|" in row["signature"]
    all_well("evaluate c:test r.run -m R@100 --scores s.jsonl", "leaderboard build s.jsonl -o lb.csv")
    assert "|removed=2|" in (folder / "lb.csv").read_text()
    assert [s.conditions.removed for s in read_scores(folder / "s.jsonl")] == [2]
    assert "|removed=2|" in intrex("evaluate c:test r.run -m nDCG@10 --pool-bias --format csv").out
    said = intrex("evaluate c:test r.run -m nDCG@10 --as trec_eval9 --format csv")
    assert "|removed=2|" in said.out and "|as=trec_eval9|" in said.out


def test_a_scores_file_with_an_impossible_count_is_refused(folder: Path, intrex, all_well) -> None:
    all_well("collection import b c --drop-unknown", "evaluate c:test r.run -m R@100 --scores s.jsonl")
    text = (folder / "s.jsonl").read_text()
    (folder / "s.jsonl").write_text(text.replace('"removed": 2', '"removed": "2"'))
    said = intrex("leaderboard build s.jsonl -o lb.csv")
    assert said.code == 1 and "removed is '2', an integer from 0 is needed" in said.err


def test_a_pool_keeps_what_its_parts_kept_and_says_what_they_lost(folder: Path, intrex, all_well) -> None:
    all_well(
        "collection import b c --drop-unknown --name dropped",
        "collection import b k --allow-unknown --name kept",
        "collection pool c k both",
        "collection verify both",
    )
    made = Collection.open(folder / "both")
    assert made.sets["test"] == {
        "queries": 3, "judgements": 4, "unknown": 2, "removed": 2, "removed_queries": 1,
    }  # fmt: skip
    assert made.qrels("test").to_dict()["kept:q2"] == {"kept:gone2": 1}


def test_near_duplicates_are_looked_for_among_the_documents_that_are_there(folder: Path, intrex, all_well) -> None:  # fmt: skip
    (folder / "b" / "qrels" / "train.tsv").write_text(JUDGED.replace("gone1", "gone3"))
    all_well("collection import b c --allow-unknown")
    assert intrex("overlap c:train c:test -o f.jsonl --flag document --flag label").code == 0

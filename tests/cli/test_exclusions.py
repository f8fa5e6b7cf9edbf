"""Documents left out for each query: ``--exclude`` of search and evaluate."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.exclusions import read_exclusions
from intrex.data.ids import as_strings
from intrex.data.run import Run
from intrex.eval.scoring.scorefile import read_scores


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.qrels").write_text("q1 0 d2 1\n")
    (tmp_path / "r.run").write_text("q1 Q0 d9 1 3.0 t\nq1 Q0 d2 2 2.0 t\n")
    (tmp_path / "x.txt").write_text("q1 d9\n")
    return tmp_path


def value(said, measure: str = "nDCG@10") -> tuple[float, str]:
    assert said.code == 0, said.err
    (row,) = (line.split(",") for line in said.out.splitlines() if f",{measure}," in line)
    return float(row[2]), row[-1]


def test_an_excluded_document_takes_no_rank(work: Path, intrex) -> None:
    without, plain = value(intrex("evaluate q.qrels r.run -m nDCG@10 --format csv"))
    assert without == pytest.approx(1 / np.log2(3)) and "excluded=" not in plain
    found, signature = value(intrex("evaluate q.qrels r.run -m nDCG@10 --exclude x.txt --format csv"))
    assert found == 1.0 and f"|excluded={read_exclusions(work / 'x.txt').name}|" in signature
    assert signature.replace(f"excluded={read_exclusions(work / 'x.txt').name}|", "") == plain
    assert read_exclusions(work / "x.txt").name.endswith(":1")
    said = intrex("evaluate q.qrels r.run -m nDCG@10 --exclude x.txt --pool-bias --format csv")
    assert said.out.splitlines()[1].startswith("t,nDCG@10,1.0,") and "|excluded=" in said.out
    assert "ndcg_cut_10           \tall\t1.0000" in intrex("evaluate q.qrels r.run -m ndcg_cut.10 --exclude x.txt --format trec").out  # fmt: skip
    assert (
        value(intrex("evaluate q.qrels r.run -m nDCG@10 --exclude x.txt --ties expected --format csv"))[0]
        == 1.0
    )


@pytest.mark.parametrize(
    "text", ["query-id corpus-id\nq1 d9\n", "q1\td9\nq1\td9\n", "# c\nq1 0 d9 0\n", "query-id\tcorpus-id\tscore\nq1\td9\t1\n"]
)  # fmt: skip
def test_pairs_and_judgements_are_read(work: Path, text: str) -> None:
    (work / "x").write_text(text)
    found = read_exclusions(work / "x")
    assert (as_strings(found.queries), as_strings(found.docs)) == (["q1"], ["d9"])


def test_residual_judgements(work: Path, intrex) -> None:
    """What was judged in an earlier round leaves judgements too, and a query that has nothing else."""
    (work / "q.qrels").write_text("q1 0 d2 1\nq1 0 d9 1\nq2 0 d1 1\n")
    (work / "round1.qrels").write_text("q1 0 d9 1\nq2 0 d1 0\n")
    said = intrex("evaluate q.qrels r.run -m R@10 --exclude round1.qrels --format csv")
    assert value(said, "R@10")[0] == 1.0
    assert "2 judgements of excluded documents are left out, and 1 queries of which none is left" in said.err
    (work / "all").write_text("q1 d2\nq1 d9\nq2 d1\n")
    said = intrex("evaluate q.qrels r.run -m R@10 --exclude all")
    assert said.code == 1 and "every judged document is excluded" in said.err


def test_scores_carry_it_and_do_not_pair_with_others(work: Path, intrex, all_well) -> None:
    all_well(
        "evaluate q.qrels r.run -m nDCG@10 --exclude x.txt --scores x.jsonl",
        "evaluate q.qrels r.run -m nDCG@10 --scores p.jsonl",
    )
    (with_, plain) = (
        read_scores(work / name)[0].conditions.rules.excluded for name in ("x.jsonl", "p.jsonl")
    )
    assert with_ == read_exclusions(work / "x.txt").name and plain == ""
    (work / "bad.jsonl").write_text((work / "x.jsonl").read_text().replace(f'"{with_}"', "3"))
    said = intrex("leaderboard build bad.jsonl")
    assert said.code == 1 and "excluded is an integer" in said.err


def test_subtopics_keep_their_place(work: Path, intrex) -> None:
    (work / "s").write_text("q1 1 d9 1\nq1 1 d2 1\nq1 2 d3 1\n")
    said = intrex("evaluate s r.run -m StRecall@1 -m nDCG@1 --exclude x.txt --format csv")
    assert value(said, "StRecall@1")[0] == 0.5 and value(said, "nDCG@1")[0] == 1.0


def test_search_leaves_them_out_and_still_finds_k(work: Path, intrex, all_well) -> None:
    rows = (f'{{"_id": "d{i}", "text": "{"ferry " * i}boat"}}\n' for i in range(1, 7))
    (work / "docs.jsonl").write_text("".join(rows))
    (work / "q.tsv").write_text("q1\tferry\nq2\tferry\n")
    all_well(
        "collection import docs.jsonl c --queries q.tsv", "index bm25 c i", "search i q.tsv --k 6 -o all.txt"
    )
    lines = [line.split() for line in (work / "all.txt").read_text().splitlines()]
    order = [line[2] for line in lines if line[0] == "q1"]
    (work / "x").write_text(f"q1 {order[0]}\nq1 {order[2]}\nq2 nowhere\n")
    said = intrex("search i q.tsv --k 3 --exclude x")
    found = [line.split() for line in said.out.splitlines()]
    assert [line[2] for line in found if line[0] == "q1"] == [order[1], order[3], order[4]]
    assert [line[2] for line in found if line[0] == "q2"] == order[:3]
    (work / "x").write_text("".join(f"q1 {d}\n" for d in order))
    said = intrex("search i q.tsv --k 3 --exclude x --remove-query")
    assert {line.split()[0] for line in said.out.splitlines()} == {"q2"}
    assert "1 of 2 queries found nothing" in said.err


def test_documents_of_passages_can_be_excluded(work: Path, intrex, all_well) -> None:
    rows = (f'{{"_id": "{i}", "text": "ferry"}}\n' for i in ("a#1", "a#2", "b#1"))
    (work / "docs.jsonl").write_text("".join(rows))
    (work / "q.tsv").write_text("q1\tferry\n")
    (work / "x").write_text("q1 b\n")
    all_well("collection import docs.jsonl c --queries q.tsv", "index bm25 c i")
    said = intrex("search i q.tsv --max-passage --exclude x")
    assert [line.split()[2] for line in said.out.splitlines()] == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q1 d9\nq1\n", "1 column, 2 are needed"),
        ("\n", "no exclusion"),
        ("q1 0 d9\nq1 0 d9 1\n", "3 are needed"),
    ],
)
def test_faults(work: Path, intrex, text: str, message: str) -> None:
    (work / "x").write_text(text)
    said = intrex("evaluate q.qrels r.run --exclude x")
    assert said.code == 1 and message in said.err


def test_it_is_of_intrexs_own_scores(work: Path, intrex) -> None:
    said = intrex("evaluate q.qrels r.run --exclude x.txt --as trec_eval9")
    assert said.code == 2 and "--exclude is of intrex's own scores" in said.err


def test_masks_equal_a_set_of_pairs() -> None:
    generator = np.random.default_rng(3)
    names = [f"{x}{i}" for i in range(12) for x in ("a", "bb", "ü")]
    pairs = {(str(generator.choice(names)), str(generator.choice(names))) for _ in range(80)}
    ranked = {q: {d: float(generator.integers(5)) for d in names} for q in names[:9]}
    run = Run.from_dict(ranked)
    from intrex.data.exclusions import Exclusions
    from intrex.data.ids import as_bytes

    excluded = Exclusions(as_bytes([q for q, _ in sorted(pairs)]), as_bytes([d for _, d in sorted(pairs)]))
    expected = {
        q: {d: s for d, s in docs.items() if (q, d) not in pairs} for q, docs in run.to_dict().items()
    }
    assert excluded.thin_run(run).to_dict() == expected

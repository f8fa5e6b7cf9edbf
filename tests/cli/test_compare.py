"""compare as a program: stdin, threads, files of scores, a terminal's width."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Said

QUERIES = 40


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Judgements and three runs of 40 queries, drawn with a fixed seed."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    qrels = [f"q{i} 0 d{d} 1" for i in range(QUERIES) for d in rng.permutation(30)[:3]]
    Path("q.txt").write_text("\n".join(qrels) + "\n")
    for name in ("a", "b", "a-system-with-a-very-long-name-of-fifty-characters-it"):
        lines = [
            f"q{i} Q0 d{d} 0 {20 - r} {name}"
            for i in range(QUERIES)
            for r, d in enumerate(rng.permutation(30)[:20])
        ]
        Path(f"{name[:10]}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.parametrize("test", ["randomization", "tukey"])
def test_threads_change_nothing(files: Path, test: str) -> None:
    said = [
        subprocess.run(
            [
                sys.executable,
                "-m",
                "intrex.cli",
                *f"compare q.txt a.txt b.txt a-system-w.txt -m AP --test {test}".split(),
            ],
            env={**os.environ, "OPENBLAS_NUM_THREADS": n, "OMP_NUM_THREADS": n},
            capture_output=True,
            check=True,
        ).stdout
        for n in ("1", "2")
    ]
    assert said[0] == said[1] and said[0].count(b"\n") == 4


def test_a_table_fits_80_columns(files: Path, intrex: Callable[[str], Said]) -> None:
    said = intrex(
        "compare q.txt a.txt b.txt a-system-w.txt -m nDCG@10 -m AP -m RR@10 -m R@10 -m P@5 --movers 3 --ranking --format table"
    )
    assert said.code == 0
    long = [line for line in said.out.splitlines() if len(line) > 80 and not line.startswith("set=")]
    assert not long


def test_scores_say_the_same_as_runs(files: Path, intrex: Callable[[str], Said]) -> None:
    intrex("evaluate q.txt a.txt b.txt -m AP --scores s.jsonl")
    assert intrex("compare q.txt s.jsonl -m AP").out == intrex("compare q.txt a.txt b.txt -m AP").out


def test_a_seed_and_more_samples_move_p_a_little(files: Path, intrex: Callable[[str], Said]) -> None:
    def p(options: str) -> float:
        return float(intrex(f"compare q.txt a.txt b.txt -m AP {options}").out.splitlines()[1].split(",")[8])

    found = [p(""), p("--seed 1"), p("--samples 20000")]
    assert len(set(found)) == 3 and max(found) - min(found) < 0.03


CONTROLS = "\x1b[31m\x1b]0;title\x07\x9b1m\u202e"


def test_what_a_terminal_would_obey_is_spelled(files: Path, intrex: Callable[[str], Said], small) -> None:
    """Texts of queries, names of files and of folders: in tables, signatures, records and errors."""
    Path("t.tsv").write_text("".join(f"q{i}\t{CONTROLS}question {i}\n" for i in range(QUERIES)))
    Path(f"{CONTROLS}q.txt").write_text(Path("q.txt").read_text())
    Path(f"{CONTROLS}a.txt").write_text(Path("a.txt").read_text())
    Path(CONTROLS).symlink_to(small.path)
    Path(f"{CONTROLS}d.jsonl").write_text('{"_id": "d1", "text": "a"}\n')
    lines = (
        f"compare '{CONTROLS}q.txt' a.txt b.txt --movers 1 --ranking --queries t.tsv --format table",
        f"evaluate '{CONTROLS}q.txt' '{CONTROLS}a.txt' b.txt --format table",
        f"evaluate '{CONTROLS}q.txt' a.txt --format table --scores '{CONTROLS}.jsonl'",
        f"collection import '{CONTROLS}d.jsonl' n --name n",
        "collection info n --format table",
        f"collection info '{CONTROLS}' --format table",
        f"collection verify '{CONTROLS}'",
        f"index bm25 '{CONTROLS}' '{CONTROLS}i'",
        f"collection info '{CONTROLS}x'",
    )
    for line in lines:
        said = intrex(line)
        assert not [c for c in said.out + said.err if not c.isprintable() and c != "\n"], line
        assert said.code == (1 if line.endswith("x'") else 0), said.err
    assert intrex(lines[0]).out.count("\\x1b[31m") >= 2
    assert "\\x1b[31m" in intrex(lines[-1]).err


def test_texts_of_movers_come_from_a_file_too(files: Path, intrex: Callable[[str], Said]) -> None:
    Path("t.tsv").write_text("".join(f"q{i}\tquestion {i}\n" for i in range(QUERIES)))
    said = intrex("compare q.txt a.txt b.txt --movers 2 --queries t.tsv --format jsonl")
    assert said.code == 0 and said.out.count('"text": "question ') == 2
    assert '"text": ""' in intrex("compare q.txt a.txt b.txt --movers 1 --format jsonl").out


def test_gains_losses_and_slices(files: Path, intrex: Callable[[str], Said]) -> None:
    """Where does it lose? Reports of 21 gains among the largest moves did not say."""
    gained = intrex("compare q.txt a.txt b.txt -m RR@10 --gains 3 --format csv").out.splitlines()[1:]
    lost = intrex("compare q.txt a.txt b.txt -m RR@10 --losses 3 --format csv").out.splitlines()
    both = intrex("compare q.txt a.txt b.txt -m RR@10 --losses 3 --gains 3 --format csv").out.splitlines()[1:]
    head = lost.pop(0).split(",")
    at = {name: head.index(name) for name in ("difference", "p", "query")}
    assert gained and lost and both == gained + lost
    assert all(float(row.split(",")[at["difference"]]) > 0 for row in gained)
    assert all(float(row.split(",")[at["difference"]]) < 0 for row in lost)
    pair = intrex("compare q.txt a.txt b.txt -m RR@10 --format csv").out.splitlines()
    p = pair[1].split(",")[pair[0].split(",").index("p")]
    assert {row.split(",")[at["p"]] for row in both} == {p}  # the p-values stay in every format
    for form in ("md", "latex"):
        said = intrex(f"compare q.txt a.txt b.txt -m RR@10 --losses 2 --format {form}")
        assert said.code == 0 and "Pairs by RR@10" in said.out and f"{float(p):.4f}" in said.out
        assert "Queries that lost most by RR@10, b - a" in said.out
    Path("t.tsv").write_text(
        "".join(
            f"q{i}\t{'what is' if i % 2 else 'a rather long query about number'} {i}\n"
            for i in range(QUERIES)
        )
    )
    Path("n.tsv").write_text("".join(f"q{i}\t{'odd' if i % 2 else 'even'}\n" for i in range(QUERIES)))
    tables = {
        by: intrex(f"compare q.txt a.txt b.txt -m RR@10 --by {by} --format csv {more}").out.splitlines()
        for by, more in (("n.tsv", ""), ("length", "--queries t.tsv"), ("type", "--queries t.tsv"))
    }
    names = {by: [row.split(",")[1] for row in rows[1:]] for by, rows in tables.items()}
    assert names == {"n.tsv": ["even", "odd"], "length": ["long", "short"], "type": ["other", "what"]}
    even, odd = (row.split(",") for row in tables["n.tsv"][1:])
    assert tables["length"][1].split(",")[2:] == even[2:]  # the same queries by another name
    whole = float(pair[1].split(",")[5])
    parts = [float(row[6]) * int(row[9]) for row in (even, odd)]
    assert sum(parts) / QUERIES == pytest.approx(whole) and int(even[9]) + int(odd[9]) == QUERIES
    assert "By slice" in intrex("compare q.txt a.txt b.txt -m RR@10 -m AP --by n.tsv --format table").out
    said = intrex("compare q.txt a.txt b.txt --by length")
    assert said.code == 2 and "--queries FILE" in said.err
    Path("n.tsv").write_text("q0\todd\n")
    said = intrex("compare q.txt a.txt b.txt --by n.tsv")
    assert said.code == 1 and "queries are not in n.tsv" in said.err


def test_ids_of_movers_stand_whole(files: Path, intrex: Callable[[str], Said]) -> None:
    for name in ("q.txt", "a.txt", "b.txt"):
        Path(name).write_text(Path(name).read_text().replace("q1 ", "a-long-query-identifier-1 "))
    said = intrex("compare q.txt a.txt b.txt --movers 99 --format table")
    assert said.code == 0 and "\na-long-query-identifier-1  " in said.out


def test_subtopics_are_judged_as_in_evaluate(files: Path, intrex: Callable[[str], Said]) -> None:
    Path("s.txt").write_text(
        "".join(f"q{i} {t} d{d} 1\n" for i in range(QUERIES) for t in (1, 2) for d in (3, 4 + t))
    )
    assert intrex("evaluate s.txt a.txt b.txt -m alpha_nDCG@10 -m AP --scores s.jsonl").code == 0
    fresh = intrex("compare s.txt a.txt b.txt -m alpha_nDCG@10")
    assert fresh.code == 0 and fresh.out == intrex("compare s.txt s.jsonl -m alpha_nDCG@10").out
    assert intrex("compare s.txt s.jsonl -m AP").code == 0


def test_what_does_not_go_together(files: Path, intrex: Callable[[str], Said]) -> None:
    said = intrex("compare q.txt a.txt b.txt -m AP -m RR --test tukey --family all")
    assert said.code == 2 and "within a measure" in said.err
    for options, what in (
        ("--queries t.tsv", "--movers"),
        ("--depth 5", "--ranking"),
        (f"--ranking --depth {10**23}", "1<=x<=10000"),
    ):
        said = intrex(f"compare q.txt a.txt b.txt {options}")
        assert said.code == 2 and what in said.err and "hint:" in said.err
    assert intrex("compare q.txt a.txt b.txt --ranking --depth 5").code == 0


def test_slices_by_the_flags_of_an_audit(files: Path, intrex: Callable[[str], Said]) -> None:
    Path("train.tsv").write_text("t1\tquestion 3 here\nt2\tsomething else\n")
    Path("t.tsv").write_text("".join(f"q{i}\tquestion {i} here\n" for i in range(QUERIES)))
    assert intrex("overlap train.tsv t.tsv -o flags.jsonl").code == 0
    rows = intrex("compare q.txt a.txt b.txt --by flags.jsonl --format csv").out.splitlines()[1:]
    sizes = {row.split(",")[1]: int(row.split(",")[9]) for row in rows}
    assert sum(sizes.values()) == QUERIES and "unflagged" in sizes and len(sizes) > 1
    assert any("exact" in name.split("+") and n == 1 for name, n in sizes.items())


def test_relevant_documents_of_movers_beside_one_another(files: Path, intrex: Callable[[str], Said]) -> None:
    """For a query that moved: its text, the ranks of its relevant documents in both systems, their texts."""
    documents = [
        f'{{"_id": "d{d}", "title": "title {d}", "text": "text of {d} that goes on and on and on and on"}}'
        for d in range(30)
    ]
    Path("c.jsonl").write_text("\n".join(documents) + "\n")
    Path("t.tsv").write_text("".join(f"q{i}\tquestion {i}\n" for i in range(QUERIES)))
    assert intrex("collection import c.jsonl c --queries t.tsv").code == 0
    line = "compare q.txt a.txt b.txt -m RR --gains 2 --losses 1 --texts --collection c"
    rows = [json.loads(row) for row in intrex(f"{line} --format jsonl").out.splitlines()]
    movers = intrex("compare q.txt a.txt b.txt -m RR --gains 2 --losses 1 --format jsonl").out.splitlines()
    assert list(dict.fromkeys(row["query"] for row in rows)) == [json.loads(row)["query"] for row in movers]
    ranked = {
        name: {
            tuple(x.split()[::2][:2]): i for i, x in enumerate(Path(f"{name}.txt").read_text().splitlines())
        }
        for name in "ab"
    }
    judged = [x.split() for x in Path("q.txt").read_text().splitlines()]
    for row in rows:
        assert row["text"] == f"question {row['query'][1:]}"
        assert row["document_text"].startswith(f"title {row['document'][1:]} text of")
        for name in "ab":
            at = ranked[name].get((row["query"], row["document"]))
            assert row[f"rank_{name}"] == ("-" if at is None else str(at % 20 + 1))
        assert 0 < row["p"] <= 1 and row["p_corrected"] >= row["p"]
    expected = {(q, d) for q, _, d, _ in judged if q in {row["query"] for row in rows}}
    assert {(row["query"], row["document"]) for row in rows} == expected and len(rows) == 9
    said = intrex(f"{line} --format table")
    assert said.code == 0 and f"query {rows[0]['query']}  +" in said.out and "rank in a" in said.out
    assert not [x for x in said.out.splitlines() if len(x) > 80 and not x.startswith("set=")]
    for form in ("md", "latex"):
        assert "Pairs by RR" in intrex(f"{line} --format {form}").out
        assert rows[0]["document_text"] in intrex(f"{line} --format {form}").out
    for wrong, hint in (
        ("--texts", "add one of them"),
        ("--gains 2 --texts", "--collection PATH"),
        ("--gains 2 --collection c", "--texts"),
    ):
        said = intrex(f"compare q.txt a.txt b.txt {wrong}")
        assert said.code == 2 and hint in said.err, wrong

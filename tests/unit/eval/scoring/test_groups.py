"""Groups of queries: from a file, from judgements, in the commands."""

from collections.abc import Callable
from pathlib import Path

import pytest

from intrex.data.errors import BadInput
from intrex.data.qrels import Qrels
from intrex.eval.scoring.groups import Grouping, find_grouping, read_groups, relevant_digests, shared_note
from tests.conftest import Said

QRELS = {
    "q1": {"a": 1, "b": 2, "c": 0},
    "q2": {"b": 1, "a": 3},
    "q3": {"a": 1},
    "q4": {"a": 0},
    "q5": {"z": 0, "y": -1},
}


def test_queries_with_the_same_relevant_documents() -> None:
    digests = relevant_digests(Qrels.from_dict(QRELS))
    assert digests[0] == digests[1] != digests[2] and digests[3:] == ["", ""]
    groups = Grouping("documents").of(sorted(QRELS), digests)
    assert (
        groups.labels[0] == groups.labels[1] and len(groups) == 4
    )  # those without relevant ones stand alone
    assert groups.signature() == "documents:4"
    assert Grouping().of(sorted(QRELS), digests).single
    note = shared_note(digests)
    assert note is not None and note.startswith("2 of 5 queries share all") and "counts 4 groups" in note
    assert shared_note(digests + [f"{i:016x}" for i in range(6)]) is None


def test_a_file_of_groups(tmp_path: Path) -> None:
    file = tmp_path / "g.tsv"
    file.write_text("q1\tone\nq2\tone\nq3\ttwo\nq9\tnine\n")
    grouping = find_grouping(str(file))
    assert grouping.source.startswith("g.tsv@")
    groups = grouping.of(["q1", "q2", "q3"], ["", "", ""])
    assert groups.labels.tolist() == [0, 0, 1]
    with pytest.raises(BadInput, match=r"2 of 3 queries have no group in g.tsv, for example q4, q5"):
        grouping.of(["q1", "q4", "q5"], ["", "", ""])
    file.write_text("q1 one\nq1\tone\nq1\ttwo\n\t\n")
    with pytest.raises(BadInput) as error:
        read_groups(file)
    assert "g.tsv:1" in str(error.value) and "q1 has a group already (g.tsv:3)" in str(error.value)
    with pytest.raises(BadInput, match="not found"):
        find_grouping(str(tmp_path / "none.tsv"))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight questions in five wordings; the second run is better on all wordings of six of them."""
    monkeypatch.chdir(tmp_path)
    ids = [f"q{g}-{i}" for g in range(8) for i in range(5)]
    Path("c.qrels").write_text("".join(f"{q} 0 d{q[1]} 1\n" for q in ids))
    Path("g.tsv").write_text("".join(f"{q}\t{q[1]}\n" for q in ids))
    for name, ranks in (("one", lambda g: 2), ("two", lambda g: 1 if g < 6 else 3)):
        lines = []
        for q in ids:
            rank = ranks(int(q[1]))
            docs = [f"x{i}" for i in range(1, rank)] + [f"d{q[1]}"]
            lines += [f"{q} Q0 {d} {i} {9 - i} {name}\n" for i, d in enumerate(docs, 1)]
        Path(f"{name}.txt").write_text("".join(lines))


def test_compare_by_group(files: None, intrex: Callable[[str], Said]) -> None:
    plain = intrex("compare c.qrels one.txt two.txt -m RR@10 --format csv")
    assert "40 of 40 queries share all their relevant documents" in plain.err and "8 groups" in plain.err
    grouped = intrex("compare c.qrels one.txt two.txt -m RR@10 --format csv --groups documents")
    assert grouped.code == 0 and "share all" not in grouped.err
    head, before = plain.out.splitlines()[0].split(","), plain.out.splitlines()[1].split(",")
    after = dict(zip(head, grouped.out.splitlines()[1].split(","), strict=True))
    before = dict(zip(head, before, strict=True))
    assert (
        before["difference"] == after["difference"]
        and before["n_groups"] == "40"
        and after["n_groups"] == "8"
    )
    # six gains of 1/2 and two losses of 1/6: as far off are the flips in which the six agree, 2 * 4 of 2^8
    assert float(before["p"]) < 0.001 and float(after["p"]) == 8 / 256
    width = [float(r["ci_high"]) - float(r["ci_low"]) for r in (before, after)]
    assert width[1] > 2 * width[0] and after["signature"].endswith("|groups=documents:8")
    by_file = intrex("compare c.qrels one.txt two.txt -m RR@10 --format csv --groups g.tsv")
    assert (
        by_file.out.splitlines()[1].split("|groups=")[0] == grouped.out.splitlines()[1].split("|groups=")[0]
    )
    assert "in 8 groups" in intrex("compare c.qrels one.txt two.txt --groups g.tsv --format table").out
    for test in ("t", "wilcoxon", "bootstrap", "tukey"):
        said = intrex(f"compare c.qrels one.txt two.txt -m RR@10 --format csv --groups g.tsv --test {test}")
        p = dict(zip(head, said.out.splitlines()[1].split(","), strict=True))["p"]
        assert float(p) > 0.005


def test_leaderboard_by_group(files: None, intrex: Callable[[str], Said]) -> None:
    assert intrex("evaluate c.qrels one.txt two.txt -m RR@10 --scores s.jsonl").code == 0
    plain = intrex("leaderboard build s.jsonl --format csv")
    grouped = intrex("leaderboard build s.jsonl --format csv --groups documents")
    assert "share all their relevant documents" in plain.err and "share all" not in grouped.err
    rows = [said.out.splitlines()[1].split(",") for said in (plain, grouped)]
    widths = [float(row[9]) - float(row[8]) for row in rows]
    assert widths[1] > 2 * widths[0] and rows[0][7] == rows[1][7]
    assert rows[1][-1].endswith("|interval=t|groups=documents:8")
    Path("few.tsv").write_text("q0-0\ta\n")
    said = intrex("leaderboard build s.jsonl --groups few.tsv")
    assert said.code == 1 and "39 of 40 queries have no group in few.tsv" in said.err

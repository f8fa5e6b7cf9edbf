"""`evaluate`, `compare` and `leaderboard build` over several query sets, on the command line."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intrex.eval.leaderboard.rows import read_leaderboard
from tests.conftest import Said

Intrex = Callable[[str], Said]
SETS = ("android", "english", "gis", "tex")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex: Intrex) -> Path:
    """A group of four forums, of 3 to 9 queries, with the runs of two systems; and arguana beside it."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for at, name in enumerate((*SETS, "arguana")):
        folder = tmp_path / ("forums" if name in SETS else "") / name
        (folder / "qrels").mkdir(parents=True)
        queries = [f"q{i}" for i in range(3 + 2 * (at % 4))]
        docs = [f"d{i}" for i in range(12)]
        (folder / "corpus.jsonl").write_text(
            "".join(json.dumps({"_id": d, "text": f"{name} {d}"}) + "\n" for d in docs)
        )
        (folder / "queries.jsonl").write_text(
            "".join(json.dumps({"_id": q, "text": q}) + "\n" for q in queries)
        )
        rows = [(q, str(d)) for q in queries for d in random.choice(docs, 2, replace=False)]
        (folder / "qrels/test.tsv").write_text(
            "query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t1\n" for q, d in rows)
        )
        for system in ("a", "b"):
            (tmp_path / system).mkdir(exist_ok=True)
            lines = [
                f"{q} Q0 {d} 0 {s} {system}\n"
                for q in queries
                for d, s in zip(docs, random.random(12), strict=True)
            ]
            (tmp_path / system / f"{name}.run").write_text("".join(lines))
    assert intrex("collection import forums cqa --name cqadupstack").code == 0
    assert intrex("collection import arguana arg").code == 0
    return tmp_path


def rows_of(said: Said) -> list[dict[str, str]]:
    assert said.code == 0, said.err
    return list(csv.DictReader(io.StringIO(said.out)))


def single(intrex: Intrex, name: str, system: str) -> float:
    return float(rows_of(intrex(f"evaluate cqa/{name}:test {system}/{name}.run -m nDCG@10"))[0]["value"])


def test_each_set_and_both_means(world: Path, intrex: Intrex) -> None:
    rows = rows_of(intrex("evaluate cqa:test a 'b/{set}.run' -m nDCG@10 -m NumRelRet --scores s.jsonl"))
    found = {(r["system"], r["set"], r["measure"]): r for r in rows}
    values = {s: [single(intrex, name, s) for name in SETS] for s in ("a", "b")}
    for system, per_set in values.items():
        assert [float(found[system, name, "nDCG@10"]["value"]) for name in SETS] == per_set
        mean = found[system, "mean of 4 sets", "nDCG@10"]
        assert float(mean["value"]) == pytest.approx(np.mean(per_set), abs=1e-12)
        half = 3.182446305284263 * np.std(per_set, ddof=1) / 2  # t of 3 degrees of freedom
        assert float(mean["ci_sets_high"]) - float(mean["value"]) == pytest.approx(half, abs=1e-9)
        pooled = found[system, "mean of 24 queries", "nDCG@10"]
        assert float(pooled["value"]) == pytest.approx(np.average(per_set, weights=[3, 5, 7, 9]), abs=1e-12)
        assert pooled["ci_sets_low"] == "" and pooled["ci_low"] < pooled["value"] < pooled["ci_high"]
        assert (
            "sets=cqadupstack/android:test+" in mean["signature"]
            and "|mean=sets|interval=t|" in mean["signature"]
        )
    assert ("a", "mean of 4 sets", "NumRelRet") not in found and ("a", "gis", "NumRelRet") in found
    board = rows_of(intrex("leaderboard build s.jsonl --mean sets --format csv"))
    of_board = {(r["system"], r["collection"]): r for r in board if r["measure"] == "nDCG@10"}
    for column in ("value", "ci_low", "ci_high"):  # one implementation
        assert of_board["a", "mean of 4 sets"][column] == found["a", "mean of 4 sets", "nDCG@10"][column]


def test_a_group_is_one_row_of_a_mean_over_sets(world: Path, intrex: Intrex) -> None:
    assert intrex("evaluate cqa:test a -m nDCG@10 --scores cqa.jsonl").code == 0
    assert intrex("evaluate arg:test a/arguana.run -m nDCG@10 --scores arg.jsonl").code == 0
    assert intrex("leaderboard build cqa.jsonl arg.jsonl -o lb.csv --mean sets --mean queries").code == 0
    rows = {r.collection: r for r in read_leaderboard(Path("lb.csv"))}
    forums = np.mean([single(intrex, name, "a") for name in SETS])
    assert rows["cqadupstack"].value == pytest.approx(forums) and rows["cqadupstack"].query_set == "test"
    assert rows["mean of 2 sets"].value == pytest.approx((forums + rows["arguana"].value) / 2)
    assert "mean of 27 queries" in rows and len(rows) == 8
    assert intrex("evaluate cqa:test a -m nDCG@10 --scores part.jsonl --sets gis,tex").code == 0
    assert intrex("leaderboard build part.jsonl arg.jsonl -o part.csv --mean sets").code == 0
    parts = {r.collection for r in read_leaderboard(Path("part.csv"))}
    assert "cqadupstack" not in parts and "mean of 3 sets" in parts  # two forums are not the group
    said = intrex("leaderboard build cqa.jsonl --mean sets --over sets --format csv")
    assert rows_of(said)[-1]["signature"].endswith("|over=sets")
    said = intrex("leaderboard build cqa.jsonl --over sets")
    assert said.code == 2 and "add --mean sets" in said.err


def test_patterns_name_sets_without_a_group(world: Path, intrex: Intrex) -> None:
    group = rows_of(intrex("evaluate cqa:test a -m nDCG@10"))
    figures = [(r["set"], r["value"], r["ci_sets_low"]) for r in group]
    for qrels in ("'cqa/{set}:test'", "'cqa/{set}'", "'forums/{set}/qrels/test.tsv'", "cqa", f"{world}/cqa"):
        rows = rows_of(intrex(f"evaluate {qrels} 'a/{{set}}.run' -m nDCG@10"))
        assert [(r["set"], r["value"], r["ci_sets_low"]) for r in rows] == figures, qrels
    Path("s1.qrels").write_text("a 0 d1 1\n")
    Path("s2.qrels").write_text("b 0 d1 1\nc 0 d2 1\n")
    Path("s1.run").write_text("a Q0 d1 1 3 x\n")
    Path("s2.run").write_text("b Q0 d2 1 3 x\nc Q0 d2 1 3 x\n")
    rows = rows_of(intrex("evaluate '{set}.qrels' '{set}.run' -m RR --scores s.jsonl"))
    assert [(r["set"], float(r["value"])) for r in rows] == [
        ("s1", 1.0), ("s2", 0.5), ("mean of 2 sets", 0.75), ("mean of 3 queries", pytest.approx(2 / 3)),
    ]  # fmt: skip
    assert "sets=s1.qrels+s2.qrels|" in rows[2]["signature"] and rows[2]["ci_sets_low"] == "0.0"


def test_query_sets_of_one_collection(world: Path, intrex: Intrex) -> None:
    """As the two years of a track have them."""
    lines = Path("arguana/qrels/test.tsv").read_text().splitlines(keepends=True)
    Path("arguana/qrels/dl20.tsv").write_text("".join(lines[:1] + lines[3:]))
    assert intrex("collection import arguana both").code == 0
    for year in ("test", "dl20"):
        Path(f"r-{year}.run").write_text(Path("a/arguana.run").read_text())
    rows = rows_of(intrex("evaluate 'both:{set}' 'r-{set}.run' -m AP"))
    assert [r["set"] for r in rows] == ["dl20", "test", "mean of 2 sets", "mean of 5 queries"]


def test_tags_that_differ_from_set_to_set(world: Path, intrex: Intrex) -> None:
    """An index for each set may have given its runs its own name."""
    for name in SETS:
        run = Path(f"a/{name}.run")
        run.write_text(run.read_text().replace(" a\n", f" {name}\n"))
    rows = rows_of(intrex("evaluate cqa:test 'a/{set}.run' b -m AP"))
    assert {r["system"] for r in rows} == {"a/{set}.run", "b"}
    assert {r["system"] for r in rows_of(intrex("evaluate cqa:test b 'b/{set}.run' -m AP"))} == {
        "b (b)",
        "b ({set}.run)",
    }


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("evaluate cqa:test a/gis.run", 2, "a/gis.run is one run, and there are 4 query sets"),
        ("evaluate cqa:dev a", 1, "4 of 4 collections of cqadupstack have no query set 'dev'"),
        ("evaluate cqa:test c", 2, "c is one run"),
        ("evaluate cqa:test 'c/{set}.run'", 1, "c/{set}.run has no run of android, english, gis, tex: 4 of 4 sets"),
        ("evaluate 'none/{set}.tsv' a", 1, "nothing matches none/{set}.tsv"),
        ("evaluate cqa:test a --sets gis", 2, "cqa:test names one set, gis"),
        ("evaluate cqa:test a --sets gis,txe", 2, "did you mean tex?"),
        ("evaluate arg:test a/arguana.run --sets gis", 2, "--sets is for several query sets, arg:test is one"),
        ("evaluate cqa:test a --as beir", 2, "--as is of one query set"),
        ("evaluate cqa:test a -q", 2, "every query's values with --scores FILE"),
        ("evaluate cqa:test a --trained-on x:1 --scores s", 2, "--trained-on is of one query set"),
        ("evaluate cqa:test a --scores a/gis.run --overwrite", 2, "the output is an input too: a/gis.run"),
        ("evaluate 'forums/{set}/qrels/test.tsv' a --scores forums/gis/qrels/test.tsv --overwrite", 2, "an input too"),
        ("evaluate cqa:test a --scores cqa/gis/s.jsonl", 2, "the output would stand in"),
        ("compare cqa:test a b --test bootstrap", 2, "--test bootstrap is of one query set"),
        ("compare cqa:test a b --movers 3", 2, "--movers is of one query set"),
        ("compare cqa:test a b --no-complete", 2, "--no-complete is of one query set"),
        ("compare cqa:test a", 2, "one system alone cannot be compared"),
        ("compare cqa:test a b --baseline c", 2, "the baseline 'c' is not among the systems"),
        ("search arg cqa:test", 1, "cqa is a group of 4 collections, one is needed here"),
    ],
)  # fmt: skip
def test_what_cannot_be(world: Path, intrex: Intrex, line: str, code: int, says: str) -> None:
    said = intrex(line)
    assert (said.code, says in said.err) == (code, True), said.err
    assert not said.out


def test_sets_that_are_not_comparable(world: Path, intrex: Intrex) -> None:
    for name in SETS[:2]:
        Path(f"twice-{name}").mkdir()
        assert intrex(f"collection import forums/{name} twice-{name}/c --name same").code == 0
    said = intrex("evaluate 'twice-{set}/c:test' 'a/{set}.run'")
    assert said.code == 1 and "the sets android and english are both called same:test in scores" in said.err
    for file in Path("a").glob("gis.*"):
        (file.parent / "gis.txt").write_text(file.read_text())
    said = intrex("evaluate cqa:test a")
    assert said.code == 1 and "two runs of gis: a/gis.run and a/gis.txt" in said.err
    assert intrex("evaluate cqa/gis:test b/gis.run -m AP --scores gis.jsonl").code == 0
    assert intrex("evaluate cqa/tex:test b/tex.run -m AP -M 5 --scores tex.jsonl").code == 0
    said = intrex("leaderboard build gis.jsonl tex.jsonl --mean sets")
    assert said.code == 1 and "by different rules or measures" in said.err


def test_notes_name_their_set(world: Path, intrex: Intrex) -> None:
    run = Path("a/gis.run")
    run.write_text(
        "".join(line for line in run.read_text().splitlines(keepends=True) if not line.startswith("q1 "))
    )
    said = intrex("evaluate cqa:test a -m AP")
    assert "note: gis: a lacks 1 of 7 judged queries; they count as empty rankings" in said.err
    rows = rows_of(intrex("evaluate cqa:test a -m AP --no-complete"))
    assert {r["set"]: r["n_queries"] for r in rows}["gis"] == "6" and rows[-1]["set"] == "mean of 23 queries"
    said = intrex("compare cqa:test a b")
    assert "note: a lacks 1 of 24 judged queries; they count as empty rankings" in said.err


def test_comparison_on_each_set_and_over_them(world: Path, intrex: Intrex) -> None:
    stats = pytest.importorskip("scipy.stats")
    values = {s: np.array([single(intrex, name, s) for name in SETS]) for s in ("a", "b")}
    rows = rows_of(intrex("compare cqa:test a b --test t"))
    found = {(r["set"], r["over"]): r for r in rows}
    over_sets = found["mean of 4 sets", "sets"]
    expected = stats.ttest_rel(values["b"], values["a"])
    assert float(over_sets["p"]) == pytest.approx(expected.pvalue, abs=1e-12)
    assert [float(over_sets[c]) for c in ("ci_low", "ci_high")] == pytest.approx(
        expected.confidence_interval(), abs=1e-12
    )
    assert (over_sets["n_queries"], over_sets["n_groups"]) == ("24", "4")
    assert int(over_sets["wins"]) == (values["b"] > values["a"]).sum()
    for name in SETS:
        (alone,) = rows_of(intrex(f"compare cqa/{name}:test a/{name}.run b/{name}.run --test t"))
        assert {c: found[name, "queries"][c] for c in ("difference", "p", "ci_low", "d_z")} == {
            c: alone[c] for c in ("difference", "p", "ci_low", "d_z")
        }
    p = np.array([float(found[name, "queries"]["p"]) for name in SETS])
    holm = np.maximum.accumulate(np.sort(p) * [4, 3, 2, 1]).clip(max=1)
    assert sorted(float(found[name, "queries"]["p_corrected"]) for name in SETS) == pytest.approx(
        holm.tolist()
    )
    assert len(rows) == 7 and float(found["mean of 24 queries", "queries"]["difference"]) == pytest.approx(
        np.average(values["b"] - values["a"], weights=[3, 5, 7, 9])
    )
    assert float(found["mean of 4 sets", "queries"]["difference"]) == pytest.approx(
        float(over_sets["difference"])
    )
    assert "|mean=sets|" in over_sets["signature"] and over_sets["signature"].endswith("|over=sets")


def test_randomisation_over_sets_counts_all_flips(world: Path, intrex: Intrex) -> None:
    gains = np.array([single(intrex, name, "b") - single(intrex, name, "a") for name in SETS])
    flips = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1)
    share = (np.abs(flips.T @ gains) >= abs(gains.sum()) - 1e-12).mean()
    said = intrex("compare cqa:test a b")
    row = next(r for r in rows_of(said) if r["over"] == "sets")
    assert float(row["p"]) == pytest.approx(share)
    assert (
        "over 4 sets no p by randomisation is below 0.125: they are too few for it; --test t has no such bound"
        in said.err
    )


def test_every_format_has_the_p_values(world: Path, intrex: Intrex) -> None:
    row = next(
        r for r in rows_of(intrex("compare cqa:test a b --baseline 'b/{set}.run'")) if r["over"] == "sets"
    )
    assert (row["a"], row["b"]) == ("b", "a")
    for form in ("table", "md", "latex"):
        said = intrex(f"compare cqa:test a b -m nDCG@10 -m RR@10 --format {form}")
        assert said.code == 0 and said.out.count("mean of 4 sets") == 6
        assert f"{float(row['p']):.4f}" in said.out and "sets=cqadupstack/android:test+" in said.out
    records = [json.loads(line) for line in intrex("compare cqa:test a b --format jsonl").out.splitlines()]
    assert len(records) == 7 and all({"set", "over", "p", "p_corrected"} <= r.keys() for r in records)


def test_scores_of_all_sets_serve_for_runs(world: Path, intrex: Intrex) -> None:
    assert intrex("evaluate cqa:test a b -m nDCG@10 --scores s.jsonl").code == 0
    runs, scores = intrex("compare cqa:test a b"), intrex("compare cqa:test s.jsonl")
    assert scores.code == 0 and scores.out == runs.out
    assert intrex("evaluate cqa:test a -m nDCG@10 --scores part.jsonl --sets gis,tex").code == 0
    said = intrex("compare cqa:test part.jsonl b")
    assert (
        said.code == 1
        and "have no cqadupstack/android:test, or were made with other judgements (part.jsonl)" in said.err
    )

"""``intrex split`` on real queries, and on what cannot be split."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Queries
from intrex.eval.pipelines.splitting import Sides, balance, make_restrain, make_resttest
from intrex.eval.splits.options import RestrainOptions, ResttestOptions
from intrex.eval.splits.split import read_split


@pytest.fixture
def stackfaq(shared: Path, tmp_path: Path, intrex) -> Path:
    assert intrex(f"collection import {shared / 'stackfaq'} {tmp_path / 'c'}").code == 0
    return tmp_path / "c"


def rows(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def test_resttest_on_real_queries(stackfaq: Path, tmp_path: Path, intrex) -> None:
    said = intrex(f"split resttest {stackfaq}:train {stackfaq}:test {tmp_path / 's'} --encoder bm25")
    assert said.code == 0, said.err
    assert "note: 17 of 625 training queries were drawn into no fold" in said.err
    table = rows(said.out)
    assert sum(int(r["extrapolation"]) for r in table) == 624
    assert len({r["train"] for r in table}) == 1
    assert all(float(r["similarity, gap"]) > 0 for r in table)
    made = read_split(tmp_path / "s")
    assert made.encoder is not None and made.encoder["kind"] == "bm25"
    again = intrex(f"split info {tmp_path / 's'} --format csv")
    assert rows(again.out) == table
    repeated = intrex(f"split resttest {stackfaq}:train {stackfaq}:test {tmp_path / 's'} --encoder bm25")
    assert repeated.code == 0 and "done already" in repeated.err
    refused = intrex(
        f"split resttest {stackfaq}:train {stackfaq}:test {tmp_path / 's'} --encoder bm25 --seed 5"
    )
    assert refused.code == 1 and "--overwrite" in refused.err
    even = intrex(
        f"split resttest {stackfaq}:train {stackfaq}:test {tmp_path / 'e'} --encoder bm25 --balance --k 4 --seed 2"
    )
    sizes = [int(r["train"]) + int(r["extrapolation"]) for r in rows(even.out)]
    assert even.code == 0 and len(sizes) == 4


def test_the_order_of_queries_changes_nothing() -> None:
    words = ["wing", "lift", "drag", "heat", "flow", "plate", "layer", "shock", "jet", "nozzle"]
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(words, 3)) for _ in range(120)]
    ids = [f"q{i:03}" for i in range(120)]

    def made(order: np.ndarray) -> Sides:
        train = [i for i in order if i % 3]
        test = [i for i in order if not i % 3]
        sides = [Queries([ids[i] for i in part], [texts[i] for i in part]) for part in (train, test)]
        return Sides(*sides, {}, "bm25")

    one, other = made(np.arange(120)), made(random.permutation(120))
    for make in (
        lambda s: make_resttest(s, ResttestOptions(k=3, min_queries=1)),
        lambda s: make_resttest(s, ResttestOptions(k=3, min_queries=1, balance=True)),
        lambda s: make_restrain(s, RestrainOptions(per_query=1, min_queries=1)),
    ):
        assert make(one).fingerprint == make(other).fingerprint


def test_balanced_clusters() -> None:
    alike = np.random.default_rng(1).random((103, 4))
    labels = balance(alike)
    assert sorted(np.bincount(labels).tolist()) == [25, 26, 26, 26]
    clear = np.eye(4)[np.arange(100) % 4]
    assert (balance(clear) == np.arange(100) % 4).all()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("resttest {c}:test {c}:test {o} --encoder bm25", 1, "624 queries are in training and test"),
        ("resttest {c}:train {c}:test {o} --encoder bm25 --k 2000", 2, "2000 buckets of 1,249 queries"),
        (
            "resttest {c}:train {c}:test {o} --encoder bm25 --k 20",
            1,
            "too few test queries, 30 are needed: fold",
        ),
        ("restrain {c}:train {c}:test {o} --encoder bm25 --per-query 1", 2, "use split resttest"),
        ("shift {c}:train {c}:test {o} --by colour", 2, "--by is 'colour'"),
        ("resttest {c}:train nowhere {o}", 1, "queries not found"),
        ("import {c} {o}", 2, "either --test-set or --test"),
        ("import {c} {o} --test-set dev", 1, "no bucket-1"),
        ("info {c}", 1, "needed here: split"),
    ],
)
def test_refusals(stackfaq: Path, tmp_path: Path, intrex, arguments: str, code: int, message: str) -> None:
    said = intrex("split " + arguments.format(c=stackfaq, o=tmp_path / "o"))
    assert said.code == code and message in said.err, said.err
    assert not (tmp_path / "o").exists()


def test_shifts_on_real_queries(stackfaq: Path, tmp_path: Path, intrex) -> None:
    sides = f"{stackfaq}:train {stackfaq}:test"
    said = intrex(f"split shift {sides} {tmp_path / 'l'} --by length")
    assert said.code == 0, said.err
    assert "few training queries in fold long (19), short (19)" in said.err
    table = rows(said.out)
    assert [list(r.values()) for r in table] == [
        ["long", "19", "574", "50"],
        ["short", "19", "50", "574"],
    ]
    assert list(table[0]) == ["fold", "train", "interpolation", "extrapolation"], "nothing was compared"
    said = intrex(f"split shift {sides} {tmp_path / 't'} --by topic --encoder bm25 --min-queries 12")
    assert said.code == 0, said.err
    assert "a fold trains on 36" in said.err
    table = rows(said.out)
    assert len(table) == 5 and all(float(r["similarity, gap"]) > 0 for r in table)
    said = intrex(f"split shift {sides} {tmp_path / 'q'} --by question-word")
    assert "left out, with too few test queries or on one side only: when, where, which, who, why" in said.err


def test_both_arms_of_restrain_on_real_queries(shared: Path, tmp_path: Path, intrex) -> None:
    assert intrex(f"collection import {shared / 'scifact'} {tmp_path / 'c'}").code == 0
    line = f"split restrain {tmp_path / 'c'}:train {tmp_path / 'c'}:test {tmp_path / 's'} --encoder bm25 --per-query 1"
    said = intrex(line)
    assert said.code == 0, said.err
    near, far = rows(said.out)
    assert near["train"] == far["train"] and near["interpolation"] == far["extrapolation"] == "300"
    assert float(near["similarity, interpolation"]) > 2 * float(far["similarity, extrapolation"])
    judged = intrex(f"{line.replace(str(tmp_path / 's'), str(tmp_path / 'j'))} --unit judgements")
    assert judged.code == 0, judged.err
    made = read_split(tmp_path / "j")
    assert made.params["sizes"]["interpolation"][1] == made.params["sizes"]["extrapolation"][1]
    (tmp_path / "q.tsv").write_text("".join(f"x{i}\tquery {i}\n" for i in range(99)))
    said = intrex(
        f"split restrain {tmp_path / 'q.tsv'} {tmp_path / 'c'}:test {tmp_path / 'n'} --encoder bm25 --per-query 1 --unit judgements"
    )
    assert said.code == 2 and "needs judged training queries" in said.err, said.err

"""Splits: worked examples, invariants, files."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.eval.splits.options import RestrainOptions, ResttestOptions, ShiftOptions
from intrex.eval.splits.queries import QueryVectors, draw
from intrex.eval.splits.released import read_restrain, read_resttest
from intrex.eval.splits.restrain import restrain
from intrex.eval.splits.resttest import resttest
from intrex.eval.splits.shift import by_length, by_question_word, far_groups, shift
from intrex.eval.splits.similarity import bm25_vectors, highest_by_group, nearest_queries, normalise
from intrex.eval.splits.split import Fold, Split, read_split, write_split

RESTTEST = ResttestOptions(min_queries=0)


def options(per_query: int, **values: object) -> RestrainOptions:
    return RestrainOptions(per_query=per_query, min_queries=0, **values)


def cloud(n: int, seed: int = 0, prefix: str = "q", groups: int = 4) -> tuple[QueryVectors, np.ndarray]:
    """Queries around a few centres, and the centre of each."""
    random = np.random.default_rng(seed)
    centres = np.eye(8)[:groups] * 4
    of = random.integers(0, groups, n)
    vectors = (centres[of] + random.normal(size=(n, 8))).astype(np.float32)
    made = QueryVectors.of([f"{prefix}{i:03}" for i in range(n)], vectors)
    return made, of  # the ids are in order already


def test_the_nearest_neighbour_toy() -> None:
    """algorithms 1.6, check 6."""
    train = QueryVectors.of(["t1", "t2"], np.array([[1, 0], [0, 1]], np.float32))
    test = QueryVectors.of(["x"], np.array([[0.9, 0.1]], np.float32))
    made = restrain(train, test, options(1))
    assert {f.name: f.train for f in made.folds} == {"interpolation": ("t1",), "extrapolation": ("t2",)}
    found = {f.name: f.similarity[f.name] for f in made.folds}
    assert found["interpolation"] == pytest.approx(0.9939, abs=1e-4)
    assert found["extrapolation"] == pytest.approx(0.1104, abs=1e-4)


@pytest.mark.parametrize("equal", [True, False])
def test_resttest_partitions_and_trains_elsewhere(equal: bool) -> None:
    train, of_train = cloud(200)
    test, of_test = cloud(90, 1, "x")
    buckets = np.concatenate([of_train, of_test])
    made = resttest(train, test, buckets, ResttestOptions(equal=equal, min_queries=5))
    place = dict(zip(train.ids, of_train.tolist(), strict=True))
    seen: list[str] = []
    for b, fold in enumerate(made.folds):
        assert {*fold.regimes["interpolation"], *fold.regimes["extrapolation"]} == set(test.ids)
        assert not any(place[i] == b for i in fold.train)
        seen += fold.regimes["extrapolation"]
        assert fold.similarity["interpolation"] > fold.similarity["extrapolation"]
        rows = [train.ids.index(i) for i in fold.train]
        alike = np.round(test.vectors @ train.vectors[rows].T, 7).max(axis=1)
        inside = [test.ids.index(i) for i in fold.regimes["interpolation"]]
        assert fold.similarity["interpolation"] == pytest.approx(float(alike[inside].mean()), abs=1e-6)
    assert sorted(seen) == list(test.ids)
    sizes = {len(f.train) for f in made.folds}
    assert (len(sizes) == 1) == equal
    assert sum(len(f.regimes["interpolation"]) for f in made.folds) == 3 * len(test)


def test_order_and_scale_change_nothing() -> None:
    train, _ = cloud(300)
    test, _ = cloud(20, 1, "x")
    random = np.random.default_rng(5)
    one = restrain(train, test, options(5, seed=3))
    shuffled = []
    for side in (train, test):
        order = random.permutation(len(side))
        shuffled.append(QueryVectors.of([side.ids[i] for i in order], side.vectors[order] * np.float32(7.5)))
    assert restrain(*shuffled, options(5, seed=3)).fingerprint == one.fingerprint
    assert restrain(train, test, options(5, seed=4)).fingerprint != one.fingerprint
    a, b = one.folds
    assert len(a.train) == len(b.train) and not set(a.train) & set(b.train)
    assert a.similarity["interpolation"] > b.similarity["extrapolation"]


def test_restrain_counts_judgements_if_asked() -> None:
    train, _ = cloud(300)
    test, _ = cloud(10, 1, "x")
    counts = {i: 1 + n % 3 for n, i in enumerate(train.ids)}
    made = restrain(train, test, options(6, unit="judgements"), counts)
    a, b = (sum(counts[i] for i in f.train) for f in made.folds)
    assert a == b
    with pytest.raises(UsageError, match="16 training queries for each of 10 test queries"):
        restrain(train, test, options(16))
    with pytest.raises(UsageError, match="--unit is 'rows'"):
        options(1, unit="rows")


def test_too_few_queries_are_named_with_their_interval() -> None:
    train, of = cloud(60)
    test, of_test = cloud(20, 1, "x")
    with pytest.raises(
        BadInput, match=r"fold \d, extrapolation: \d+ queries \(95% interval about ±0\.\d\d\)"
    ):
        resttest(train, test, np.concatenate([of, of_test]), ResttestOptions(min_queries=30))
    with pytest.raises(BadInput, match="are in training and test"):
        resttest(train, train, np.concatenate([of, of]), RESTTEST)


def test_shifts() -> None:
    assert by_length(["one two", "one two three four five six seven"]) == ["short", "long"]
    asked = ["What's a wing?", "tell me how", "WHICH way", "lift of wings", "somehow what"]
    assert by_question_word(asked) == ["what", "how", "which", "other", "what"]
    train = {f"t{i}": "ab"[i % 3 == 0] for i in range(30)}
    test = {f"x{i}": "abc"[i % 3] for i in range(30)}
    made = shift(train, test, ShiftOptions(by="length", min_queries=5))
    assert [f.name for f in made.folds] == ["a", "b"] and made.params["left_out"] == ["c"]
    assert [len(f.train) for f in made.folds] == [10, 10]
    a, b = made.folds
    assert a.regimes["interpolation"] == b.regimes["extrapolation"]
    with pytest.raises(UsageError, match="two groups"):
        shift(train, test, ShiftOptions(by="length", min_queries=11))


def test_far_groups() -> None:
    angles = np.deg2rad([0, 10, 90, 180, 200])
    centres = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    assert far_groups(centres, 2).tolist() == [0, 3]
    assert far_groups(centres, 3).tolist() == [0, 3, 2]


def test_nearest_is_exact_over_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from intrex.eval.splits import similarity

    train, _ = cloud(500)
    test, _ = cloud(37, 1, "x")
    alike = test.vectors.astype(np.float64) @ train.vectors.T.astype(np.float64)
    first = nearest_queries(test.vectors, train.vectors, 9)
    np.testing.assert_allclose(first[1], -np.sort(-alike, axis=1)[:, :9], atol=1e-12)
    wanted = np.lexsort((np.broadcast_to(np.arange(500), alike.shape), -alike), axis=1)[:, :9]
    for size in (1 << 16, 64, 7):
        monkeypatch.setattr(similarity, "TRAINS_AT_ONCE", size)
        monkeypatch.setattr(similarity, "TESTS_AT_ONCE", 10)
        rows, scores = nearest_queries(test.vectors, train.vectors, 9)
        assert (rows == wanted).all()
        assert (scores == first[1]).all()
        groups = np.sort(np.arange(500) % 7)
        best = highest_by_group(test.vectors, train.vectors, groups)
        np.testing.assert_allclose(best, np.stack([alike[:, groups == g].max(1) for g in range(7)], 1))


def test_bm25_vectors_are_the_formula() -> None:
    texts = [["a", "b", "a"], ["b", "c"], [], ["c"]]
    found = bm25_vectors(texts).toarray()
    idf = {t: np.log(1 + (3 - n + 0.5) / (n + 0.5)) for t, n in {"a": 1, "b": 2, "c": 2}.items()}
    norm = [0.9 * (0.6 + 0.4 * n / 2) for n in (3, 2, 0, 1)]
    wanted = [
        [idf["a"] * 2 / (2 + norm[0]), idf["b"] / (1 + norm[0]), 0],
        [0, idf["b"] / (1 + norm[1]), idf["c"] / (1 + norm[1])],
        [0, 0, 0],
        [0, 0, idf["c"] / (1 + norm[3])],
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    unit = normalise(bm25_vectors(texts))
    np.testing.assert_allclose((unit.toarray() ** 2).sum(1), [1, 1, 0, 1], rtol=1e-6)
    rows, _ = nearest_queries(unit[:1], unit[1:], 2)
    assert rows.tolist() == [[0, 1]]


def test_written_and_read_again(tmp_path: Path) -> None:
    train, of = cloud(80)
    test, of_test = cloud(40, 1, "x")
    made = resttest(train, test, np.concatenate([of, of_test]), RESTTEST)
    write_split(made, tmp_path / "s")
    again = read_split(tmp_path / "s")
    assert again == made and again.name.startswith("resttest-")
    write_split(made, tmp_path / "t")
    for file in sorted(p.relative_to(tmp_path / "s") for p in (tmp_path / "s").rglob("*") if p.is_file()):
        assert (tmp_path / "s" / file).read_bytes() == (tmp_path / "t" / file).read_bytes()
    broken = tmp_path / "s" / "folds" / "1" / "train.txt"
    broken.write_text(broken.read_text().replace("q", "z"))
    with pytest.raises(BadInput, match="its ids are not those that were written"):
        read_split(tmp_path / "s")


def test_a_fold_is_checked() -> None:
    for train, regimes in ((("b", "a"), {}), (("a",), {"interpolation": ("a",)}), (("a",), {"other": ()})):
        with pytest.raises(ValueError, match=r"fold|queries"):
            Fold("f", train, regimes)
    assert Split("import", (Fold("f", (), {"interpolation": ("a",)}),)).test_ids == ["a"]


def test_the_draw_is_nested_and_independent_of_order() -> None:
    ids = [f"i{n}" for n in range(50)]
    assert draw(reversed(ids), 1) == draw(ids, 1) != draw(ids, 2)
    assert [i for i in draw(ids, 1) if i in ids[:20]] == draw(ids[:20], 1)


SIZES = {"1": 981, "2": 2206, "3": 1824, "4": 1491, "5": 478}


def test_released_files_have_the_published_sizes(shared: Path) -> None:
    """algorithms 1.2 and 1.3."""
    folder = shared / "msmarco-extrapolation-splits"
    made = read_resttest(folder / "resttest_files", "dev")
    assert {f.name: len(f.regimes["extrapolation"]) for f in made.folds} == SIZES
    assert {f.name: len(f.regimes["interpolation"]) for f in made.folds} == {
        b: 6980 - n for b, n in SIZES.items()
    }
    assert len(made.test_ids) == 6980
    for name, sizes in {"trec19": [5, 17, 7, 13, 1], "trec20": [2, 18, 14, 13, 7]}.items():
        found = read_resttest(folder / "resttest_files", name)
        assert [len(f.regimes["extrapolation"]) for f in found.folds] == sizes
    arms = read_restrain(folder / "restrain_files" / "14k", ["x1"])
    assert {f.name: len(f.train) for f in arms.folds} == {"interpolation": 13175, "extrapolation": 13763}
    assert not set(arms.folds[0].train) & set(arms.folds[1].train)
    with pytest.raises(BadInput, match="test sets there: dev, trec19, trec20"):
        read_resttest(folder / "resttest_files", "trec21")


def test_repeated_lines_of_released_files_are_read_once(tmp_path: Path, caplog, intrex) -> None:
    """As in those of 200k; a pair with two grades stays an error."""
    caplog.set_level("INFO", "intrex")
    folder = tmp_path / "200k"
    folder.mkdir()
    (folder / "interpolate.train-qrel.txt").write_text("1 0 a 1\n1 0 a 1\n3 0 c 1\n")
    (folder / "extrapolate.train-qrel.txt").write_text("2 0 b 1\n")
    made = read_restrain(folder, ["q"])
    assert [fold.train for fold in made.folds] == [("1", "3"), ("2",)]
    assert "interpolate.train-qrel.txt: 1 lines say the same again, they are read once" in caplog.text
    (tmp_path / "q.tsv").write_text("q\thello\n")
    line = f"split import {folder} {tmp_path}/out --test {tmp_path}/q.tsv"
    assert intrex(line).code == 0
    assert [fold.train for fold in read_split(tmp_path / "out").folds] == [("1", "3"), ("2",)]
    (folder / "extrapolate.train-qrel.txt").write_text("2 0 b 1\n2 0 b 2\n")
    with pytest.raises(BadInput, match="judged twice"):
        read_restrain(folder, ["q"])

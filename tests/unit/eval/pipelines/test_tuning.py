"""Tuning of a fusion: the grid, the choice, the held-out figure, what is kept, and what later scores say of it."""

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import UsageError
from intrex.data.packed import PackedRun
from intrex.data.qrels import Qrels, write_qrels
from intrex.data.rankings.write import write_run
from intrex.data.run import Run
from intrex.data.tags import tuned_on
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.tuning.grid import compositions, grid_of
from intrex.eval.pipelines.tuning.router import PENALTIES, TextFeatures, features_of, fit, fit_by_folds
from intrex.eval.pipelines.tuning.values import choose, folds_of, held_out, run_values, setting_values
from intrex.eval.scoring.score import score
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.fusion import judged
from intrex.retrievers.fusion.fuse import fuse_runs
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.options import BuildTask

RANDOM = np.random.default_rng(11)
N = 40


def world() -> tuple[list[Run], Qrels]:
    """Two runs, the first of them better, and judgements; the last query is in neither run."""
    relevant = {f"q{q:02}": RANDOM.choice(60, 4, replace=False) for q in range(N)}
    runs = []
    for noise in (1.0, 1.6):
        rankings = {}
        for q, ones in list(relevant.items())[:-1]:
            scores = RANDOM.normal(0, noise, 60)
            scores[ones] += 1.5
            best = np.argsort(-scores)[:30]
            rankings[q] = {f"d{d}": float(scores[d]) for d in best}
        runs.append(Run.from_dict(rankings, f"r{noise:g}"))
    grades = {
        q: {f"d{d}": int(g) for d, g in zip(ones, RANDOM.integers(0, 3, 4), strict=True)}
        for q, ones in relevant.items()
    }
    return runs, Qrels.from_dict(grades)


RUNS, QRELS = world()
PACKED = [PackedRun.of(run) for run in RUNS]
(NDCG,) = parse_measures(["nDCG@10"])


@pytest.mark.parametrize(("runs", "steps"), [(2, 10), (3, 10), (4, 10), (3, 20), (2, 100), (5, 4)])
def test_no_weights_are_lost(runs: int, steps: int) -> None:
    """ranx keeps 62 of 66 for three runs, and 256 of 286 for four, since it adds floats up."""
    found = list(compositions(steps, runs))
    assert len(found) == len(set(found)) == math.comb(runs + steps - 1, steps)
    assert all(sum(one) == steps and min(one) >= 0 for one in found)
    grid = grid_of(FuseOptions(method="wsum"), runs, steps)
    assert len(grid.settings) == len(found)
    assert grid.value(grid.default) == tuple([1 / runs] * runs) or steps % runs


@pytest.mark.parametrize("worth", [0, 10**12], ids=["kernel", "plain"])
@pytest.mark.parametrize(
    "options", [{"method": "wsum"}, {"method": "wmnz"}, {"method": "rrf"}, {"method": "gmnz"}, {"method": "rbc"}, {"method": "logn_isr"},
                {"method": "w_bordafuse"}, {"method": "w_condorcet"}, {"method": "cc", "norm": "zmuv"}, {"method": "mixed", "norm": "borda"},
                {"method": "wsum", "k": 5, "depth": 7}],
    ids=lambda options: "-".join(map(str, options.values())),
)  # fmt: skip
def test_a_setting_is_worth_what_its_run_scores(
    options: dict, worth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judged, "WORTH_LOADING", worth)
    grid = grid_of(FuseOptions(**options), 2, 8 if options["method"] in ("wsum", "wmnz", "mixed") else None)
    settings = grid.settings[:: max(1, len(grid.settings) // 4)]
    for measure in (NDCG, *parse_measures(["AP", "R@5", "RR", "NumRet"])):
        values = setting_values(PACKED, QRELS, settings, measure)
        for row, one in zip(values, settings, strict=True):
            assert row.tolist() == score(QRELS, fuse_runs(RUNS, one), [measure]).values[:, 0].tolist()
    for row, run in zip(run_values(PACKED, QRELS, NDCG), RUNS, strict=True):
        assert row.tolist() == score(QRELS, run, [NDCG]).values[:, 0].tolist()


def test_the_choice_and_what_it_is_worth_held_out() -> None:
    values = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5]])
    distances = np.array([1.0, 1.0, 0.0])
    assert choose(values, distances) == 2, "of equal ones the nearest to the default"
    assert choose(values, np.zeros(3)) == 0, "then the first"
    assert choose(values + np.array([[0], [1e-9], [0]]), distances) == 1
    out, chosen = held_out(values, distances, np.array([0, 0, 1, 1]))
    assert chosen == [1, 0] and out.tolist() == [0, 0, 0, 0], "each fold is scored by what the other chose"
    fold = folds_of([f"q{i}".encode() for i in range(10)], 3, seed=0)
    assert sorted(np.bincount(fold)) == [3, 3, 4]
    assert folds_of([f"q{i}".encode() for i in range(10)], 3, seed=1).tolist() != fold.tolist()


def test_a_router_finds_what_depends_on_the_query_and_leaves_what_does_not() -> None:
    feature = RANDOM.normal(size=(200, 2))
    good = np.where(feature[:, 0] > 0, 1.0, 0.0)
    values = np.stack([good, 1 - good, np.full(200, 0.5)])
    distances, fold = np.array([1.0, 1.0, 0.0]), np.arange(200) % 5
    router = fit_by_folds(("a", "b"), feature, values, distances, fold)
    assert (router.route(feature, distances) == np.where(good > 0, 0, 1)).mean() > 0.9
    noise = np.stack([RANDOM.normal(0.5, 0.1, 200), RANDOM.normal(0.7, 0.1, 200)])
    router = fit(("a", "b"), feature, noise, PENALTIES[-1])
    assert (router.route(feature, distances[:2]) == 1).all() and not router.coefficients.any()
    names, found = features_of(PACKED, QRELS.query_ids.tolist())
    assert found.shape == (N, len(names)) and np.isfinite(found).all()
    with pytest.raises(Exception, match="lack q00"):
        features_of(PACKED, [b"q00"], TextFeatures.of({"other": "text"}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for run in RUNS:
        write_run(run, tmp_path / run.tag)
    half = np.repeat(np.arange(N) < N // 2, np.diff(QRELS.offsets))
    write_qrels(QRELS.select(half), tmp_path / "dev")
    write_qrels(QRELS.select(~half), tmp_path / "test")
    write_qrels(QRELS, tmp_path / "all")
    return tmp_path


def test_the_command(folder: Path, intrex, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "intrex")
    line = f"fuse {folder}/r1 {folder}/r1.6 --method wsum --tune nDCG@10"
    said = intrex(f"{line} --on {folder}/dev --qrels {folder}/test -o {folder}/out")
    assert said.code == 0, said.err
    kept = json.loads((folder / "out.weights.json").read_text())
    dev, test = (
        intrex(f"evaluate {folder}/{name} {folder}/out -m nDCG@10 --format csv") for name in ("dev", "test")
    )
    figures = {one["name"]: one["value"] for one in kept["figures"]}
    printed = [float(next(csv.DictReader(io.StringIO(one.out)))["value"]) for one in (dev, test)]
    assert printed == pytest.approx([figures["tuned on"], figures["held out"]], abs=1e-12)
    assert "|tuned=these" in dev.out and caplog.text.count("was tuned on these judgements") == 1
    assert "|tuned=dev" in test.out and "these" not in test.out
    assert f"tuned on             {figures['tuned on']:.4f}" in said.err
    assert "untuned" in figures and "r1 alone" in figures
    tag = (folder / "out").read_text().split()[5]
    assert tuned_on(tag) == [("dev", kept["qrels"][:8])]
    again = intrex(
        f"fuse {folder}/r1 {folder}/r1.6 --weights-from {folder}/out.weights.json --tag mine -o {folder}/again"
    )
    assert again.code == 0, again.err
    rows = [
        [line.split()[:5] for line in (folder / name).read_text().splitlines()] for name in ("out", "again")
    ]
    assert rows[0] == rows[1]
    assert (folder / "again").read_text().split()[5].startswith("mine+tuned(on=dev@"), (
        "a tag of one's own does not hide it"
    )
    assert intrex(f"{line} --on {folder}/dev -o {folder}/out").code == 1, (
        "what is kept is not replaced unasked"
    )


def test_what_learned_from_judgements_says_so_too(folder: Path, intrex) -> None:
    line = (
        f"fuse {folder}/r1 {folder}/r1.6 --method posfuse --train-on {folder}/dev --tag mine -o {folder}/out"
    )
    assert intrex(line).code == 0
    for name, tuned in (("dev", "these"), ("test", "dev")):
        assert (
            f"|tuned={tuned}" in intrex(f"evaluate {folder}/{name} {folder}/out -m nDCG@10 --format csv").out
        )


def test_the_router_knows_texts_of_several_files(folder: Path, intrex) -> None:
    ids = [query.decode() for query in QRELS.query_ids.tolist()]
    for name, mine in (("a.tsv", ids[:9]), ("b.tsv", ids[9:])):
        (folder / name).write_text("".join(f"{q}\t{'word ' * (i % 7 + 1)}\n" for i, q in enumerate(mine)))
    line = f"fuse {folder}/r1 {folder}/r1.6 --method rrf --tune nDCG@10 --cv 4 --qrels {folder}/all --router --queries {folder}/a.tsv"
    assert "the queries lack q09" in intrex(f"{line} -o {folder}/out").err
    said = intrex(f"{line} --queries {folder}/b.tsv -o {folder}/out")
    assert said.code == 0 and "words; penalty" in said.err


def test_the_router_knows_how_rare_terms_are(folder: Path, intrex, small) -> None:
    assert intrex(f"index bm25 {small.path} {folder}/idx").code == 0
    ids = [query.decode() for query in QRELS.query_ids.tolist()]
    texts = [("flat boundary layer", "lift of wings and heat", "unheard")[i % 3] for i in range(len(ids))]
    (folder / "t.tsv").write_text("".join(f"{q}\t{text}\n" for q, text in zip(ids, texts, strict=True)))
    line = f"fuse {folder}/r1 {folder}/r1.6 --method rrf --tune nDCG@10 --cv 4 --qrels {folder}/all --router --queries {folder}/t.tsv"
    said = intrex(f"{line} --idf-index {folder}/idx -o {folder}/out")
    assert said.code == 0 and "words, mean idf, max idf; penalty" in said.err, said.err
    again = f"fuse {folder}/r1 {folder}/r1.6 --weights-from {folder}/out.weights.json -o {folder}/again --queries {folder}/t.tsv"
    assert "--idf-index" in intrex(again).err
    assert intrex(f"{again} --idf-index {folder}/idx").code == 0
    assert (folder / "again").read_bytes() == (folder / "out").read_bytes()
    assert intrex(f"{line.split(' --queries')[0]} --idf-index {folder}/idx -o {folder}/no").code == 2


def test_rare_terms_by_hand(tmp_path: Path, small) -> None:
    index = build_bm25(small, BuildTask(tmp_path / "i"))
    n = index.statistics["contents"].documents
    found = TextFeatures.of({"q": "heat heat unheard"}, index.idfs)
    df = sum("heat" in document.passage.lower() for document in small.documents())
    values = [math.log(1 + (n - d + 0.5) / (d + 0.5)) for d in (df, 0)]
    assert found.names == ("words", "mean idf", "max idf")
    assert found.rows["q"] == pytest.approx((3.0, sum(values) / 2, max(values)), rel=1e-6)


def test_what_was_tuned_is_said_of_all_that_is_made_of_it(folder: Path, intrex, small) -> None:
    """By default tags and by given ones: a figure on the queries that were tuned on never looks held out."""
    line = f"fuse {folder}/r1 {folder}/r1.6 --method wsum --steps 10 --tune nDCG@10 --cv 4 --qrels {folder}/all -o {folder}/t"
    assert intrex(line).code == 0
    made = (
        f"fuse {folder}/t {folder}/r1 -o {folder}/o1",
        f"fuse {folder}/t {folder}/r1 --tag mine -o {folder}/o2",
        f"normalize {folder}/t --tag mine -o {folder}/o3",
        f"convert {folder}/t {folder}/o4 --tag mine",
        f"fuse {folder}/t {folder}/r1 --weights-from {folder}/dev.weights.json -o {folder}/o5",
    )
    other = f"fuse {folder}/r1 {folder}/r1.6 --method wsum --steps 10 --tune nDCG@10 --on {folder}/dev -o {folder}/dev"
    assert intrex(other.replace(f"-o {folder}/dev", f"-o {folder}/d")).code == 0
    (folder / "dev.weights.json").write_bytes((folder / "d.weights.json").read_bytes())
    for number, command in enumerate(made, 1):
        assert intrex(command).code == 0, command
        said = intrex(f"evaluate {folder}/all {folder}/o{number} -m nDCG@10 --format csv")
        assert "tuned=" in said.out and "these" in said.out.rpartition("tuned=")[2], command
    assert "tuned=dev+these" in said.out  # both
    gated = intrex(f"gate {folder}/all {folder}/r1 {folder}/o1 --undecided pass --max-drop 0.9 --json -")
    assert "was tuned on these" in gated.out and "tuned=these" in gated.out


def test_weights_are_of_runs_in_their_order(folder: Path, intrex) -> None:
    line = f"fuse {folder}/r1 {folder}/r1.6 --method wsum --steps 10 --tune nDCG@10 --cv 4 --qrels {folder}/all -o {folder}/t"
    assert intrex(line).code == 0
    said = intrex(f"fuse {folder}/r1.6 {folder}/r1 --weights-from {folder}/t.weights.json -o {folder}/u")
    assert said.code == 1 and "in another order" in said.err and not (folder / "u").exists()


@pytest.mark.parametrize(
    "damage", [("runs", None), ("measure", None), ("on", 5), ("weights", None), ("runs", [1, 2])]
)
def test_damaged_weights(folder: Path, intrex, damage: tuple[str, object]) -> None:
    line = f"fuse {folder}/r1 {folder}/r1.6 --method wsum --steps 10 --tune nDCG@10 --cv 4 --qrels {folder}/all -o {folder}/t"
    assert intrex(line).code == 0
    record = json.loads((folder / "t.weights.json").read_text())
    (folder / "bad.json").write_text(json.dumps({**record, damage[0]: damage[1]}))
    said = intrex(f"fuse {folder}/r1 {folder}/r1.6 --weights-from {folder}/bad.json -o {folder}/u")
    assert said.code == 1 and "tune again" in said.err, said.err


def test_cross_validation_and_the_router(folder: Path, intrex) -> None:
    line = (
        f"fuse {folder}/r1 {folder}/r1.6 --method wsum --steps 20 --tune nDCG@10 --cv 4 --qrels {folder}/all"
    )
    said = intrex(f"{line} --router -o {folder}/out")
    assert said.code == 0, said.err
    kept = json.loads((folder / "out.weights.json").read_text())
    assert len(kept["folds"]) == 4 and [one["name"] for one in kept["figures"][:3]] == [
        "tuned on",
        "held out",
        "by query",
    ]
    assert kept["figures"][1]["value"] <= kept["figures"][0]["value"] + 1e-12
    low, high = kept["figures"][1]["difference"][1:]
    assert low <= kept["figures"][1]["value"] - kept["figures"][0]["value"] <= high
    assert "queries in pairs, 10,000 times; the choices are not made anew" in said.err
    again = intrex(
        f"fuse {folder}/r1 {folder}/r1.6 --weights-from {folder}/out.weights.json -o {folder}/again"
    )
    assert again.code == 0, again.err
    assert (folder / "again").read_bytes() == (folder / "out").read_bytes()
    assert intrex(f"{line} -o {folder}/other").code == 0
    assert json.loads((folder / "other.weights.json").read_text())["figures"][1] == kept["figures"][1], (
        "the same folds"
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--method wsum --tune nDCG@10", 2, "--tune needs judgements"),
        ("--method wsum --tune nDCG@10 --qrels DIR/all", 2, "would be on the queries of --qrels"),
        ("--method wsum --tune nDCG@10 --on DIR/none", 1, "judges no document relevant"),
        ("--method wsum --tune nDCG@10 --on DIR/other", 1, "none of the 1 queries of other is in the runs"),
        (
            "--method wsum --tune nDCG@10 --on DIR/dev --qrels DIR/all",
            1,
            "20 queries are in both dev and all: q00, q01",
        ),
        ("--method wsum --tune nDCG@10 --on DIR/nowhere", 1, "qrels not found"),
        ("--method isr --tune nDCG@10 --on DIR/dev", 2, "isr has nothing to tune"),
        (
            "--method wsum --weights 1,2 --tune nDCG@10 --on DIR/dev",
            2,
            "--tune chooses weights, and it is given",
        ),
        ("--method rrf --steps 5 --tune nDCG@10 --on DIR/dev", 2, "--steps is for weights"),
        (
            "--method wsum --tune nDCG@10 --on DIR/dev --train-runs DIR/r1",
            2,
            "1 runs of training queries for 2 runs",
        ),
        ("--method wsum --tune GMAP --on DIR/dev", 2, "cannot be tuned by GMAP"),
        ("--method wsum --cv 5", 2, "--cv is for --tune"),
        ("--method wsum --train-runs DIR/r1", 2, "--train-runs is for"),
        ("--weights-from DIR/none.json", 1, "not weights that --tune kept"),
    ],
)
def test_what_is_refused(words: str, code: int, said: str, folder: Path, intrex) -> None:
    (folder / "none").write_text("q00 0 d1 0\n")
    (folder / "other").write_text("p 0 d1 1\n")
    (folder / "none.json").write_text("{}")
    found = intrex(f"fuse {folder}/r1 {folder}/r1.6 {words.replace('DIR', str(folder))} -o {folder}/out")
    assert found.code == code and said in found.err, found.err
    assert not list(folder.glob("out*")), "nothing is half-written"


def test_too_many_settings() -> None:
    with pytest.raises(UsageError, match="settings of 6 weights"):
        grid_of(FuseOptions(method="wsum"), 6, 100)


def test_a_recipe_normalises_by_lowest_scores(tmp_path: Path, intrex, small) -> None:
    """``norm = "tmm"`` with its infima, and what is said where one of them is missing."""
    text = (
        'name = "t"\nqueries = "test"\nmeasures = ["nDCG@10"]\n[collection]\nimport = "{source}"\n'
        '[[system]]\nname = "a"\nindex = "bm25"\n[[system]]\nname = "b"\nindex = "dense"\nencoder = "hashing:16"\n'
        '[[system]]\nname = "c"\nfuse = ["a", "b"]\nmethod = "cc"\nalpha = 0.2\n{more}'
    )
    recipe = tmp_path / "t.toml"
    for more, needed in (
        ('norm = "tmm"\ninfima = [0, -1]\n', None),
        ('norm = "tmm"\n', "norm tmm needs infima"),
        ("infima = [0, -1]\n", "infima is for"),
    ):
        recipe.write_text(text.format(source=small.path, more=more))
        said = intrex(f"experiment plan {recipe} -o {tmp_path}/out --format csv")
        assert (said.code == 0) == (needed is None), said.err
        assert needed is None or needed in said.err

"""A recipe with a split: its stages, and an experiment from end to end on models that train in a second."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.eval.leaderboard.rows import read_leaderboard
from intrex.eval.pipelines.experiment.generalize import generalize_recipe
from intrex.eval.pipelines.experiment.options import GeneralizeOptions
from intrex.eval.pipelines.experiment.recipe import Recipe, read_recipe, shipped_recipes
from intrex.eval.pipelines.experiment.run import Outcome, plan_experiment, run_experiment
from intrex.eval.scoring.scorefile import read_scores
from intrex.eval.splits.split import read_split
from tests.support.executed import Executed
from tests.support.tinymodel import write_tiny_model
from tests.unit.eval.pipelines.test_experiment import Watch

WORDS = [f"word{i}" for i in range(40)]

RECIPE = """
name = "toy"
queries = "test"
train = "train"
measures = ["nDCG@10", "RR@10"]
k = 20
[collection]
import = "{source}"
[split]
protocol = "resttest"
encoder = "bm25"
k = 3
min_queries = 2
[[system]]
name = "bm25"
index = "bm25"
[[system]]
name = "dense"
index = "dense"
encoder = "{tiny}"
train = {{ epochs = 2, batch_size = 8, lr = 5e-3, max_length = 16, seeds = {seeds} }}
[[system]]
name = "tokens"
index = "multivector"
encoder = "{tiny}"
train = {{ epochs = 1, batch_size = 8, lr = 5e-3, max_length = 16 }}
[[system]]
name = "fde"
index = "fde"
tokens = "tokens"
reps = 2
k_sim = 2
d_proj = 4
candidates = 10
[[system]]
name = "cross"
rerank = "bm25"
with = "{tiny}"
depth = 5
max_length = 16
train = {{ epochs = 1, batch_size = 8, lr = 5e-3, max_length = 16 }}
[[system]]
name = "both"
fuse = ["bm25", "dense"]
"""


EXECUTED = Executed()
"""What the stages of `made` ran."""


def write_toy(folder: Path) -> Path:
    """Documents of random words; a query is two words of its document."""
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS, 6, replace=False)) for _ in range(60)]
    (folder / "qrels").mkdir(parents=True)
    lines = [json.dumps({"_id": f"d{i:02}", "title": "", "text": t}) for i, t in enumerate(texts)]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    lines = [json.dumps({"_id": f"q{i:02}", "text": " ".join(t.split()[:2])}) for i, t in enumerate(texts)]
    (folder / "queries.jsonl").write_text("\n".join(lines) + "\n")
    for name, rows in (("train", range(36)), ("test", range(36, 60))):
        judged = "".join(f"q{i:02}\td{i:02}\t1\n" for i in rows)
        (folder / "qrels" / f"{name}.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return folder


def recipe_of(folder: Path, seeds: int = 1, **changes: str) -> Recipe:
    text = RECIPE.format(source=folder / "src", tiny=folder / "model", seeds=seeds)
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "r.toml").write_text(text)
    return read_recipe(str(folder / "r.toml"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recipe, Outcome]:
    pytest.importorskip("accelerate")
    pytest.importorskip("datasets")
    folder = tmp_path_factory.mktemp("generalize")
    write_toy(folder / "src")
    write_tiny_model(folder, WORDS)
    recipe = recipe_of(folder, seeds=2)
    with pytest.MonkeyPatch.context() as patch, EXECUTED.recording(patch):
        return folder, recipe, run_experiment(recipe, folder / "out", Watch())


@pytest.mark.usefixtures("made")
def test_all_that_a_stage_runs_is_in_its_key() -> None:
    assert {name: modules for name, modules in EXECUTED.unkeyed.items() if modules} == {}
    assert {"split", "train", "rerank", "fold-scores", "fold-leaderboard", "fold-tests"} <= EXECUTED.kinds


def test_stages(made: tuple[Path, Recipe, Outcome]) -> None:
    _, recipe, _ = made
    names = [s.name for s in recipe.stages]
    assert names[:4] == ["collection", "split", "index/bm25", "run/bm25"]
    assert [n for n in names if n.startswith("train/dense")] == [
        f"train/dense.fold-{f}.seed-{s}" for f in (1, 2, 3) for s in (1, 2)
    ]
    by_name = {s.name: s for s in recipe.stages}
    assert by_name["index/fde.fold-2"].inputs == ("collection", "index/tokens.fold-2")
    assert by_name["run/both.fold-3.seed-2"].inputs == ("run/bm25", "run/dense.fold-3.seed-2")
    assert by_name["run/both.untrained"].inputs == ("run/bm25", "run/dense.untrained")
    assert by_name["run/cross.fold-1"].inputs == ("collection", "run/bm25", "train/cross.fold-1")
    assert recipe.systems[:3] == ("bm25", "dense.untrained", "dense")
    assert len(recipe.systems) == 1 + 2 * 5


def test_untrained_systems_have_no_gap_and_all_have_rows(made: tuple[Path, Recipe, Outcome]) -> None:
    folder, recipe, outcome = made
    rows = read_leaderboard(folder / "out" / "leaderboard.csv")
    assert {r.system for r in rows} == {*recipe.systems, "dense@1", "dense@2", "both@1", "both@2"}
    gaps = {r.system: r.value for r in rows if (r.fold, r.regime, r.measure) == ("paired", "gap", "nDCG@10")}
    for system in recipe.systems:
        untrained = system == "bm25" or system.endswith(".untrained")
        assert abs(gaps[system]) < 1e-12 or not untrained, system
    assert abs(gaps["dense"]) > 0.01 and abs(gaps["both"]) > 0.01
    found = {(r.system, r.fold, r.regime): r.value for r in rows if r.measure == "nDCG@10"}
    seeds = [found[f"dense@{i}", "1", "extrapolation"] for i in (1, 2)]
    assert found["dense", "1", "extrapolation"] == pytest.approx(np.mean(seeds), abs=1e-12)
    assert outcome.generalization is not None
    spread = outcome.generalization.spread
    assert set(spread) == {"dense", "both"}
    macro = [found[f"dense@{i}", "macro", "extrapolation"] for i in (1, 2)]
    assert spread["dense"][1] == pytest.approx(np.std(macro, ddof=1), abs=1e-12)


def test_each_fold_is_trained_on_its_own_queries(made: tuple[Path, Recipe, Outcome]) -> None:
    folder, _, _ = made
    split = read_split(folder / "out" / "split")
    for i, fold in enumerate(split.folds, 1):
        card = json.loads((folder / "out" / "train" / f"dense.fold-{i}.seed-2" / "manifest.json").read_text())
        assert card["params"]["fold"] == fold.name and card["params"]["seed"] == 1
        assert card["params"]["queries"] == len(fold.train)


def test_what_the_models_were_trained_on_is_counted(made: tuple[Path, Recipe, Outcome]) -> None:
    """By hand, from the models' files and the judgements: each test query has one relevant document of its own."""
    folder, _, outcome = made
    assert outcome.generalization is not None
    headers, rows = outcome.generalization.seen
    assert headers[1:3] == ["positives, interpolation", "negatives, interpolation"]
    split, shares = read_split(folder / "out" / "split"), {row[0]: row[1:] for row in rows}
    assert set(shares) == {"dense", "tokens", "cross"}
    touched = asked = 0
    for i, fold in enumerate(split.folds, 1):
        for seed in (1, 2):
            file = folder / "out" / "train" / f"dense.fold-{i}.seed-{seed}" / "documents.tsv"
            lines = [line.split("\t") for line in file.read_text().splitlines()[1:]]
            negatives = {document for document, _, negative in lines if int(negative)}
            outside = fold.regimes["extrapolation"]
            touched += sum("d" + query[1:] in negatives for query in outside)
            asked += len(outside)
    assert 0 < touched < asked and shares["dense"][3] == f"{touched / asked:.0%}"
    assert shares["dense"][0] == shares["dense"][2] == "0%"  # training queries have other documents


def test_files(made: tuple[Path, Recipe, Outcome]) -> None:
    folder, recipe, _ = made
    with (folder / "out" / "tests.csv").open() as stream:
        tests = list(csv.DictReader(stream))
    n = len(recipe.systems)
    assert len(tests) == 3 * 2 * n * (n - 1) // 2
    pair = next(t for t in tests if (t["regime"], t["a"], t["b"]) == ("extrapolation", "bm25", "dense"))
    rows = {(r.system, r.fold, r.regime): r for r in read_leaderboard(folder / "out" / "leaderboard.csv") if r.measure == "nDCG@10"}  # fmt: skip
    difference = rows["dense", "micro", "extrapolation"].value - rows["bm25", "micro", "extrapolation"].value
    assert float(pair["difference"]) == pytest.approx(difference, abs=1e-12)
    report = (folder / "out" / "report.md").read_text()
    assert "## Folds" in report and "dense.untrained" in report and "## Seeds" in report
    assert "estimated from several, for dense (2), both (2)." in report
    assert "Trained once, with one seed: tokens, fde, cross." in report
    signatures = {s: rows[s, "paired", "gap"].signature.partition("|interval=")[2] for s in recipe.systems}
    assert signatures["dense"].startswith("t|groups=none|trainings=2|train=pairs:all;epochs:2;")
    assert signatures["dense.untrained"] == signatures["bm25"] == "t|groups=none"
    assert signatures["both"] == "t|groups=none|trainings=2|fuse=rrf(runs:bm25+dense)"
    assert (folder / "out" / "generalization.png").stat().st_size > 10_000
    systems = {s.system for s in read_scores(folder / "out" / "scores.jsonl")}
    assert {"dense", "dense@1", "dense.untrained"} <= systems


def test_a_second_run_does_nothing_and_gives_equal_bytes(made: tuple[Path, Recipe, Outcome]) -> None:
    folder, recipe, _ = made
    names = ("leaderboard.csv", "tests.csv", "report.md", "generalization.png", "costs.csv")
    before = {name: (folder / "out" / name).read_bytes() for name in names}
    watch = Watch()
    run_experiment(recipe, folder / "out", watch)
    assert watch.ran == []
    assert {p.state for p in plan_experiment(recipe, folder / "out")} == {"done"}
    assert {name: (folder / "out" / name).read_bytes() for name in names} == before


def test_another_split_trains_again_and_bm25_is_kept(made: tuple[Path, Recipe, Outcome]) -> None:
    folder, _, _ = made
    states = {
        p.stage.name: p.state
        for p in plan_experiment(recipe_of(folder, 2, **{"k = 3": "k = 2"}), folder / "out")
    }
    assert states["run/bm25"] == states["run/dense.untrained"] == "done"
    assert states["split"] == "other params than last time"
    assert states["train/dense.fold-1.seed-1"] == "runs after split"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('protocol = "resttest"', 'protocol = "restest"', "did you mean resttest"),
        ("k = 3", "per_query = 3", "per_query does not belong to protocol resttest"),
        ('encoder = "bm25"', 'colour = "bm25"', "unknown key 'colour'"),
        ('rerank = "bm25"', 'rerank = "bm52"', "not an earlier system"),
        ("seeds = 1", "seeds = 0", "seeds is 0"),
        ("train = { epochs = 1", "train = { epoch = 1", "unknown key 'epoch'"),
        ('name = "both"', 'name = "both.untrained"', "untrained forms"),
        (
            'index = "bm25"\n',
            'index = "bm25"\ntrain = {}\n',
            "train is for systems whose index has an encoder of its own",
        ),
        (
            '[split]\nprotocol = "resttest"\nencoder = "bm25"\nk = 3\nmin_queries = 2\n',
            "",
            "train needs a [split]",
        ),
        (
            'fuse = ["bm25", "dense"]',
            'fuse = ["bm25", "dense"]\ntrain = {}',
            "does not belong to a fused system",
        ),
    ],
)
def test_recipes_that_cannot_be(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        recipe_of(tmp_path, **{old: new})
    assert message in str(caught.value)


def test_a_training_set_that_is_not_there(made: tuple[Path, Recipe, Outcome], tmp_path: Path) -> None:
    folder, _, _ = made
    recipe = recipe_of(folder, 1, **{'train = "train"': 'train = "trian"'})
    with pytest.raises(BadInput, match="no query set 'trian'"):
        run_experiment(recipe, tmp_path / "out", Watch())


def test_what_a_user_asks_for_changes_the_recipe() -> None:
    def split(**asked: object) -> dict[str, object]:
        recipe = generalize_recipe("generalize", "c", GeneralizeOptions(**asked))
        return dict(next(s.params for s in recipe.stages if s.name == "split"))

    assert split() == {
        "protocol": "resttest", "encoder": "bm25", "k": 5, "seed": 0, "train": "train", "test": "test"
    }  # fmt: skip
    assert split(protocol="restrain", per_query=3) == {
        "protocol": "restrain", "encoder": "bm25", "seed": 0, "per_query": 3, "train": "train", "test": "test"
    }  # fmt: skip
    assert split(k=4, encoder="static:x", queries="dev")["k"] == 4
    with pytest.raises(UsageError, match="--per-query is not for resttest"):
        split(per_query=3)
    with pytest.raises(BadInput, match="per_query"):
        split(protocol="restrain")
    with pytest.raises(UsageError, match="no system 'bm52'"):
        split(systems=["bm52"])
    with pytest.raises(UsageError, match="has no \\[split\\]"):
        generalize_recipe("demo", "c", GeneralizeOptions())
    some = generalize_recipe("generalize", "c", GeneralizeOptions(systems=["bm25", "static"], seeds=3))
    assert some.systems == ("bm25", "static.untrained", "static")
    assert len([s for s in some.stages if s.kind == "train"]) == 15
    few = generalize_recipe("generalize", "c", GeneralizeOptions(quick=True))
    assert {s.params["max_pairs"] for s in few.stages if s.kind == "train"} == {32}
    assert "generalize" in shipped_recipes()

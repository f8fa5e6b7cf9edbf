"""Run of an experiment: from a recipe to a leaderboard and a table of costs."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, IntrexError, nearest_name
from intrex.data.io.files import refuse_file_above, write_text, writing
from intrex.data.locate import find_qrels
from intrex.data.version import packages_text
from intrex.eval.leaderboard.regimetests import read_tests
from intrex.eval.leaderboard.rows import LeaderboardRow, read_leaderboard
from intrex.eval.pipelines.experiment.costs import costs_csv
from intrex.eval.pipelines.experiment.generalize_report import (
    PLOT,
    Generalization,
    generalization,
    write_reports,
)
from intrex.eval.pipelines.experiment.needs import check_needs
from intrex.eval.pipelines.experiment.pins import pin_stages
from intrex.eval.pipelines.experiment.plan import DONE, Plan, plan_stages
from intrex.eval.pipelines.experiment.recipe import Recipe
from intrex.eval.pipelines.experiment.seen import seen_in_training
from intrex.eval.pipelines.experiment.stages import Result, Watch, run_stages
from intrex.eval.pipelines.experiment.work import KINDS
from intrex.eval.pipelines.plots import pyplot
from intrex.eval.scoring.scorefile import SystemScores, read_scores
from intrex.eval.splits.split import read_split

STAGES = ".stages"
"""Folder of what stages made, below that of the results."""
SENT = ("leaderboard", "scores", "tests")
"""Stages whose results are small and are sent to others: files of their own, where the rest is linked."""


@dataclass(frozen=True)
class Outcome:
    """Every system's scores, the leaderboard's rows, every stage's result in order, and the findings of a recipe with a split."""

    systems: list[SystemScores]
    rows: list[LeaderboardRow]
    results: list[Result]
    generalization: Generalization | None


def plan_experiment(recipe: Recipe, out: Path) -> list[Plan]:
    """Plan each stage of a recipe: done, or the reason why it would run; nothing is changed."""
    return plan_stages(pin_stages(recipe.stages), KINDS, out / STAGES, _has_queries(recipe))


def _has_queries(recipe: Recipe) -> Callable[[Result], None]:
    """Make a check that the collection has the recipe's query sets, before anything is indexed."""

    def check(result: Result) -> None:
        if result.stage.kind != "collection":
            return
        sets = Collection.open(result.output).sets
        named = [("queries", recipe.queries), ("train", recipe.train)]
        trainings = [stage.params for stage in recipe.stages if stage.kind == "train"]
        named += [(key, params.get(key)) for params in trainings for key in ("dev", "spare")]
        for key, name in named:
            if name is not None and name not in sets:
                hint = nearest_name(name, sets) if sets else "the collection has no judged queries"
                raise BadInput(f"the collection has no query set {name!r} ({recipe.file}, {key})", hint)

    return check


def run_experiment(recipe: Recipe, out: Path, watch: Watch) -> Outcome:
    """Run a recipe: what was done before with the same inputs, parameters and code is not done again.

    Writes ``leaderboard.csv``, ``scores.jsonl``, ``costs.csv``, ``recipe.toml`` and ``packages.txt`` into ``out``, and
    links to the collection, the indexes and the runs; of a recipe with a split also ``tests.csv``, ``report.md`` and ``generalization.png``.
    """
    refuse_file_above(out)
    if out.exists() and not (out / STAGES).is_dir() and (not out.is_dir() or any(out.iterdir())):
        raise IntrexError(
            f"not the folder of an experiment, nothing is written into it: {out}", "choose another --output"
        )
    if recipe.train is not None:
        pyplot(PLOT)  # if it is missing, before the work
    stages, check = pin_stages(recipe.stages), _has_queries(recipe)
    plans = plan_stages(stages, KINDS, out / STAGES, check)
    check_needs(plan.stage for plan in plans if plan.state != DONE)
    by_name = run_stages(stages, KINDS, out / STAGES, watch, check)
    for name, result in by_name.items():
        (_copy if name in SENT else _link)(out / name, result.output)
    results = list(by_name.values())
    write_text(out / "costs.csv", costs_csv(results, KINDS), overwrite=True)
    _keep(recipe, out / "recipe.toml")
    if not (out / "packages.txt").exists() or not all(result.cached for result in results):
        write_text(out / "packages.txt", packages_text(), overwrite=True)
    systems = read_scores(by_name["scores"].output)
    rows = read_leaderboard(by_name["leaderboard"].output)
    if "split" not in by_name:
        return Outcome(systems, rows, results, None)
    split = read_split(by_name["split"].output)
    judged = find_qrels(f"{by_name['collection'].output}:{recipe.queries}")
    seen = seen_in_training(results, split, judged.qrels)
    findings = generalization(recipe, split, rows, read_tests(by_name["tests"].output), seen)
    write_reports(findings, out)
    return Outcome(systems, rows, results, findings)


def _keep(recipe: Recipe, name: Path) -> None:
    """Write the recipe beside its results, unless it stands there: it may be the file that was run, with its comments."""
    with contextlib.suppress(OSError, ValueError):
        if tomllib.loads(name.read_text(encoding="utf-8")) == recipe.tables:
            return
    write_text(name, recipe.text(), overwrite=True)


def _copy(name: Path, output: Path) -> None:
    with writing(name.with_name(name.name + output.suffix), overwrite=True) as stream:
        stream.write(output.read_bytes())


def _link(name: Path, output: Path) -> None:
    """Point ``name`` (with the output's suffix) at a stage's output, relative, replacing an older link."""
    suffix = "".join(output.suffixes) if output.is_file() else ""
    link = name.with_name(name.name + suffix)
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.exists() and not link.is_symlink():
        raise IntrexError(f"not a link of this experiment, it will not be replaced: {link}", "move it away")
    part = link.with_name(f".{link.name}.link")
    part.unlink(missing_ok=True)
    part.symlink_to(os.path.relpath(output, link.parent))
    part.replace(link)

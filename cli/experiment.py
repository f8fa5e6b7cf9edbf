"""``intrex experiment``: recipes, run and planned."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.output import Format, emit, human_bytes, say
from intrex.cli.common.parameters import command, command_group
from intrex.cli.common.progress import progress
from intrex.eval.pipelines.experiment.options import GeneralizeOptions

if TYPE_CHECKING:
    from intrex.eval.pipelines.experiment.recipe import Recipe
    from intrex.eval.pipelines.experiment.stages import Stage, Watch

app = command_group("Run a recipe: a collection, systems, measures, to a leaderboard.")

OPEN = "COLLECTION"
"""Name of the collection in a recipe that leaves it open."""
RecipeArgument = Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped recipe: demo.")]
Out = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder of the results; out/NAME by default.")
]
FormatOption = Annotated[Format | None, typer.Option("--format", help="Of the printed table.")]
Allow = Annotated[
    bool,
    typer.Option(
        "--allow-commands",
        help="Start the programs and call the servers that it names as scorers; refused without.",
    ),
]


@command("intrex experiment run demo", "intrex experiment run my.toml", to=app, prints=True)
def run(
    recipe: RecipeArgument, output: Out = None, form: FormatOption = None, allow_commands: Allow = False
) -> None:
    """Run a recipe; what is done already is not done again, and a killed run goes on where it was."""
    read = _complete(recipe)
    _refuse_commands(read, allow_commands)
    _run(read, output or Path("out") / read.name, form)


@command("intrex experiment generalize scifact --quick --systems bm25,static", to=app, prints=True)
def generalize(
    collection: Annotated[
        str, typer.Argument(help="A collection with training queries; any form that import reads.")
    ],
    output: Out = None,
    recipe: Annotated[
        str, typer.Option("--recipe", help="The systems and the split: a TOML file, or a shipped recipe.")
    ] = "generalize",
    form: FormatOption = None,
    allow_commands: Allow = False,
    *,
    options: GeneralizeOptions,
) -> None:
    """Interpolation, extrapolation and the gap of systems: split, train for each fold, search, score.

    Every trained system is there untrained too. What is done is not done again; a killed run goes on.
    """
    from intrex.eval.pipelines.experiment.generalize import generalize_recipe

    read = generalize_recipe(recipe, collection, options)
    _refuse_commands(read, allow_commands)
    _run(read, output or Path("out") / read.name, form)


def _complete(recipe: str) -> Recipe:
    """Return a recipe that names its collection; those for `generalize` leave it open."""
    from intrex.data.errors import UsageError
    from intrex.eval.pipelines.experiment.recipe import read_recipe

    read = read_recipe(recipe)
    if read.stages[0].params.get("import") == OPEN and not Path(OPEN).exists():
        raise UsageError(
            f"the recipe {recipe} names no collection",
            f"intrex experiment generalize COLLECTION --recipe {recipe}",
        )
    return read


def _refuse_commands(recipe: Recipe, allowed: bool) -> None:
    """Refuse a recipe that starts programs or sends texts away, unless the user has said that it may."""
    from intrex.data.errors import UsageError

    if recipe.outside and not allowed:
        raise UsageError(
            f"the recipe {recipe.file} names a scorer outside of intrex: {recipe.outside[0]}",
            "a recipe is only data until you trust it: read it, then add --allow-commands",
        )


def _run(recipe: Recipe, out: Path, form: Format | None) -> None:
    from intrex.eval.leaderboard.rows import common_signature, leaderboard, pivot, shown_measures
    from intrex.eval.pipelines.experiment.generalize_report import figures, warnings
    from intrex.eval.pipelines.experiment.run import run_experiment
    from intrex.eval.scoring.groups import find_grouping, shared_note

    start = time.perf_counter()
    outcome = run_experiment(recipe, out, _watch([stage.name for stage in recipe.stages]))
    systems, results, findings = outcome.systems, outcome.results, outcome.generalization
    if findings is None:
        headers, table = pivot(leaderboard(systems, find_grouping(recipe.groups)), shown_measures(systems))
        emit(headers, table, form or Format.table, caption=systems[0].conditions.signature())
    else:
        headers, table = figures(findings)
        emit(headers, table, form or Format.table, caption=common_signature(findings.rows), lead=1)
        for warning in warnings(recipe, findings.split):
            say(f"warning: {warning}")
    if recipe.groups is None and (note := shared_note(systems[0].relevant)):
        say(f"note: {note}")
    ran = [r for r in results if not r.cached]
    seconds = time.perf_counter() - start
    before = f", {len(results) - len(ran)} were done before" if len(ran) < len(results) else ""
    say(f"{len(ran)} of {len(results)} stages ran{before}; {seconds:.1f} s")
    reports = "tests.csv, report.md, generalization.png, " if findings else ""
    size = human_bytes(sum(r.bytes for r in results))
    say(f"{out}: {reports}leaderboard.csv, costs.csv, scores.jsonl, collection/, index/, run/ ({size})")
    say(f"{out / 'recipe.toml'}: what was run, for experiment run; packages.txt: with which packages")


@command("intrex experiment plan my.toml", to=app)
def plan(recipe: RecipeArgument, output: Out = None, form: FormatOption = None) -> None:
    """Show each stage of a recipe: done, or why it would run. Changes nothing."""
    from intrex.eval.pipelines.experiment.run import plan_experiment

    read = _complete(recipe)
    states = plan_experiment(read, output or Path("out") / read.name)
    rows = [[stage.name, stage.kind, state] for stage, state in states]
    emit(["stage", "kind", "state"], rows, form or Format.table)


def _watch(stages: Sequence[str]) -> Watch:
    @contextmanager
    def watch(stage: Stage) -> Iterator[Callable[[int], None]]:
        start = time.perf_counter()
        with progress(stage.name) as step:
            yield step
        number = f"{stages.index(stage.name) + 1:>{len(str(len(stages)))}}/{len(stages)}"
        say(f"  [{number}] {stage.name:<28} {time.perf_counter() - start:8.1f} s")

    return watch

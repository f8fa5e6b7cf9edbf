"""``intrex experiment``: recipes, run and planned."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.output import Format, emit, human_bytes, say
from intrex.cli.common.parameters import Overwrite, command, command_group
from intrex.cli.common.progress import progress
from intrex.eval.pipelines.experiment.options import GeneralizeOptions

if TYPE_CHECKING:
    from intrex.eval.pipelines.experiment.plan import Plan
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
    from intrex.eval.leaderboard.rows import common_signature, pivot, shown_measures
    from intrex.eval.pipelines.experiment.generalize_report import figures, warnings
    from intrex.eval.pipelines.experiment.run import run_experiment
    from intrex.eval.scoring.groups import shared_note

    start = time.perf_counter()
    outcome = run_experiment(recipe, out, _watch([stage.name for stage in recipe.stages]))
    systems, results, findings = outcome.systems, outcome.results, outcome.generalization
    if findings is None:
        headers, table = pivot(outcome.rows, shown_measures(systems))
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
    """Show each stage of a recipe: done, or why it would run, and what it took when it ran last. Changes nothing."""
    plans, _ = _plans(recipe, output)
    rows = [[p.stage.name, p.stage.kind, p.state, *_costs(p)] for p in plans]
    emit(["stage", "kind", "state", "seconds", "size", "memory"], rows, form or Format.table)
    say(_expected(plans))


@command("intrex experiment why my.toml", "intrex experiment why my.toml run/bm25", to=app)
def why(
    recipe: RecipeArgument,
    stage: Annotated[
        str | None, typer.Argument(help="A stage, as plan names it; all that would run.")
    ] = None,
    output: Out = None,
    form: FormatOption = None,
) -> None:
    """Say what changed since a stage ran last: parameters, inputs, modules of intrex. Changes nothing."""
    from dataclasses import astuple

    from intrex.eval.pipelines.experiment.plan import find_changes

    changes = find_changes(_plans(recipe, output)[0], stage)
    if not changes:
        say(f"nothing would run: {stage or recipe} is done")
        return
    emit(
        ["stage", "what", "before", "now"],
        [list(astuple(change)) for change in changes],
        form or Format.table,
    )


@command("intrex experiment status my.toml", to=app)
def status(recipe: RecipeArgument, output: Out = None, form: FormatOption = None) -> None:
    """Say how far a recipe is, whether it runs now, and what its folder keeps that no stage of it needs."""
    from intrex.cli.common.output import show
    from intrex.eval.pipelines.experiment.plan import DONE, find_unused, is_running

    plans, store = _plans(recipe, output)
    unused = find_unused(plans, store)
    done = [p for p in plans if p.state == DONE and p.nearest is not None]
    record = {
        "stages": f"{len(done)} of {len(plans)} done",
        "running": "yes" if is_running(store) else "no",
        "took": f"{sum(p.nearest['seconds'] for p in done if p.nearest):,.1f} s",
        "to come": _expected(plans),
        "unused": f"{len(unused)} folders, {human_bytes(sum(one.bytes for one in unused))}",
    }
    show(record, form or Format.table)


@command("intrex experiment clean my.toml", to=app)
def clean(
    recipe: RecipeArgument,
    output: Out = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove what a recipe's folder keeps that neither its stages nor the results shown need, unfinished stages too."""
    from intrex.eval.pipelines.experiment.plan import find_unused, remove_unused

    plans, store = _plans(recipe, output)
    unused = find_unused(plans, store)
    for one in unused:
        typer.echo(f"{one.folder.name}  {human_bytes(one.bytes)}")
    if not dry:
        remove_unused(unused, store)
    size = human_bytes(sum(one.bytes for one in unused))
    say(f"{len(unused)} folders, {size}{', still there' if dry else ' removed'}")


@command("intrex experiment new my2.toml --collection scifact", to=app)
def new(
    out: Annotated[Path, typer.Argument(help="The recipe to write.")],
    collection: Annotated[
        str, typer.Option("--collection", help="A collection; any form that import reads.")
    ] = "my-collection",
    query_set: Annotated[str, typer.Option("--set", help="The query set that is searched.")] = "test",
    overwrite: Overwrite = False,
) -> None:
    """Write a recipe with a comment on each line, to change and to run."""
    from intrex.eval.pipelines.experiment.recipe import write_recipe

    write_recipe(out, collection, query_set, overwrite)
    say(f"{out}: next, intrex experiment plan {out}, then intrex experiment run {out}")


def _plans(recipe: str, output: Path | None) -> tuple[list[Plan], Path]:
    """Plan a recipe; return the plans and the folder that its stages are kept in."""
    from intrex.eval.pipelines.experiment.run import STAGES, plan_experiment

    read = _complete(recipe)
    out = output or Path("out") / read.name
    return plan_experiment(read, out), out / STAGES


def _costs(one: Plan) -> list[str]:
    record = one.nearest
    if record is None:
        return ["", "", ""]
    memory = human_bytes(one.memory) if one.memory else ""
    return [f"{record['seconds']:.1f}", human_bytes(record["bytes"]), memory]


def _expected(plans: Sequence[Plan]) -> str:
    """Say what is to be done, and how long it took last time."""
    waiting = [p for p in plans if p.seconds != 0.0]
    if not waiting:
        return "nothing"
    known = [p.seconds for p in waiting if p.seconds is not None]
    unknown = f", {len(waiting) - len(known)} never ran" if len(known) < len(waiting) else ""
    stages = f"{len(waiting)} stage{'s' * (len(waiting) > 1)} of {len(plans)}"
    if not known:
        return f"{stages}, of which none ran before"
    return f"{stages}, some {sum(known):,.0f} s by what they took before{unknown}"


def _watch(stages: Sequence[str]) -> Watch:
    @contextmanager
    def watch(stage: Stage) -> Iterator[Callable[[int], None]]:
        start = time.perf_counter()
        with progress(stage.name) as step:
            yield step
        number = f"{stages.index(stage.name) + 1:>{len(str(len(stages)))}}/{len(stages)}"
        say(f"  [{number}] {stage.name:<28} {time.perf_counter() - start:8.1f} s")

    return watch

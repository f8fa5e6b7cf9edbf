"""``intrex experiment``: recipes, run and planned."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.output import Format, emit, human_bytes, progress, say

if TYPE_CHECKING:
    from intrex.eval.pipelines.stages import Stage, Watch

app = typer.Typer(
    no_args_is_help=True, help="Run a recipe: a collection, systems, measures, to a leaderboard."
)

RecipeArgument = Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped recipe: demo.")]
Out = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder of the results; out/NAME by default.")
]
FormatOption = Annotated[Format | None, typer.Option("--format", help="Of the printed table.")]


@app.command("run")
def run(recipe: RecipeArgument, output: Out = None, form: FormatOption = None) -> None:
    """Run a recipe; what is done already is not done again, and a killed run goes on where it was."""
    from intrex.eval.leaderboard import leaderboard, pivot, shown_measures
    from intrex.eval.pipelines.experiment import run_experiment
    from intrex.eval.pipelines.recipe import read_recipe

    read = read_recipe(recipe)
    out = output or Path("out") / read.name
    start = time.perf_counter()
    systems, results = run_experiment(read, out, _watch())
    ran = [r for r in results if not r.cached]
    headers, table = pivot(leaderboard(systems), shown_measures(systems))
    emit(headers, table, form or Format.table, caption=systems[0].conditions.signature())
    seconds = time.perf_counter() - start
    before = f", {len(results) - len(ran)} were done before" if len(ran) < len(results) else ""
    say(f"{len(ran)} of {len(results)} stages ran{before}; {seconds:.1f} s")
    say(
        f"{out}: leaderboard.csv, costs.csv, scores.jsonl, collection/, index/, run/ ({human_bytes(sum(r.bytes for r in results))})"
    )


@app.command("plan")
def plan(recipe: RecipeArgument, output: Out = None, form: FormatOption = None) -> None:
    """Show each stage of a recipe: done, or why it would run. Changes nothing."""
    from intrex.eval.pipelines.experiment import plan_experiment
    from intrex.eval.pipelines.recipe import read_recipe

    read = read_recipe(recipe)
    states = plan_experiment(read, output or Path("out") / read.name)
    emit(
        ["stage", "kind", "state"],
        [[stage.name, stage.kind, state] for stage, state in states],
        form or Format.table,
    )


def _watch() -> Watch:
    count = 0

    @contextmanager
    def watch(stage: Stage, size: int | None) -> Iterator[Callable[[int], None]]:
        nonlocal count
        count += 1
        start = time.perf_counter()
        with progress(f"{stage.name}", size) as step:
            yield step
        say(f"  [{count:>2}] {stage.name:<28} {time.perf_counter() - start:8.1f} s")

    return watch

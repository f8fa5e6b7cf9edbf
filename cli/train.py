"""``intrex train``: encoders and rerankers from a collection's training queries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from intrex.cli.common.output import say
from intrex.cli.common.parameters import CollectionArgument, Output, Overwrite, command, one_output
from intrex.cli.common.progress import duration, progress
from intrex.data.options import options_of
from intrex.encoders.training.options import KINDS, TrainOptions, options_for
from intrex.eval.pipelines.training.options import SourceOptions


@command(
    "intrex train static scifact my-model --epochs 3",
    "intrex train cross-encoder scifact my-reranker",
    options=options_of(TrainOptions).values(),
)
def train(
    kind: Annotated[
        str,
        typer.Argument(
            metavar=f"[{'|'.join(KINDS)}]", help="What to train.", autocompletion=lambda: list(KINDS)
        ),
    ],
    collection: CollectionArgument,
    out: Annotated[Path | None, typer.Argument(help="The model folder to make.")] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    *,
    data: SourceOptions,
    values: dict[str, Any],
) -> None:
    """Train a model; a killed training goes on from its last checkpoint. The plan is printed before it starts."""
    target, options = one_output(out, output), options_for(kind, **values)
    from intrex.data.collection import Collection
    from intrex.data.io.files import refuse_existing
    from intrex.encoders.training.trainer import Plan
    from intrex.eval.leaderboard.by_split import find_fold
    from intrex.eval.pipelines.training.examples import TrainingSource
    from intrex.eval.pipelines.training.train import same_weights, train_model

    refuse_existing(target, overwrite)
    split, fold = find_fold(data.split) if data.split is not None else (None, "")
    source = TrainingSource(Collection.open(collection), data, split, fold)
    if same_weights(source, options):
        say(
            f"note: the split was made by {options.base}, with which this training begins: what is unlike is what "
            "that model sees so; docs/methods/generalization.md"
        )

    def announce(plan: Plan) -> None:
        before = f", {plan.done:,} done before" if plan.done else ""
        say(
            f"plan: {plan.pairs:,} pairs, {plan.steps:,} steps of {options.batch_size}{before}; about {duration(plan.seconds)}"
        )

    with progress("training", None) as step:
        manifest = train_model(
            kind, source, options, target, overwrite=overwrite, announce=announce, progress=step
        )
    scores = manifest.params["dev_scores"]
    best = (
        f", dev nDCG@10 {max(scores.values()):.4f} at step {manifest.params['best_step']}" if scores else ""
    )
    say(
        f"{target}: {kind} model, {manifest.params['steps']:,} steps on {manifest.params['pairs']:,} pairs{best}"
    )

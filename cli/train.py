"""``intrex train``: encoders and rerankers from a collection's training queries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import progress, say


def train(
    kind: Annotated[str, typer.Argument(help="dense, static, multivector, sparse or cross-encoder.")],
    collection: Annotated[Path, typer.Argument(help="A collection folder.")],
    out: Annotated[Path, typer.Argument(help="The model folder to make.")],
    base: Annotated[
        str | None, typer.Option("--base", help="Model to begin with; MiniLM or splade-tiny by default.")
    ] = None,
    train_set: Annotated[str, typer.Option("--set", help="The collection's set to train on.")] = "train",
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="SPLIT:FOLD", help="Train on the queries of one fold of a split."),
    ] = None,
    dev: Annotated[
        str | None, typer.Option("--dev", help="The collection's set for early stopping on nDCG@10.")
    ] = None,
    dev_share: Annotated[
        float,
        typer.Option("--dev-share", min=0, max=0.9, help="Or hold out this share of the training queries."),
    ] = 0.0,
    loss: Annotated[
        str | None, typer.Option("--loss", help="mnr, margin-mse, distill; bce for cross-encoders.")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option("--teacher", help="Encoder to follow with margin-mse or distill.")
    ] = None,
    negatives: Annotated[int | None, typer.Option("--negatives", min=0, help="Mined, for each pair.")] = None,
    negatives_run: Annotated[
        Path | None,
        typer.Option("--negatives-run", help="Run of the training queries to mine from; else BM25."),
    ] = None,
    max_pairs: Annotated[
        int | None, typer.Option("--max-pairs", min=1, help="Use so many pairs, drawn by the seed.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Passes over the pairs.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=1, help="Pairs of a step.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Peak learning rate.")] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-length", min=3, help="Tokens read while training.")
    ] = None,
    eval_steps: Annotated[
        int | None, typer.Option("--eval-steps", min=1, help="Steps between checkpoints and dev scores.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option("--patience", min=1, help="Dev scores without a new best before it stops.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything that is drawn.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, mps; the best one there by default.")] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            help="Of matrix products: float32, or bfloat16 (faster where the processor has it); weights stay float32."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what stands at the output.")
    ] = False,
) -> None:
    """Train a model; a killed training goes on from its last checkpoint. The plan is printed before it starts."""
    from intrex.data.collection import Collection
    from intrex.data.io.files import refuse_existing
    from intrex.encoders.training.options import options_for
    from intrex.encoders.training.trainer import Plan
    from intrex.eval.leaderboard.by_split import find_fold
    from intrex.eval.pipelines.training.examples import Source
    from intrex.eval.pipelines.training.train import same_weights, train_model

    options = options_for(
        kind, base=base, loss=loss, epochs=epochs, batch_size=batch_size, lr=lr, max_length=max_length,
        negatives=negatives, eval_steps=eval_steps, patience=patience, seed=seed, device=device, dtype=dtype,
    )  # fmt: skip
    refuse_existing(out, overwrite)
    made, fold = find_fold(split) if split is not None else (None, "")
    source = Source(
        Collection.open(collection), train_set, made, fold, dev, dev_share, negatives_run, teacher, max_pairs
    )

    if same_weights(source, options):
        say(
            f"note: the split was made by {options.base}, with which this training begins: what is unlike is what "
            "that model sees so; docs/methods/generalization.md"
        )

    def announce(plan: Plan) -> None:
        rest = f", {plan.done:,} done before" if plan.done else ""
        say(
            f"plan: {plan.pairs:,} pairs, {plan.steps:,} steps of {options.batch_size}{rest}; about {_time(plan.seconds)}"
        )

    with progress("training", None) as step:
        manifest = train_model(
            kind, source, options, out, overwrite=overwrite, announce=announce, progress=step
        )
    scores = manifest.params["dev_scores"]
    best = (
        f", dev nDCG@10 {max(scores.values()):.4f} at step {manifest.params['best_step']}" if scores else ""
    )
    say(
        f"{out}: {kind} model, {manifest.params['steps']:,} steps on {manifest.params['pairs']:,} pairs{best}"
    )


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

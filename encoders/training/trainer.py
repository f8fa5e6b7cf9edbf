"""One training: checkpoints that are whole or not there, resume, early stopping, an estimate before it starts."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Scores
from intrex.data.errors import IntrexError, MissingExtra
from intrex.data.progress import Progress
from intrex.encoders.runtime.models import log, quiet
from intrex.encoders.training.examples import Example, Pool, columns
from intrex.encoders.training.losses import make_loss
from intrex.encoders.training.models import CLASSES, pool_scores, start_model
from intrex.encoders.training.options import TrainOptions

WHOLE = "whole.json"
"""File written into a checkpoint last, with the size of every file: one without it was cut off."""
TIMED_BATCHES = 2
"""Batches that are timed for the estimate."""
METRIC = "eval_dev"

DevScore = Callable[[list[Scores]], float]
"""nDCG@10 of the scores of a pool's candidates."""


@dataclass(frozen=True)
class Plan:
    """Size of a training that is about to begin.

    Attributes:
        pairs: training examples.
        steps: steps of the optimiser, all epochs together.
        done: steps that an earlier, killed training finished.
        seconds: time of the steps left, measured on some batches; dev scores not included.
    """

    pairs: int
    steps: int
    done: int
    seconds: float


@dataclass(frozen=True)
class Trained:
    """Result of a training: the steps made, dev scores by step, and the step of the saved weights."""

    steps: int
    dev: dict[int, float]
    best_step: int
    base_revision: str


def check_packages() -> None:
    """Raise `MissingExtra` unless the packages of the extra ``train`` are installed; nothing is imported."""
    from importlib.util import find_spec

    for name in ("datasets", "accelerate"):
        if find_spec(name) is None:
            raise MissingExtra(name, "train", "training")


def train(
    kind: str,
    options: TrainOptions,
    examples: Sequence[Example],
    work: Path,
    out: Path,
    *,
    pool: Pool | None = None,
    dev_score: DevScore | None = None,
    announce: Callable[[Plan], None] = lambda _: None,
    progress: Progress = lambda _: None,
) -> Trained:
    """Train a model and save it.

    Killed at any moment, the same call goes on from the last whole checkpoint in ``work``, with the state of the
    optimiser and of all random numbers, so that the result is that of a training without a break.

    Args:
        kind: a key of `intrex.encoders.training.options.KINDS`.
        options: how.
        examples: at least one, all with equally many negatives.
        work: folder of the checkpoints.
        out: folder to save the model in.
        pool: dev queries and candidates; without them the last weights are saved.
        dev_score: turns a pool's scores into a number; larger is better.
        announce: told once, before the first step.
        progress: told of finished steps.

    Raises:
        MissingExtra: a package for training is missing.
        BadInput: the base model is nowhere to be found, or is not of this kind.
    """
    check_packages()
    model, files = start_model(kind, options)
    length = getattr(model, "max_seq_length", None)
    shorter = length is not None and np.isfinite(length) and length > options.max_length
    if shorter:
        model.max_seq_length = options.max_length
    resume = last_checkpoint(work)
    with quiet(), _silent():
        trainer = _make_trainer(kind, model, options, examples, work, pool, dev_score, progress)
        steps = math.ceil(len(trainer.train_dataset) / options.batch_size) * options.epochs
        done = 0 if resume is None else _step_of(resume)
        announce(Plan(len(examples), steps, done, _seconds(trainer) * (steps - done)))
        progress(done)
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    state = trainer.state
    history = {int(row["step"]): float(row[METRIC]) for row in state.log_history if METRIC in row}
    best = state.best_model_checkpoint if history else None
    if shorter:
        model.max_seq_length = length
    model.save_pretrained(str(out), create_model_card=False, safe_serialization=True)
    last_step = int(state.global_step)
    return Trained(last_step, history, _step_of(Path(best)) if best else last_step, files.revision)


def _step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rsplit("-", 1)[1])


def last_checkpoint(work: Path) -> Path | None:
    """Find the newest whole checkpoint; those that were cut off are removed, and that is said."""
    checkpoints = sorted(work.glob("checkpoint-*"), key=_step_of)
    whole = [folder for folder in checkpoints if _is_whole(folder)]
    for folder in checkpoints:
        if folder not in whole:
            log.info("the checkpoint %s was cut off, it is not used", folder.name)
            shutil.rmtree(folder)
    return whole[-1] if whole else None


def _is_whole(folder: Path) -> bool:
    mark = folder / WHOLE
    if not mark.is_file():
        return False
    try:
        sizes = json.loads(mark.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return all((folder / name).is_file() and (folder / name).stat().st_size == n for name, n in sizes.items())


def _mark_whole(folder: Path) -> None:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != WHOLE)
    part = folder / f".{WHOLE}"
    part.write_text(json.dumps({p.relative_to(folder).as_posix(): p.stat().st_size for p in files}), "utf-8")
    part.replace(folder / WHOLE)


def _make_trainer(
    kind: str,
    model: Any,
    options: TrainOptions,
    examples: Sequence[Example],
    work: Path,
    pool: Pool | None,
    dev_score: DevScore | None,
    progress: Progress,
) -> Any:
    import sentence_transformers
    from datasets import Dataset
    from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback

    name = CLASSES[kind]
    trainer_class = getattr(sentence_transformers, f"{name}Trainer")
    arguments_class = getattr(sentence_transformers, f"{name}TrainingArguments")
    pairwise = options.loss == "bce"
    dataset = Dataset.from_dict(columns(examples, pairwise))
    dev = pool is not None and dev_score is not None
    arguments = arguments_class(**_arguments(options, work, dev, pairwise))

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Callback that tells of steps, and marks checkpoints when they are whole."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            progress(1)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            _mark_whole(work / f"checkpoint-{state.global_step}")

    callbacks: list[Any] = [Watch()]
    evaluator = None
    if pool is not None and dev_score is not None:
        callbacks.append(EarlyStoppingCallback(options.patience))
        evaluator = _evaluator(kind, pool, dev_score, options.batch_size)
    model.model_card_data.widget = [{}]  # examples for a card that is not written: none are looked for
    trainer = trainer_class(
        model=model, args=arguments, train_dataset=dataset, loss=make_loss(kind, model, options),
        evaluator=evaluator, callbacks=callbacks,
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)  # it prints to stdout
    return trainer


def _arguments(options: TrainOptions, work: Path, dev: bool, pairwise: bool) -> dict[str, Any]:
    import torch
    from sentence_transformers.base.sampler import BatchSamplers

    arguments = {
        "output_dir": str(work),
        "num_train_epochs": options.epochs,
        "per_device_train_batch_size": options.batch_size,
        "learning_rate": options.lr,
        "warmup_steps": 0.1,
        "seed": options.seed,
        "data_seed": options.seed,
        "save_strategy": "steps",
        "save_steps": options.eval_steps,
        "save_total_limit": 2,
        "eval_strategy": "steps" if dev else "no",
        "eval_steps": options.eval_steps,
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": options.device == "cpu" or not (options.device or torch.accelerator.is_available()),
        "bf16": options.dtype == "bfloat16",
        "dataloader_pin_memory": False,
        # a document twice in a batch would be its own negative
        "batch_sampler": BatchSamplers.BATCH_SAMPLER if pairwise else BatchSamplers.NO_DUPLICATES,
    }
    if dev:
        arguments |= {
            "load_best_model_at_end": True,
            "metric_for_best_model": METRIC,
            "greater_is_better": True,
        }
    return arguments


def _evaluator(kind: str, pool: Pool, dev_score: DevScore, batch_size: int) -> Any:
    from sentence_transformers.base.evaluation import BaseEvaluator

    class Dev(BaseEvaluator):  # type: ignore[misc]
        """Dev score of a model in training."""

        primary_metric = "dev"

        def __call__(self, model: Any, output_path: Any = None, epoch: Any = -1, steps: Any = -1) -> Any:
            return {"dev": dev_score(pool_scores(kind, model, pool, batch_size))}

    return Dev()


def _seconds(trainer: Any) -> float:
    """Measure the seconds of a step on some batches; no weight and no random number changes."""
    import torch

    state, times = torch.get_rng_state(), []
    trainer.model.train()
    for batch, _ in zip(trainer.get_train_dataloader(), range(TIMED_BATCHES), strict=False):
        start = time.perf_counter()
        with trainer.accelerator.autocast():
            loss = trainer.compute_loss(trainer.model, trainer._prepare_inputs(batch))
        loss.backward()
        times.append(time.perf_counter() - start)
    trainer.model.zero_grad(set_to_none=True)
    torch.set_rng_state(state)
    if not times:
        raise IntrexError("no batch could be made of the training examples")
    return min(times)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep progress bars of datasets from stderr."""
    import datasets

    was = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if was:
            datasets.enable_progress_bars()

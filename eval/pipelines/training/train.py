"""``intrex train``: a model of a kind with its card, from a collection's training queries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from intrex.data.io.files import fingerprint
from intrex.data.progress import Progress
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest
from intrex.encoders.runtime.models import find_local
from intrex.encoders.training.examples import examples_fingerprint
from intrex.encoders.training.options import TrainOptions
from intrex.encoders.training.trainer import Plan, Trained, check_packages, train
from intrex.eval.pipelines.training.examples import TrainingData, TrainingSource, prepare_training
from intrex.eval.pipelines.training.uses import write_uses
from intrex.eval.tables import markdown_lines

KIND = "model"
SCHEMA = 2


def train_model(
    kind: str,
    source: TrainingSource,
    options: TrainOptions,
    out: Path,
    *,
    overwrite: bool = False,
    announce: Callable[[Plan], None] = lambda _: None,
    progress: Progress = lambda _: None,
) -> Manifest:
    """Train a model of a kind at ``out``: a folder that sentence-transformers and ``--encoder`` load.

    Raises:
        BadInput: the training set has no positives, or the base model is not to be had.
        UsageError: options that do not go together.
        IntrexError: the output exists.
    """
    check_packages()
    data = prepare_training(source, options)
    identity = fingerprint(
        [KIND, SCHEMA, kind, options.recorded(), examples_fingerprint(data.examples), _pool_key(data)]
    )

    def make(build: Build) -> Manifest:
        build.save_state(started=True)  # a build with a state is not cleared as a whole: the checkpoints stay
        build.clear()
        trained = train(
            kind, options, data.examples, build.scratch / "checkpoints", build.path / "model", pool=data.pool,
            dev_score=data.dev_score, announce=announce, progress=progress,
        )  # fmt: skip
        for entry in sorted((build.path / "model").iterdir()):
            entry.replace(build.path / entry.name)
        (build.path / "model").rmdir()
        params = _params(kind, source, options, data, trained)
        write_uses(data.uses, build.path)
        (build.path / "README.md").write_text(_card(params), encoding="utf-8")
        return Manifest(KIND, source.collection.fingerprint, params=params, versions=_versions())

    return build_artifact(out, identity, make, overwrite=overwrite)


def same_weights(source: TrainingSource, options: TrainOptions) -> bool:
    """Tell whether the split that is trained on was made by the weights that training begins with."""
    encoder = source.split.encoder if source.split is not None else None
    if encoder is None:
        return False
    base = find_local(options.base)  # a model that is elsewhere is not fetched for this
    return base is not None and encoder.get("revision") == base.revision


def _pool_key(data: TrainingData) -> Any:
    return None if data.pool is None else [list(data.pool.queries), [list(d) for d in data.pool.documents]]


def _params(
    kind: str, source: TrainingSource, options: TrainOptions, data: TrainingData, trained: Trained
) -> dict[str, Any]:
    data_options = source.options
    return {
        "kind": kind,
        **options.recorded(),
        "base_revision": trained.base_revision,
        "collection": source.collection.name,
        "train_set": data_options.train_set,
        "split": source.split.name if source.split else None,
        "fold": source.fold or None,
        "dev": data_options.dev
        or (f"{data_options.dev_share:g} of the training queries" if data.pool else None),
        "negatives_from": Path(data_options.negatives_run).name if data_options.negatives_run else "bm25",
        "spare": data_options.spare,
        "teacher": data_options.teacher,
        "queries": data.queries,
        "pairs": len(data.examples),
        "examples_sha256": examples_fingerprint(data.examples),
        "steps": trained.steps,
        "best_step": trained.best_step,
        "dev_scores": {str(step): value for step, value in sorted(trained.dev.items())},
    }


def _card(params: Mapping[str, Any]) -> str:
    """Write a model card: what it was trained on, how, and what hash says so."""
    lines = [
        "---",
        "library_name: sentence-transformers",
        "tags: [intrex]",
        "---",
        "",
        f"# {params['kind']} model trained by intrex",
        "",
        f"{params['pairs']:,} pairs of {params['queries']:,} queries of {params['collection']}:{params['train_set']}; "
        f"{params['steps']:,} steps from {params['base']}.",
        "",
        *markdown_lines(("what", "value"), ((k, _shown(v)) for k, v in params.items() if v is not None)),
        "",
    ]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"step {k}: {v:.4f}" for k, v in value.items()) or "none"
    return str(value)


def _versions() -> dict[str, str]:
    names = ("numpy", "torch", "transformers", "sentence_transformers", "accelerate", "datasets")
    return {name: version(name) for name in names if name in sys.modules}

"""What can be trained, how, and the defaults that suit two processor cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from intrex.data.errors import UsageError, nearest_name

LOSSES = {
    "mnr": "the positive against the other positives of the batch and the mined negatives (multiple negatives ranking)",
    "margin-mse": "a teacher's difference between positive and negative (Hofstätter et al. 2020)",
    "distill": "a teacher's distribution over positive and negatives (Kullback-Leibler divergence)",
    "bce": "relevant or not, pair by pair (binary cross-entropy); for cross-encoders",
}
TEACHERS = ("margin-mse", "distill")
"""Losses that need a teacher's scores."""
DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True)
class TrainOptions:
    """How to train.

    Attributes:
        base: the model to begin with.
        loss: one of `LOSSES`.
        epochs: passes over the pairs.
        batch_size: pairs of a step.
        lr: peak learning rate; it rises over the first tenth of the steps, then falls to 0.
        max_length: tokens of a text that are read while training; the saved model keeps its own.
        negatives: mined negatives of each pair.
        scale: what similarities are multiplied by before the softmax.
        eval_steps: steps between checkpoints, and between scores on the dev set where there is one.
        patience: dev scores in a row without a new best one before it stops.
        seed: of everything that is drawn.
        device: cpu, cuda, mps; the best there by default.
        dtype: of matrix products, one of `DTYPES`; weights and the optimiser's state are float32.
    """

    base: str
    loss: str = "mnr"
    epochs: int = 1
    batch_size: int = 32
    lr: float = 2e-5
    max_length: int = 128
    negatives: int = 1
    scale: float = 20.0
    eval_steps: int = 100
    patience: int = 3
    seed: int = 0
    device: str | None = None
    dtype: str = "float32"

    def recorded(self) -> dict[str, Any]:
        """What decides the result."""
        return {key: value for key, value in asdict(self).items() if key != "device"}


_MINILM = "all-MiniLM-L6-v2"
KINDS: Mapping[str, TrainOptions] = {
    "dense": TrainOptions(_MINILM, epochs=2),
    "static": TrainOptions(_MINILM, epochs=10, batch_size=64, lr=5e-3, negatives=3),
    "multivector": TrainOptions(_MINILM, epochs=2, batch_size=16, scale=1.0),
    "sparse": TrainOptions("splade-tiny", epochs=2, scale=1.0),
    "cross-encoder": TrainOptions(_MINILM, loss="bce", epochs=2, lr=5e-5, negatives=4),
}
"""The kinds that can be trained, with their defaults."""
_BY_KIND = {
    "dense": ("mnr", "margin-mse", "distill"),
    "static": ("mnr", "margin-mse", "distill"),
    "multivector": ("mnr", "margin-mse", "distill"),
    "sparse": ("mnr", "margin-mse", "distill"),
    "cross-encoder": ("bce", "mnr", "margin-mse"),
}


def options_for(kind: str, **given: Any) -> TrainOptions:
    """The options of a kind: its defaults, and what was given (None is not).

    Raises:
        UsageError: an unknown kind, a loss that it does not have, or a number out of range.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown kind of model {kind!r}", nearest_name(kind, KINDS))
    names = {f.name for f in fields(TrainOptions)}
    options = replace(KINDS[kind], **{k: v for k, v in given.items() if k in names and v is not None})
    if options.loss not in _BY_KIND[kind]:
        raise UsageError(
            f"the loss {options.loss!r} is not for a {kind} model", f"known: {', '.join(_BY_KIND[kind])}"
        )
    if options.dtype not in DTYPES:
        raise UsageError(f"training in {options.dtype!r} is not known", f"known: {', '.join(DTYPES)}")
    least = {"epochs": 1, "batch_size": 1, "max_length": 3, "eval_steps": 1, "patience": 1, "negatives": 0}
    for name, low in least.items():
        if getattr(options, name) < low:
            raise UsageError(f"{name.replace('_', '-')} must be {low} or more, not {getattr(options, name)}")
    if not 0 < options.lr < 1 or not options.scale > 0:
        raise UsageError(f"a learning rate of {options.lr} or a scale of {options.scale} cannot be")
    if options.loss != "mnr" and options.negatives < 1:
        raise UsageError(f"the loss {options.loss} needs negatives", "--negatives 1 or more")
    return options

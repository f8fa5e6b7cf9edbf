"""Options of a training, and the kinds of models that can be trained with their defaults; plain data."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from intrex.data.errors import UsageError, nearest_name
from intrex.data.options import Options, declare, option

LOSSES = {
    "mnr": "the positive against the other positives of the batch and the mined negatives (multiple negatives ranking)",
    "margin-mse": "a teacher's difference between positive and negative (Hofstätter et al. 2020)",
    "distill": "a teacher's distribution over positive and negatives (Kullback-Leibler divergence)",
    "bce": "relevant or not, pair by pair (binary cross-entropy); for cross-encoders",
}
TEACHERS = ("margin-mse", "distill")
"""Losses that need a teacher's scores."""
DTYPES = ("float32", "bfloat16")
PANEL = "Training"


@declare
class TrainOptions(Options, panel=PANEL):
    """Options of a training; weights and the optimiser's state are float32 whatever ``dtype`` is."""

    base: str = option(
        default="", blank=True, common=True, help="Model to begin with; MiniLM or splade-tiny by default."
    )
    loss: str = option(default="mnr", choices=tuple(LOSSES), help="bce is for cross-encoders, their default.")
    epochs: int = option(default=1, low=1, common=True, help="Passes over the pairs.")
    batch_size: int = option(default=32, low=1, help="Pairs of a step.")
    lr: float = option(
        default=2e-5, above=0,
        help="Peak learning rate; it rises over the first tenth of the steps, then falls to 0.",
    )  # fmt: skip
    max_length: int = option(default=128, low=3, help="Tokens of a text read while training.")
    negatives: int = option(default=1, low=0, help="Mined, for each pair.")
    scale: float = option(
        default=20.0, above=0, help="What similarities are multiplied by before the softmax."
    )
    eval_steps: int = option(default=100, low=1, help="Steps between checkpoints, and between dev scores.")
    patience: int = option(default=3, low=1, help="Dev scores without a new best one before it stops.")
    seed: int = option(default=0, low=0, help="Of everything that is drawn.")
    device: str | None = option(default=None, help="cpu, cuda, mps; the best one there by default.")
    dtype: str = option(
        default="float32", choices=DTYPES,
        help="Of matrix products; bfloat16 is faster where the processor has it, weights stay float32.",
    )  # fmt: skip

    def recorded(self) -> dict[str, Any]:
        """Return the options that decide the result."""
        return {key: value for key, value in asdict(self).items() if key != "device"}


_MINILM = "all-MiniLM-L6-v2"
KINDS: Mapping[str, TrainOptions] = {
    "dense": TrainOptions(base=_MINILM, epochs=2),
    "static": TrainOptions(base=_MINILM, epochs=10, batch_size=64, lr=5e-3, negatives=3),
    "multivector": TrainOptions(base=_MINILM, epochs=2, batch_size=16, scale=1.0),
    "sparse": TrainOptions(base="splade-tiny", epochs=2, scale=1.0),
    "cross-encoder": TrainOptions(base=_MINILM, loss="bce", epochs=2, lr=5e-5, negatives=4),
}
"""Kinds that can be trained, with their defaults; these suit two processor cores."""
_VECTOR_LOSSES, _PAIR_LOSSES = ("mnr", "margin-mse", "distill"), ("bce", "mnr", "margin-mse")


def options_for(kind: str, **values: Any) -> TrainOptions:
    """Make the options of a kind: its defaults, and what was chosen (None is not).

    Raises:
        UsageError: an unknown kind, a loss that it does not have, or a number out of range.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown kind of model {kind!r}", nearest_name(kind, KINDS))
    options = replace(KINDS[kind], **{key: value for key, value in values.items() if value is not None})
    losses = _PAIR_LOSSES if kind == "cross-encoder" else _VECTOR_LOSSES
    if options.loss not in losses:
        raise UsageError(
            f"the loss {options.loss!r} is not for a {kind} model", f"known: {', '.join(losses)}"
        )
    if options.lr >= 1:
        raise UsageError(f"a learning rate of {options.lr} cannot be", "2e-5 is usual")
    if options.loss != "mnr" and options.negatives < 1:
        raise UsageError(f"the loss {options.loss} needs negatives", "--negatives 1 or more")
    return options

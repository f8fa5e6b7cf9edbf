"""sentence-transformers' losses by kind and name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from intrex.encoders.training.options import TrainOptions

FLOPS = (3e-5, 5e-5)
"""Weights of the FLOPS regulariser of learned sparse models on documents and on queries, as SPLADE's examples have them."""
_CLASSES = {
    "margin-mse": "MarginMSELoss",
    "distill": "DistillKLDivLoss",
    "mnr": "MultipleNegativesRankingLoss",
}
_MODULES = {
    "dense": ("sentence_transformer", ""),
    "static": ("sentence_transformer", ""),
    "multivector": ("multi_vector_encoder", "MultiVector"),
    "sparse": ("sparse_encoder", "Sparse"),
    "cross-encoder": ("cross_encoder", ""),
}
"""Module of the losses of a kind, and what their names begin with there."""


def make_loss(kind: str, model: Any, options: TrainOptions) -> Any:
    """Make the loss module of a kind of model."""
    module, prefix = _MODULES[kind]
    losses = import_module(f"sentence_transformers.{module}.losses")
    if options.loss == "bce":
        return losses.BinaryCrossEntropyLoss(model)
    settings: dict[str, Any] = {}
    if options.loss == "mnr":
        settings = {"num_negatives": 4} if kind == "cross-encoder" else {"scale": options.scale}
    loss = getattr(losses, prefix + _CLASSES[options.loss])(model, **settings)
    if kind == "sparse":
        documents, queries = FLOPS
        weights = {"document_regularizer_weight": documents, "query_regularizer_weight": queries}
        return losses.SpladeLoss(model, loss, **weights)
    return loss

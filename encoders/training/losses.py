"""sentence-transformers' losses by kind and name."""

from __future__ import annotations

from typing import Any

from intrex.encoders.training.options import TrainOptions

FLOPS = (3e-5, 5e-5)
"""Weights of the FLOPS regulariser of learned sparse models on documents and on queries, as SPLADE's examples have them."""


def make_loss(kind: str, model: Any, options: TrainOptions) -> Any:
    """The loss module of a kind of model."""
    return _FAMILIES[kind](model, options)


def _dense(model: Any, options: TrainOptions) -> Any:
    from sentence_transformers.sentence_transformer import losses

    if options.loss == "margin-mse":
        return losses.MarginMSELoss(model)
    if options.loss == "distill":
        return losses.DistillKLDivLoss(model)
    return losses.MultipleNegativesRankingLoss(model, scale=options.scale)


def _multivector(model: Any, options: TrainOptions) -> Any:
    from sentence_transformers.multi_vector_encoder import losses

    if options.loss == "margin-mse":
        return losses.MultiVectorMarginMSELoss(model)
    if options.loss == "distill":
        return losses.MultiVectorDistillKLDivLoss(model)
    return losses.MultiVectorMultipleNegativesRankingLoss(model, scale=options.scale)


def _sparse(model: Any, options: TrainOptions) -> Any:
    from sentence_transformers.sparse_encoder import losses

    inner: Any
    if options.loss == "margin-mse":
        inner = losses.SparseMarginMSELoss(model)
    elif options.loss == "distill":
        inner = losses.SparseDistillKLDivLoss(model)
    else:
        inner = losses.SparseMultipleNegativesRankingLoss(model, scale=options.scale)
    return losses.SpladeLoss(
        model, inner, document_regularizer_weight=FLOPS[0], query_regularizer_weight=FLOPS[1]
    )


def _cross_encoder(model: Any, options: TrainOptions) -> Any:
    from sentence_transformers.cross_encoder import losses

    if options.loss == "margin-mse":
        return losses.MarginMSELoss(model)
    if options.loss == "mnr":
        return losses.MultipleNegativesRankingLoss(model, num_negatives=4)
    return losses.BinaryCrossEntropyLoss(model)


_FAMILIES = {
    "dense": _dense,
    "static": _dense,
    "multivector": _multivector,
    "sparse": _sparse,
    "cross-encoder": _cross_encoder,
}

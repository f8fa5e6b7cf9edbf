"""One vector for the whole of a text beside its token vectors (ColBERTer, Hofstätter et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

SINGLE = "single_vector"
"""Feature that holds it."""


def add_single(model: Any, kind: str) -> None:
    """Let a sentence-transformers ``MultiVectorEncoder`` give the feature `SINGLE` [texts, dim] in float32 as well.

    It is taken from what the transformer and the projections after it give, before tokens are skipped or normalised,
    and is brought to length 1: so ``mean`` of all-MiniLM-L6-v2 is its own sentence vector.

    Args:
        model: changed in place.
        kind: ``cls``, the text's first token, or ``mean`` of the tokens that the model attends to.
    """
    import torch
    from sentence_transformers.base.modules import Dense, Transformer

    take = take_cls if kind == "cls" else _take_mean
    modules = list(model)
    last = 0
    while last + 1 < len(modules) and isinstance(modules[last + 1], Dense | Transformer):
        last += 1
    set_single(modules[last], lambda features: torch.nn.functional.normalize(take(features), dim=1))


def set_single(module: Any, take: Callable[[Mapping[str, Any]], Any]) -> None:
    """Let a module of a model add the feature `SINGLE`, taken from the features that it gives."""
    module.register_forward_hook(lambda _module, _inputs, features: {**features, SINGLE: take(features)})


def take_cls(features: Mapping[str, Any]) -> Any:
    """Return the vectors [texts, dim] of the first token of each text, in float32."""
    import torch

    vectors = features["token_embeddings"]
    first = features["attention_mask"].float().argmax(dim=1)  # behind the padding, where that comes first
    return vectors[torch.arange(len(vectors), device=vectors.device), first].float()


def _take_mean(features: Mapping[str, Any]) -> Any:
    vectors, mask = features["token_embeddings"].float(), features["attention_mask"].float()
    return (vectors * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)

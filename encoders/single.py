"""One vector for the whole of a text beside its token vectors (ColBERTer, Hofstätter et al. 2022)."""

from __future__ import annotations

from typing import Any

from intrex.data.errors import UsageError, nearest

SINGLE = "single_vector"
"""The feature that `add_single` adds."""
KINDS = ("cls", "mean")


def add_single(model: Any, kind: str) -> None:
    """Let a sentence-transformers ``MultiVectorEncoder`` give the feature `SINGLE` [texts, dim] in float32 as well.

    It is taken from what the transformer and the projections after it give, before tokens are skipped or normalised,
    and is brought to length 1: so ``mean`` of all-MiniLM-L6-v2 is its own sentence vector.

    Args:
        model: changed in place.
        kind: ``cls``, the text's first token, or ``mean`` of the tokens that the model attends to.

    Raises:
        UsageError: another kind.
    """
    from sentence_transformers.base.modules import Dense, Transformer

    if kind not in KINDS:
        raise UsageError(f"no single vector {kind!r}", nearest(kind, KINDS))
    modules = list(model)
    last = 0
    while last + 1 < len(modules) and isinstance(modules[last + 1], Dense | Transformer):
        last += 1

    def hook(module: Any, inputs: Any, features: dict[str, Any]) -> dict[str, Any]:
        return {**features, SINGLE: _single(features, kind)}

    modules[last].register_forward_hook(hook)


def _single(features: dict[str, Any], kind: str) -> Any:
    import torch

    vectors, mask = features["token_embeddings"].float(), features["attention_mask"].float()
    if kind == "cls":
        first = mask.argmax(dim=1)  # behind the padding, where that comes first
        found = vectors[torch.arange(len(vectors), device=vectors.device), first]
    else:
        found = (vectors * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.nn.functional.normalize(found, dim=1)

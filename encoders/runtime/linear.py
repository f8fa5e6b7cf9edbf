"""Faster linear layers on the processor: packed for oneDNN, or with 8-bit weights and activations.

Both replace the ``forward`` of a model's ``torch.nn.Linear`` layers. torch runs these in float32 through MKL, which
leaves half of the speed unused on processors of other makers than Intel; oneDNN with packed weights does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from intrex.data.arrays import Float32s
from intrex.data.errors import UsageError

LARGEST_DIFFERENCE = 1e-4
"""Largest difference of a packed float32 model's vectors of the trial texts from the plain one's."""


def pack_linear(model: Any, trial: Callable[[], Float32s], tolerance: float = LARGEST_DIFFERENCE) -> bool:
    """Run the linear layers of a torch model by oneDNN, if that works for this model and gives the same vectors.

    Args:
        model: a torch module on the processor, in float32 or bfloat16; its linear layers are changed in place.
        trial: encodes a few texts with the model.
        tolerance: the largest difference between trial vectors before and after.

    Returns:
        True if the layers are packed now; if not, the model is as it was.
    """
    import torch

    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    before, weights = trial(), {}
    try:
        for layer in _linear_layers(model):
            packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), None)
            layer.forward = _packed_forward(packed, layer.bias)
            weights[layer] = layer.weight
            layer.weight = torch.nn.Parameter(layer.weight.new_empty(0), requires_grad=False)
        same = bool(np.abs(trial() - before).max() <= tolerance)
    except (RuntimeError, AttributeError, IndexError):  # a model that reads its weights itself, no kernel
        same = False
    if not same:
        for layer, weight in weights.items():
            del layer.forward
            layer.weight = weight
    return same


def quantize_linear(model: Any, trial: Callable[[], Float32s]) -> None:
    """Give the linear layers of a torch model 8-bit weights, one scale for each output, in place.

    Activations are rounded to 8 bits with one scale for each token, so that a text's vector does not depend on the
    texts beside it; torch's own dynamic quantisation has one scale for the whole batch.

    Raises:
        UsageError: the model does not run so.
    """
    import torch

    try:
        for layer in _linear_layers(model):
            weight = layer.weight.detach().float()
            scale = weight.abs().amax(dim=1).clamp_(min=1e-12).div_(127)
            rounded = (weight / scale[:, None]).round_().to(torch.int8).t().contiguous()
            layer.forward = _int8_forward(rounded, scale, layer.bias)
            layer.weight = torch.nn.Parameter(layer.weight.new_empty(0), requires_grad=False)
        trial()
    except (RuntimeError, AttributeError, IndexError) as error:
        raise UsageError(
            f"this model does not run in int8: {error}", "use --dtype float32 or bfloat16"
        ) from error


def _linear_layers(model: Any) -> list[Any]:
    """Return the plain linear layers; subclasses are left alone, they have their own way."""
    import torch

    return [module for module in model.modules() if type(module) is torch.nn.Linear]


def _packed_forward(packed: Any, bias: Any) -> Callable[[Any], Any]:
    import torch

    linear = torch.ops.mkldnn._linear_pointwise
    return lambda x: linear(x.contiguous(), packed, bias, "none", [], "")


def _int8_forward(weight: Any, scale: Any, bias: Any) -> Callable[[Any], Any]:
    import torch

    def forward(x: Any) -> Any:
        rows = x.reshape(-1, x.shape[-1])
        step = rows.abs().amax(dim=1, keepdim=True).clamp_(min=1e-12).div_(127)
        product = torch._int_mm((rows / step).round_().to(torch.int8), weight).float()
        product.mul_(step).mul_(scale)
        if bias is not None:
            product.add_(bias)
        return product.view(*x.shape[:-1], -1).to(x.dtype)

    return forward

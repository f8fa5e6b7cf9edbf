"""What the encoders of sentence-transformers models share: loading, limits, prompts, and what they compute in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intrex.data.arrays import Float32s
from intrex.data.errors import BadInput, UsageError
from intrex.data.specs import EncoderSpec
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.linear import pack_linear, quantize_linear
from intrex.encoders.runtime.models import Model, quiet

UNLIMITED = 1_000_000
TRIAL = [
    "A short text.",
    "A second text, which is somewhat longer than the first one is, to see some padding.",
]
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")


def check_runtime(options: EncoderOptions) -> None:
    """Raise `UsageError` on an unknown dtype, or a device that torch does not have here."""
    import torch

    try:
        torch.empty(0, device=options.device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"torch has no device {options.device!r} here: {str(error).splitlines()[0]}",
            "leave out --device",
        ) from error


def load_model(found: Model, make: Callable[[str], Any], hint: str) -> Any:
    """What ``make`` gives for the model's folder; raises `BadInput` if it fails."""
    from safetensors import SafetensorError

    try:
        with quiet():
            return make(str(found.path))
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise BadInput(f"the model {found.name} cannot be loaded: {error}", hint) from error


def check_same(made: EncoderSpec, recorded: EncoderSpec) -> None:
    """Raise `BadInput` if the encoder that was made is not the one that an index records."""
    if made.fingerprint != recorded.fingerprint:
        raise BadInput(
            f"the model {recorded.name} is not the one that the index was built with: {made.revision}, "
            f"it was {recorded.revision}",
            "rebuild the index, or bring back the model",
        )


def longest_input(model: Any) -> int:
    """How many tokens of a text the model can take: its positions or, without any, what its tokenizer says."""
    config = model.config
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None:
        return int(min(UNLIMITED, getattr(model.tokenizer, "model_max_length", UNLIMITED)))
    taken = config.pad_token_id + 1 if "roberta" in config.model_type else 0  # RoBERTa's count from there
    return int(positions) - taken


def choose_prompts(model: Any, options: EncoderOptions) -> dict[str, str]:
    """The prompts asked for, or the model's own as sentence-transformers chooses them."""
    own = model.prompts
    default = own.get(model.default_prompt_name) or ""
    document = next((own[name] for name in _DOCUMENT_PROMPTS if own.get(name)), default)
    return {
        "query": (own.get("query") or default) if options.query_prompt is None else options.query_prompt,
        "document": document if options.document_prompt is None else options.document_prompt,
    }


def set_dtype(model: Any, dtype: str, trial: Callable[[], Float32s], longest: int) -> None:
    """Change what the transformer, the model's first module, computes in; what follows it stays in float32.

    Args:
        model: a sentence-transformers model, changed in place.
        dtype: one of `DTYPES`.
        trial: encodes a few texts with the model; float32 layers are packed only if its result stays the same.
        longest: tokens of the longest text; 0 if unknown.

    Raises:
        UsageError: int8 on a GPU, or the model does not run in int8.
    """
    import torch

    on_cpu = model.device.type == "cpu"
    if dtype == "int8":
        if not on_cpu:
            raise UsageError("int8 runs on the processor only", "add --device cpu, or use --dtype bfloat16")
        quantize_linear(model[0], trial)
        return
    if dtype == "bfloat16":
        model[0].to(torch.bfloat16)
        model[0].register_forward_hook(_to_float32)
        if on_cpu and longest <= 512:
            plain_attention(model)
    if on_cpu:
        pack_linear(model[0], trial, 1e-4 if dtype == "float32" else 0.05)


def _to_float32(module: Any, inputs: Any, features: dict[str, Any]) -> dict[str, Any]:
    """Forward hook: hand what the transformer computed to the next module in float32."""
    import torch

    return {
        k: v.float() if isinstance(v, torch.Tensor) and v.is_floating_point() else v
        for k, v in features.items()
    }


def plain_attention(model: Any) -> None:
    """On the processor, in bfloat16, three matrix operations are faster than torch's fused attention (up to 512 tokens)."""
    transformer: Any = model.transformers_model
    if transformer is not None and getattr(transformer.config, "_attn_implementation", None) == "sdpa":
        transformer.set_attn_implementation("eager")

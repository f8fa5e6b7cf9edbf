"""Parts of every encoder of a sentence-transformers model: loading, prompts, and the dtype of its products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intrex.data.arrays import Float32s
from intrex.data.errors import UsageError
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.linear import LARGEST_DIFFERENCE, pack_linear, quantize_linear
from intrex.encoders.runtime.models import NO_CODE, ModelFiles, quiet, refuse_code

UNLIMITED = 1_000_000
TRIAL = [
    "A short text.",
    "A second text, which is somewhat longer than the first one is, to see some padding.",
]
_OTHER_DOCUMENT_PROMPTS = ("passage", "corpus")
"""Names under which documents' prompts are saved too; sentence-transformers documents them, and then reads `document` alone."""


def check_runtime(options: EncoderOptions) -> None:
    """Raise `UsageError` on a device that torch does not have here."""
    import torch

    try:
        torch.empty(0, device=options.device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"torch has no device {options.device!r} here: {str(error).splitlines()[0]}",
            "leave out --device",
        ) from error


def load_model(files: ModelFiles, make: Callable[[str], Any], hint: str) -> Any:
    """Make a model of its folder by ``make``; raises `BadInput` if that fails."""
    from safetensors import SafetensorError

    try:
        with quiet():
            return make(str(files.path))
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        refuse_code(files.name, error)
        raise files.unfit(f"cannot be loaded: {error}", hint) from error


def load_by_class(
    files: ModelFiles, class_name: str, device: str | None, hint: str, **settings: object
) -> Any:
    """Load a model by a class of sentence-transformers, such as ``CrossEncoder``; raises as `load_model`."""
    import sentence_transformers

    make = getattr(sentence_transformers, class_name)
    options = {"device": device, "local_files_only": True, **NO_CODE, **settings}
    return load_model(files, lambda path: make(path, **options), hint)


def longest_input(model: Any) -> int:
    """Count the tokens of a text that the model can take: its positions or, without any, what its tokenizer says."""
    config = model.config
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None:
        return int(min(UNLIMITED, getattr(model.tokenizer, "model_max_length", UNLIMITED)))
    reserved = config.pad_token_id + 1 if "roberta" in config.model_type else 0  # RoBERTa's count from there
    return int(positions) - reserved


def choose_prompts(model: Any, options: EncoderOptions) -> dict[str, str]:
    """Return the prompts asked for, or else the model's own as sentence-transformers 6.2 chooses them.

    An entry that is there counts, also when empty; the default prompt holds only where there is none. Since the library
    adds an empty ``document`` to every model that it loads or saves, ``passage`` or ``corpus`` goes before an empty one.
    """
    prompts = model.prompts
    default = prompts.get(model.default_prompt_name) or ""
    query, document = prompts.get("query", default), prompts.get("document")
    if not document:
        document = next((prompts[name] for name in _OTHER_DOCUMENT_PROMPTS if name in prompts), document)
    return {
        "query": query if options.query_prompt is None else options.query_prompt,
        "document": (default if document is None else document)
        if options.document_prompt is None
        else options.document_prompt,
    }


def set_dtype(model: Any, dtype: str, trial: Callable[[], Float32s], longest: int) -> None:
    """Change the dtype of the transformer, the model's first module; what follows it stays in float32.

    Args:
        model: a sentence-transformers model, changed in place.
        dtype: one of `DTYPES`.
        trial: encodes a few texts with the model; float32 layers are packed only if its result stays the same.
        longest: tokens of the longest text; 0 if unknown.

    Raises:
        UsageError: int8 on a GPU, or the model does not run in int8.
    """
    if dtype == "int8":
        if model.device.type != "cpu":
            raise UsageError("int8 runs on the processor only", "add --device cpu, or use --dtype bfloat16")
        quantize_linear(model[0], trial)
        return
    set_float_dtype(model, model[0], dtype, trial, longest)


def set_float_dtype(
    model: Any, transformer: Any, dtype: str, trial: Callable[[], Float32s], longest: int
) -> None:
    """Change the dtype of a model's transformer to float32 or bfloat16; for the arguments see `set_dtype`."""
    import torch

    on_cpu = model.device.type == "cpu"
    if dtype == "bfloat16":
        transformer.to(torch.bfloat16)
        transformer.register_forward_hook(_to_float32)
        if on_cpu and longest <= 512:
            _plain_attention(model)
    if on_cpu:
        pack_linear(model[0], trial, LARGEST_DIFFERENCE if dtype == "float32" else 0.05)


def _to_float32(module: Any, inputs: Any, features: Any) -> Any:
    """Forward hook: hand what the transformer computed to the next module in float32."""
    import torch

    for name, value in list(features.items()):
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            features[name] = value.float()
    return features


def _plain_attention(model: Any) -> None:
    """Choose three matrix operations for the attention: on the processor in bfloat16 faster than torch's fused one (up to 512 tokens)."""
    transformer: Any = model.transformers_model
    if transformer is not None and getattr(transformer.config, "_attn_implementation", None) == "sdpa":
        transformer.set_attn_implementation("eager")

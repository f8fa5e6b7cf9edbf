"""Any sentence-transformers model as an encoder: texts are batched by their true number of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from intrex.data.errors import BadInput, UsageError, nearest
from intrex.data.specs import EncoderSpec
from intrex.encoders.base import EncoderOptions, Role, Vectors
from intrex.encoders.linear import pack_linear, quantize_linear
from intrex.encoders.models import Model, quiet, resolve_model

DTYPES = ("float32", "bfloat16", "int8")
AT_ONCE = 4096
"""Texts tokenised together: bounds the memory of one call."""
TOKENS_A_TEXT = {"cpu": 64}
"""A batch holds at most ``batch_size`` times as many tokens, padding included, or one text; 256 on other devices."""
UNLIMITED = 1_000_000
TRIAL = [
    "A short text.",
    "A second text, which is somewhat longer than the first one is, to see some padding.",
]
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")


@dataclass(frozen=True)
class _Tokens:
    """Tokenised texts: for each of the model's inputs one list of integers a text, and inputs that all texts share."""

    rows: dict[str, list[list[int]]]
    shared: dict[str, Any]
    lengths: npt.NDArray[np.int64]


class DenseEncoder:
    """One vector a text from a sentence-transformers model, as the model gives it, in float32.

    In float32 the vectors equal those of ``SentenceTransformer.encode`` to 1e-5, whatever the batch. With bfloat16 and
    int8 the cosine to them is about 0.9999 and 0.99, and the texts beside it can move a vector by about 0.001 and 0.01.
    """

    def __init__(self, transformer: Any, spec: EncoderSpec, batch_size: int) -> None:
        self.spec = spec
        self._model = transformer
        self._batch_size = batch_size
        self._budget = batch_size * TOKENS_A_TEXT.get(transformer.device.type, 256)

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Load the model ``name`` (a hub name or a folder).

        Raises:
            UsageError: an unknown dtype, a maximum length or number of dimensions beyond the model's, int8 on a GPU.
            BadInput: the model is nowhere to be found, or cannot be loaded.
        """
        if options.dtype not in DTYPES:
            raise UsageError(f"unknown dtype {options.dtype!r}", nearest(options.dtype, DTYPES))
        found = resolve_model(name, options.revision)
        model = _load(found, options.device)
        _limit(model, options)
        encoder = cls(model, _describe(model, found, options), options.batch_size)
        encoder._set_dtype(options.dtype)
        return encoder

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Load the model of ``spec``; raises `BadInput` when what is found under its name is another one."""
        commit = spec.revision.removeprefix("commit:") if spec.revision.startswith("commit:") else None
        truncated = spec.params.get("truncated")
        wanted = EncoderOptions(
            commit, spec.max_length, spec.prompts["query"], spec.prompts["document"], spec.params["dtype"],
            options.device, options.batch_size, spec.dim if truncated else None,
        )  # fmt: skip
        encoder = cls.create(spec.name, wanted)
        if encoder.spec.fingerprint != spec.fingerprint:
            raise BadInput(
                f"the model {spec.name} is not the one that the index was built with: {encoder.spec.revision}, "
                f"it was {spec.revision}",
                "rebuild the index, or bring back the model",
            )
        return encoder

    def save(self, folder: Path) -> None:
        """Write nothing: the model is found by its name and checked against its revision."""

    def encode(self, texts: list[str], role: Role) -> Vectors:
        """Vectors [len(texts), dim] in float32, in the order of ``texts``."""
        import torch

        out = np.empty((len(texts), self.spec.dim), np.float32)
        with torch.inference_mode():
            for start in range(0, len(texts), AT_ONCE):
                self._encode(texts[start : start + AT_ONCE], role, out[start : start + AT_ONCE])
        return out

    def _encode(self, texts: list[str], role: Role, out: Vectors) -> None:
        prompt = self.spec.prompts[role] or None
        tokens = _tokenize(self._model, texts, role, prompt)
        if tokens is None:  # inputs of another form: sentence-transformers' own way
            settings = {
                "batch_size": self._batch_size,
                "show_progress_bar": False,
                "task": role,
                "truncate_dim": self.spec.dim,
            }
            out[:] = self._model.encode(texts, prompt=prompt or "", **settings)
            return
        for rows in batches(tokens.lengths, self._budget):
            features = _pad(self._model, tokens, rows)
            vectors = self._model(features, task=role)["sentence_embedding"]
            out[rows] = vectors[:, : self.spec.dim].float().cpu().numpy()

    def _trial(self) -> Vectors:
        return self.encode(TRIAL, "document")

    def _set_dtype(self, dtype: str) -> None:
        """Change what the transformer computes in; pooling and normalisation stay in float32."""
        import torch

        on_cpu = self._model.device.type == "cpu"
        if dtype == "int8":
            if not on_cpu:
                raise UsageError(
                    "int8 runs on the processor only", "add --device cpu, or use --dtype bfloat16"
                )
            quantize_linear(self._model[0], self._trial)
            return
        if dtype == "bfloat16":
            self._model[0].to(torch.bfloat16)
            self._model[0].register_forward_hook(_to_float32)
            if on_cpu and (self.spec.max_length or 0) <= 512:
                _plain_attention(self._model)
        if on_cpu:
            pack_linear(self._model[0], self._trial, 1e-4 if dtype == "float32" else 0.05)


def batches(lengths: npt.NDArray[np.int64], budget: int) -> Iterator[npt.NDArray[np.int64]]:
    """Cut texts into batches of similar length, the longest first.

    Args:
        lengths: [n] tokens of each text.
        budget: tokens in a batch, padding included; a longer text is a batch of its own.

    Yields:
        The rows of a batch; each row occurs once.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size


def _load(found: Model, device: str | None) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"torch has no device {device!r} here: {str(error).splitlines()[0]}", "leave out --device"
        ) from error
    try:
        with quiet():
            model = SentenceTransformer(str(found.path), device=device, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise BadInput(
            f"the model {found.name} cannot be loaded: {error}", "is it a sentence-transformers model?"
        ) from error
    return model.to(torch.float32).eval()


def _limit(model: Any, options: EncoderOptions) -> None:
    """Apply the maximum length and the number of dimensions, or say that the model cannot."""
    if options.max_length not in (None, model.max_seq_length):
        positions = getattr(model.config, "max_position_embeddings", None) or UNLIMITED
        most = int(min(positions, getattr(model.tokenizer, "model_max_length", UNLIMITED)))
        if not 1 <= options.max_length <= most:
            raise UsageError(
                f"--max-length {options.max_length} does not suit the model, it takes 1 to {most} tokens"
            )
        model.max_seq_length = options.max_length
    full = model.get_embedding_dimension()
    if options.dim is not None and not 1 <= options.dim <= full:
        raise UsageError(f"--dim {options.dim} does not suit the model, its vectors have {full} dimensions")


def _describe(model: Any, found: Model, options: EncoderOptions) -> EncoderSpec:
    full = int(model.get_embedding_dimension())
    dim = full if options.dim is None else options.dim
    kinds = [type(module).__name__ for module in model]
    normalized = kinds[-1] == "Normalize" and dim == full
    similarity = "dot" if normalized else str(model.similarity_fn_name)
    if similarity not in ("dot", "cosine"):
        raise UsageError(
            f"the model {found.name} compares vectors by {similarity} distance; only dot and cosine can be indexed"
        )
    pooling = next((str(module.pooling_mode) for module in model if type(module).__name__ == "Pooling"), None)
    params = {
        "dtype": options.dtype,
        "normalized": normalized,
        "similarity": similarity,
        "truncated": dim != full,
    }
    length = model.max_seq_length
    return EncoderSpec(
        "dense",
        found.name,
        found.revision,
        dim,
        int(length) if length is not None and np.isfinite(length) else None,
        pooling,
        _prompts(model, options),
        params,
    )


def _prompts(model: Any, options: EncoderOptions) -> dict[str, str]:
    """The prompts asked for, or the model's own as sentence-transformers chooses them."""
    own = model.prompts
    default = own.get(model.default_prompt_name) or ""
    document = next((own[name] for name in _DOCUMENT_PROMPTS if own.get(name)), default)
    return {
        "query": (own.get("query") or default) if options.query_prompt is None else options.query_prompt,
        "document": document if options.document_prompt is None else options.document_prompt,
    }


def _tokenize(model: Any, texts: list[str], role: Role, prompt: str | None) -> _Tokens | None:
    """Tokenise by the model's own rules, without padding; None for a model whose inputs are not lists of tokens."""
    if getattr(model.tokenizer, "pad_token_id", None) is None:
        return None
    unpadded = {"common": {"return_tensors": None}, "text": {"padding": False}}
    features = dict(model.preprocess(texts, prompt=prompt, task=role, processing_kwargs=unpadded))
    rows = {k: v for k, v in features.items() if isinstance(v, list) and v and isinstance(v[0], list)}
    ids = rows.get("input_ids")
    if ids is None or "attention_mask" not in rows or any(len(v) != len(texts) for v in rows.values()):
        return None
    shared = {k: v for k, v in features.items() if k not in rows}
    return _Tokens(rows, shared, np.array([len(i) for i in ids], np.int64))


def _pad(model: Any, tokens: _Tokens, rows: npt.NDArray[np.int64]) -> dict[str, Any]:
    """The tensors [len(rows), longest] of one batch, on the model's device."""
    import torch

    tokenizer = model.tokenizer
    fills = {
        "input_ids": tokenizer.pad_token_id,
        "token_type_ids": getattr(tokenizer, "pad_token_type_id", 0),
    }
    lengths = tokens.lengths[rows]
    width = int(lengths.max(initial=1))
    columns = np.arange(width)
    used = (
        columns < lengths[:, None]
        if tokenizer.padding_side == "right"
        else columns >= width - lengths[:, None]
    )
    features = dict(tokens.shared)
    for name, values in tokens.rows.items():
        array = np.full(used.shape, fills.get(name, 0), np.int64)
        array[used] = [value for row in rows for value in values[row]]
        features[name] = torch.from_numpy(array).to(model.device)
    return features


def _to_float32(module: Any, inputs: Any, features: dict[str, Any]) -> dict[str, Any]:
    """Forward hook: hand what the transformer computed to the next module in float32."""
    import torch

    return {
        k: v.float() if isinstance(v, torch.Tensor) and v.is_floating_point() else v
        for k, v in features.items()
    }


def _plain_attention(model: Any) -> None:
    """On the processor, in bfloat16, three matrix operations are faster than torch's fused attention (up to 512 tokens)."""
    transformer: Any = model.transformers_model
    if transformer is not None and getattr(transformer.config, "_attn_implementation", None) == "sdpa":
        transformer.set_attn_implementation("eager")

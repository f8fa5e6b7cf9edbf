"""Any sentence-transformers model as an encoder: texts are batched by their true number of tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from intrex.data.arrays import Float32s
from intrex.data.errors import UsageError
from intrex.data.specs import EncoderSpec
from intrex.encoders.base import Role
from intrex.encoders.options import DENSE, EncoderOptions
from intrex.encoders.runtime.batching import AT_ONCE, batches, pad, token_budget, tokenize
from intrex.encoders.runtime.models import Model, resolve_model
from intrex.encoders.runtime.transformer import (
    TRIAL,
    check_runtime,
    check_same,
    choose_prompts,
    load_model,
    longest_input,
    set_dtype,
)


class DenseEncoder:
    """One vector a text from a sentence-transformers model, as the model gives it, in float32.

    In float32 the vectors equal those of ``SentenceTransformer.encode`` to 1e-5, whatever the batch. With bfloat16 and
    int8 the cosine to them is about 0.9999 and 0.99, and the texts beside it can move a vector by about 0.001 and 0.01.
    """

    def __init__(self, transformer: Any, spec: EncoderSpec, batch_size: int) -> None:
        self.spec = spec
        self._model = transformer
        self._batch_size = batch_size
        self._budget = token_budget(transformer, batch_size)

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Load the model ``name`` (a hub name or a folder).

        Raises:
            UsageError: an unknown dtype, a maximum length or number of dimensions beyond the model's, int8 on a GPU.
            BadInput: the model is nowhere to be found, or cannot be loaded.
        """
        DENSE.refuse(options)
        found = resolve_model(name, options.revision)
        model = _load(found, options)
        _limit(model, options)
        encoder = cls(model, _describe(model, found, options), options.batch_size)
        set_dtype(
            model, options.dtype, lambda: encoder.encode(TRIAL, "document"), encoder.spec.max_length or 0
        )
        return encoder

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Load the model of ``spec``; raises `BadInput` when what is found under its name is another one."""
        commit = spec.revision.removeprefix("commit:") if spec.revision.startswith("commit:") else None
        truncated = spec.params.get("truncated")
        wanted = EncoderOptions(
            revision=commit, max_length=spec.max_length, query_prompt=spec.prompts["query"],
            document_prompt=spec.prompts["document"], dtype=spec.params["dtype"], device=options.device,
            batch_size=options.batch_size, dim=spec.dim if truncated else None,
        )  # fmt: skip
        encoder = cls.create(spec.name, wanted)
        check_same(encoder.spec, spec)
        return encoder

    def save(self, folder: Path) -> None:
        """Write nothing: the model is found by its name and checked against its revision."""

    def encode(self, texts: list[str], role: Role) -> Float32s:
        """Vectors [len(texts), dim] in float32, in the order of ``texts``."""
        import torch

        out = np.empty((len(texts), self.spec.dim), np.float32)
        with torch.inference_mode():
            for start in range(0, len(texts), AT_ONCE):
                self._encode(texts[start : start + AT_ONCE], role, out[start : start + AT_ONCE])
        return out

    def _encode(self, texts: list[str], role: Role, out: Float32s) -> None:
        prompt = self.spec.prompts[role] or None
        tokens = tokenize(self._model, texts, role, prompt)
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
            features = pad(self._model, tokens, rows)
            vectors = self._model(features, task=role)["sentence_embedding"]
            out[rows] = vectors[:, : self.spec.dim].float().cpu().numpy()


def _load(found: Model, options: EncoderOptions) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer

    check_runtime(options)
    model = load_model(
        found,
        lambda path: SentenceTransformer(path, device=options.device, local_files_only=True),
        "is it a sentence-transformers model?",
    )
    return model.to(torch.float32).eval()


def _limit(model: Any, options: EncoderOptions) -> None:
    """Apply the maximum length and the number of dimensions, or say that the model cannot."""
    if options.max_length not in (None, model.max_seq_length):
        most = longest_input(model)
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
        choose_prompts(model, options),
        params,
    )

"""Any sentence-transformers model as an encoder: texts are batched by their true number of tokens."""

from __future__ import annotations

from collections import Counter
from typing import Any, Self

import numpy as np

from intrex.data.arrays import Float32s
from intrex.data.errors import UsageError
from intrex.data.specs import EncoderSpec
from intrex.encoders.base import Role
from intrex.encoders.options import DENSE, EncoderOptions
from intrex.encoders.runtime.batching import AT_ONCE, batches, count_cut, pad, token_budget, tokenize
from intrex.encoders.runtime.encoder import ModelEncoder, finite_length, limit_length, open_model
from intrex.encoders.runtime.models import ModelFiles
from intrex.encoders.runtime.transformer import TRIAL, choose_prompts, set_dtype


class DenseEncoder(ModelEncoder):
    """One vector a text from a sentence-transformers model, as the model gives it, in float32.

    In float32 the vectors equal those of ``SentenceTransformer.encode`` to 1e-5, whatever the batch. With bfloat16 and
    int8 the cosine to them is about 0.9999 and 0.99, and the texts beside it can move a vector by about 0.001 and 0.01.
    """

    def __init__(self, transformer: Any, spec: EncoderSpec, batch_size: int) -> None:
        self.spec = spec
        self.overlong = Counter()
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
        import torch

        hint = "is it a sentence-transformers model?"
        model, files = open_model(DENSE, "SentenceTransformer", name, options, hint)
        model.to(torch.float32).eval()
        limit_length(model, options.max_length)
        encoder = cls(model, _describe(model, files, options), options.batch_size)
        longest = encoder.spec.max_length or 0
        set_dtype(model, options.dtype, lambda: encoder.encode(TRIAL, "document"), longest)
        return encoder

    @classmethod
    def _recorded(cls, spec: EncoderSpec) -> dict[str, Any]:
        return {"dim": spec.dim} if spec.params.get("full_dim") != spec.dim else {}

    def encode(self, texts: list[str], role: Role) -> Float32s:
        """Return vectors [len(texts), dim] in float32, in the order of ``texts``."""
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
        self.overlong[role] += count_cut(self._model, texts, prompt, tokens, self.spec.max_length)
        for rows in batches(tokens.lengths, self._budget):
            features = pad(self._model, tokens, rows)
            vectors = self._model(features, task=role)["sentence_embedding"]
            out[rows] = vectors[:, : self.spec.dim].float().cpu().numpy()


def _describe(model: Any, files: ModelFiles, options: EncoderOptions) -> EncoderSpec:
    """Return the spec of a model; raises `UsageError` for dimensions or a similarity that cannot be."""
    full = int(model.get_embedding_dimension())
    dim = full if options.dim is None else options.dim
    if not 1 <= dim <= full:
        raise UsageError(f"--dim {dim} does not suit the model, its vectors have {full} dimensions")
    kinds = [type(module).__name__ for module in model]
    normalized = kinds[-1] == "Normalize" and dim == full
    similarity = "dot" if normalized else str(model.similarity_fn_name)
    if similarity not in ("dot", "cosine"):
        raise UsageError(
            f"the model {files.name} compares vectors by {similarity} distance; only dot and cosine can be indexed"
        )
    pooling = next((str(module.pooling_mode) for module in model if type(module).__name__ == "Pooling"), None)
    params = {
        "dtype": options.dtype,
        "normalized": normalized,
        "similarity": similarity,
        "full_dim": full,
    }
    length, prompts = finite_length(model.max_seq_length), choose_prompts(model, options)
    return EncoderSpec("dense", files.name, files.revision, dim, length, pooling, prompts, params)

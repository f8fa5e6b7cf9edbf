"""Learned sparse encoders: any SparseEncoder of sentence-transformers, such as SPLADE, inference-free models and CSR."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np

from intrex.data.arrays import Float32s, Int32s, Rows
from intrex.data.errors import BadInput, UsageError
from intrex.data.numeric.spans import offsets_of, owners_of
from intrex.data.specs import EncoderSpec
from intrex.data.store.vectors import SparseVectors
from intrex.encoders.base import Role
from intrex.encoders.options import SPARSE, EncoderOptions
from intrex.encoders.runtime.batching import AT_ONCE, batches, count_cut, pad, token_budget, tokenize
from intrex.encoders.runtime.encoder import ModelEncoder, finite_length, limit_length, open_model
from intrex.encoders.runtime.models import ModelFiles
from intrex.encoders.runtime.transformer import TRIAL, choose_prompts, set_dtype

LOGITS = 1 << 26
"""A batch has at most so many numbers of tokens times dimensions: 256 MB, of which SPLADE needs a few copies."""


class LearnedSparseEncoder(ModelEncoder):
    """Term weights from a model, as it gives them, in float32.

    In float32 they equal those of ``encode_query`` and ``encode_document`` to 1e-5, whatever the batch; with bfloat16
    and int8 the texts beside a text can move its weights by about 0.01 and 0.1.
    """

    def __init__(self, model: Any, spec: EncoderSpec, batch_size: int) -> None:
        self.spec = spec
        self.overlong = Counter()
        self._model = model
        self._batch_size = batch_size
        self._budget = min(token_budget(model, batch_size), LOGITS // spec.dim)

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Load the model ``name`` (a hub name or a folder).

        Raises:
            UsageError: an unknown dtype, a maximum length beyond the model's, a dtype that the model does not run in.
            BadInput: the model is nowhere to be found, or cannot be loaded.
        """
        hint = "is it a SparseEncoder of sentence-transformers, or a masked language model?"
        model, files = open_model(SPARSE, "SparseEncoder", name, options, hint)
        _refuse_untrained(model, files)
        limit_length(model, options.max_length)
        encoder = cls(model, _describe(model, files, options), options.batch_size)
        if options.dtype == "bfloat16" and _kind(model[0]) == "Router":
            raise UsageError("a model with two sides does not run in bfloat16", "use --dtype float32 or int8")
        set_dtype(model, options.dtype, encoder._trial, encoder.spec.max_length or 0)
        return encoder

    def encode(self, texts: list[str], role: Role) -> SparseVectors:
        """Return the weights above 0 of each text over ``spec.dim`` terms, in the order of ``texts``."""
        import torch

        with torch.inference_mode():
            parts = [
                part
                for start in range(0, len(texts), AT_ONCE)
                for part in self._encode(texts[start : start + AT_ONCE], role, start)
            ]
        return _in_order(parts, len(texts))

    def terms(self) -> list[str]:
        """Return the tokens of the model's vocabulary, or the numbers of the dimensions of a model that has others."""
        numbers = [str(i) for i in range(self.spec.dim)]
        if "SparseAutoEncoder" in self.spec.params["modules"]:
            return numbers
        tokens = self._model.tokenizer.convert_ids_to_tokens(range(self.spec.dim))
        names = [f"[{i}]" if token is None else token for i, token in zip(numbers, tokens, strict=True)]
        return names if len(set(names)) == len(names) else numbers

    def _encode(self, texts: list[str], role: Role, first: int) -> Iterator[_Part]:
        prompt = self.spec.prompts[role] or None
        tokens = tokenize(self._model, texts, role, prompt)
        if tokens is None:  # inputs of another form, as those of a static side
            for start in range(0, len(texts), self._batch_size):
                batch = texts[start : start + self._batch_size]
                features = self._model.preprocess(batch, prompt=prompt, task=role)
                yield self._forward(features, role, first + start + np.arange(len(batch)))
            return
        self.overlong[role] += count_cut(self._model, texts, prompt, tokens, self.spec.max_length)
        for rows in batches(tokens.lengths, self._budget):
            yield self._forward(pad(self._model, tokens, rows), role, first + rows)

    def _forward(self, features: dict[str, Any], role: Role, rows: Rows) -> _Part:
        import torch
        from sentence_transformers.util import select_max_active_dims

        device = self._model.device
        features = {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in features.items()}
        most = self._model.max_active_dims
        limit = {} if most is None else {"max_active_dims": most}
        weights = self._model(features, task=role, **limit)["sentence_embedding"].float()
        weights = weights if most is None else select_max_active_dims(weights, most)
        if not bool(((weights >= 0) & (weights < torch.inf)).all()):
            raise BadInput(
                f"the model {self.spec.name} gives weights that are negative or not finite",
                "check --dtype; an index of term weights needs a model whose weights are never negative",
            )
        cells = torch.nonzero(weights)
        values = weights[cells[:, 0], cells[:, 1]]
        texts, terms = cells.cpu().numpy().T
        return _Part(rows[texts], terms.astype(np.int32), values.cpu().numpy())

    def _trial(self) -> Float32s:
        encoded = self.encode(TRIAL, "document")
        dense = np.zeros((len(TRIAL), self.spec.dim), np.float32)
        dense[owners_of(np.diff(encoded.offsets)), encoded.terms] = encoded.weights
        return dense


class _Part(NamedTuple):
    """Weights of some texts: the text and the term of each; those of a text stand together."""

    texts: Rows
    terms: Int32s
    weights: Float32s


def _in_order(parts: list[_Part], n: int) -> SparseVectors:
    """Put parts together in the order of their ``n`` texts."""
    empty = _Part(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    texts, terms, weights = (np.concatenate(column) for column in zip(empty, *parts, strict=True))
    order = np.argsort(texts, kind="stable")
    offsets = offsets_of(np.bincount(texts, minlength=n))
    return SparseVectors(offsets, terms[order], weights[order])


def _kind(module: Any) -> str:
    return type(module).__name__


def _refuse_untrained(model: Any, files: ModelFiles) -> None:
    """Raise `BadInput` for a model of another sort, which sentence-transformers turns into one with untrained parts.

    A masked language model without ``modules.json`` is SPLADE's own form.
    """
    plain = not (files.path / "modules.json").is_file()
    configuration = "".join(
        file.read_text(encoding="utf-8")
        for name in ("modules.json", "router_config.json")
        for file in files.path.rglob(name)
    )
    kinds = {_kind(module) for module in model.modules()}
    for kind in kinds & {"SparseAutoEncoder", "SpladePooling", "SparseStaticEmbedding"}:
        if kind not in configuration and not (plain and kind == "SpladePooling"):
            raise files.unfit(
                f"is no sparse encoder: its {kind} would be untrained",
                "intrex index dense takes models with one vector a text",
            )


def _describe(model: Any, files: ModelFiles, options: EncoderOptions) -> EncoderSpec:
    similarity = str(model.similarity_fn_name)
    if similarity != "dot":
        raise UsageError(
            f"the model {files.name} compares vectors by {similarity}; only the dot product can be indexed"
        )
    inside = [module for module in model.modules() if hasattr(module, "get_config_dict")]
    pooling = next((m for m in inside if _kind(m) == "SpladePooling"), None)
    # SpladePooling knows its size only when it has encoded.
    example = model.encode_document(TRIAL[:1], show_progress_bar=False)
    return EncoderSpec(
        "sparse",
        files.name,
        files.revision,
        dim=int(example.shape[-1]),
        max_length=finite_length(model.max_seq_length),
        pooling=f"{pooling.pooling_strategy} {pooling.activation_function}" if pooling else None,
        prompts=choose_prompts(model, options),
        params={
            "dtype": options.dtype,
            "max_active_dims": model.max_active_dims,
            "modules": [_kind(module) for module in inside],
        },
    )

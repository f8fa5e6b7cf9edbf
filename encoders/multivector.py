"""One vector a token, from a transformer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from intrex.data.errors import BadInput, UsageError
from intrex.data.specs import EncoderSpec
from intrex.data.stores import PackedVectors
from intrex.encoders.base import EncoderOptions, Role, Vectors, refuse_options
from intrex.encoders.batching import batches, pad, token_budget, tokenize
from intrex.encoders.layouts import load_layout
from intrex.encoders.models import Model, resolve_model
from intrex.encoders.transformer import (
    TRIAL,
    check_runtime,
    check_same,
    choose_prompts,
    longest_input,
    set_dtype,
)

AT_ONCE = 1024
"""Texts encoded together: bounds the memory of one call, beside its result."""


class MultiVectorEncoder:
    """The token vectors of a multi-vector (late-interaction) model, in float32.

    A plain transformer gives its own token vectors, brought to length 1, those of its special tokens included.
    """

    def __init__(self, model: Any, spec: EncoderSpec, batch_size: int) -> None:
        self.spec = spec
        self._model = model
        self._budget = token_budget(model, batch_size)

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Load the model ``name`` (a hub name or a folder).

        Raises:
            UsageError: an unknown dtype, a maximum length beyond the model's, int8 on a GPU.
            BadInput: the model is nowhere to be found, cannot be loaded, or has no token vectors.
        """
        refuse_options(
            options, "multi-vector", {"revision", "max_length", "query_prompt", "document_prompt", "dtype"}
        )
        found = resolve_model(name, options.revision)
        check_runtime(options)
        model, layout = load_layout(found, options.device)
        _limit(model, options)
        encoder = cls(model, _describe(model, found, layout, options), options.batch_size)
        set_dtype(model, options.dtype, encoder._trial, encoder.spec.max_length or 0)
        return encoder

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Load the model of ``spec``; raises `BadInput` when what is found under its name is another one."""
        commit = spec.revision.removeprefix("commit:") if spec.revision.startswith("commit:") else None
        wanted = EncoderOptions(
            commit, spec.max_length, spec.prompts["query"], spec.prompts["document"], spec.params["dtype"],
            options.device, options.batch_size,
        )  # fmt: skip
        encoder = cls.create(spec.name, wanted)
        check_same(encoder.spec, spec)
        return encoder

    def save(self, folder: Path) -> None:
        """Write nothing: the model is found by its name and checked against its revision."""

    def encode(self, texts: list[str], role: Role) -> PackedVectors:
        """Vectors [tokens that count of all texts, dim] in float32, in the order of ``texts``."""
        import torch

        with torch.inference_mode():
            parts = [
                self._encode(texts[start : start + AT_ONCE], role) for start in range(0, len(texts), AT_ONCE)
            ]
        vectors = [v for v, _ in parts] or [np.empty((0, self.spec.dim), np.float32)]
        counts = [np.zeros(1, np.int64), *(c for _, c in parts)]
        return PackedVectors(
            vectors[0] if len(vectors) == 1 else np.concatenate(vectors), np.cumsum(np.concatenate(counts))
        )

    def _encode(self, texts: list[str], role: Role) -> tuple[Vectors, npt.NDArray[np.int64]]:
        """Vectors [tokens, dim] of some texts, and how many of them each text has."""
        tokens = tokenize(self._model, texts, role, self.spec.prompts[role] or None)
        if tokens is None:
            raise BadInput(f"the model {self.spec.name} does not take lists of tokens")
        counts, pieces = np.zeros(len(texts), np.int64), []
        for rows in batches(tokens.lengths, self._budget):
            features = self._model(pad(self._model, tokens, rows), task=role)
            used = features["attention_mask"].bool()
            counts[rows] = used.sum(dim=1).cpu().numpy()
            pieces.append((rows, features["token_embeddings"][used].float().cpu().numpy()))
        starts = np.cumsum(counts) - counts
        vectors = np.empty((int(counts.sum()), self.spec.dim), np.float32)
        while pieces:
            rows, piece = pieces.pop()
            within = np.arange(len(piece)) - np.repeat(np.cumsum(counts[rows]) - counts[rows], counts[rows])
            vectors[np.repeat(starts[rows], counts[rows]) + within] = piece
        return vectors, counts

    def _trial(self) -> Vectors:
        return np.asarray(self.encode(TRIAL, "document").vectors, np.float32)


def _limit(model: Any, options: EncoderOptions) -> None:
    """Apply the maximum length, or say that the model cannot."""
    if options.max_length not in (None, model.max_seq_length):
        most = longest_input(model)
        if not 3 <= options.max_length <= most:
            raise UsageError(
                f"--max-length {options.max_length} does not suit the model, it takes 3 to {most} tokens"
            )
        model.max_seq_length = options.max_length


def _describe(model: Any, found: Model, layout: str, options: EncoderOptions) -> EncoderSpec:
    length = model.max_seq_length
    return EncoderSpec(
        "multivector",
        found.name,
        found.revision,
        dim=int(model.get_embedding_dimension()),
        max_length=int(length) if length is not None and np.isfinite(length) else None,
        prompts=choose_prompts(model, options),
        params={"dtype": options.dtype, "layout": layout, "normalized": True},
    )

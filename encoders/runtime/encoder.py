"""Encoders of sentence-transformers models: opened by name, limited in length, and loaded again from a spec."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Self

import numpy as np

from intrex.data.errors import BadInput, UsageError
from intrex.data.specs import EncoderSpec
from intrex.encoders.base import Stateless
from intrex.encoders.options import EncoderKind, EncoderOptions, TokenEncoderOptions
from intrex.encoders.runtime.models import ModelFiles, resolve_model
from intrex.encoders.runtime.transformer import check_runtime, load_by_class, longest_input


class ModelEncoder(Stateless):
    """An encoder whose model is found by its name and checked against its revision.

    Attributes:
        spec: the encoder's record.
        overlong: how many texts of each role were cut at the model's length so far.
    """

    spec: EncoderSpec
    overlong: Counter[str]

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Load the model ``name``, a hub name or a folder."""
        raise NotImplementedError

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Load the model of ``spec``; raises `BadInput` when what is found under its name is another one."""
        recorded = TokenEncoderOptions(
            revision=spec.revision.removeprefix("commit:") if spec.revision.startswith("commit:") else None,
            max_length=spec.max_length, query_prompt=spec.prompts["query"],
            document_prompt=spec.prompts["document"], dtype=spec.params["dtype"], device=options.device,
            batch_size=options.batch_size, **cls._recorded(spec),
        )  # fmt: skip
        encoder = cls.create(spec.name, recorded)
        if encoder.spec.fingerprint != spec.fingerprint:
            raise BadInput(
                f"the model {spec.name} is not the one that the index was built with: {encoder.spec.revision}, "
                f"it was {spec.revision}",
                "rebuild the index, or bring back the model",
            )
        return encoder

    @classmethod
    def _recorded(cls, spec: EncoderSpec) -> dict[str, Any]:
        """Return the options of a spec that not every encoder has."""
        return {}


def open_model(
    kind: EncoderKind, class_name: str, name: str, options: EncoderOptions, hint: str
) -> tuple[Any, ModelFiles]:
    """Load a model by a class of sentence-transformers.

    Args:
        kind: of the encoder.
        class_name: such as ``SparseEncoder``.
        name: a hub name or a folder.
        options: of which the kind refuses those that it lacks.
        hint: what to do if the model cannot be loaded.

    Raises:
        UsageError: an option that the kind lacks, or a device that torch does not have here.
        BadInput: the model is nowhere to be found, or cannot be loaded.
    """
    kind.refuse(options)
    check_runtime(options)
    files = resolve_model(name, options.revision)
    return load_by_class(files, class_name, options.device, hint), files


def limit_length(model: Any, length: int | None) -> None:
    """Apply a maximum length; raises `UsageError` where the model cannot take it."""
    if length is None or length == model.max_seq_length:
        return
    check_length(model, length, least=1)
    model.max_seq_length = length


def check_length(model: Any, length: int, least: int, flag: str = "max", noun: str = "it takes") -> None:
    """Raise `UsageError` for a maximum length, in tokens, that a model cannot have."""
    most = longest_input(model)
    if not least <= length <= most:
        raise UsageError(f"--{flag}-length {length} does not suit the model, {noun} {least} to {most} tokens")


def finite_length(length: float | None) -> int | None:
    """Return a number of tokens, None for no limit."""
    return int(length) if length is not None and np.isfinite(length) else None

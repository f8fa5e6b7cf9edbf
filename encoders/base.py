"""What an encoder is, and how one is found by name or from an index's manifest."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from intrex.data.errors import UsageError
from intrex.data.registry import Registry
from intrex.data.specs import EncoderSpec

Role = Literal["query", "document"]
Vectors = npt.NDArray[np.float32]

ENCODERS = Registry(
    "intrex.encoders",
    "encoder",
    {
        "dense": "intrex.encoders.dense:DenseEncoder",
        "hashing": "intrex.encoders.hashing:HashingEncoder",
        "static": "intrex.encoders.static:StaticEncoder",
    },
)


@dataclass(frozen=True)
class EncoderOptions:
    """What a user may ask of an encoder; None leaves the model's own setting."""

    revision: str | None = None
    max_length: int | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    dtype: str = "float32"
    device: str | None = None
    batch_size: int = 32
    dim: int | None = None


def refuse_options(options: EncoderOptions, kind: str, known: set[str]) -> None:
    """Raise `UsageError` if an option was set that an encoder of this kind could only ignore."""
    for field in fields(EncoderOptions):
        if (
            field.name not in known | {"device", "batch_size"}
            and getattr(options, field.name) != field.default
        ):
            raise UsageError(f"the {kind} encoder has no --{field.name.replace('_', '-')}")


class Encoder(Protocol):
    """Turns texts into vectors; the same text and spec give the same vector in any batch (to 1e-5 on torch)."""

    spec: EncoderSpec

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Make the encoder ``name``: for ``dense`` and ``static`` a model name or path."""
        ...

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Make the encoder that a spec describes; ``folder`` has what `save` wrote.

        Runtime options (device, batch size) come from ``options``, everything else from the spec.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write into ``folder`` what the spec alone cannot bring back; most encoders write nothing."""
        ...

    def encode(self, texts: list[str], role: Role) -> Vectors:
        """Vectors [len(texts), spec.dim] in float32, in the order of ``texts``; an empty text gets a row too."""
        ...


def make_encoder(name: str, options: EncoderOptions) -> Encoder:
    """An encoder from the spelling of the command line.

    ``KIND`` or ``KIND:NAME`` with a registered kind (``hashing``, ``static:all-MiniLM-L6-v2``); anything else is
    the name or path of a sentence-transformers model.
    """
    kind, _, rest = name.partition(":")
    if kind in ENCODERS:
        found: Encoder = ENCODERS.load(kind).create(rest, options)
        return found
    made: Encoder = ENCODERS.load("dense").create(name, options)
    return made


def load_encoder(spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Encoder:
    """The encoder recorded in an index's manifest."""
    loaded: Encoder = ENCODERS.load(spec.kind).load(spec, folder, options)
    return loaded

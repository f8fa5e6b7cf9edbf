"""What an encoder is, and how one is found by name or from an index's manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Protocol, Self

from intrex.data.arrays import Float32s
from intrex.data.specs import EncoderSpec
from intrex.data.store.vectors import PackedVectors, SparseVectors
from intrex.encoders.options import FAMILIES, EncoderOptions

Role = Literal["query", "document"]


class Recorded(Protocol):
    """What every encoder has: a spec, and ways to be made by name, saved beside an index, and brought back."""

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


class Encoder(Recorded, Protocol):
    """Turns texts into vectors; the same text and spec give the same vector in any batch (to 1e-5 on torch)."""

    def encode(self, texts: list[str], role: Role) -> Float32s:
        """Vectors [len(texts), spec.dim] in float32, in the order of ``texts``; an empty text gets a row too."""
        ...


class TokenEncoder(Recorded, Protocol):
    """Turns a text into one vector a token; the same text and spec give the same vectors in any batch (to 1e-5)."""

    def encode(self, texts: list[str], role: Role) -> PackedVectors:
        """The token vectors of each text in float32, in the order of ``texts``; a text may have none.

        ``single`` of the result is set if ``spec.params["single"]`` is (``"cls"`` or ``"mean"``). The score of a query
        and a document is then σ(γ) · the dot product of the single vectors + (1 − σ(γ)) · MaxSim, with γ =
        ``spec.params["gamma"]`` (ColBERTer, Hofstätter et al. 2022).
        """
        ...


class SparseEncoder(Recorded, Protocol):
    """Turns a text into term weights; the same text and spec give the same weights in any batch (to 1e-5)."""

    def encode(self, texts: list[str], role: Role) -> SparseVectors:
        """The weights of each text over ``spec.dim`` terms, in the order of ``texts``; a text may have none."""
        ...

    def terms(self) -> list[str]:
        """The term of each of the ``spec.dim`` dimensions."""
        ...


def make_encoder(name: str, options: EncoderOptions) -> Encoder:
    """Make an encoder of the spelling of the command line.

    ``KIND`` or ``KIND:NAME`` with a registered kind (``hashing``, ``static:all-MiniLM-L6-v2``); anything else is
    the name or path of a sentence-transformers model.
    """
    encoder: Encoder = _make("dense", name, options)
    return encoder


def make_token_encoder(name: str, options: EncoderOptions) -> TokenEncoder:
    """Make a multi-vector encoder, spelled as for `make_encoder`."""
    encoder: TokenEncoder = _make("token", name, options)
    return encoder


def make_sparse_encoder(name: str, options: EncoderOptions) -> SparseEncoder:
    """Make a learned sparse encoder, spelled as for `make_encoder`."""
    encoder: SparseEncoder = _make("sparse", name, options)
    return encoder


def load_encoder(spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Encoder:
    """Load the encoder that an index's manifest records."""
    encoder: Encoder = _load("dense", spec, folder, options)
    return encoder


def load_token_encoder(spec: EncoderSpec, folder: Path, options: EncoderOptions) -> TokenEncoder:
    """Load the multi-vector encoder that an index's manifest records."""
    encoder: TokenEncoder = _load("token", spec, folder, options)
    return encoder


def load_sparse_encoder(spec: EncoderSpec, folder: Path, options: EncoderOptions) -> SparseEncoder:
    """Load the learned sparse encoder that an index's manifest records."""
    encoder: SparseEncoder = _load("sparse", spec, folder, options)
    return encoder


def _make(family: str, spelling: str, options: EncoderOptions) -> Any:
    kind, name = FAMILIES[family].kind_of(spelling)
    return kind.load().create(name, options)


def _load(family: str, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Any:
    return FAMILIES[family].registry.load(spec.kind).load().load(spec, folder, options)
